"""What a SAM 2 run can be asked for beside its memory: the table of options and their check. Knows no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vos_core.errors import InputError
from vos_core.models.registry import ModelSpec, find_model
from vos_core.models.sam2_memory import check_memory_size
from vos_core.prompts import Prompting

if TYPE_CHECKING:
    from vos_core.runs import RunSettings


@dataclass(frozen=True)
class Option:
    """One option: its name (upstream's where upstream has it), type, default and a line that explains it.

    `least` and `most` bound a number (inclusive); `choices` lists the values of a text option.
    """

    name: str
    type: type
    default: Any
    line: str
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()

    def parse(self, text: str) -> Any:
        """The value of what a person typed. Raises InputError when it cannot be one."""
        if self.type is bool:
            words = {
                "true": True,
                "yes": True,
                "1": True,
                "on": True,
                "false": False,
                "no": False,
                "0": False,
                "off": False,
            }
            value: Any = words.get(text.strip().lower(), text)
        else:
            try:
                value = self.type(text.strip())
            except ValueError:
                value = text
        self.check(value)
        return value

    def check(self, value: Any) -> None:
        """Raises InputError when `value` is of another type or out of range."""
        whole = isinstance(value, int) and not isinstance(value, bool)
        fits = whole or isinstance(value, float) if self.type is float else whole if self.type is int else None
        if fits is None:
            fits = isinstance(value, self.type) or (self.default is None and value is None)
        if not fits:
            kind = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}[self.type]
            raise InputError(f"The option {self.name} takes {kind}, not {value!r}.")
        if self.choices and value not in self.choices:
            raise InputError(f"The option {self.name} takes one of {', '.join(self.choices)}, not {value!r}.")
        low, high = self.least, self.most
        if (low is not None and not value >= low) or (high is not None and not value <= high):
            bounds = f"{low:g} or more" if high is None else f"{low:g} to {high:g}" if low is not None else f"<= {high}"
            raise InputError(f"The option {self.name} takes {bounds}, not {value!r}.")


_DEVICES = ("auto", "cuda", "cpu")

OPTIONS: dict[str, Option] = {
    option.name: option
    for option in (
        Option("score_thresh", float, 0.0, "a pixel is an object's where its logit is above this", -1024.0, 1024.0),
        Option(
            "use_all_masks",
            bool,
            False,
            "prompt with every annotation there is; leaks ground truth, so never for semi-supervised scores",
        ),
        Option("per_obj_png_file", bool, False, "objects may overlap: one PNG per object (SA-V layout)"),
        Option(
            "apply_postprocessing",
            bool,
            False,
            "fall back to multiple masks where the single one is unstable, and fill holes up to 8 px (low resolution)",
        ),
        Option(
            "track_object_appearing_later_in_video",
            bool,
            False,
            "prompt each object by its first mask, wherever that is (LVOS, YouTube-VOS)",
        ),
        Option(
            "memory_temporal_stride_for_eval",
            int,
            1,
            "take memory frames every so many frames (the frame before is always taken)",
            1,
            1000,
        ),
        Option(
            "max_obj_ptrs_in_encoder",
            int,
            16,
            "object pointers attended to, the prompted frame's included; independent of the memory size",
            1,
            1000,
        ),
        Option("image_size", int, 1024, "side in pixels that frames are resized to; trained at 1024", 64, 4096),
        Option("device", str, "auto", "auto takes CUDA where torch sees a GPU, else the CPU", choices=_DEVICES),
        Option("checkpoint", str, None, "a weights file of one's own (fine-tuned) instead of the model's"),
        Option("config", str, None, "sam2's config for it: one of the package's, or a YAML file"),
        Option(
            "exact",
            bool,
            False,
            "one object and one frame at a time, as upstream: the same to the last bit, and slower",
        ),
        Option(
            "compile",
            bool,
            False,
            "compile the image encoder first: up to minutes of warm-up, told apart, then more frames a second",
        ),
        Option("objects_at_once", int, 0, "objects in one batch; 0 takes all that fit", 0, 255),
        Option(
            "frames_at_once",
            int,
            0,
            "frames in one batch through the image encoder; 0 takes 4 on a GPU and 1 on a CPU",
            0,
            64,
        ),
    )
}

STRIDE, POINTERS = "memory_temporal_stride_for_eval", "max_obj_ptrs_in_encoder"
LATER = "track_object_appearing_later_in_video"
# (knob, smallest memory size at which it means something, why)
_WITHOUT_EFFECT = (
    (STRIDE, 3, "the prompted frame and the frame before are all that is remembered"),
    (POINTERS, 1, "with memory off no object pointer is attended to"),
)

IMAGE_SIZE_STEP = 32  # Hiera's windows (8 x 8 at stride 4) must tile the picture


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
    for name, least, reason in _WITHOUT_EFFECT:
        if size < least and values[name] != OPTIONS[name].default:
            raise InputError(
                f"{name} {values[name]} changes nothing at memory size {size}: {reason}; leave it at "
                f"{OPTIONS[name].default} there, or choose memory size {least} or more."
            )


def knob_counts(name: str, size: int | None) -> bool:
    """Whether the knob `name` changes anything at a memory size (None: the model's own, where all do)."""
    return size is None or not any(knob == name and size < least for knob, least, _ in _WITHOUT_EFFECT)


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


def _check_pointers(spec: ModelSpec, values: dict[str, Any]) -> None:
    """SAM 2.1 divides a pointer's age by (pointers - 1): one pointer gives NaN and empty masks without an error."""
    if values["max_obj_ptrs_in_encoder"] == 1 and spec.family == "sam2.1":
        raise InputError(
            "SAM 2.1 cannot run with max_obj_ptrs_in_encoder 1: its pointers carry a time code that is divided by "
            "(pointers - 1), so every mask would vanish without an error; choose 2 or more, or a SAM 2.0 model."
        )
