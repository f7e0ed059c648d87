"""A SAM 2 predictor from a config and a checkpoint file, with every way that can fail told in a sentence."""

from __future__ import annotations

import importlib.resources
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vos_core.errors import InputError
from vos_core.models.registry import MODELS

if TYPE_CHECKING:
    import torch
    from sam2.sam2_video_predictor import SAM2VideoPredictor

_TARGET = "sam2.sam2_video_predictor.SAM2VideoPredictor"
_BLOCKS = {12: "tiny", 16: "small", 24: "base_plus", 48: "large"}  # transformer blocks of Hiera, by model size


def build_predictor(
    config: str, checkpoint: Path | None, device: torch.device, image_size: int, model: str = ""
) -> SAM2VideoPredictor:
    """The real `SAM2VideoPredictor` of a config, in eval mode on `device`.

    Args:
        config: a config of the sam2 package (`configs/sam2/sam2_hiera_t.yaml`) or the path of a YAML file.
        checkpoint: the weights; None leaves the random weights of the constructor (seed torch before).
        device: where to run.
        image_size: side in pixels that frames are resized to.
        model: the registered model's name, for the sentences.

    Raises:
        InputError: the config cannot be read, or the checkpoint is truncated, no checkpoint, or of another model.
    """
    from hydra.utils import instantiate
    from omegaconf import OmegaConf

    settings = _read_config(config)
    OmegaConf.update(settings, "model._target_", _TARGET)
    OmegaConf.update(settings, "model.image_size", image_size)
    OmegaConf.resolve(settings)
    _refuse_foreign_code(OmegaConf.to_container(settings.model), config)
    predictor: SAM2VideoPredictor = instantiate(settings.model, _recursive_=True)
    if checkpoint is not None:
        load_weights(predictor, checkpoint, config, model)
    return predictor.to(device).eval()


def _read_config(config: str) -> Any:
    """The config as OmegaConf reads it; sam2's configs have no defaults list, so that this is all hydra would do."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    packaged = importlib.resources.files("sam2").joinpath(config)
    path = Path(config).expanduser()
    try:
        text = packaged.read_text() if packaged.is_file() else path.read_text()
        settings = OmegaConf.create(text)
    except OSError as error:
        raise InputError(
            f"The SAM 2 config {config!r} is neither in the sam2 package nor a file here ({error.strerror}): name one "
            f"such as {MODELS['sam2_hiera_base_plus'].config}."
        ) from error
    except (YAMLError, OmegaConfBaseException, UnicodeDecodeError) as error:
        raise InputError(f"The SAM 2 config {config!r} is no YAML that can be read: {_first_line(error)}") from error
    if not OmegaConf.is_dict(settings) or "model" not in settings:
        raise InputError(f"The SAM 2 config {config!r} has no section `model`: it is not a config of a SAM 2 model.")
    return settings


def _refuse_foreign_code(section: Any, config: str) -> None:
    """A config names the classes to build: only sam2's own may be built."""
    if isinstance(section, Mapping):
        target = section.get("_target_", "sam2.")
        if not str(target).startswith("sam2."):
            raise InputError(
                f"The SAM 2 config {config!r} wants to build {target!r}: only sam2's own classes are built."
            )
        for value in section.values():
            _refuse_foreign_code(value, config)
    elif isinstance(section, list):
        for value in section:
            _refuse_foreign_code(value, config)


def load_weights(predictor: SAM2VideoPredictor, checkpoint: Path, config: str, model: str = "") -> None:
    """Load a checkpoint's tensors (nothing else: `weights_only`) into a predictor. Raises InputError, see above."""
    state = _read_state(checkpoint, model)
    expected = predictor.state_dict()
    missing = [name for name in expected if name not in state]
    surplus = [name for name in state if name not in expected]
    other = [name for name in expected if name in state and state[name].shape != expected[name].shape]
    if not (missing or surplus or other):
        predictor.load_state_dict(state)
        return
    parts = []
    if other:
        name = other[0]
        parts.append(
            f"{len(other)} weights have another size (first {name}: {tuple(state[name].shape)} in the file, "
            f"{tuple(expected[name].shape)} in the config)"
        )
    if missing:
        parts.append(f"{len(missing)} weights are missing (first {missing[0]})")
    if surplus:
        parts.append(f"{len(surplus)} weights are not of this model (first {surplus[0]})")
    fit = fitting_model(state)
    advice = f"it looks like {fit} ({MODELS[fit].config})" if fit else "choose the model that it was trained as"
    raise InputError(
        f"The checkpoint {checkpoint} does not fit the config {config}: {'; '.join(parts)}. Hint: {advice}."
    )


def round_weights(predictor: SAM2VideoPredictor) -> None:
    """Keep in bfloat16 what autocast would cast to bfloat16 on every use: the weights of linear and convolution layers.

    Autocast's own cache of cast weights does not work in inference mode. The numbers are the same; but the predictor
    runs under autocast only from then on. All other weights (norms, embeddings, position codes) stay float32.
    """
    import torch
    from torch import nn

    for module in predictor.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            module.to(torch.bfloat16)


def fitting_model(state: Mapping[str, Any]) -> str | None:
    """The registered model whose weights these look like: by the encoder's depth and SAM 2.1's added weights."""
    prefix = "image_encoder.trunk.blocks."
    blocks = {name[len(prefix) :].partition(".")[0] for name in state if name.startswith(prefix)}
    size = _BLOCKS.get(len(blocks))
    if size is None:
        return None
    return f"sam{'2.1' if 'no_obj_embed_spatial' in state else '2'}_hiera_{size}"


def _read_state(checkpoint: Path, model: str) -> dict[str, torch.Tensor]:
    """The tensors of a checkpoint: its `model` entry, or the file itself where that is a plain state dict."""
    import torch

    again = f"get it again with `python -m vos_core fetch {model}`" if model else "copy it again"
    try:
        size = checkpoint.stat().st_size
        with checkpoint.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise InputError(f"The checkpoint {checkpoint} cannot be read: {error.strerror}.") from error
    if magic[:1] != b"\x80" and magic[:2] != b"PK":
        raise InputError(
            f"The file {checkpoint} is not a checkpoint ({size:,} bytes that begin with {magic!r}): a download page or "
            f"an empty file, perhaps; {again}."
        )
    try:
        content = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if magic[:2] != b"PK" and "Unsupported" not in str(error):
            raise InputError(f"The checkpoint {checkpoint} is damaged ({size:,} bytes); {again}.") from error
        raise InputError(
            f"The checkpoint {checkpoint} is refused: it holds Python objects beside tensors, and loading those runs "
            f"code. Save it anew as {{'model': model.state_dict()}}. (torch: {_first_line(error)})"
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise InputError(
            f"The checkpoint {checkpoint} is truncated or damaged ({size:,} bytes; torch: {_first_line(error)}); "
            f"{again}."
        ) from error
    state = content.get("model", content) if isinstance(content, dict) else None
    if not isinstance(state, dict) or not state or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise InputError(
            f"The file {checkpoint} is a torch file but not a SAM 2 checkpoint: it has no weights under 'model'."
        )
    return state


def _first_line(error: Exception) -> str:
    """First line of an error's text, short."""
    lines = str(error).strip().splitlines()
    return lines[0][:160] if lines else type(error).__name__
