"""Under bfloat16 autocast weights are rounded once, when they are loaded: the same logits to the last bit, as a GPU
would have them, here on the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from tests.models.sam2_random import moving_squares, write_checkpoint
from vos_core.home import Home
from vos_core.models import sam2_video
from vos_core.models.sam2_video import Sam2Segmenter, load
from vos_core.runs import RunSettings

SIDE = 64
MODELS = ("sam2_hiera_tiny", "sam2.1_hiera_tiny")
# What torch's autocast casts to the lower precision on CUDA, and the layers whose weights are rounded call.
CAST = {"linear", "conv2d", "conv_transpose2d"}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    home = Home.from_environment({}, cwd=tmp_path_factory.mktemp("rounded"))
    for model in MODELS:
        write_checkpoint(home.checkpoints, model, stirred=True)
    yield home
    sam2_video.free_parked()
    torch.set_num_threads(threads)


@pytest.fixture
def autocast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sam2_video.AUTOCAST, "cpu", True)


def load_with(home: Home, model: str, size: int = 7, side: int = SIDE, **options: Any) -> Sam2Segmenter:
    values = {"image_size": side, "device": "cpu", **options}
    mode = "position_preserving"
    return load(RunSettings("D", "data:D", "val", model, size, mode, (), tuple(sorted(values.items()))), home)


class Uses(TorchFunctionMode):
    """Which functions are given one of the parameters, and whether autocast was on."""

    def __init__(self, parameters: list[nn.Parameter]) -> None:
        super().__init__()
        self.ids = {id(parameter) for parameter in parameters}
        self.used: set[int] = set()
        self.by: set[tuple[str, bool]] = set()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = {id(leaf) for leaf in tree_leaves((args, kwargs or {})) if isinstance(leaf, torch.Tensor)}
        if given & self.ids:
            self.used |= given & self.ids
            self.by.add((getattr(func, "__name__", str(func)), torch.is_autocast_enabled("cpu")))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    ("objects", "size", "options"),
    [
        (1, 7, {}),
        (2, 4, {"frames_at_once": 2}),
        (2, 7, {"exact": True, "apply_postprocessing": True}),
        pytest.param(2, 7, {"use_all_masks": True}, marks=pytest.mark.slow),
        pytest.param(
            2, 0, {"score_thresh": -0.5, "track_object_appearing_later_in_video": True}, marks=pytest.mark.slow
        ),
    ],
)
@pytest.mark.parametrize("model", MODELS)
def test_logits_are_those_of_weights_cast_on_every_use(
    model: str,
    objects: int,
    size: int,
    options: dict[str, Any],
    weights: Home,
    tmp_path: Path,
    autocast: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And every use of a rounded weight is one that autocast would have rounded it for."""
    clip, labels = moving_squares(tmp_path / "video", 6, objects)
    prompts = {0: labels[0], 3: labels[3]}
    sam2_video.free_parked()
    with monkeypatch.context() as patch:
        patch.setattr(sam2_video, "round_weights", lambda predictor: None)
        segmenter = load_with(weights, model, size, **options)
        expected = [logits.clone() for logits in segmenter.raw_logits(clip, prompts)]
        masks = list(segmenter.segment(clip, prompts))
        segmenter.close()
    sam2_video.free_parked()
    segmenter = load_with(weights, model, size, **options)
    rounded = [weight for weight in segmenter.predictor.parameters() if weight.dtype == torch.bfloat16]
    with Uses(rounded) as uses:
        found = [logits.clone() for logits in segmenter.raw_logits(clip, prompts)]
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    assert all((a == b).all() for a, b in zip(segmenter.segment(clip, prompts), masks, strict=True))
    assert segmenter.facts()["precision"] == "bfloat16 autocast"
    segmenter.close()
    sam2_video.free_parked()
    assert uses.by == {(name, True) for name in CAST}
    assert len(uses.used) > (0.8 if size else 0.6) * len(rounded), "the rest are for prompts by points and boxes"


def test_only_layers_that_autocast_rounds_are_rounded(weights: Home, autocast: None) -> None:
    sam2_video.free_parked()
    segmenter = load_with(weights, MODELS[1])
    kinds = {
        type(module).__name__: {weight.dtype for weight in module.parameters(recurse=False)}
        for module in segmenter.predictor.modules()
        if list(module.parameters(recurse=False))
    }
    segmenter.close()
    for name, dtypes in kinds.items():
        rounded = name in ("Linear", "Conv2d", "ConvTranspose2d")
        assert dtypes == {torch.bfloat16 if rounded else torch.float32}, name
    assert {"Linear", "Conv2d", "ConvTranspose2d", "LayerNorm", "Embedding"} <= set(kinds)
    assert segmenter._loaded is None


def test_rounded_weights_are_nobody_else_s(weights: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parked ones go to a next run under autocast, and to none without."""
    clip, labels = moving_squares(tmp_path / "video", 4, 1)
    sam2_video.free_parked()
    plain = load_with(weights, MODELS[0])
    assert {weight.dtype for weight in plain.predictor.parameters()} == {torch.float32}
    exact = [logits.clone() for logits in plain.raw_logits(clip, {0: labels[0]})]
    digest = plain.facts()["checkpoint_sha256"]
    plain.close()
    monkeypatch.setitem(sam2_video.AUTOCAST, "cpu", True)
    first = load_with(weights, MODELS[0])
    predictor = first.predictor
    rounded = [logits.clone() for logits in first.raw_logits(clip, {0: labels[0]})]
    assert first.facts()["checkpoint_sha256"] == digest
    first.close()
    second = load_with(weights, MODELS[0], size=3)
    assert second.predictor is predictor
    second.close()
    monkeypatch.setitem(sam2_video.AUTOCAST, "cpu", False)
    again = load_with(weights, MODELS[0])
    assert again.predictor is not predictor
    found = [logits.clone() for logits in again.raw_logits(clip, {0: labels[0]})]
    again.close()
    assert all(torch.equal(a, b) for a, b in zip(found, exact, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(rounded, exact, strict=True)), "nothing was rounded"
