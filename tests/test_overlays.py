"""Pictures made of frames and masks: which part a thumbnail shows, and what it draws."""

from __future__ import annotations

import io
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vos_core.masks import VOID, view_mask
from vos_core.overlays import failure_thumbnail, fitted, object_colour, overlay, region


def box(height: int, width: int, left: int, top: int, right: int, bottom: int) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    mask[top:bottom, left:right] = True
    return mask


@pytest.mark.parametrize(
    ("boxes", "shown"),
    [
        ([], None),
        ([(0, 0, 0, 0)], None),
        ([(90, 45, 110, 55)], (80, 40, 120, 60)),  # small: a fifth of the width, around it
        ([(60, 40, 140, 60)], (32, 16, 168, 84)),  # 35% more on both sides, in the picture's shape
        ([(60, 40, 80, 60), (120, 40, 140, 60)], (32, 16, 168, 84)),  # of all masks together
        ([(0, 0, 20, 10)], (0, 0, 40, 20)),  # moved into the picture
        ([(180, 90, 200, 100)], (160, 80, 200, 100)),
        ([(0, 0, 190, 20)], (0, 0, 200, 100)),
        ([(90, 0, 100, 100)], (0, 0, 200, 100)),
    ],
)
def test_region(boxes: list[tuple[int, int, int, int]], shown: tuple[int, int, int, int] | None) -> None:
    assert region([box(100, 200, *one) for one in boxes], (200, 100)) == shown


def test_thumbnail_draws_prediction_and_outline_and_leaves_void() -> None:
    picture = Image.new("RGB", (240, 120), (100, 100, 100))
    annotation, prediction = np.zeros((2, 120, 240), np.uint8)
    annotation[20:100, 20:100] = 1
    annotation[20:100, 140:220] = VOID
    prediction[30:90, 30:90] = 1
    prediction[30:90, 150:210] = 2
    drawn = np.array(failure_thumbnail(picture, annotation, prediction))
    assert drawn.shape == (120, 240, 3)
    assert (drawn[20, 30:90] == 255).all(), "the annotation's outline"
    assert (drawn[19, 30:90] == 50).all(), "with a dark line beside it"
    half = np.array([(100 + value) / 2 for value in object_colour(1)])
    assert abs(drawn[60, 60] - half).max() <= 1
    assert (drawn[20, 150:210] == 100).all(), "void has no outline"
    only = np.array(failure_thumbnail(picture, annotation, prediction, object_id=2))
    assert not (only == 255).all(2).any(), "object 2 is not annotated"
    bare = np.array(failure_thumbnail(picture, None, None, object_id=2))
    assert (bare == 100).all()


@pytest.mark.parametrize(
    ("size", "small"), [((854, 480), (240, 135)), ((480, 854), (135, 240)), ((100, 50), (240, 120))]
)
def test_thumbnails_have_the_pictures_shape(size: tuple[int, int], small: tuple[int, int]) -> None:
    mask = np.zeros(size[::-1], np.uint8)
    mask[10:14, 20:30] = 3
    for object_id in (None, 3, 4):
        assert failure_thumbnail(Image.new("RGB", size), mask, mask, object_id=object_id).size == small


def test_void_is_left_as_it_is() -> None:
    picture = np.full((4, 4, 3), 77, np.uint8)
    np.testing.assert_array_equal(overlay(picture, np.full((4, 4), VOID, np.uint8)), picture)


def test_titles_are_cut_where_they_do_not_fit() -> None:
    assert fitted("short", 200) == "short"
    assert fitted("a very long title of a run", 60).endswith("…")


def test_a_thumbnail_costs_about_what_reading_its_frame_and_masks_does(shared_data: Path) -> None:
    """Of a 480p frame: 0.8 of it where it was measured."""
    root = shared_data / "davis-derived"
    ratios = []
    for index in range(5, 25):
        began = time.thread_time()
        masks = [view_mask(root / folder / f"bmx-trees/{index:05d}.png") for folder in
                 ("DAVIS/Annotations/480p", "predictions/osvos")]  # fmt: skip
        with Image.open(root / f"DAVIS/JPEGImages/480p/bmx-trees/{index:05d}.jpg") as image:
            image.copy().load()
        with Image.open(root / f"DAVIS/JPEGImages/480p/bmx-trees/{index:05d}.jpg") as image:
            read = time.thread_time()
            failure_thumbnail(image, masks[0], masks[1], object_id=1).save(io.BytesIO(), "JPEG", quality=80)
        ratios.append((time.thread_time() - read) / (read - began))
    assert np.median(ratios) < 3
