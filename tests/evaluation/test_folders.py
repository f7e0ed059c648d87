"""Scores of a split: equal to the official toolkit's; every error told, naming file, video and frame."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.clips import split_objects
from tests.evaluation.folders import HEIGHT, STEMS, WIDTH, Folders, label_map
from tests.evaluation.spoil import (
    folder_is_a_file,
    remove_all,
    remove_folder,
    saved_as,
    truncate,
    two_missing,
    with_label,
)
from tests.metrics import reference
from vos_core.errors import InputError, PredictionError
from vos_core.evaluation import evaluate, global_scores
from vos_core.masks import encode_mask, read_mask, write_mask
from vos_core.metrics import Statistics, boundary_radius


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


def test_of_objects_kept_apart_the_one_without_a_frame_is_named(folders: Folders) -> None:
    cows = folders.results / "cows"
    split_objects(cows)
    lacking = cows / "002" / "00003.png"
    lacking.unlink()
    for k in (1, 2, 3):
        (cows / f"{k:03d}" / "00004.png").unlink()
    with pytest.raises(PredictionError) as told:
        folders.evaluate()
    assert str(told.value).splitlines() == [
        f"Video cows: frame 00004 has no prediction in {cows}.",
        f"Video cows, frame 00003: There is no mask {lacking}.",
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
    ("text", "error", "told"),
    [
        ("", PredictionError, "is empty"),
        ("cows\n\nbear\n", InputError, "line 2 is blank"),
        ("cows\nwolf\n", InputError, "line 2 names video 'wolf'"),
    ],
)
def test_bad_lists(folders: Folders, text: str, error: type[Exception], told: str) -> None:
    (folders.root / "ImageSets" / "2017" / "val.txt").write_text(text)
    with pytest.raises(error, match=told):
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


def test_progress_counts_every_frame(folders: Folders) -> None:
    seen: list[tuple[int, int]] = []
    folders.evaluate(progress=lambda done, total: seen.append((done, total)))
    assert seen == [(5, 10), (10, 10)]
