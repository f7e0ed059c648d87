"""What a SAM 2 run can be asked for beside its memory: the table of its options. Knows no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vos_core.errors import InputError


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
WITHOUT_EFFECT = (
    (STRIDE, 3, "the prompted frame and the frame before are all that is remembered"),
    (POINTERS, 1, "with memory off no object pointer is attended to"),
)


def knob_counts(name: str, size: int | None) -> bool:
    """Whether the knob `name` changes anything at a memory size (None: the model's own, where all do)."""
    return size is None or not any(knob == name and size < least for knob, least, _ in WITHOUT_EFFECT)


IMAGE_SIZE_STEP = 32  # Hiera's windows (8 x 8 at stride 4) must tile the picture
# CUDA's grids have at most 65,535 blocks along the axis on which scaled_dot_product_attention puts its batch, and
# Hiera's batch is all windows of all frames: more of them is an "invalid configuration" (pytorch#142228, #146704).
MOST_WINDOWS = 65_535


def most_frames_at_once(image_size: int) -> int:
    """Frames of that side, of which at least one fits, that the image encoder can take in one batch."""
    return max(1, MOST_WINDOWS // (image_size // IMAGE_SIZE_STEP) ** 2)
