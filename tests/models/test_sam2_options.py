"""SAM 2's options and the settings that choose them: what is accepted, what is refused and in which words."""

from __future__ import annotations

from typing import Any

import pytest

from vos_core.errors import InputError
from vos_core.models.sam2_options import OPTIONS, most_frames_at_once
from vos_core.models.sam2_settings import check_options, option_values, prompting_of
from vos_core.prompts import Prompting
from vos_core.runs import RunSettings


def settings_for(
    model: str = "sam2_hiera_tiny", size: int | None = 7, mode: str | None = "naive", **options: Any
) -> RunSettings:
    return RunSettings("D", "data:D", "val", model, size, mode, (), tuple(sorted(options.items())))


def test_defaults_are_upstreams() -> None:
    values = option_values(settings_for())
    assert values["score_thresh"] == 0.0 and values["image_size"] == 1024
    assert values["memory_temporal_stride_for_eval"] == 1 and values["max_obj_ptrs_in_encoder"] == 16
    assert not any(value for name, value in values.items() if OPTIONS[name].type is bool)
    check_options(settings_for())


@pytest.mark.parametrize("option", OPTIONS.values(), ids=OPTIONS)
def test_every_default_passes_its_own_check_and_is_explained(option: Any) -> None:
    option.check(option.default)
    assert 20 < len(option.line) < 120


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"image_size": 1000}, "multiples of 32"),
        ({"image_size": 32}, "64 to 4096"),
        ({"image_size": 512.0}, "a whole number"),
        ({"score_thresh": "high"}, "a number"),
        ({"score_thresh": float("nan")}, "-1024 to 1024"),
        ({"use_all_masks": 1}, "true or false"),
        ({"memory_temporal_stride_for_eval": 0}, "1 to 1000"),
        ({"max_obj_ptrs_in_encoder": True}, "a whole number"),
        ({"device": "tpu"}, "auto, cuda, cpu"),
        ({"use_vos_optimized_video_predictor": True}, "has no option 'use_vos_optimized_video_predictor'"),
    ],
)
def test_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        check_options(settings_for(**options))


@pytest.mark.parametrize(
    ("size", "options", "words"),
    [
        (2, {"memory_temporal_stride_for_eval": 2}, "stride_for_eval 2 changes nothing at memory size 2.*3 or more"),
        (0, {"memory_temporal_stride_for_eval": 4}, "changes nothing at memory size 0"),
        (0, {"max_obj_ptrs_in_encoder": 4}, "max_obj_ptrs_in_encoder 4 changes nothing at memory size 0.*memory off"),
    ],
)
def test_a_knob_without_effect_is_refused(size: int, options: dict[str, Any], words: str) -> None:
    check_options(settings_for(size=3, **options))
    with pytest.raises(InputError, match=words):
        check_options(settings_for(size=size, **options))


def test_one_pointer_is_refused_where_it_makes_masks_vanish() -> None:
    check_options(settings_for("sam2_hiera_tiny", max_obj_ptrs_in_encoder=1))
    check_options(settings_for("sam2.1_hiera_tiny", max_obj_ptrs_in_encoder=2))
    with pytest.raises(InputError, match=r"time code.*choose 2 or more"):
        check_options(settings_for("sam2.1_hiera_tiny", max_obj_ptrs_in_encoder=1))


@pytest.mark.parametrize(("size", "mode", "words"), [(8, "naive", "7 memory slots"), (7, "clever", "memory mode")])
def test_memory_is_checked_too(size: int, mode: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        check_options(settings_for(size=size, mode=mode))


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("score_thresh", " 0.25 ", 0.25),
        ("image_size", "512", 512),
        ("exact", "Yes", True),
        ("exact", "off", False),
        ("checkpoint", "mine.pt", "mine.pt"),
    ],
)
def test_parse(name: str, text: str, value: Any) -> None:
    assert OPTIONS[name].parse(text) == value


@pytest.mark.parametrize(("name", "text"), [("image_size", "big"), ("exact", "maybe"), ("device", "gpu")])
def test_parse_refuses(name: str, text: str) -> None:
    with pytest.raises(InputError, match=f"option {name} takes"):
        OPTIONS[name].parse(text)


@pytest.mark.parametrize(
    ("options", "prompting"),
    [
        ({}, Prompting.FIRST_FRAME),
        ({"per_obj_png_file": True}, Prompting.FIRST_FRAME),
        ({"use_all_masks": True}, Prompting.EVERY_ANNOTATION),
        ({"track_object_appearing_later_in_video": True}, Prompting.FIRST_OF_EACH_OBJECT),
        ({"track_object_appearing_later_in_video": True, "use_all_masks": True}, Prompting.EVERY_ANNOTATION),
    ],
)
def test_which_annotations_are_prompts(options: dict[str, Any], prompting: Prompting) -> None:
    assert prompting_of(settings_for(**options)) is prompting


@pytest.mark.parametrize(("side", "frames"), [(64, 16383), (512, 255), (1024, 63), (2048, 15), (4096, 3)])
def test_as_many_frames_at_once_as_cuda_s_grid_has_room_for(side: int, frames: int) -> None:
    """Hiera attends in windows of 32 pixels' side, all of a batch at once: 65,535 of them at most."""
    assert most_frames_at_once(side) == frames
    assert frames * (side // 32) ** 2 <= 65_535 < (frames + 1) * (side // 32) ** 2
