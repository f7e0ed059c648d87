"""SAM 2 as a segmenter: a checkpoint loaded once, videos streamed through it, one label map a frame."""

from __future__ import annotations

import contextlib
import importlib.metadata
import itertools
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from vos_core.errors import InputError, VosLabError
from vos_core.home import Home
from vos_core.models.base import Clip, LabelMap
from vos_core.models.checkpoints import checkpoint_sha256, find_checkpoint
from vos_core.models.fetching import fetched
from vos_core.models.registry import MemoryMode, find_model
from vos_core.models.sam2_compile import BlankClip, compile_encoder
from vos_core.models.sam2_engine import (
    ABSENT,
    ObjectMask,
    ObjectPrompts,
    TrackSettings,
    VideoTracker,
    encode_frames,
)
from vos_core.models.sam2_frames import Normaliser, read_ahead, resize_frame
from vos_core.models.sam2_memory import set_memory_size
from vos_core.models.sam2_settings import check_values, option_values
from vos_core.models.sam2_weights import build_predictor
from vos_core.runs import RunSettings

if TYPE_CHECKING:
    from sam2.sam2_video_predictor import SAM2VideoPredictor

VOID = 255
FILL_HOLE_AREA = 8  # upstream's value for --apply_postprocessing
FRAMES_AT_ONCE = {"cuda": 4, "cpu": 1}  # through the image encoder, unless the run says how many
AUTOCAST = {"cuda": True, "cpu": False}  # to bfloat16
TRIES_OUT = {"cuda": True, "cpu": False}  # a blank clip before the first video, see Sam2Segmenter._warm_up
MASKS_BEHIND = {"cuda": 1, "cpu": 0}  # masks that are on their way to the host while the next frame is computed


@dataclass(frozen=True)
class _Weights:
    """Which weights a predictor holds: equal keys can share it, one after the other."""

    config: str
    checkpoint: str
    sha256: str
    image_size: int
    device: str
    compiled: bool


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

    Raises InputError when its options, device or checkpoint cannot be used, VosLabError when the GPU has no room.

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
    weights = _Weights(config, str(checkpoint), sha256, values["image_size"], str(device), values["compile"])
    loaded = _parked.pop() if _parked else None
    if loaded is None or loaded.weights != weights:
        del loaded  # the old weights go before the new ones come
        try:
            predictor = build_predictor(config, checkpoint, device, values["image_size"], settings.model)
        except torch.OutOfMemoryError as error:
            raise VosLabError(
                f"The weights of {settings.model} do not fit in the memory that is free on the GPU: end what else "
                f"uses it (`nvidia-smi` lists it), or take a smaller model."
            ) from error
        loaded = _Loaded(weights, predictor, predictor.maskmem_tpos_enc.detach().clone())
    return Sam2Segmenter(loaded, settings)


def find_device(asked: str) -> torch.device:
    """The device for `auto`, `cuda` or `cpu`. Raises InputError when CUDA is asked for and torch sees no GPU."""
    seen = torch.cuda.is_available()
    if asked == "cpu" or (asked == "auto" and not seen):
        return torch.device("cpu")
    if seen:
        return torch.device("cuda")
    raise InputError(f"CUDA was asked for, but {no_cuda_reason()}; choose the device cpu or auto to run without.")


def no_cuda_reason() -> str:
    """Why torch sees no GPU, as half a sentence: no CUDA build, a driver it cannot use, or no GPU at all."""
    if torch.version.cuda is None:
        return f"torch {torch.__version__} is a build without CUDA"
    driver = Path("/proc/driver/nvidia/version")
    if driver.exists():
        return (
            f"torch {torch.__version__} (CUDA {torch.version.cuda}) cannot use the NVIDIA GPU here: its driver is "
            f"older than that CUDA, or the GPU is not given to this process ({driver.read_text().splitlines()[0]})"
        )
    return f"torch {torch.__version__} (CUDA {torch.version.cuda}) sees no NVIDIA driver on this machine"


def device_facts() -> dict[str, Any]:
    """What a run's provenance records of this process: versions, the GPUs and their name, peak GPU memory in bytes."""
    cuda = torch.cuda.is_available()
    return {
        "device": torch.cuda.get_device_name() if cuda else "cpu",
        "gpu_count": torch.cuda.device_count() if cuda else 0,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "sam2": importlib.metadata.version("sam2"),
        "peak_gpu_bytes": peak_gpu_bytes(),
    }


def peak_gpu_bytes() -> int | None:
    """Most bytes of GPU memory that tensors took at once since `reset_peak_gpu_bytes`; None without CUDA."""
    return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None


def reset_peak_gpu_bytes() -> None:
    """Start counting `peak_gpu_bytes` anew (before a video)."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


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
        return int(self.options["frames_at_once"] or FRAMES_AT_ONCE[self.device.type])

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
        labels = (self._label_map(self._settled(logits), ids) for _, logits in self._logits(clip, objects))
        return fetched(labels, MASKS_BEHIND[self.device.type])

    def segment_objects(
        self, clip: Clip, prompts: Mapping[int, Mapping[int, ObjectMask]]
    ) -> Iterator[dict[int, ObjectMask]]:
        """As `segment`, for objects that may overlap (`per_obj_png_file`): frame -> object -> mask in and out."""
        objects = self._checked({frame: dict(masks) for frame, masks in prompts.items()}, clip)
        threshold = self.options["score_thresh"]
        masks = (self._settled(logits)[:, 0] > threshold for _, logits in self._logits(clip, objects))
        for of_frame in fetched(masks, MASKS_BEHIND[self.device.type]):
            yield dict(zip(sorted(objects), of_frame, strict=True))

    def raw_logits(self, clip: Clip, prompts: Mapping[int, LabelMap]) -> Iterator[torch.Tensor]:
        """Logits (objects, 1, H, W) float32 of every frame, ids ascending, before the non-overlap step."""
        for _, logits in self._logits(clip, self._objects_of(clip, prompts)):
            yield logits

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
            for _ in self.segment(clip, {0: clip.prompt()}):
                pass
            loaded.warm.add(self.frames_at_once)
        return time.perf_counter() - began if loaded.warm else 0.0

    def _objects_of(self, clip: Clip, prompts: Mapping[int, LabelMap]) -> ObjectPrompts:
        """Label maps taken apart into one mask an object; void and background are none."""
        return self._checked(
            {
                frame: {int(n): labels == n for n in np.unique(labels) if n not in (0, VOID)}
                for frame, labels in prompts.items()
            },
            clip,
        )

    def _checked(self, prompts: Mapping[int, Mapping[int, ObjectMask]], clip: Clip) -> ObjectPrompts:
        """The prompts that this run uses, object -> frame -> mask. Raises InputError when there are none or they do
        not fit the clip."""
        later, every = self.options["track_object_appearing_later_in_video"], self.options["use_all_masks"]
        objects: dict[int, dict[int, ObjectMask]] = {}
        for frame in sorted(prompts):
            if not 0 <= frame < len(clip):
                raise InputError(f"Video {clip.name}: a prompt for frame {frame}, but it has {len(clip)} frames.")
            if frame > 0 and not (later or every):
                break  # semi-supervised: no later annotation may be seen
            for object_id, mask in prompts[frame].items():
                if mask.shape != (clip.height, clip.width):
                    raise InputError(
                        f"Video {clip.name}: the annotation of frame {frame} has "
                        f"{mask.shape[1]}x{mask.shape[0]} pixels, its frames have {clip.width}x{clip.height}."
                    )
                if later and (not mask.any() or (object_id in objects and not every)):
                    continue
                objects.setdefault(object_id, {})[frame] = mask
        if not objects:
            hint = "" if later else " (objects that appear later: option track_object_appearing_later_in_video)"
            raise InputError(f"Video {clip.name}: its annotation shows no object to track{hint}.")
        return objects

    def _logits(self, clip: Clip, objects: ObjectPrompts) -> Iterator[tuple[int, torch.Tensor]]:
        """(frame, raw logits) of every frame, frame 0 first; when memory runs out, once more with half the objects.

        Raises VosLabError when half of them do not fit either.
        """
        options = self.options
        objects_at_once = 1 if options["exact"] else options["objects_at_once"]
        frames_at_once = self.frames_at_once
        batch = min(objects_at_once or len(objects), len(objects))
        done = 0
        for attempt in range(2):
            try:
                for frame, logits in self._track(clip, objects, batch, frames_at_once):
                    if frame >= done:
                        yield frame, logits
                        done = frame + 1
                return
            except torch.OutOfMemoryError as error:
                reason = str(error).partition(". ")[0]
            # Outside the handler: the error holds the frames of the call stack, and they hold tensors.
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            if attempt == 1 or (batch == 1 and frames_at_once == 1):
                break
            batch, frames_at_once = -(-batch // 2), 1
        raise VosLabError(
            f"Video {clip.name}: the device ran out of memory at frame {done}, with {batch} of its {len(objects)} "
            f"objects at once ({reason}): set objects_at_once lower, or take a smaller model or image_size, or a GPU "
            f"that nothing else uses."
        )

    def _track(
        self, clip: Clip, objects: ObjectPrompts, objects_at_once: int, frames_at_once: int
    ) -> Iterator[tuple[int, torch.Tensor]]:
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
        side = self.predictor.image_size
        for frame in tracker.prompted_frames:
            with self._mode():
                features = encode_frames(self.predictor, normaliser([resize_frame(clip[frame], side)]))[0]
                tracker.prompt(frame, features)
        for frame in range(tracker.start):
            yield frame, torch.full((len(objects), 1, clip.height, clip.width), ABSENT, device=self.device)
        frames = range(tracker.start, len(clip))
        with contextlib.closing(read_ahead(clip, frames, side)) as pictures:
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
        """Label map uint8 (H, W) of logits (objects, 1, H, W), on the device: one byte a pixel goes to the host."""
        labels = torch.zeros(logits.shape[-2:], dtype=torch.uint8, device=logits.device)
        for row in reversed(range(len(ids))):
            labels.masked_fill_(logits[row, 0] > self.options["score_thresh"], ids[row])
        return labels


def free_parked() -> None:
    """Free the weights that the last closed segmenter left on the device."""
    _parked.clear()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
