"""A dataset read whole: clean ones are clean, and every kind of damage is told with its place."""

from __future__ import annotations

import json
import re
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.clips import split_objects, write_dataset, write_sav
from tests.datasets.layouts import write_lvos, write_meta, write_mose, write_part, write_youtube_vos
from vos_core.datasets import open_dataset
from vos_core.datasets import survey as surveying
from vos_core.datasets.checks import check_videos
from vos_core.datasets.findings import Annotated, Kind, Layout, Severity, Survey, summary
from vos_core.datasets.survey import MOST_LISTED, stamp_of, survey
from vos_core.errors import InputError
from vos_core.masks import VOID, read_mask, write_mask

Damage = Callable[[Path], object]
ERROR, WARNING = Severity.ERROR, Severity.WARNING
FRAMES, MASKS, LIST = "JPEGImages/480p", "Annotations/480p", "ImageSets/2017/val.txt"


@pytest.fixture
def davis(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "DAVIS", {"a": 6, "b": 5})


def told(found: Survey) -> list[tuple[Severity, Kind, str, str | None]]:
    return [(one.severity, one.kind, one.video, one.frame) for one in found.problems]


@pytest.mark.parametrize("part", ["davis-real", "davis-derived"])
def test_real_data_is_clean(shared_data: Path, part: str) -> None:
    found = survey(open_dataset(shared_data / part / "DAVIS"))
    assert (found.problems, found.advice, found.whole) == ((), (), True)
    assert found.layout is Layout.DAVIS
    assert found.frames == found.annotations == len(list((shared_data / part / "DAVIS" / FRAMES).glob("*/*.jpg")))
    assert [(size.width, size.height) for size in found.sizes] == [(854, 480)]
    (split,) = found.splits
    assert (split.name, split.annotated, split.how_annotated) == ("val", Annotated.EVERY, "every frame")


def test_counts(davis: Path) -> None:
    for path in sorted((davis / MASKS / "b").glob("*.png"))[1:]:
        path.unlink()
    found = survey(open_dataset(davis))
    assert (found.videos, found.frames, found.annotations, found.problems) == (2, 11, 7, ())
    (split,) = found.splits
    assert (split.videos, split.frames, split.objects, split.annotated_frames) == (2, 11, 4, 7)
    assert split.annotated is Annotated.UNEVEN
    assert summary(found) == "DAVIS layout, 2 videos, 11 frames, 7 annotations, 0 errors, 0 warnings"


def rewrite(path: Path, change: Callable[[np.ndarray], object]) -> None:
    mask = read_mask(path)
    change(mask)
    write_mask(path, mask)


def recolour(path: Path, mode: str) -> None:
    Image.fromarray(read_mask(path)).convert(mode).save(path)


def cut(path: Path, part: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])


def cut_but_ended(path: Path) -> None:
    """Half of a picture that ends as a whole one does: only decoding tells."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + b"\xff\xd9")


def hollow(path: Path) -> None:
    """Zeros in the middle: blocks of a copy that never came."""
    data = path.read_bytes()
    middle = len(data) // 2
    path.write_bytes(data[:middle] + bytes(500) + data[middle + 500 :])


def pad(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2] + bytes(3) + b"\xff\xd9")


def replace_label(old: int, new: int) -> Callable[[np.ndarray], object]:
    def change(mask: np.ndarray) -> None:
        mask[mask == old] = new

    return change


def every(folder: Path, change: Callable[[np.ndarray], object]) -> None:
    for path in folder.glob("*.png"):
        rewrite(path, change)


def small_palette(path: Path) -> None:
    data = path.read_bytes()
    start = data.index(b"PLTE") - 4
    chunk = b"PLTE" + data[start + 8 : start + 14]
    short = (6).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    path.write_bytes(data[:start] + short + data[start + 12 + 768 :])


def resize(path: Path) -> None:
    with Image.open(path) as image:
        image.resize((32, 24)).save(path)


def grey_of_255(root: Path) -> None:
    for path in (root / MASKS / "a").glob("*.png"):
        Image.fromarray(np.where(read_mask(path) > 0, 255, 0).astype(np.uint8)).save(path)


def rename_video(root: Path, old: str, new: str) -> None:
    for one in (FRAMES, MASKS):
        (root / one / old).rename(root / one / new)


A = f"{FRAMES}/a"
MA = f"{MASKS}/a"


@pytest.mark.parametrize(
    ("damage", "expected", "sentence"),
    [
        (lambda r: cut(r / A / "00002.jpg", 0.5), [(ERROR, Kind.UNREADABLE_FRAME, "a", "00002")], "was cut off"),
        (lambda r: cut(r / A / "00002.jpg", 0), [(ERROR, Kind.UNREADABLE_FRAME, "a", "00002")], "is empty"),
        (lambda r: cut_but_ended(r / A / "00002.jpg"), [(ERROR, Kind.UNREADABLE_FRAME, "a", "00002")], "is damaged"),
        (lambda r: pad(r / A / "00002.jpg"), [], None),
        (lambda r: hollow(r / A / "00002.jpg"), [(ERROR, Kind.UNREADABLE_FRAME, "a", "00002")], "is damaged"),
        (
            lambda r: (r / A / "00002.jpg").write_bytes(b"hello\xff\xd9"),
            [(ERROR, Kind.UNREADABLE_FRAME, "a", "00002")],
            "is damaged",
        ),
        (lambda r: cut(r / MA / "00003.png", 0.5), [(ERROR, Kind.UNREADABLE_ANNOTATION, "a", "00003")], "truncated"),
        (
            lambda r: recolour(r / MA / "00003.png", "RGB"),
            [(ERROR, Kind.NO_LABEL_MAP, "a", "00003")],
            "8-bit RGB, which does not say which object.*write it as an 8-bit indexed",
        ),
        (lambda r: recolour(r / MA / "00003.png", "L"), [(WARNING, Kind.GREY, "a", "00003")], "is grey, not indexed"),
        (
            grey_of_255,
            [
                (ERROR, Kind.NO_OBJECT, "a", "00000"),
                (WARNING, Kind.GREY, "a", "00000"),
                (WARNING, Kind.VOID, "a", "00000"),
            ],
            "255 only, which means void: write 1 for the object",
        ),
        (
            lambda r: resize(r / MA / "00003.png"),
            [(ERROR, Kind.SIZE, "a", "00003")],
            "is 32x24 but its frame is 64x48",
        ),
        (
            lambda r: (resize(r / A / "00003.jpg"), resize(r / MA / "00003.png")),
            [(ERROR, Kind.MIXED_SIZES, "a", "00003")],
            "frame 00003 is 32x24 but the frames before it are 64x48",
        ),
        (
            lambda r: every(r / MA, replace_label(2, 4)),
            [(WARNING, Kind.ID_GAP, "a", "00000")],
            "go up to 4 but objects 2, 3 are missing: the official toolkit",
        ),
        (
            lambda r: rewrite(r / MA / "00004.png", replace_label(2, 3)),
            [(WARNING, Kind.LATE_OBJECT, "a", "00004")],
            "objects appear after the first frame: object 3 on frame 00004",
        ),
        (
            lambda r: rewrite(r / MA / "00001.png", lambda mask: mask.__setitem__((0, 0), VOID)),
            [(WARNING, Kind.VOID, "a", "00001")],
            "void pixels",
        ),
        (
            lambda r: small_palette(r / MA / "00002.png"),
            [(WARNING, Kind.NOT_IN_PALETTE, "a", "00002")],
            "has object 2, and its palette ends at 1",
        ),
        (
            lambda r: every(r / MA, lambda mask: mask.fill(0)),
            [(ERROR, Kind.NO_OBJECT, "a", "00000")],
            "shows no object",
        ),
        (
            lambda r: (r / MA / "00000.png").unlink(),
            [(WARNING, Kind.NO_PROMPT, "a", "00000")],
            "its first frame 00000 has no annotation",
        ),
        (lambda r: (r / MA / "00002.png").unlink(), [(ERROR, Kind.GAP, "a", "00002")], "while its neighbours have"),
        (lambda r: (r / A / "00002.jpg").unlink(), [
            (ERROR, Kind.NO_FRAME, "a", "00002"), (WARNING, Kind.SKIPPED_FRAME, "a", "00003")
        ], "has no 00002.jpg"),
        (lambda r: shutil.rmtree(r / A), [(ERROR, Kind.NO_FRAMES, "a", None)], "has annotations but no frames"),
        (
            lambda r: (shutil.rmtree(r / A), shutil.rmtree(r / MA), (r / A).mkdir()),
            [(ERROR, Kind.NO_FRAMES, "a", None)],
            "is empty",
        ),
        (lambda r: shutil.rmtree(r / MA), [(ERROR, Kind.NO_ANNOTATIONS, "a", None)], "has no annotations in"),
        (lambda r: (r / A / "notes.txt").touch(), [(WARNING, Kind.STRAY, "a", None)], "notes.txt is no frame"),
        (lambda r: (r / MA / "00001.jpg").touch(), [(WARNING, Kind.STRAY, "a", None)], "00001.jpg is no annotation"),
        (lambda r: (r / FRAMES / "read me").touch(), [(WARNING, Kind.STRAY, "", None)], "read me.*are left alone"),
        (
            lambda r: shutil.copy(r / A / "00001.jpg", r / A / "1.jpg"),
            [(ERROR, Kind.NAME, "a", "1"), (ERROR, Kind.GAP, "a", "1")],
            "are the same frame",
        ),
        (
            lambda r: [path.rename(path.with_stem(f"f{path.stem}")) for one in (A, MA) for path in (r / one).iterdir()],
            [(WARNING, Kind.NAME, "a", "f00000")],
            "has no number for a name",
        ),
        (lambda r: (r / LIST).write_text("a\n"), [(WARNING, Kind.UNLISTED, "", None)], "is in no list .b."),
        (
            lambda r: (r / LIST).write_text("a\n\nz\na\nb\n"),
            [(ERROR, Kind.LIST, "", None), (ERROR, Kind.LIST, "a", None), (ERROR, Kind.LIST, "z", None)],
            "line 3 names video 'z'",
        ),
        (lambda r: (r / LIST).write_text(""), [
            (ERROR, Kind.LIST, "", None), (WARNING, Kind.UNLISTED, "", None)
        ], "is empty: write one video"),
        (lambda r: (r / LIST).write_bytes(b"\xff"), [
            (ERROR, Kind.LIST, "", None), (WARNING, Kind.UNLISTED, "", None)
        ], "cannot be read"),
        (
            lambda r: (write_part(r / "x", ["A"]), [
                (r / f"x/{one}/A").rename(r / one / "480p" / "A") for one in ("JPEGImages", "Annotations")
            ], shutil.rmtree(r / "x"), (r / LIST).write_text("a\nb\nA\n")),
            [(WARNING, Kind.SAME_NAME, "A", None)],
            "A, a differ by letter case only",
        ),
        (
            lambda r: (rename_video(r, "b", "-b"), (r / LIST).write_text("a\n-b\n")),
            [(WARNING, Kind.NAME, "-b", None)],
            "begins with -",
        ),
    ],
)  # fmt: skip
def test_damage_is_told_with_its_place(
    davis: Path, damage: Damage, expected: list[tuple[Severity, Kind, str, str | None]], sentence: str | None
) -> None:
    assert survey(open_dataset(davis)).problems == ()
    damage(davis)
    found = survey(open_dataset(davis))
    assert sorted(told(found), key=str) == sorted(expected, key=str)
    assert sentence is None or any(re.search(sentence, one.sentence) for one in found.problems), found.problems
    assert (found.errors, found.warnings) == (
        sum(one[0] is ERROR for one in expected),
        sum(one[0] is WARNING for one in expected),
    )
    assert Survey.from_json(json.loads(json.dumps(found.to_json()))) == found


def apart(root: Path) -> None:
    for video in ("a", "b"):
        split_objects(root / MASKS / video)


@pytest.mark.parametrize(
    ("damage", "expected", "sentence"),
    [
        (lambda r: None, [], ""),
        (
            lambda r: rewrite(r / MA / "001/00002.png", lambda mask: mask.__setitem__((0, 0), 7)),
            [(ERROR, Kind.SEVERAL_OBJECTS, "a", "00002")],
            "has more than one object",
        ),
        (
            lambda r: (r / MA / "002/00000.png").unlink(),
            [(WARNING, Kind.LATE_OBJECT, "a", "00001")],
            "object 2 on frame 00001",
        ),
        (lambda r: resize(r / MA / "002/00003.png"), [(ERROR, Kind.SIZE, "a", "00003")], "is 32x24"),
        (lambda r: cut(r / MA / "002/00003.png", 0.4), [(ERROR, Kind.UNREADABLE_ANNOTATION, "a", "00003")], "truncat"),
        (
            lambda r: shutil.copytree(r / MA / "002", r / MA / "2"),
            [(ERROR, Kind.NAME, "a", None)],
            "is an object that another folder is too",
        ),
        (lambda r: (r / MA / "notes").mkdir(), [(WARNING, Kind.STRAY, "a", None)], "notes is no annotation"),
    ],
)
def test_objects_kept_apart(
    davis: Path, damage: Damage, expected: list[tuple[Severity, Kind, str, str | None]], sentence: str
) -> None:
    apart(davis)
    damage(davis)
    found = survey(open_dataset(davis))
    assert told(found) == expected
    assert all(re.search(sentence, one.sentence) for one in found.problems)
    assert found.splits[0].objects == 4


@pytest.mark.parametrize(
    ("write", "layout", "splits", "late"),
    [
        (write_mose, Layout.MOSE, {"val": "first frames only", "train": "every frame"}, 0),
        (write_lvos, Layout.LVOS, {"val": "every frame", "train": "every frame"}, 3),
        (write_youtube_vos, Layout.YOUTUBE_VOS, {"val": "where objects appear", "train": "every frame"}, 2),
        (lambda root: write_sav(root, {"a": 9}).parent, Layout.SA_V, {"val": "every 4th frame"}, 0),
    ],
)
def test_published_layouts(
    tmp_path: Path, write: Callable[[Path], Path], layout: Layout, splits: dict[str, str], late: int
) -> None:
    dataset = open_dataset(write(tmp_path / "data" / "sav_val"), "x")
    found = survey(dataset)
    assert found.layout is layout
    assert {split.name: split.how_annotated for split in found.splits} == splits
    assert [one.kind for one in found.problems] == [Kind.LATE_OBJECT] * late
    advice = [line for line in found.advice if "track_object_appearing_later_in_video=true" in line]
    assert len(advice) == (late > 0)
    if late:
        assert advice[0].startswith(f"In {late} of 3 videos (")
        assert all(facts.objects == 2 for facts in check_videos(dataset, dataset.video_names(), later=True))


@pytest.mark.parametrize(
    ("name", "meta", "layout"),
    [
        ("MOSEv2", "meta_valid.json", Layout.MOSE_V2),
        ("mose_v2", None, Layout.MOSE_V2),
        ("MOSE", "meta_valid.json", Layout.MOSE),
        ("other", "meta_valid.json", Layout.MOSE),
        ("LVOS_v2", "meta.json", Layout.LVOS),
        ("other", "meta.json", Layout.YOUTUBE_VOS),
        ("other", None, Layout.PLAIN),
    ],
)
def test_names_tell_the_layout_where_folders_do_not(
    tmp_path: Path, name: str, meta: str | None, layout: Layout
) -> None:
    write_part(tmp_path / name / "valid", ["v"])
    if meta:
        write_meta(tmp_path / name / "valid" / meta, {"v": {"length": 6}})
    assert survey(open_dataset(tmp_path / name)).layout is layout


@pytest.mark.parametrize(
    ("meta", "severity", "sentence"),
    [
        ({"length": 9}, ERROR, "Video v1 has 6 frames but 9 by"),
        ({"objects": ["1", "2", "5"]}, WARNING, "names object 5, which no annotation shows"),
    ],
)
def test_a_meta_file_is_held_against_what_is_there(
    tmp_path: Path, meta: dict[str, object], severity: Severity, sentence: str
) -> None:
    root = write_mose(tmp_path / "MOSE")
    write_meta(root / "meta_valid.json", {"v1": meta, "v2": {}, "v3": {}})
    found = survey(open_dataset(root))
    assert [(one.severity, one.kind, one.video) for one in found.problems] == [(severity, Kind.META, "v1")]
    assert sentence in found.problems[0].sentence


def test_annotations_alone_can_be_scored_against(davis: Path) -> None:
    shutil.rmtree(davis / "JPEGImages")
    found = survey(open_dataset(davis))
    assert [(one.severity, one.kind) for one in found.problems] == [(WARNING, Kind.NO_FRAMES)]


def test_thousands_of_problems_are_counted(davis: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surveying, "MOST_LISTED", 3)
    for path in (davis / A).glob("*.jpg"):
        path.write_bytes(b"")
    found = survey(open_dataset(davis))
    assert (len(found.problems), found.errors, found.unlisted) == (3, 6, 3)
    assert MOST_LISTED == 200


def test_progress_and_stop(davis: Path) -> None:
    seen: list[tuple[int, int]] = []
    survey(open_dataset(davis), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 11) for done in range(12)]
    seen.clear()
    found = survey(
        open_dataset(davis), progress=lambda done, total: seen.append((done, total)), stop=lambda: len(seen) > 3
    )
    assert not found.whole and seen == [(done, 11) for done in range(4)]


def test_more_processes_find_the_same(davis: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cut(davis / A / "00002.jpg", 0.5)
    every(davis / MASKS / "b", replace_label(2, 4))
    alone = survey(open_dataset(davis))
    monkeypatch.setattr(surveying, "WORTH_PROCESSES", 1)
    seen: list[tuple[int, int]] = []
    shared = survey(open_dataset(davis), processes=2, progress=lambda done, total: seen.append((done, total)))
    assert (shared.problems, shared.splits, shared.sizes) == (alone.problems, alone.splits, alone.sizes)
    assert seen == sorted(seen) and seen[-1] == (11, 11)
    stopped = survey(open_dataset(davis), processes=2, stop=lambda: True)
    assert not stopped.whole


def test_the_stamp_changes_with_videos_and_lists(davis: Path) -> None:
    stamps = [stamp_of(open_dataset(davis))]
    (davis / LIST).write_text("b\na\n")
    stamps.append(stamp_of(open_dataset(davis)))
    rename_video(davis, "b", "c")
    stamps.append(stamp_of(open_dataset(davis)))
    assert len(set(stamps)) == 3 and stamp_of(open_dataset(davis)) == stamps[-1]


@pytest.mark.parametrize("removed", ["00000.png", "00002.png"])
def test_launch_says_the_same_way_out(davis: Path, removed: str) -> None:
    (davis / MA / removed).unlink()
    with pytest.raises(InputError, match="or run SAM 2 with --option track_object_appearing_later_in_video=true"):
        check_videos(open_dataset(davis), ["a"])
