"""J&F-dot of folders of masks: against the arrays' functions, and told what is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.evaluation import spoil
from tests.evaluation.folders import STEMS, Folders
from vos_core.errors import InputError, PredictionError
from vos_core.evaluation.dot import objects_in
from vos_core.evaluation.folders import evaluate, evaluate_dot
from vos_core.masks import read_mask, write_mask
from vos_core.metrics.dot import score_object


def hide(folders: Folders, video: str, label: int, stems: list[str]) -> None:
    """Remove an object from annotations."""
    for stem in stems:
        path = folders.annotations(video)[stem]
        mask = read_mask(path)
        mask[mask == label] = 0
        write_mask(path, mask)


def test_scores_are_those_of_the_arrays(folders: Folders) -> None:
    hide(folders, "cows", 2, STEMS[3:5])
    evaluation = evaluate_dot(folders.root, folders.results)
    assert [video.video for video in evaluation.videos] == ["cows", "bear"]
    cow = evaluation.videos[0].objects[1]
    assert cow.name == "cows_2" and list(cow.frames) == STEMS[1:-1]
    assert cow.present.tolist() == [True, True, False, False, True]
    for index, stem in enumerate(cow.frames):
        annotation = read_mask(folders.annotations("cows")[stem]) == 2
        expected = score_object(annotation, read_mask(folders.prediction("cows", stem)) == 2)
        assert (cow.j[index], cow.f_dot[index], cow.f[index]) == expected[:3]
    statistics = cow.statistics
    assert statistics.j_gone == pytest.approx(cow.j[2:4].mean()) and statistics.j_back == cow.j[4]
    scores = evaluation.scores
    assert scores.j == pytest.approx(np.mean([one.j.mean() for video in evaluation.videos for one in video.objects]))
    assert scores.jf_gone == pytest.approx((statistics.j_gone + statistics.f_dot_gone) / 2)


def test_perfect_predictions(folders: Folders) -> None:
    for video in ("bear", "cows"):
        for stem in STEMS:
            mask = read_mask(folders.annotations(video)[stem])
            mask[mask == 255] = 0
            write_mask(folders.prediction(video, stem), mask)
    evaluation = evaluate_dot(folders.root, folders.results)
    assert evaluation.scores.jf_dot == evaluation.scores.jf == 1.0
    assert math.isnan(evaluation.scores.jf_gone), "nothing disappears"
    assert evaluation.to_json()["global"]["J&F-dot-d"] is None


def test_a_gap_in_the_ids_is_no_object(folders: Folders) -> None:
    hide(folders, "cows", 2, STEMS)
    for stem in STEMS:
        mask = read_mask(folders.prediction("cows", stem))
        mask[mask == 2] = 0
        write_mask(folders.prediction("cows", stem), mask)
    assert objects_in(folders.annotations("cows")) == (1, 3)
    assert [one.object_id for one in evaluate_dot(folders.root, folders.results).videos[0].objects] == [1, 3]


def test_processes_change_nothing(folders: Folders) -> None:
    one, two = (evaluate_dot(folders.root, folders.results, processes=count) for count in (1, 2))
    assert one.to_json() == two.to_json()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (Path.unlink, "Video cows: frame 00003 has no prediction"),
        (spoil.truncate, "Video cows, frame 00003: .* truncated"),
        (spoil.saved_as("RGB"), "Video cows, frame 00003: .* RGB"),
        (spoil.with_label(4), "Video cows, frame 00003: .* has object 4, but the video has only 1 to 3"),
        (spoil.remove_folder, "Video cows has no predictions: there is no folder"),
        (lambda path: write_mask(path, np.zeros((3, 4), np.uint8)), "Video cows, frame 00003: .* annotation's size"),
    ],
    ids=["missing", "truncated", "RGB", "other object", "no folder", "other size"],
)
def test_what_is_wrong_is_said(folders: Folders, change: Callable[[Path], None], sentence: str) -> None:
    folders.prediction("bear", "00002").unlink()
    change(folders.prediction("cows", "00003"))
    with pytest.raises(PredictionError, match=sentence) as caught:
        evaluate_dot(folders.root, folders.results)
    assert len(str(caught.value).splitlines()) == 2, "the other video's problem is told too"


def test_extra_objects_can_be_ignored(folders: Folders) -> None:
    spoil.with_label(9)(folders.prediction("bear", "00002"))
    evaluation = evaluate_dot(folders.root, folders.results, extra_objects="ignore")
    assert len(evaluation.warnings) == 1 and "object 9" in evaluation.warnings[0]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [({"videos": ["zebra"]}, "no video 'zebra'"), ({"split": "train"}, "no split 'train'")],
)
def test_bad_input(folders: Folders, options: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        evaluate_dot(folders.root, folders.results, **options)


def test_first_frame_annotations_cannot_be_scored(folders: Folders) -> None:
    for video in ("bear", "cows"):
        for stem in STEMS[1:]:
            folders.annotations(video)[stem].unlink()
    with pytest.raises(InputError, match="only the challenge's server"):
        evaluate_dot(folders.root, folders.results)


def apart(folder: Path, video: str) -> None:
    """Turn a video's label maps into one folder an object, void left out."""
    for path in sorted((folder / video).glob("*.png")):
        mask = read_mask(path)
        for label in (1, 2, 3):
            target = folder / video / f"{label:03d}" / path.name
            target.parent.mkdir(exist_ok=True)
            write_mask(target, (mask == label).astype(np.uint8))
        path.unlink()


@pytest.mark.parametrize("predictions_too", [False, True])
def test_objects_kept_apart_score_as_their_label_maps(folders: Folders, predictions_too: bool) -> None:
    hide(folders, "cows", 2, STEMS[3:5])
    joined, joined_davis = evaluate_dot(folders.root, folders.results, videos=["cows"]), evaluate_of(folders)
    apart(folders.root / "Annotations" / "480p", "cows")
    if predictions_too:
        apart(folders.results, "cows")
    assert evaluate_dot(folders.root, folders.results, videos=["cows"]).to_json() == joined.to_json()
    assert evaluate_of(folders) == joined_davis


def evaluate_of(folders: Folders) -> dict[str, object]:
    return evaluate(folders.root, folders.results, videos=["cows"]).to_json()


def test_objects_that_share_pixels_keep_them(folders: Folders) -> None:
    """Joined maps would lose what object 3 has in object 1: kept apart, both are perfect."""
    for base in (folders.root / "Annotations" / "480p", folders.results):
        apart(base, "cows")
        for stem in STEMS:
            first, third = (base / "cows" / name / f"{stem}.png" for name in ("001", "003"))
            write_mask(third, read_mask(first) | read_mask(third))
            if base == folders.results:
                for name in ("001", "002", "003"):
                    source = folders.root / "Annotations" / "480p" / "cows" / name / f"{stem}.png"
                    write_mask(base / "cows" / name / f"{stem}.png", read_mask(source))
    assert evaluate_dot(folders.root, folders.results, videos=["cows"]).scores.jf_dot == 1.0
