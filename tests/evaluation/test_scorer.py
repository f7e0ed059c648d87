"""Scores of one video, streamed: objects, frames that count, and what cannot be scored."""

from __future__ import annotations

import numpy as np
import pytest

from tests.evaluation.folders import HEIGHT, STEMS, WIDTH, Folders, label_map
from vos_core.errors import InputError, PredictionError
from vos_core.evaluation import VideoScorer, is_scorable, score_folder
from vos_core.masks import read_mask, write_mask


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
