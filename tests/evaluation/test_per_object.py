"""Scores of object folders: each object by itself, overlaps included, against predictions of either layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.metrics import reference
from vos_core.errors import InputError, PredictionError
from vos_core.evaluation.per_object import PerObjectScorer, score_per_object
from vos_core.masks import write_mask
from vos_core.metrics.boundary import boundary_radius

SIZE = (18, 26)
STEMS = [f"{4 * index:05d}" for index in range(6)]


def disc(y: int, x: int) -> np.ndarray:
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return ((rows - y) ** 2 + (columns - x) ** 2 <= 20).astype(np.uint8)


def mask_of(object_id: int, index: int, offset: int = 0) -> np.ndarray:
    """Discs that overlap in all frames."""
    return disc(8 + object_id // 4, 6 + 3 * (object_id > 0) + index + offset)


def write(path: Path, mask: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_mask(path, mask)


@pytest.fixture
def annotations(tmp_path: Path) -> Path:
    """Object 0 in all frames, object 4 annotated from the third on."""
    for index, stem in enumerate(STEMS):
        write(tmp_path / "annotations" / "000" / f"{stem}.png", mask_of(0, index))
        if index >= 2:
            write(tmp_path / "annotations" / "004" / f"{stem}.png", mask_of(4, index))
    return tmp_path / "annotations"


@pytest.fixture
def apart(tmp_path: Path) -> Path:
    """Predictions in object folders, two pixels beside."""
    for index, stem in enumerate(STEMS):
        for object_id in (0, 4):
            write(tmp_path / "apart" / f"{object_id:03d}" / f"{stem}.png", mask_of(object_id, index, 2))
    return tmp_path / "apart"


def test_each_object_is_scored_by_itself_on_its_own_frames(annotations: Path, apart: Path) -> None:
    scores, warnings = score_per_object("v", annotations, apart)
    assert warnings == ()
    assert [(one.name, list(one.frames)) for one in scores.objects] == [("v_0", STEMS[1:-1]), ("v_4", STEMS[3:-1])]
    for one in scores.objects:
        for stem, j, f in zip(one.frames, one.j, one.f):
            index = STEMS.index(stem)
            annotation, prediction = mask_of(one.object_id, index), mask_of(one.object_id, index, 2)
            assert j == pytest.approx(reference.jaccard(annotation, prediction), abs=1e-12)
            assert f == pytest.approx(reference.boundary_f(annotation, prediction, boundary_radius(*SIZE)), abs=1e-12)


def test_perfect_predictions_that_overlap(annotations: Path) -> None:
    scores, _ = score_per_object("v", annotations, annotations)
    assert all((one.j == 1).all() and (one.f == 1).all() for one in scores.objects)


def test_label_maps_are_scored_too(annotations: Path, tmp_path: Path) -> None:
    for index, stem in enumerate(STEMS):
        both = np.where(mask_of(0, index) > 0, 1, 5 * mask_of(4, index)).astype(np.uint8)
        write(tmp_path / "joined" / f"{stem}.png", both)
    first, second = score_per_object("v", annotations, tmp_path / "joined")[0].objects
    assert (first.j == 1).all()
    assert (second.j < 1).all(), "object 4 (label 5) lost what overlaps"


def test_a_label_that_is_another_objects_number_is_an_extra_one(annotations: Path) -> None:
    scorer = PerObjectScorer("v", annotations)
    with pytest.raises(PredictionError, match="frame 00004: the prediction has object 4, but the video has only 1, 5"):
        scorer.add("00004", np.full(SIZE, 4, np.uint8))
    scorer.add("00000", np.full((1, 1), 9, np.uint8))  # the first frame is not evaluated
    assert scorer.missing() == tuple(STEMS[1:-1])
    with pytest.raises(PredictionError, match="4 frames have no prediction"):
        scorer.finish()


def test_all_problems_are_told(annotations: Path, apart: Path) -> None:
    write(apart / "007" / f"{STEMS[1]}.png", mask_of(0, 1))
    (apart / "004" / f"{STEMS[3]}.png").unlink()
    write(apart / "000" / f"{STEMS[4]}.png", np.zeros((2, 2), np.uint8))
    for object_id in ("000", "004"):
        (apart / object_id / f"{STEMS[2]}.png").unlink()
    with pytest.raises(PredictionError) as caught:
        score_per_object("v", annotations, apart)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"Video v: frame {STEMS[2]} has no prediction in {apart}."
    assert "has object 7, but the video has only 0, 4" in lines[1]
    assert "has no mask of object 4" in lines[2]
    assert "the frame's other objects are 2x2" in lines[3]
    assert len(lines) == 4


def test_other_size(annotations: Path, apart: Path) -> None:
    for object_id in ("000", "004"):
        write(apart / object_id / f"{STEMS[3]}.png", np.ones((2, 2), np.uint8))
    with pytest.raises(PredictionError, match=r"frame 00012: .* must have the annotation's size"):
        score_per_object("v", annotations, apart)


def test_extra_objects_can_be_ignored(annotations: Path, apart: Path) -> None:
    write(apart / "007" / f"{STEMS[1]}.png", mask_of(0, 1))
    scores, warnings = score_per_object("v", annotations, apart, extra_objects="ignore")
    assert len(scores.objects) == 2 and len(warnings) == 1 and "object 7" in warnings[0]


def test_nothing_to_score(tmp_path: Path, annotations: Path) -> None:
    with pytest.raises(PredictionError, match="there is no folder"):
        score_per_object("v", annotations, tmp_path / "none")
    for stem in STEMS[1:]:
        for path in annotations.glob(f"*/{stem}.png"):
            path.unlink()
    with pytest.raises(InputError, match="no object with three annotated frames"):
        PerObjectScorer("v", annotations)
