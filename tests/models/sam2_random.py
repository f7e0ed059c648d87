"""Seeded random SAM 2 checkpoints, array clips and the upstream loop that our engine is held against."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from vos_core.models.base import LabelMap, Picture
from vos_core.models.registry import find_model
from vos_core.models.sam2_weights import build_predictor

SIDE = 128


def write_checkpoint(folder: Path, model: str = "sam2_hiera_tiny", seed: int = 7, stirred: bool = False) -> Path:
    """A checkpoint of random weights under the model's own file name; its masks are not empty.

    `stirred` turns the memory's weights up, so that what a frame attends to shows in its logits: plain random weights
    barely look at the memory and a test on them is nearly blind.
    """
    spec = find_model(model)
    assert spec.config is not None and spec.checkpoint is not None
    torch.manual_seed(seed)
    predictor = build_predictor(spec.config, None, torch.device("cpu"), SIDE)
    with torch.no_grad():
        head = predictor.sam_mask_decoder.pred_obj_score_head
        head.layers[-1].bias.fill_(4.0)  # the object is there
        if stirred:
            for part in (
                predictor.memory_attention,
                predictor.memory_encoder,
                predictor.sam_mask_decoder,
                predictor.obj_ptr_proj,
            ):
                for name, weight in part.named_parameters():
                    if weight.dim() == 2:
                        weight.mul_(1.5)
                    if name.endswith("gamma"):
                        weight.fill_(1.0)
            predictor.maskmem_tpos_enc.mul_(20)
            predictor.no_obj_ptr.mul_(20)
            head.layers[-1].weight.mul_(1 / 1.5)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / spec.checkpoint
    torch.save({"model": predictor.state_dict()}, path)
    return path


@dataclass(frozen=True)
class ArrayClip:
    """A clip held in memory, (frames, H, W, 3) uint8; `reads` lists the frames that were asked for."""

    frames: np.ndarray
    name: str = "clip"
    paths: Sequence[Any] = ()
    reads: list[int] = field(default_factory=list)

    @property
    def height(self) -> int:
        return int(self.frames.shape[1])

    @property
    def width(self) -> int:
        return int(self.frames.shape[2])

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> Picture:
        self.reads.append(index)
        return self.frames[index]

    def __iter__(self) -> Iterator[Picture]:
        return iter(self.frames)


def moving_squares(
    folder: Path, frames: int = 6, objects: int = 2, size: tuple[int, int] = (96, 160), seed: int = 3
) -> tuple[ArrayClip, dict[int, LabelMap]]:
    """Textured squares that drift over noise: written as JPEGs into `folder`, read back as the clip (so that both
    sides see the same pixels), and one label map a frame."""
    height, width = size
    random = np.random.default_rng(seed)
    ground = random.integers(0, 255, (height // 8, width // 8, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    side = height // 4
    textures = random.integers(0, 255, (objects, side, side, 3), dtype=np.uint8)
    starts = [(int(random.integers(0, height - side)), n * (width // objects)) for n in range(objects)]
    folder.mkdir(parents=True, exist_ok=True)
    pictures, labels = [], {}
    for frame in range(frames):
        picture, label = ground.copy(), np.zeros(size, np.uint8)
        for n, (top, left) in enumerate(starts):
            row, column = (top + 2 * frame) % (height - side), min(left + 3 * frame, width - side)
            picture[row : row + side, column : column + side] = textures[n]
            label[row : row + side, column : column + side] = n + 1
        path = folder / f"{frame:05d}.jpg"
        Image.fromarray(picture).save(path, quality=95)
        pictures.append(np.array(Image.open(path).convert("RGB")))
        labels[frame] = label
    return ArrayClip(np.stack(pictures), name=folder.name), labels


@dataclass(frozen=True)
class Oracle:
    """The real predictor driven as `tools/vos_inference.py` of facebookresearch/sam2 drives it."""

    model: str
    checkpoint: Path
    postprocessing: bool = False
    image_size: int = SIDE

    def predictor(self, non_overlap: bool) -> Any:
        """Built by the package's own builder, hydra and all."""
        from sam2.build_sam import build_sam2_video_predictor

        predictor = build_sam2_video_predictor(
            find_model(self.model).config,
            str(self.checkpoint),
            device="cpu",
            apply_postprocessing=self.postprocessing,
            hydra_overrides_extra=[
                f"++model.non_overlap_masks={str(non_overlap).lower()}",
                f"++model.image_size={self.image_size}",
            ],
        )
        # On the CPU upstream fails where a frame attends to no object pointer (bfloat16 memory, float32 weights);
        # elsewhere its concatenation with pointers makes float32 of the memory, as this does.
        predictor.memory_attention.register_forward_pre_hook(
            lambda _, args, kwargs: (args, {**kwargs, "memory": kwargs["memory"].float()}), with_kwargs=True
        )
        return predictor

    @staticmethod
    @torch.inference_mode()
    def logits(predictor: Any, video: Path, prompts: Mapping[int, Mapping[int, np.ndarray]]) -> dict[int, torch.Tensor]:
        """frame -> logits (objects, 1, H, W); `prompts` are frame -> object -> mask, all added before propagation."""
        state = predictor.init_state(video_path=str(video))
        for frame, masks in prompts.items():
            for object_id, mask in masks.items():
                predictor.add_new_mask(state, frame, object_id, mask)
        return {frame: logits.clone() for frame, _, logits in predictor.propagate_in_video(state)}


def set_upstream_memory(predictor: Any, size: int, mode: str) -> None:
    """`num_maskmem` as people set it on a loaded predictor: naive (the user's script), or with the prompted frame's
    trained row kept. Written apart from `sam2_memory`, which it is there to check."""
    if not hasattr(predictor, "rows_as_loaded"):
        predictor.rows_as_loaded = predictor.maskmem_tpos_enc.detach().clone()
    rows = predictor.rows_as_loaded
    if mode == "position_preserving":
        rows = torch.cat([rows[: max(size - 1, 0)], rows[-1:]])
    predictor.maskmem_tpos_enc = torch.nn.Parameter(rows)
    predictor.num_maskmem = size


def objects_of(labels: LabelMap) -> dict[int, np.ndarray]:
    """One bool mask an object."""
    return {int(n): labels == n for n in np.unique(labels) if n > 0}


def label_map(logits: torch.Tensor, ids: Sequence[int], threshold: float = 0.0) -> LabelMap:
    """Upstream's `put_per_obj_mask`: ids written in descending order, so that the lower wins."""
    labels = np.zeros(logits.shape[-2:], np.uint8)
    for row, object_id in sorted(enumerate(ids), key=lambda pair: -pair[1]):
        labels[(logits[row, 0] > threshold).numpy()] = object_id
    return labels
