"""What a run's settings ask of SAM 2: its options' values, its prompts, and whether they can be. Knows no torch."""

from __future__ import annotations

from typing import Any

from vos_core.errors import InputError
from vos_core.models.registry import ModelSpec, find_model
from vos_core.models.sam2_memory import TRAINED_SLOTS, check_memory_size
from vos_core.models.sam2_options import IMAGE_SIZE_STEP, LATER, OPTIONS, WITHOUT_EFFECT
from vos_core.prompts import Prompting
from vos_core.runs import RunSettings

_ONE_POINTER = (
    "with max_obj_ptrs_in_encoder 1: its pointers carry a time code that is divided by (pointers - 1), so every mask "
    "would vanish without an error; choose 2 or more"
)


def option_values(settings: RunSettings) -> dict[str, Any]:
    """Every option's value in `settings`, defaults filled in. Raises InputError for an unknown name or a bad value."""
    values = {name: option.default for name, option in OPTIONS.items()}
    for name, value in settings.options:
        if name not in OPTIONS:
            raise InputError(f"SAM 2 has no option {name!r}: there are {', '.join(OPTIONS)}.")
        OPTIONS[name].check(value)
        values[name] = value
    return values


def prompting_of(settings: RunSettings) -> Prompting:
    """Which annotations prompt the run's model; only SAM 2 has the options that ask for more than the first frame."""
    if settings.option("use_all_masks", False):
        return Prompting.EVERY_ANNOTATION
    if settings.option(LATER, False):
        return Prompting.FIRST_OF_EACH_OBJECT
    return Prompting.FIRST_FRAME


def check_options(settings: RunSettings) -> None:
    """Raises InputError when a SAM 2 run cannot be launched as asked, or a knob of it would change nothing."""
    check_values(settings)
    values = option_values(settings)
    size = settings.memory_size
    if size is None:
        return
    for name, least, reason in WITHOUT_EFFECT:
        if size < least and values[name] != OPTIONS[name].default:
            raise InputError(
                f"{name} {values[name]} changes nothing at memory size {size}: {reason}; leave it at "
                f"{OPTIONS[name].default} there, or choose memory size {least} or more."
            )


def check_values(settings: RunSettings) -> None:
    """Raises InputError when the segmenter cannot work with the settings, with the reason."""
    spec = find_model(settings.model)
    values = option_values(settings)
    if settings.memory_size is not None:
        check_memory_size(settings.memory_size)
    if settings.memory_mode is not None and settings.memory_mode not in spec.memory_modes:
        modes = ", ".join(spec.memory_modes)
        raise InputError(f"There is no memory mode {settings.memory_mode!r}: choose {modes}.")
    if values["image_size"] % IMAGE_SIZE_STEP:
        raise InputError(
            f"The option image_size takes multiples of {IMAGE_SIZE_STEP} (the image encoder's windows must tile the "
            f"picture), not {values['image_size']}."
        )
    _check_pointers(spec, values)


def check_built(predictor: Any, slots: int, config: str, values: dict[str, Any]) -> None:
    """Raises InputError when the model that a config built cannot be run as asked, whatever the model's name says.

    Args:
        predictor: a `SAM2VideoPredictor`.
        slots: the position rows that it was built with.
        config: its config, for the sentences.
        values: the run's options.
    """
    if slots != TRAINED_SLOTS:
        raise InputError(
            f"The SAM 2 config {config!r} has num_maskmem {slots}, but only models with {TRAINED_SLOTS} memory slots, "
            f"as all of SAM 2 and 2.1 have, can be run: set it to {TRAINED_SLOTS} if the checkpoint has as many, and "
            "choose a smaller memory by the run's memory size."
        )
    timed = predictor.use_obj_ptrs_in_encoder and predictor.add_tpos_enc_to_obj_ptrs
    if timed and values["max_obj_ptrs_in_encoder"] == 1:
        raise InputError(f"The SAM 2 config {config!r} cannot be run {_ONE_POINTER}, or another config.")


def _check_pointers(spec: ModelSpec, values: dict[str, Any]) -> None:
    """SAM 2.1 divides a pointer's age by (pointers - 1): one pointer gives NaN and empty masks without an error."""
    if values["max_obj_ptrs_in_encoder"] == 1 and spec.family == "sam2.1":
        raise InputError(f"SAM 2.1 cannot run {_ONE_POINTER}, or a SAM 2.0 model.")
