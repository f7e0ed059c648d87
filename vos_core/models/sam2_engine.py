"""SAM 2 over one video, frame by frame: objects in batches, memory dropped as soon as no later frame can attend to it.

The mathematics is the real predictor's (`track_step`, `_encode_new_memory`); what upstream's `propagate_in_video` does
around it (one object after the other, every frame's state kept, the whole video loaded) is done anew here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vos_core.models.sam2_memory import memory_is_needed, pointer_is_needed

if TYPE_CHECKING:
    import torch
    from sam2.sam2_video_predictor import SAM2VideoPredictor

ObjectMask = npt.NDArray[np.bool_]  # (H, W)


@dataclass(frozen=True)
class PackedMask:
    """A mask (H, W) as bits: all prompts of a video are kept, in case memory runs out and it is done anew."""

    bits: npt.NDArray[np.uint8]
    shape: tuple[int, int]

    @classmethod
    def of(cls, mask: ObjectMask) -> PackedMask:
        """`mask` (H, W) bool, packed."""
        return cls(np.packbits(mask), (mask.shape[0], mask.shape[1]))

    def unpacked(self) -> ObjectMask:
        """The mask (H, W)."""
        height, width = self.shape
        return np.unpackbits(self.bits, count=height * width).view(np.bool_).reshape(self.shape)


ObjectPrompts = Mapping[int, Mapping[int, PackedMask]]  # object id -> frame index -> mask

ABSENT = -1024.0  # upstream's NO_OBJ_SCORE: the logit of an object that is not there (yet)


@dataclass(frozen=True)
class TrackSettings:
    """How a video is tracked, beside what the predictor itself was set to (memory size, stride, pointers).

    `objects_at_once` bounds a batch (0: no bound); `fill_hole_area` is in low-resolution pixels (0: off);
    `start_together` starts every object at the earliest prompt, as upstream does unless objects appear later.
    """

    objects_at_once: int = 0
    fill_hole_area: int = 0
    start_together: bool = True


@dataclass
class ObjectGroup:
    """Objects that are prompted on the same frames and so can share a batch; `memory` is upstream's `output_dict`."""

    ids: tuple[int, ...]
    frames: tuple[int, ...]
    start: int
    memory: dict[str, dict[int, dict[str, Any]]] = field(
        default_factory=lambda: {"cond_frame_outputs": {}, "non_cond_frame_outputs": {}}
    )


def group_objects(prompts: ObjectPrompts, settings: TrackSettings) -> list[ObjectGroup]:
    """Objects by the frames that prompt them, in batches of at most `objects_at_once`, ids ascending."""
    together: dict[tuple[int, ...], list[int]] = {}
    for object_id in sorted(prompts):
        together.setdefault(tuple(sorted(prompts[object_id])), []).append(object_id)
    earliest = min(frames[0] for frames in together)
    groups = []
    for frames, ids in together.items():
        size = settings.objects_at_once or len(ids)
        for first in range(0, len(ids), size):
            start = earliest if settings.start_together else frames[0]
            groups.append(ObjectGroup(tuple(ids[first : first + size]), frames, start))
    return groups


class VideoTracker:
    """The state of one video. Call `prompt` for every prompted frame first (they may lie in the future of others),
    then `advance` for each frame from `start` on, in order."""

    def __init__(
        self,
        predictor: SAM2VideoPredictor,
        prompts: ObjectPrompts,
        frames: int,
        size: tuple[int, int],
        settings: TrackSettings,
    ) -> None:
        """
        Args:
            predictor: set to the run's memory.
            prompts: object id -> frame index -> mask (H, W); at least one object.
            frames: number of frames of the video (SAM 2.1's pointer code depends on it in short clips).
            size: (H, W) of the video.
            settings: see there.
        """
        self.predictor = predictor
        self.prompts = prompts
        self.frames = frames
        self.size = size
        self.settings = settings
        self.ids = tuple(sorted(prompts))
        self.groups = group_objects(prompts, settings)
        self.start = min(group.start for group in self.groups)
        self._position_code: list[torch.Tensor] | None = None

    @property
    def prompted_frames(self) -> tuple[int, ...]:
        """Every frame that prompts an object, ascending."""
        return tuple(sorted({frame for group in self.groups for frame in group.frames}))

    def prompt(self, frame: int, features: dict[str, Any]) -> None:
        """Encode the prompts of one frame as memories that all frames attend to."""
        for group in self.groups:
            if frame in group.frames:
                masks = self._prompt_masks([self.prompts[object_id][frame].unpacked() for object_id in group.ids])
                out = self._step(group, frame, features, masks)
                if self.predictor.num_maskmem > 0:
                    out.update(self._prompt_memory(frame, features, out, len(group.ids)))
                group.memory["cond_frame_outputs"][frame] = out

    def advance(self, frame: int, features: dict[str, Any]) -> torch.Tensor:
        """Raw logits (objects, 1, H, W) float32 of one frame, ids ascending, before the non-overlap step."""
        import torch

        low: dict[int, torch.Tensor] = {}
        for group in self.groups:
            if frame < group.start:
                continue
            if frame in group.frames:
                masks = group.memory["cond_frame_outputs"][frame].pop("pred_masks")
            else:
                out = self._step(group, frame, features, None)
                masks = out.pop("pred_masks")
                group.memory["non_cond_frame_outputs"][frame] = out
            low.update(zip(group.ids, masks.split(1), strict=True))
            self._forget(group, frame + 1)
        present = [row for row, object_id in enumerate(self.ids) if object_id in low]
        masks = torch.cat([low[self.ids[row]] for row in present]) if present else None
        if masks is not None and masks.shape[-2:] != self.size:
            masks = torch.nn.functional.interpolate(masks, size=self.size, mode="bilinear", align_corners=False)
        if masks is not None and len(present) == len(self.ids):
            return masks
        logits = torch.full((len(self.ids), 1, *self.size), ABSENT, device=self.predictor.device)
        return logits if masks is None else logits.index_copy_(0, _index(present, logits), masks)

    def _prompt_masks(self, masks: Sequence[ObjectMask]) -> torch.Tensor:
        """Prompts at the model's size, (objects, 1, S, S) of 0.0 and 1.0, resized as upstream's `add_new_mask`."""
        import torch

        side = self.predictor.image_size
        stack = torch.from_numpy(np.stack(masks))[:, None].to(self.predictor.device).float()
        if stack.shape[-2:] == (side, side):
            return stack
        stack = torch.nn.functional.interpolate(
            stack, size=(side, side), align_corners=False, mode="bilinear", antialias=True
        )
        return (stack >= 0.5).float()

    def _step(
        self, group: ObjectGroup, frame: int, features: dict[str, Any], masks: torch.Tensor | None
    ) -> dict[str, Any]:
        """One frame of one group through the predictor; what is kept of it, as upstream's compact output."""
        predictor = self.predictor
        _, _, feats, positions, sizes = _expand(predictor, frame, features, len(group.ids))
        out = predictor.track_step(
            frame_idx=frame,
            is_init_cond_frame=masks is not None,
            current_vision_feats=feats,
            current_vision_pos_embeds=positions,
            feat_sizes=sizes,
            point_inputs=None,
            mask_inputs=masks,
            output_dict=group.memory,
            num_frames=self.frames,
            # With fewer than two slots no frame but the prompted one is ever attended to.
            run_mem_encoder=masks is None and predictor.num_maskmem > 1,
        )
        memory = out["maskmem_features"]
        pred_masks = out["pred_masks"]
        if self.settings.fill_hole_area > 0:
            pred_masks = fill_holes(pred_masks, self.settings.fill_hole_area)
        return {
            "maskmem_features": None if memory is None else self._stored(memory),
            "maskmem_pos_enc": self._shared_code(out["maskmem_pos_enc"]),
            "pred_masks": pred_masks,
            "obj_ptr": out["obj_ptr"],
            "object_score_logits": out["object_score_logits"],
        }

    def _prompt_memory(self, frame: int, features: dict[str, Any], out: dict[str, Any], objects: int) -> dict[str, Any]:
        """The spatial memory of a prompted frame, encoded from its low-resolution masks as upstream's preflight."""
        import torch

        predictor = self.predictor
        _, _, feats, _, sizes = _expand(predictor, frame, features, objects)
        side = (predictor.image_size, predictor.image_size)
        masks = torch.nn.functional.interpolate(out["pred_masks"], size=side, mode="bilinear", align_corners=False)
        memory, code = predictor._encode_new_memory(
            current_vision_feats=feats,
            feat_sizes=sizes,
            pred_masks_high_res=masks,
            object_score_logits=out["object_score_logits"],
            is_mask_from_pts=True,
        )
        return {"maskmem_features": self._stored(memory), "maskmem_pos_enc": self._shared_code(code)}

    def _stored(self, memory: torch.Tensor) -> torch.Tensor:
        """A spatial memory as upstream keeps it: rounded to bfloat16. Without autocast it is handed on as float32,
        the same numbers: upstream leaves that to the concatenation with float32 pointers, and fails on a frame that
        attends to no pointer (prompted only in its future)."""
        import torch

        rounded = memory.to(torch.bfloat16)
        return rounded if torch.is_autocast_enabled(rounded.device.type) else rounded.float()

    def _shared_code(self, code: list[torch.Tensor] | None) -> list[torch.Tensor] | None:
        """One copy of the memories' spatial position code: it is the same for every frame and object."""
        if code is None:
            return None
        if self._position_code is None:
            self._position_code = [level[0:1].clone() for level in code]
        return [level.expand(len(code[0]), -1, -1, -1) for level in self._position_code]

    def _forget(self, group: ObjectGroup, upcoming: int) -> None:
        """Drop what no frame from `upcoming` on can attend to."""
        predictor = self.predictor
        size, stride = predictor.num_maskmem, predictor.memory_temporal_stride_for_eval
        kept = group.memory["non_cond_frame_outputs"]
        for past in list(kept):
            remembered = memory_is_needed(past, upcoming, size, stride)
            if not remembered and not pointer_is_needed(past, upcoming, predictor.max_obj_ptrs_in_encoder):
                del kept[past]
            elif not remembered:
                kept[past].update(maskmem_features=None, maskmem_pos_enc=None)


def _expand(predictor: SAM2VideoPredictor, frame: int, features: dict[str, Any], objects: int) -> Any:
    """One frame's features repeated (as views) for a batch of objects, by the predictor's own code."""
    state = {"cached_features": {frame: (features["backbone_fpn"][0], features)}}
    return predictor._get_image_feature(state, frame, objects)


def encode_frames(predictor: SAM2VideoPredictor, images: torch.Tensor) -> list[dict[str, Any]]:
    """Image features of a batch of frames (N, 3, S, S), one `backbone_out` a frame."""
    out = predictor.forward_image(images)
    return [
        {name: [level[n : n + 1] for level in out[name]] for name in ("backbone_fpn", "vision_pos_enc")}
        for n in range(len(images))
    ]


def fill_holes(logits: torch.Tensor, most: int) -> torch.Tensor:
    """Give background regions of at most `most` pixels (8-connected) the logit 0.1, as upstream's CUDA extension.

    Args:
        logits: (objects, 1, h, w) at the decoder's resolution.
        most: area in pixels.
    """
    import torch
    from scipy import ndimage

    background = (logits <= 0).cpu().numpy()
    holes = np.zeros_like(background)
    for n, mask in enumerate(background[:, 0]):
        regions, _ = ndimage.label(mask, structure=np.ones((3, 3), dtype=int))
        areas = np.bincount(regions.ravel())
        holes[n, 0] = mask & (areas[regions] <= most)
    return torch.where(torch.from_numpy(holes).to(logits.device), 0.1, logits)


def _index(rows: list[int], like: torch.Tensor) -> torch.Tensor:
    import torch

    return torch.tensor(rows, device=like.device)
