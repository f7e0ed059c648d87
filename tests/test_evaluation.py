"""Scores of videos and splits: equal to the official toolkit's, streamed or from folders, and every error told."""

from __future__ import annotations

import argparse
import csv
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.metrics import reference
from vos_core.cli import evaluate as command
from vos_core.errors import InputError, PredictionError, VosLabError
from vos_core.evaluation import VideoScorer, evaluate, global_scores, is_scorable, score_folder
from vos_core.evaluation.report import tables
from vos_core.masks import encode_mask, read_mask, write_mask
from vos_core.metrics import Statistics, boundary_radius

HEIGHT, WIDTH, FRAMES = 24, 32, 7
STEMS = [f"{index:05d}" for index in range(FRAMES)]


@dataclass(frozen=True)
class Folders:
    """A dataset with annotations only, and predictions that differ from them."""

    root: Path
    results: Path

    def prediction(self, video: str, stem: str) -> Path:
        return self.results / video / f"{stem}.png"

    def annotations(self, video: str) -> dict[str, Path]:
        return {path.stem: path for path in sorted((self.root / "Annotations" / "480p" / video).iterdir())}

    def evaluate(self, **options: Any) -> Any:
        return evaluate(self.root, self.results, **options)


def label_map(offset: int, objects: int) -> np.ndarray:
    """Squares of 6 pixels, one an object, that lie `offset` to the right."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    for k in range(1, objects + 1):
        mask[4 * k : 4 * k + 6, 6 * k + offset - 4 : 6 * k + offset + 2] = k
    return mask


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    made = Folders(tmp_path / "DAVIS", tmp_path / "predictions")
    for video, objects in (("bear", 1), ("cows", 3)):
        (made.root / "Annotations" / "480p" / video).mkdir(parents=True)
        (made.results / video).mkdir(parents=True)
        for index, stem in enumerate(STEMS):
            annotation = label_map(index, objects)
            annotation[0, 0] = 255
            write_mask(made.root / "Annotations" / "480p" / video / f"{stem}.png", annotation)
            write_mask(made.prediction(video, stem), label_map(index + index % 3, objects))
    lists = made.root / "ImageSets" / "2017"
    lists.mkdir(parents=True)
    (lists / "val.txt").write_text("cows\nbear\n")
    return made


@pytest.mark.parametrize("dataset", ["davis-real", "davis-derived"])
@pytest.mark.parametrize("processes", [1, 2])
def test_scores_equal_the_official_toolkits(shared_data: Path, dataset: str, processes: int) -> None:
    root = shared_data / dataset
    result = evaluate(root / "DAVIS", root / "predictions" / "osvos", processes=processes)
    official = json.loads((root / "expected" / "official_scores.json").read_text())
    ours = result.to_json()
    assert list(ours["global"]) == list(official["global"])
    assert ours["global"] == pytest.approx(official["global"], abs=1e-12, rel=0)
    assert list(ours["objects"]) == list(official["objects_mean_recall_decay"])
    for name, scores in official["objects_mean_recall_decay"].items():
        assert ours["objects"][name] == {key: pytest.approx(row, abs=1e-12, rel=0) for key, row in scores.items()}
    frames = json.loads((root / "expected" / "official_per_frame.json").read_text())
    for scores in result.objects:
        np.testing.assert_allclose(scores.j, frames[scores.video]["J"][scores.object_id - 1], rtol=0, atol=1e-12)
        np.testing.assert_allclose(scores.f, frames[scores.video]["F"][scores.object_id - 1], rtol=0, atol=1e-12)


def test_global_scores_come_from_stored_rows_alone(shared_data: Path) -> None:
    official = json.loads((shared_data / "davis-derived" / "expected" / "official_scores.json").read_text())
    rows = [(row["J"], row["F"]) for row in official["objects_mean_recall_decay"].values()]
    assert global_scores(rows).as_columns() == pytest.approx(official["global"], abs=1e-12, rel=0)
    mixed = [(Statistics(1.0, 1.0, 0.5), (0.5, 0.0, 0.25)), ((0.0, 0.0, 0.0), Statistics(0.5, 1.0, 0.25))]
    assert list(global_scores(mixed).as_columns().values()) == [0.5, 0.5, 0.5, 0.25, 0.5, 0.5, 0.25]
    with pytest.raises(ValueError, match="no object"):
        global_scores([])


def test_a_dataset_without_frames_is_scored_by_definition(folders: Folders) -> None:
    result = folders.evaluate()
    assert [video.video for video in result.videos] == ["cows", "bear"]
    assert [one.name for one in result.objects] == ["cows_1", "cows_2", "cows_3", "bear_1"]
    radius = boundary_radius(HEIGHT, WIDTH)
    for one in result.objects:
        assert one.frames == tuple(STEMS[1:-1])
        for stem, j, f in zip(one.frames, one.j, one.f):
            annotation = read_mask(folders.annotations(one.video)[stem]) == one.object_id
            prediction = read_mask(folders.prediction(one.video, stem)) == one.object_id
            assert j == reference.jaccard(annotation, prediction)
            assert f == reference.boundary_f(annotation, prediction, radius)


def test_a_long_video_is_shared_by_processes_and_joined_in_order(folders: Folders) -> None:
    stems = [f"{index:05d}" for index in range(300)]
    for index, stem in enumerate(stems):
        write_mask(folders.root / "Annotations" / "480p" / "bear" / f"{stem}.png", label_map(index % 19, 1))
        write_mask(folders.prediction("bear", stem), label_map(index % 17, 1))
    alone, shared = folders.evaluate(), folders.evaluate(processes=3)
    assert alone.to_json() == shared.to_json()
    assert alone.objects[-1].frames == shared.objects[-1].frames == tuple(stems[1:-1])
    toolkits = folders.evaluate(official_decay=True).to_json()["objects"]["bear_1"]
    assert toolkits["J"][:2] == alone.to_json()["objects"]["bear_1"]["J"][:2]
    assert toolkits["J"][2] != alone.to_json()["objects"]["bear_1"]["J"][2]


def test_streaming_gives_the_same_in_any_order(folders: Folders) -> None:
    scorer = VideoScorer("cows", folders.annotations("cows"))
    assert scorer.object_ids == (1, 2, 3)
    assert scorer.evaluated == tuple(STEMS[1:-1])
    for stem in [*reversed(STEMS[2:]), STEMS[0], "not a frame"]:
        path = folders.prediction("cows", stem)
        scorer.add(stem, read_mask(path) if path.is_file() else np.zeros((1, 1), np.uint8))
    assert scorer.missing() == (STEMS[1],)
    with pytest.raises(PredictionError, match=r"Video cows: frame 00001 has no prediction"):
        scorer.finish()
    scorer.add(STEMS[1], read_mask(folders.prediction("cows", STEMS[1])))
    streamed = scorer.finish()
    for scores in (folders.evaluate().videos[0], score_folder("cows", scorer._annotations, folders.results / "cows")):
        for one, other in zip(streamed.objects, scores.objects, strict=True):
            np.testing.assert_array_equal(one.j, other.j)
            np.testing.assert_array_equal(one.f, other.f)
            assert one.j_statistics == other.j_statistics


def test_gaps_count_and_late_objects_do_not(folders: Folders) -> None:
    first = label_map(0, 1)
    first[first == 1] = 4
    write_mask(folders.annotations("bear")[STEMS[0]], first)
    late = label_map(1, 1) * 9
    write_mask(folders.annotations("bear")[STEMS[1]], late)
    for stem in STEMS:
        write_mask(folders.prediction("bear", stem), np.zeros((HEIGHT, WIDTH), np.uint8))
    objects = folders.evaluate(videos=["bear"]).objects
    assert [one.object_id for one in objects] == [1, 2, 3, 4]
    assert [one.j.tolist() for one in objects[1:]] == [[1.0] * 5] * 3  # phantoms are perfect, as the toolkit has it
    assert objects[0].j.tolist() == [1.0, 0.0, 0.0, 0.0, 0.0]


def test_first_and_last_frame_may_be_missing(folders: Folders) -> None:
    before = folders.evaluate().to_json()
    for stem in (STEMS[0], STEMS[-1]):
        folders.prediction("cows", stem).unlink()
    assert folders.evaluate().to_json() == before


def saved_as(mode: str) -> Callable[[Path], None]:
    """Overwrites a mask with an image of that mode."""
    return lambda path: Image.new(mode, (WIDTH, HEIGHT)).save(path)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:70])


def remove_all(path: Path) -> None:
    for file in path.parent.iterdir():
        file.unlink()


def remove_folder(path: Path) -> None:
    remove_all(path)
    path.parent.rmdir()


def folder_is_a_file(path: Path) -> None:
    remove_folder(path)
    path.parent.write_text("")


def two_missing(path: Path) -> None:
    path.unlink()
    path.with_name("00004.png").unlink()


def with_label(label: int) -> Callable[[Path], None]:
    """Overwrites one pixel of a mask."""

    def change(path: Path) -> None:
        mask = read_mask(path)
        mask[3, 3] = label
        write_mask(path, mask)

    return change


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (Path.unlink, "Video cows: frame 00002 has no prediction in {folder}."),
        (two_missing, "Video cows: 2 frames have no prediction: 00002, 00004 in {folder}."),
        (remove_all, "Video cows has no predictions: the folder {folder} is empty."),
        (remove_folder, "Video cows has no predictions: there is no folder {folder}."),
        (folder_is_a_file, "Video cows has no predictions: {folder} cannot be read as a folder"),
        (truncate, "Video cows, frame 00002: {path} is a truncated PNG"),
        (lambda path: path.write_text("text"), "Video cows, frame 00002: {path} is not a PNG"),
        (lambda path: path.write_bytes(b""), "Video cows, frame 00002: {path} is empty"),
        (saved_as("RGB"), "Video cows, frame 00002: {path} is 8-bit RGB"),
        (saved_as("I;16"), "Video cows, frame 00002: {path} is 16-bit grey"),
        (saved_as("1"), "Video cows, frame 00002: {path} is 1-bit grey"),
        (
            lambda path: path.write_bytes(encode_mask(np.zeros((HEIGHT, WIDTH + 1), np.uint8))),
            "Video cows, frame 00002: the prediction {path} is 33x24 but the annotation is 32x24",
        ),
        (
            with_label(4),
            "Video cows, frame 00002: the prediction {path} has object 4, but the video has only 1 to 3",
        ),
        (with_label(255), "{path} has object 255, but the video has only 1 to 3 (255 is void in annotations"),
    ],
)
@pytest.mark.parametrize("processes", [1, 2])
def test_whatever_is_wrong_is_told(folders: Folders, spoil: Callable[[Path], None], told: str, processes: int) -> None:
    path = folders.prediction("cows", STEMS[2])
    spoil(path)
    with pytest.raises(PredictionError) as caught:
        folders.evaluate(processes=processes)
    assert told.format(path=path, folder=path.parent) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert not list(folders.results.glob("*.csv"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_an_unreadable_folder_is_told(folders: Folders) -> None:
    folder = folders.results / "cows"
    folder.chmod(0)
    try:
        with pytest.raises(PredictionError, match="cannot be read as a folder"):
            folders.evaluate()
    finally:
        folder.chmod(0o755)


def test_all_problems_of_all_videos_are_listed_in_one_go(folders: Folders) -> None:
    truncate(folders.prediction("cows", STEMS[1]))
    saved_as("RGB")(folders.prediction("cows", STEMS[3]))
    folders.prediction("cows", STEMS[2]).unlink()
    with_label(2)(folders.prediction("bear", STEMS[1]))
    with pytest.raises(PredictionError) as caught:
        folders.evaluate()
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "Video cows",
        "Video cows, frame 00001",
        "Video cows, frame 00003",
        "Video bear, frame 00001",
    ]


def test_extra_objects_can_be_ignored_with_a_warning(folders: Folders) -> None:
    before = folders.evaluate().to_json()
    with_label(4)(folders.prediction("cows", STEMS[2]))
    result = folders.evaluate(extra_objects="ignore")
    assert result.to_json() == before
    assert len(result.warnings) == 1
    assert "Video cows, frame 00002" in result.warnings[0]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"set": "test-dev"}, "no split 'test-dev'"),
        ({"videos": ["bear", "wolf"]}, "no video 'wolf'"),
        ({"videos": []}, "no video to score"),
        ({"task": "unsupervised"}, "only 'semi-supervised'"),
        ({"processes": 0}, "at least 1"),
        ({"extra_objects": "maybe"}, "'maybe'"),
    ],
)
def test_bad_arguments(folders: Folders, options: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        folders.evaluate(**options)


@pytest.mark.parametrize(
    ("text", "told"),
    [("", "is empty"), ("cows\n\nbear\n", "line 2 is blank"), ("cows\nwolf\n", "line 2 names video 'wolf'")],
)
def test_bad_lists(folders: Folders, text: str, told: str) -> None:
    (folders.root / "ImageSets" / "2017" / "val.txt").write_text(text)
    with pytest.raises(InputError, match=told):
        folders.evaluate()


def test_bad_folders(folders: Folders, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no folder of predictions"):
        evaluate(folders.root, tmp_path / "nowhere")
    with pytest.raises(InputError, match="no dataset folder"):
        evaluate(tmp_path / "nowhere", folders.results)


def test_a_damaged_annotation_is_no_fault_of_the_predictions(folders: Folders) -> None:
    truncate(folders.annotations("bear")[STEMS[3]])
    with pytest.raises(InputError, match=r"Annotations.*00003\.png is a truncated PNG"):
        folders.evaluate()


def test_first_frame_annotations_alone_cannot_be_scored(folders: Folders) -> None:
    for stem in STEMS[1:]:
        folders.annotations("bear")[stem].unlink()
    annotations = folders.annotations("bear")
    assert not is_scorable(annotations, STEMS)
    assert is_scorable(folders.annotations("cows"))
    scorer = VideoScorer("bear", annotations)
    assert scorer.evaluated == () and scorer.missing() == ()
    with pytest.raises(InputError, match="cannot be scored"):
        folders.evaluate(videos=["bear"])
    result = folders.evaluate()
    assert [video.video for video in result.videos] == ["cows"]
    assert "bear" in result.warnings[0]


def test_an_empty_prompt_is_told(folders: Folders) -> None:
    write_mask(folders.annotations("bear")[STEMS[0]], np.zeros((HEIGHT, WIDTH), np.uint8))
    with pytest.raises(InputError, match=r"Video bear: its first annotation .* holds no object"):
        folders.evaluate()
    with pytest.raises(InputError, match="no annotation"):
        VideoScorer("bear", {})


def test_progress_counts_every_frame(folders: Folders) -> None:
    seen: list[tuple[int, int]] = []
    folders.evaluate(progress=lambda done, total: seen.append((done, total)))
    assert seen == [(5, 10), (10, 10)]


def run_command(*arguments: str | Path) -> int:
    """The command as the entry point runs it."""
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    args = parser.parse_args(["evaluate", *map(str, arguments)])
    code: int = args.run(args)
    return code


@pytest.mark.parametrize("dataset", ["davis-real", "davis-derived"])
def test_command_writes_the_toolkits_files_and_never_reuses_them(
    shared_data: Path, dataset: str, tmp_path: Path
) -> None:
    root = shared_data / dataset
    for video in (root / "predictions" / "osvos").iterdir():
        (tmp_path / video.name).symlink_to(video, target_is_directory=True)
    names = ("global_results-val.csv", "per-sequence_results-val.csv")
    for name in names:
        (tmp_path / name).write_text("stale")
    assert run_command("--davis_path", root / "DAVIS", "--results_path", tmp_path, "--task", "semi-supervised") == 0
    for name in names:
        assert (tmp_path / name).read_bytes() == (root / "expected" / name).read_bytes()


def test_tables_look_like_the_toolkits(shared_data: Path) -> None:
    root = shared_data / "davis-derived"
    assert tables(evaluate(root / "DAVIS", root / "predictions" / "osvos")) == (
        "--------------------------- Global results for val ---------------------------\n"
        " J&F-Mean  J-Mean  J-Recall  J-Decay   F-Mean  F-Recall  F-Decay\n"
        " 0.649688 0.56049   0.60233 0.434184 0.738885  0.878752 0.358098\n"
        "\n"
        "---------- Per sequence results for val ----------\n"
        "       Sequence   J-Mean   F-Mean\n"
        "scooter-black_1 0.503673 0.669961\n"
        "scooter-black_2 0.678644 0.728117\n"
        "    bmx-trees_1 0.394059 0.715566\n"
        "    bmx-trees_2 0.665582 0.841898\n"
    )


def test_command_writes_full_precision(folders: Folders, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = folders.evaluate()
    where = ("--davis_path", folders.root, "--results_path", folders.results)
    out, frames = tmp_path / "scores.json", tmp_path / "frames.csv"
    assert run_command(*where, "--json", out, "--per-frame", frames, "--processes", "2") == 0
    assert json.loads(out.read_text()) == result.to_json()
    with frames.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4 * 5
    assert rows[7]["video"] == "cows" and rows[7]["object"] == "2" and rows[7]["frame"] == "00003"
    assert float(rows[7]["J"]) == result.objects[1].j[2]
    assert float(rows[7]["F"]) == result.objects[1].f[2]
    assert "Global results for val" in capsys.readouterr().out


@pytest.mark.parametrize("spoil", [Path.unlink, truncate])
def test_command_leaves_nothing_when_predictions_are_wrong(
    folders: Folders, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(folders.prediction("bear", STEMS[1]))
    out = tmp_path / "scores.json"
    with pytest.raises(VosLabError) as caught:
        run_command("--davis_path", folders.root, "--results_path", folders.results, "--json", out)
    assert caught.value.exit_code == 1
    assert not out.exists() and not list(folders.results.glob("*.csv"))


def test_command_with_some_videos_writes_no_csv(folders: Folders) -> None:
    assert run_command("--davis_path", folders.root, "--results_path", folders.results, "--videos", "bear") == 0
    assert not list(folders.results.glob("*.csv"))


def test_command_says_where_it_cannot_write(folders: Folders, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere/scores\.json cannot be written"):
        run_command(
            "--davis_path",
            folders.root,
            "--results_path",
            folders.results,
            "--json",
            tmp_path / "nowhere" / "scores.json",
        )
