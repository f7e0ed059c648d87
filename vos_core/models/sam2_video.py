"""SAM 2 as a segmenter: a checkpoint loaded once, videos streamed through it, one label map a frame."""

from __future__ import annotations

import contextlib
import gc
import itertools
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch

from vos_core.errors import DeviceUnavailable, InputError, VosLabError
from vos_core.home import Home
from vos_core.models.base import Clip, LabelMap
from vos_core.models.checkpoints import checkpoint_sha256, find_checkpoint
from vos_core.models.device_failures import is_device_lost, is_of_device, is_out_of_memory, names_memory, reason_of
from vos_core.models.fetching import HostCopy, fetched
from vos_core.models.registry import MemoryMode, find_model
from vos_core.models.sam2_compile import BlankClip, compile_encoder
from vos_core.models.sam2_device import find_device
from vos_core.models.sam2_engine import (
    ABSENT,
    ObjectMask,
    ObjectPrompts,
    PackedMask,
    TrackSettings,
    VideoTracker,
    encode_frames,
)
from vos_core.models.sam2_frames import Normaliser, frames_ahead, read_ahead
from vos_core.models.sam2_memory import set_memory_size
from vos_core.models.sam2_options import most_frames_at_once
from vos_core.models.sam2_resize import resizer
from vos_core.models.sam2_settings import check_built, check_values, option_values
from vos_core.models.sam2_weights import build_predictor, round_weights
from vos_core.runs import RunSettings

if TYPE_CHECKING:
    from sam2.sam2_video_predictor import SAM2VideoPredictor

T = TypeVar("T")

VOID = 255
FILL_HOLE_AREA = 8  # upstream's value for --apply_postprocessing
FRAMES_AT_ONCE = {"cuda": 4, "cpu": 1}  # through the image encoder, unless the run says how many
AUTOCAST = {"cuda": True, "cpu": False}  # to bfloat16
TRIES_OUT = {"cuda": True, "cpu": False}  # a blank clip before the first video, see Sam2Segmenter._warm_up
MASKS_BEHIND = {"cuda": 1, "cpu": 0}  # masks that are on their way to the host while the next frame is computed
SETTLED_AT_ONCE = 1 << 24  # logits in one go through the non-overlap step, which takes several times their memory


@dataclass(frozen=True)
class _Weights:
    """Which weights a predictor holds: equal keys can share it, one after the other."""

    config: str
    checkpoint: str
    sha256: str
    image_size: int
    device: str
    compiled: bool
    rounded: bool  # to bfloat16, see `round_weights`


@dataclass(frozen=True)
class _Loaded:
    """A predictor on its device, and the position rows that it was loaded with (7, 1, 1, C)."""

    weights: _Weights
    predictor: SAM2VideoPredictor
    trained_rows: torch.Tensor
    warm: set[int] = field(default_factory=set)  # the frames at once that it was warmed up for


_parked: list[_Loaded] = []  # at most one: what the last closed segmenter held, for a next run of the same weights


def load(settings: RunSettings, home: Home) -> Sam2Segmenter:
    """Load a SAM 2 run's model.

    Raises InputError when its options, device or checkpoint cannot be used, DeviceUnavailable when the GPU has no room
    or fails at work that every video asks of it.

    Weights that the last closed segmenter of this process held are taken over when they are the same.
    """
    check_values(settings)
    values = option_values(settings)
    checkpoint = find_checkpoint(settings, home)
    device = find_device(values["device"])
    config = values["config"] or find_model(settings.model).config
    if checkpoint is None or config is None:
        raise InputError(f"The model {settings.model} is not a SAM 2 model: it names no checkpoint or config.")
    sha256 = checkpoint_sha256(checkpoint, home)
    rounded = AUTOCAST[device.type]
    weights = _Weights(config, str(checkpoint), sha256, values["image_size"], str(device), values["compile"], rounded)
    if any(parked.weights != weights for parked in _parked):
        _let_go()  # the old weights go before the new ones come
    loaded = _parked.pop() if _parked else None
    try:
        if loaded is None:
            predictor = build_predictor(config, checkpoint, device, values["image_size"], settings.model)
            if rounded:
                round_weights(predictor)
            loaded = _Loaded(weights, predictor, predictor.maskmem_tpos_enc.detach().clone())
        check_built(loaded.predictor, len(loaded.trained_rows), config, values)
        return Sam2Segmenter(loaded, settings)
    except RuntimeError as error:
        # No video was begun: whatever a GPU refuses here, it would refuse to each of them. One that is lost is told by
        # the worker, which ends for it.
        if not is_out_of_memory(error) and (device.type != "cuda" or is_device_lost(error) or not is_of_device(error)):
            raise
        raise _unavailable(settings, reason_of(error)) from error


class _RanOut(VosLabError):
    """A video for which memory ran out twice; `reason` is what torch said of it."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text)
        self.reason = reason


def _unavailable(settings: RunSettings, reason: str) -> DeviceUnavailable:
    """Of a GPU that cannot load or warm up the model: one sentence, which quotes a `reason` that is not plainly full
    memory."""
    if names_memory(reason):
        return DeviceUnavailable(
            f"{settings.model} does not fit in the memory that is free on the GPU: end what else uses it (`nvidia-smi` "
            f"lists it), or take a smaller model or image_size."
        )
    return DeviceUnavailable(
        f"{settings.model} cannot be run on this GPU: {reason}: see whether its memory is full (`nvidia-smi`), and "
        f"whether this torch can use it (`python -m vos_core doctor`)."
    )


class Sam2Segmenter:
    """A loaded SAM 2 model with one run's settings (the `Segmenter` protocol, and what it cannot carry)."""

    def __init__(self, loaded: _Loaded, settings: RunSettings) -> None:
        self.settings = settings
        self.options = option_values(settings)
        self._loaded: _Loaded | None = loaded
        self._configure()
        self._warm_up_s = self._warm_up(loaded)

    @property
    def predictor(self) -> SAM2VideoPredictor:
        """The real predictor. Raises InputError after `close`."""
        if self._loaded is None:
            raise InputError("This SAM 2 model was closed; load it again.")
        return self._loaded.predictor

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        return self.predictor.device

    @property
    def frames_at_once(self) -> int:
        """Frames in one batch through the image encoder."""
        if self.options["exact"]:
            return 1
        asked = int(self.options["frames_at_once"] or FRAMES_AT_ONCE[self.device.type])
        return min(asked, most_frames_at_once(self.options["image_size"]))

    def facts(self) -> dict[str, Any]:
        """Provenance of this model beside `device_facts`: weights, memory, precision, how holes are filled."""
        assert self._loaded is not None
        return {
            "config": self._loaded.weights.config,
            "checkpoint": self._loaded.weights.checkpoint,
            "checkpoint_sha256": self._loaded.weights.sha256,
            "memory_size": self.predictor.num_maskmem,
            "memory_mode": self.settings.memory_mode,
            "precision": "bfloat16 autocast" if AUTOCAST[self.device.type] else "float32",
            "hole_filling": "scipy.ndimage" if self.options["apply_postprocessing"] else "off",
            "frames_at_once": self.frames_at_once,
            "warm_up_s": round(self._warm_up_s, 3),
        }

    def segment(self, clip: Clip, prompts: Mapping[int, LabelMap]) -> Iterator[LabelMap]:
        """One label map (H, W) uint8 a frame; where objects still overlap the lower id wins. See `Segmenter`."""
        objects = self._objects_of(clip, prompts)
        ids = sorted(objects)
        labels = self._outcomes(clip, objects, lambda logits: HostCopy(self._label_map(logits, ids)))
        return fetched(labels, MASKS_BEHIND[self.device.type])

    def segment_objects(
        self, clip: Clip, prompts: Mapping[int, Mapping[int, ObjectMask]]
    ) -> Iterator[dict[int, ObjectMask]]:
        """As `segment`, for objects that may overlap (`per_obj_png_file`): frame -> object -> mask in and out."""
        objects = self._checked(sorted(prompts.items()), clip)
        del prompts  # what is needed of them is packed
        threshold = self.options["score_thresh"]
        masks = self._outcomes(clip, objects, lambda logits: HostCopy(self._settled(logits)[:, 0] > threshold))
        for of_frame in fetched(masks, MASKS_BEHIND[self.device.type]):
            yield dict(zip(sorted(objects), of_frame, strict=True))

    def raw_logits(self, clip: Clip, prompts: Mapping[int, LabelMap]) -> Iterator[torch.Tensor]:
        """Logits (objects, 1, H, W) float32 of every frame, ids ascending, before the non-overlap step."""
        return self._outcomes(clip, self._objects_of(clip, prompts), lambda logits: logits)

    def close(self) -> None:
        """Let go of the weights; they stay on the device for a next `load` of the same ones, until `free_parked`
        or a `load` of others."""
        if self._loaded is not None:
            _parked[:] = [self._loaded]
            self._loaded = None

    def _configure(self) -> None:
        """Set the predictor, which may come from another run, to this run's options."""
        predictor, options, loaded = self.predictor, self.options, self._loaded
        assert loaded is not None
        size = self.settings.memory_size
        if size is None:
            size = find_model(self.settings.model).default_memory_size or len(loaded.trained_rows)
        mode = MemoryMode(self.settings.memory_mode or MemoryMode.POSITION_PRESERVING)
        set_memory_size(predictor, loaded.trained_rows, size, mode)
        predictor.memory_temporal_stride_for_eval = options["memory_temporal_stride_for_eval"]
        predictor.max_obj_ptrs_in_encoder = options["max_obj_ptrs_in_encoder"]
        # Upstream's --apply_postprocessing, which it sets through the config; holes are filled by the engine.
        predictor.binarize_mask_from_pts_for_mem_enc = options["apply_postprocessing"]
        predictor.sam_mask_decoder.dynamic_multimask_via_stability = options["apply_postprocessing"]
        predictor.sam_mask_decoder.dynamic_multimask_stability_delta = 0.05
        predictor.sam_mask_decoder.dynamic_multimask_stability_thresh = 0.98

    def _warm_up(self, loaded: _Loaded) -> float:
        """Have the device ready, so that no video's time holds what happens only once; returns the seconds it took,
        0 where this predictor was warm already.

        The encoder is compiled for the batches that there will be, one frame (the prompts) and `frames_at_once`; and on
        a GPU a blank clip is tracked: kernels are loaded, libraries choose theirs, and memory is taken from the driver.
        """
        began = time.perf_counter()
        if self.frames_at_once in loaded.warm:
            return 0.0
        if loaded.weights.compiled:
            for frames in {1, self.frames_at_once} - loaded.warm:
                compile_encoder(loaded.predictor, frames, self._mode())
                loaded.warm.add(frames)
        if TRIES_OUT[self.device.type]:
            clip = BlankClip(1 + self.frames_at_once)
            try:
                for _ in self.segment(clip, {0: clip.prompt()}):
                    pass
            except _RanOut as error:  # a word of its clip would be of no use
                raise _unavailable(self.settings, error.reason) from error
            loaded.warm.add(self.frames_at_once)
        return time.perf_counter() - began if loaded.warm else 0.0

    def _objects_of(self, clip: Clip, prompts: Mapping[int, LabelMap]) -> ObjectPrompts:
        """Label maps taken apart into one mask an object; void and background are none."""
        return self._checked(
            (
                (frame, {int(n): labels == n for n in np.unique(labels) if n not in (0, VOID)})
                for frame, labels in sorted(prompts.items())
            ),
            clip,
        )

    def _checked(self, prompts: Iterable[tuple[int, Mapping[int, ObjectMask]]], clip: Clip) -> ObjectPrompts:
        """Of prompts (frame, object -> mask), frames ascending, those that this run uses. Raises InputError when there
        are none or they do not fit the clip."""
        later, every = self.options["track_object_appearing_later_in_video"], self.options["use_all_masks"]
        objects: dict[int, dict[int, PackedMask]] = {}
        for frame, masks in prompts:
            if not 0 <= frame < len(clip):
                raise InputError(f"Video {clip.name}: a prompt for frame {frame}, but it has {len(clip)} frames.")
            if frame > 0 and not (later or every):
                break  # semi-supervised: no later annotation may be seen
            for object_id, mask in masks.items():
                if mask.shape != (clip.height, clip.width):
                    raise InputError(
                        f"Video {clip.name}: the annotation of frame {frame} has "
                        f"{mask.shape[1]}x{mask.shape[0]} pixels, its frames have {clip.width}x{clip.height}."
                    )
                if later and (not mask.any() or (object_id in objects and not every)):
                    continue
                objects.setdefault(object_id, {})[frame] = PackedMask.of(mask)
        if not objects:
            hint = "" if later else " (objects that appear later: option track_object_appearing_later_in_video)"
            raise InputError(f"Video {clip.name}: its annotation shows no object to track{hint}.")
        return objects

    def _outcomes(self, clip: Clip, objects: ObjectPrompts, finish: Callable[[torch.Tensor], T]) -> Iterator[T]:
        """What `finish` makes of the raw logits of every frame, frame 0 first; when memory runs out, in `finish` too,
        once more with half the objects.

        Raises VosLabError when half of them do not fit either.
        """
        options = self.options
        objects_at_once = 1 if options["exact"] else options["objects_at_once"]
        frames_at_once = self.frames_at_once
        batch = min(objects_at_once or len(objects), len(objects))
        done = 0
        for attempt in range(2):
            try:
                with contextlib.closing(self._track(clip, objects, batch, frames_at_once)) as tracked:
                    for outcome in _finished(tracked, finish, done):
                        yield outcome
                        done += 1
                return
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                reason = reason_of(error)
            # Outside the handler: the error holds the frames of the call stack, and they hold tensors.
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            if attempt == 1 or (batch == 1 and frames_at_once == 1):
                break
            batch, frames_at_once = -(-batch // 2), 1
        what = "ran out of memory" if names_memory(reason) else "failed, as it does when its memory is full,"
        raise _RanOut(
            f"Video {clip.name}: the device {what} at frame {done}, with {batch} of its {len(objects)} "
            f"objects at once ({reason}): set objects_at_once lower, or take a smaller model or image_size, or a GPU "
            f"that nothing else uses.",
            reason,
        )

    def _track(
        self, clip: Clip, objects: ObjectPrompts, objects_at_once: int, frames_at_once: int
    ) -> Generator[tuple[int, torch.Tensor], None, None]:
        """(frame, raw logits) of every frame, in batches of so many objects and, for the encoder, frames."""
        options = self.options
        tracker = VideoTracker(
            self.predictor,
            objects,
            len(clip),
            (clip.height, clip.width),
            TrackSettings(
                objects_at_once=objects_at_once,
                fill_hole_area=FILL_HOLE_AREA if options["apply_postprocessing"] else 0,
                start_together=not options["track_object_appearing_later_in_video"],
            ),
        )
        normaliser = Normaliser(self.device)
        side, resize = self.predictor.image_size, resizer(self.device.type)
        for frame in tracker.prompted_frames:
            with self._mode():
                features = encode_frames(self.predictor, normaliser([resize(clip[frame], side)]))[0]
                tracker.prompt(frame, features)
        for frame in range(tracker.start):
            yield frame, torch.full((len(objects), 1, clip.height, clip.width), ABSENT, device=self.device)
        frames = range(tracker.start, len(clip))
        ahead = frames_ahead(frames_at_once)
        with contextlib.closing(read_ahead(clip, frames, side, ahead=ahead, resize=resize)) as pictures:
            for first in frames[::frames_at_once]:
                batch = range(first, min(first + frames_at_once, len(clip)))
                images = list(itertools.islice(pictures, len(batch)))
                if self.options["compile"]:  # a batch of another size would be compiled for
                    images += images[-1:] * (frames_at_once - len(images))
                with self._mode():
                    encoded = encode_frames(self.predictor, normaliser(images))
                for frame, features in zip(batch, encoded, strict=False):
                    with self._mode():
                        logits = tracker.advance(frame, features)
                    yield frame, logits

    @contextlib.contextmanager
    def _mode(self) -> Iterator[None]:
        """Inference mode, and bfloat16 autocast on CUDA; never held across a yield, where the caller's code runs."""
        kind = self.device.type
        with torch.inference_mode(), torch.autocast(kind, torch.bfloat16, enabled=AUTOCAST[kind]):
            yield

    def _settled(self, logits: torch.Tensor) -> torch.Tensor:
        """Logits after upstream's non-overlap step; overlapping objects stay so when they are written apart."""
        if self.options["per_obj_png_file"]:
            return logits
        return self.predictor._apply_non_overlapping_constraints(logits)

    def _label_map(self, logits: torch.Tensor, ids: list[int]) -> torch.Tensor:
        """Label map uint8 (H, W) of raw logits (objects, 1, H, W), on the device: one byte a pixel goes to the host.

        Settled in bands of rows: pixels do not know of each other, and the step keeps several copies of its logits.
        """
        height, width = logits.shape[-2:]
        labels = torch.zeros((height, width), dtype=torch.uint8, device=logits.device)
        rows = max(1, SETTLED_AT_ONCE // (len(ids) * width))
        for top in range(0, height, rows):
            band, settled = labels[top : top + rows], self._settled(logits[..., top : top + rows, :])
            for row in reversed(range(len(ids))):
                band.masked_fill_(settled[row, 0] > self.options["score_thresh"], ids[row])
        return labels


def _finished(
    tracked: Iterator[tuple[int, torch.Tensor]], finish: Callable[[torch.Tensor], T], done: int
) -> Iterator[T]:
    """What `finish` makes of the frames from `done` on. A frame of the call stack of its own: it goes, and the logits
    with it, when memory runs out."""
    for frame, logits in tracked:
        if frame >= done:
            yield finish(logits)


def free_parked() -> None:
    """Free the weights that the last closed segmenter left on the device."""
    _let_go()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _let_go() -> None:
    """Forget the parked predictor."""
    compiled = any(parked.weights.compiled for parked in _parked)
    _parked.clear()
    if compiled:
        gc.collect()  # a compiled encoder refers to itself: its weights would stay until the next collection
