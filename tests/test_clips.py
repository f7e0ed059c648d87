"""Clips decoded back: as many frames, of the size, the pixels that were drawn; and what `clip` and `picture` say."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from db import queries
from tests.ui.seed import finish, launch, write_dataset
from vos_core.cli import main
from vos_core.clips import ClipSource, Layer, Stretch, View, pane_size, panes, sheet, stretch_of, write_clip
from vos_core.datasets import Video, open_dataset
from vos_core.errors import InputError
from vos_core.home import Home
from vos_core.masks import MissingMask, read_mask
from vos_core.overlays import ERROR_COLOURS, GAP, TITLE_HEIGHT, errors, object_colour
from vos_core.per_object import mask_reader
from vos_core.runs import Grid


@pytest.fixture
def video(tmp_path: Path) -> Video:
    return open_dataset(write_dataset(tmp_path / "demo", {"one": 8})).video("one")


def truth_of(video: Video) -> Layer:
    return Layer("annotation", mask_reader(next(iter(video.annotations.values())).parent))


def moved(video: Video, pixels: int) -> Layer:
    read = truth_of(video).read
    return Layer(f"moved {pixels}", lambda stem: np.roll(read(stem), pixels, axis=1))


def source_of(video: Video, runs: int = 1) -> ClipSource:
    return ClipSource(video, truth_of(video), tuple(moved(video, 8 * (k + 1)) for k in range(runs)))


def decoded(path: Path) -> list[np.ndarray]:
    if path.suffix == ".gif":
        with Image.open(path) as image:
            frames = []
            for at in range(getattr(image, "n_frames", 1)):
                image.seek(at)
                frames.append(np.array(image.convert("RGB")))
            return frames
    with av.open(str(path)) as file:
        return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]


@pytest.mark.parametrize(("kind", "near"), [("mp4", 6.0), ("gif", 4.0)])
@pytest.mark.parametrize("view", list(View))
@pytest.mark.parametrize("runs", [1, 3])
def test_a_clip_holds_the_frames_that_were_drawn(
    video: Video, tmp_path: Path, kind: str, near: float, view: View, runs: int
) -> None:
    source, path = source_of(video, runs), tmp_path / f"clip.{kind}"
    write_clip(source, Stretch(2, 6, 12), path, kind, view)
    frames = decoded(path)
    assert len(frames) == 5
    for index, frame in zip(range(2, 7), frames, strict=True):
        drawn = np.array(sheet(source, index, view, pane_size(source, kind))).astype(int)
        assert frame.shape == drawn.shape
        assert abs(frame - drawn).mean() < near
    assert abs(frames[0].astype(int) - frames[4]).mean() > 1, "it moves"


def test_an_mp4_plays_in_browsers(video: Video, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    write_clip(source_of(video), Stretch(0, 7, 12.5), path, "mp4")
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert stream.average_rate == 12.5
        assert float(stream.duration * stream.time_base) == pytest.approx(8 / 12.5)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat"), "it starts to play before it is loaded"


def test_a_gif_plays_at_its_rate_for_ever(video: Video, tmp_path: Path) -> None:
    path = tmp_path / "clip.gif"
    write_clip(source_of(video), Stretch(0, 7, 10), path, "gif")
    with Image.open(path) as image:
        assert (image.info["duration"], image.info["loop"]) == (100, 0)


@pytest.mark.parametrize(
    ("runs", "columns", "rows"), [(1, 3, 1), (2, 2, 2), (3, 3, 2), (4, 3, 2), (7, 3, 3), (8, 4, 3)]
)
def test_panes_stand_in_rows(video: Video, runs: int, columns: int, rows: int) -> None:
    source = source_of(video, runs)
    assert source.panes == runs + 2
    assert source.columns == columns
    assert sheet(source, 0).size == (columns * (160 + GAP) - GAP, rows * (90 + TITLE_HEIGHT + GAP) - GAP)


@pytest.mark.parametrize(("kind", "widest"), [("mp4", 1920), ("gif", 640)])
@pytest.mark.parametrize("size", [(1921, 1081), (853, 480), (99, 33), (480, 853)])
def test_sheets_are_even_and_no_wider_than_players_take(
    tmp_path: Path, kind: str, widest: int, size: tuple[int, int]
) -> None:
    Image.new("RGB", size, "grey").save(tmp_path / "00000.jpg")
    video = Video("v", (tmp_path / "00000.jpg",), {})
    source = ClipSource(video, None, (Layer("run", lambda stem: np.zeros(size[::-1], np.uint8)),) * 2)
    width, height = sheet(source, 0, View.ERROR, pane_size(source, kind)).size
    assert width <= widest and width % 2 == height % 2 == 0


def test_panes_show_picture_annotation_and_prediction(video: Video) -> None:
    source = source_of(video)
    (title, bare), (_, annotated), (_, predicted) = panes(source, 3)
    assert title == "one 00003"
    mask = read_mask(video.annotations["00003"])
    assert (bare[mask == 0] == annotated[mask == 0]).all()
    for label in (1, 2):
        assert (annotated == object_colour(label)).all(2).any(), "an opaque outline"
    assert (predicted != annotated).any()


def test_a_missing_mask_is_said_and_does_not_end_the_clip(video: Video, tmp_path: Path) -> None:
    read = truth_of(video).read

    def partly(stem: str) -> np.ndarray:
        if stem == "00003":
            raise MissingMask("gone")
        return read(stem)

    source = ClipSource(video, truth_of(video), (Layer("run", partly),))
    assert panes(source, 2)[2][0] == "run"
    title, shown = panes(source, 3, View.ERROR)[2]
    assert title == "run: no mask here"
    np.testing.assert_array_equal(shown, panes(source, 3)[0][1])
    write_clip(source, Stretch(0, 7), tmp_path / "clip.mp4", "mp4", View.ERROR)
    assert len(decoded(tmp_path / "clip.mp4")) == 8


def test_error_view_tells_hits_misses_false_alarms_and_wrong_objects() -> None:
    annotation = np.array([[0, 0, 1, 1, 2, 2, 255, 255]], np.uint8)
    prediction = np.array([[0, 1, 1, 0, 2, 1, 0, 1]], np.uint8)
    np.testing.assert_array_equal(errors(annotation, prediction), [[0, 3, 1, 2, 1, 4, 0, 3]])
    assert list(ERROR_COLOURS) == ["hit", "miss", "false alarm", "wrong object"]
    assert len(set(ERROR_COLOURS.values())) == 4


@pytest.mark.parametrize(
    ("kind", "start", "end", "fps", "said"),
    [
        ("mp4", -1, None, None, "frames 0 to 7: -1 to 7"),
        ("mp4", None, 8, None, "frames 0 to 7: 0 to 8"),
        ("mp4", 5, 4, None, "5 to 4 is no part"),
        ("mp4", None, None, 0.5, "1 to 60 frames a second, not 0.5"),
        ("gif", None, None, 61, "1 to 60"),
    ],
)
def test_stretches_that_there_are_not(
    video: Video, kind: str, start: int | None, end: int | None, fps: float | None, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        stretch_of(video, kind, start, end, fps)


def test_too_long_clips_are_refused(tmp_path: Path) -> None:
    video = Video("long", tuple(tmp_path / f"{k:05d}.jpg" for k in range(500)), {})
    assert stretch_of(video, "mp4", None, None, None) == Stretch(0, 499, 24)
    with pytest.raises(InputError, match=r"500 frames are too many for one GIF: .* 400"):
        stretch_of(video, "gif", None, None, None)


@pytest.fixture
def ids(home: Home, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    write_dataset(home.data / "demo", {"one": 6})
    ids = launch(home, Grid((("demo", home.store(home.data / "demo"), "val"),), ("static", "flow")))
    for run_id, drift in zip(ids, (24, 4), strict=True):
        finish(home, run_id, drift=drift)
    for name, value in home.environment().items():
        monkeypatch.setenv(name, value)
    return ids


def command(*words: object) -> int:
    return main([str(word) for word in words])


def names(folder: Path) -> Sequence[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("kind", ["mp4", "gif"])
def test_clip_command(ids: list[int], tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out" / f"it.{kind}"
    out.parent.mkdir()
    words = ("clip", ids[0], "--video", "one", "--with", ids[1], "--start", 1, "--end", 3, "--view", "error")
    assert command(*words, "--out", out) == 0
    assert capsys.readouterr().out.strip() == str(out)
    assert len(decoded(out)) == 3
    assert names(out.parent) == [out.name]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--video", "one", "--out", "it.avi"), "ends in .mp4 or .gif"),
        (("--video", "none", "--out", "it.mp4"), "no video 'none'"),
        (("--video", "one", "--end", 9, "--out", "it.mp4"), "frames 0 to 5"),
        (("--video", "one", "--with", "nobody", "--out", "it.mp4"), "no run 'nobody'"),
    ],
)
def test_clip_command_refuses(
    ids: list[int], words: tuple[object, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert command("clip", ids[0], *words) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.glob("*it*"))


def test_damaged_mask_leaves_no_half_clip(
    home: Home, ids: list[int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = queries.run_by_id(home.database, ids[0])
    assert run is not None
    (home.locate(run.predictions) / "one" / "00003.png").write_bytes(b"no picture")
    assert command("clip", ids[0], "--video", "one", "--out", tmp_path / "it.mp4") == 2
    assert "00003.png" in capsys.readouterr().err
    assert not list(tmp_path.glob("*it*"))


@pytest.mark.parametrize("view", ["overlay", "error"])
def test_picture_command_takes_further_runs_and_the_error_view(ids: list[int], tmp_path: Path, view: str) -> None:
    out = tmp_path / "it.png"
    assert command("picture", ids[0], "--with", ids[1], "--video", "one", "--frame", 3, "--view", view,
                   "--out", out) == 0  # fmt: skip
    with Image.open(out) as image:
        pixels = np.array(image)
    legend = TITLE_HEIGHT if view == "error" else 0
    assert pixels.shape[:2] == (2 * (90 + TITLE_HEIGHT) + GAP + legend, 2 * 160 + GAP)
    colours = [tuple(bytes.fromhex(ERROR_COLOURS[name][1:])) for name in ("hit", "miss", "false alarm")]
    assert all((pixels == colour).all(2).any() for colour in colours) == (view == "error")


def test_ffmpeg_is_loaded_only_for_a_clip() -> None:
    code = "import sys, vos_core.clips, ui.media.routes; print([m for m in ('av', 'cv2', 'torch') if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
