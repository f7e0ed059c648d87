"""What a person reads when a checkpoint cannot be used, and that SHA-256 is read once per file."""

from __future__ import annotations

import hashlib
import importlib.resources
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.models.sam2_random import SIDE, write_checkpoint
from vos_core.errors import InputError
from vos_core.home import Home
from vos_core.models import checkpoints
from vos_core.models.sam2_video import load
from vos_core.models.sam2_weights import build_predictor
from vos_core.runs import RunSettings

MODEL = "sam2_hiera_tiny"


def settings_for(model: str = MODEL, size: int = 7, **options: object) -> RunSettings:
    values = {"image_size": SIDE, "device": "cpu", **options}
    return RunSettings("D", "data:D", "val", model, size, "naive", (), tuple(sorted(values.items())))


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("weights"))


def refusal(home: Home, settings: RunSettings) -> str:
    with pytest.raises(InputError) as caught:
        load(settings, home)
    return str(caught.value)


def truncated(good: Path, path: Path) -> None:
    path.write_bytes(good.read_bytes()[: 3 * good.stat().st_size // 4])


def empty(good: Path, path: Path) -> None:
    path.write_bytes(b"")


def web_page(good: Path, path: Path) -> None:
    path.write_text("<!DOCTYPE html><html>Google Drive: too many people have viewed this file</html>")


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch /tmp/voslab-was-here",)


def evil(good: Path, path: Path) -> None:
    torch.save({"model": _Evil()}, path)


def bare_pickle(good: Path, path: Path) -> None:
    path.write_bytes(pickle.dumps(_Evil()))


def cut_pickle(good: Path, path: Path) -> None:
    torch.save({"model": {"a": torch.zeros(1000)}}, path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes()[:200])


def no_weights(good: Path, path: Path) -> None:
    torch.save({"epoch": 3, "model": {"note": "nothing"}}, path)


def other_model(good: Path, path: Path) -> None:
    """A SAM 2.1 tiny file under SAM 2's name."""
    write_checkpoint(path.parent / "other", "sam2.1_hiera_tiny").replace(path)


def other_size(good: Path, path: Path) -> None:
    state = torch.load(good, weights_only=True)["model"]
    state["image_encoder.trunk.patch_embed.proj.weight"] = torch.zeros(112, 3, 7, 7)
    del state["maskmem_tpos_enc"]
    torch.save({"model": state}, path)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (truncated, ["truncated or damaged", "get it again with `python -m vos_core fetch sam2_hiera_tiny`"]),
        (empty, ["not a checkpoint", "0 bytes", "fetch sam2_hiera_tiny"]),
        (web_page, ["not a checkpoint", "<!DO", "fetch sam2_hiera_tiny"]),
        (evil, ["refused", "Python objects", "{'model': model.state_dict()}"]),
        (bare_pickle, ["refused", "Python objects"]),
        (cut_pickle, ["damaged", "fetch sam2_hiera_tiny"]),
        (no_weights, ["no weights under 'model'"]),
        (other_model, ["does not fit the config configs/sam2/sam2_hiera_t.yaml", "looks like sam2.1_hiera_tiny"]),
        (
            other_size,
            ["does not fit the config configs/sam2/sam2_hiera_t.yaml", "1 weights have another size", "(112, 3, 7, 7)"],
        ),
    ],
)
def test_spoilt_checkpoint_is_one_sentence(
    spoil: Callable[[Path, Path], None], words: list[str], good: Path, home: Home
) -> None:
    home.checkpoints.mkdir(parents=True)
    path = home.checkpoints / "sam2_hiera_tiny.pt"
    spoil(good, path)
    text = refusal(home, settings_for())
    assert str(path) in text
    assert all(word in text for word in words), text
    assert "\n" not in text
    assert not Path("/tmp/voslab-was-here").exists()


def test_missing_checkpoint_says_where_it_was_looked_for_and_how_to_get_it(home: Home) -> None:
    text = refusal(home, settings_for("sam2.1_hiera_large"))
    assert str(home.checkpoints / "sam2.1_hiera_large.pt") in text
    assert "python -m vos_core fetch sam2.1_hiera_large" in text


def test_missing_own_checkpoint_names_every_place(home: Home) -> None:
    text = refusal(home, settings_for(checkpoint="mine/tuned.pt"))
    assert str(home.root / "mine/tuned.pt") in text and str(home.checkpoints / "mine/tuned.pt") in text


@pytest.mark.parametrize("spelling", ["absolute", "stored", "plain"])
def test_own_checkpoint_is_found_and_loads(spelling: str, good: Path, home: Home) -> None:
    home.checkpoints.mkdir(parents=True)
    path = home.checkpoints / "tuned.pt"
    path.symlink_to(good)
    text = {"absolute": str(path), "stored": home.store(path), "plain": "tuned.pt"}[spelling]
    settings = settings_for(checkpoint=text)
    assert checkpoints.find_checkpoint(settings, home) == path
    segmenter = load(settings, home)
    assert segmenter.facts()["checkpoint_sha256"] == hashlib.sha256(good.read_bytes()).hexdigest()
    segmenter.close()


def test_model_without_weights_has_no_checkpoint(home: Home) -> None:
    assert checkpoints.find_checkpoint(RunSettings("D", "d", "val", "flow"), home) is None


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (settings_for(size=8), ["Memory size 8", "7 memory slots", "0 (memory off) to 7"]),
        (settings_for(device="cuda"), ["CUDA was asked for", "device cpu or auto"]),
        (settings_for(config="configs/none.yaml"), ["configs/none.yaml", "neither in the sam2 package nor a file"]),
    ],
)
def test_settings_that_cannot_be_run(settings: RunSettings, words: list[str], good: Path, home: Home) -> None:
    if settings.option("device") == "cuda" and torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    home.checkpoints.mkdir(parents=True)
    (home.checkpoints / good.name).symlink_to(good)
    text = refusal(home, settings)
    assert all(word in text for word in words), text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model: [broken", ["no YAML that can be read"]),
        ("scratch: {}", ["no section `model`"]),
        ("model: {_target_: x, image_encoder: {_target_: os.system}}", ["os.system", "only sam2's own classes"]),
    ],
)
def test_own_config_that_cannot_be_used(text: str, words: list[str], good: Path, home: Home, tmp_path: Path) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text(text)
    told = refusal(home, settings_for(config=str(config), checkpoint=str(good)))
    assert str(config) in told and all(word in told for word in words), told


@pytest.mark.parametrize("size", [0, 5, 7])
def test_a_config_with_other_memory_slots_is_refused(size: int, home: Home, tmp_path: Path) -> None:
    """Although the checkpoint has as many rows, at every memory size."""
    packaged = importlib.resources.files("sam2").joinpath("configs/sam2/sam2_hiera_t.yaml").read_text()
    config, checkpoint = tmp_path / "five.yaml", tmp_path / "five.pt"
    config.write_text(packaged.replace("num_maskmem: 7", "num_maskmem: 5"))
    built = build_predictor(str(config), None, torch.device("cpu"), SIDE)
    torch.save({"model": built.state_dict()}, checkpoint)
    told = refusal(home, settings_for(size=size, config=str(config), checkpoint=str(checkpoint)))
    assert f"{str(config)!r} has num_maskmem 5" in told and "7 memory slots" in told and "set it to 7" in told


def test_one_pointer_is_refused_by_the_config_not_the_name(home: Home, tmp_path: Path) -> None:
    """A SAM 2.1 config under the name of a SAM 2.0 model; also where the weights are warm already."""
    checkpoint = write_checkpoint(tmp_path, "sam2.1_hiera_tiny")
    config = "configs/sam2.1/sam2.1_hiera_t.yaml"
    own = {"config": config, "checkpoint": str(checkpoint)}
    told = refusal(home, settings_for(max_obj_ptrs_in_encoder=1, **own))
    assert config in told and "max_obj_ptrs_in_encoder 1" in told and "choose 2 or more" in told
    load(settings_for(max_obj_ptrs_in_encoder=2, **own), home).close()
    assert refusal(home, settings_for(max_obj_ptrs_in_encoder=1, **own)) == told


def test_one_pointer_runs_where_pointers_carry_no_time(good: Path, home: Home) -> None:
    load(settings_for(max_obj_ptrs_in_encoder=1, checkpoint=str(good)), home).close()


def test_digest_is_read_once_per_file(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "w.pt"
    path.write_bytes(b"one")
    first = checkpoints.checkpoint_sha256(path, home)
    assert first == hashlib.sha256(b"one").hexdigest()
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints.hashlib, "file_digest", lambda *_: pytest.fail("read again"))
        assert checkpoints.checkpoint_sha256(path, home) == first
    path.write_bytes(b"two")
    os.utime(path, ns=(1, 1))
    assert checkpoints.checkpoint_sha256(path, home) == hashlib.sha256(b"two").hexdigest()
    (home.state / "checkpoint_sha256.json").write_text("{ not json")
    assert checkpoints.checkpoint_sha256(path, home) == hashlib.sha256(b"two").hexdigest()


def test_pages_can_ask_without_torch() -> None:
    import subprocess

    code = (
        "import sys, vos_core.models.checkpoints, vos_core.models.sam2_settings, vos_core.models.sam2_memory;"
        "print([name for name in ('torch', 'sam2', 'cv2', 'streamlit') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
