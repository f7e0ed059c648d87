"""`make install TORCH=...`: the choice is kept, another one installs anew, a wrong one is told. Its Python only writes
down what it was called with: what pip itself does with a build of several GB is not tried here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CU126 = ("TORCH=torch==2.13.0+cu126", "TORCH_INDEX=https://download.pytorch.org/whl/cu126")
CU128 = ("TORCH=torch==2.11.0+cu128", "TORCH_INDEX=https://download.pytorch.org/whl/cu128")

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="no make")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in ("Makefile", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$@" >> .venv/calls\n')
    python.chmod(0o755)
    return tmp_path


def make(folder: Path, *words: str, **environment: str) -> tuple[list[str], str]:
    """What the environment's Python was called with, and what make said; raises when make failed."""
    calls = folder / ".venv/calls"
    calls.unlink(missing_ok=True)
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("TORCH", "MAKE"))}
    command = ["make", "install", f"PYTHON={sys.executable}", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env={**clean, **environment}, check=True)
    return calls.read_text().splitlines() if calls.exists() else [], done.stdout + done.stderr


def installed(calls: list[str]) -> str:
    """The requirement that was installed for torch, and the index it came from."""
    (first,) = [call for call in calls if " setuptools==" in call]
    torch = next(word for word in first.split() if word.startswith("torch=="))
    return f"{torch} {first.partition('--extra-index-url ')[2].partition(' ')[0]}".strip()


def test_the_choice_is_kept_until_it_is_taken_back(checkout: Path) -> None:
    calls, _ = make(checkout, *CU126)
    assert installed(calls) == "torch==2.13.0+cu126 https://download.pytorch.org/whl/cu126"
    requirements = (checkout / ".venv/requirements.txt").read_text().splitlines()
    assert [line.split()[0] for line in requirements if line.startswith("torch")] == [
        "torch==2.13.0+cu126",
        "torchvision",
    ]
    assert make(checkout)[0] == []  # as a second start does
    assert make(checkout, *CU126)[0] == []
    assert make(checkout, "TORCH=")[0] == []  # an init script's variable that is not set
    (checkout / "requirements.txt").touch()
    os.utime(checkout / "requirements.txt", (2e9, 2e9))  # a new version of VOS Lab
    assert installed(make(checkout)[0]).startswith("torch==2.13.0+cu126 ")
    os.utime(checkout / "requirements.txt", (1e9, 1e9))
    calls, _ = make(checkout, *CU128)
    assert any("uninstall" in call for call in calls)
    assert installed(calls).startswith("torch==2.11.0+cu128 ")
    assert installed(make(checkout, "TORCH=pinned")[0]) == "torch==2.13.0"
    assert not (checkout / "torch.env").exists()
    assert make(checkout)[0] == []


def test_the_file_may_be_written_by_hand_or_the_environment_may_say_it(checkout: Path) -> None:
    (checkout / "torch.env").write_text("# ours\nTORCH=torch==2.13.0+cu126\nTORCH_INDEX = file:///wheels\n")
    assert installed(make(checkout)[0]) == "torch==2.13.0+cu126 file:///wheels"
    assert make(checkout)[0] == []
    assert installed(make(checkout, TORCH="torch==2.13.0")[0]).split()[0] == "torch==2.13.0"
    make(checkout, "TORCH=pinned")
    (checkout / "torch.env").write_text(CU126[0])
    make(checkout, "TORCH=pinned")
    assert not (checkout / "torch.env").exists()


def test_what_is_installed_with_the_pinned_torch_is_left_alone(checkout: Path) -> None:
    assert installed(make(checkout)[0]) == "torch==2.13.0"
    assert not (checkout / "torch.env").exists()
    assert make(checkout)[0] == []
    assert make(checkout, "TORCH=pinned")[0] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["TORCH=cu126"], "TORCH=cu126 is no build of torch: give one such as TORCH=torch==2.13.0+cu126"),
        (["TORCH=2.13.0+cu126"], "is no build of torch"),
        (["TORCH=torchvision==0.28.0"], "is no build of torch"),
        (["TORCH=torch==2.4.1+cu118"], "too old: sam2 needs torch 2.5.1"),
        (["TORCH=torch==2.5.0"], "too old"),
        (["TORCH=torch==2.4"], "too old"),
        (["TORCH=torch==2.4+cu121"], "too old"),
        (["TORCH=torch==2.5"], "too old"),
        ([CU126[0], "TORCH_INDEX=cu126"], "TORCH_INDEX=cu126 is no package index"),
    ],
)
def test_a_wrong_choice_is_told_and_not_kept(checkout: Path, words: list[str], said: str) -> None:
    with pytest.raises(subprocess.CalledProcessError) as error:
        make(checkout, *words)
    assert said in error.value.stderr
    assert not (checkout / ".venv/calls").exists()
    assert not (checkout / "torch.env").exists()


@pytest.mark.parametrize("fails", ["--dry-run", "setuptools=="])
def test_a_failed_change_costs_nothing_or_is_made_again(checkout: Path, fails: str) -> None:
    """One that is not to be had leaves the environment alone; one that fails on the way is not called installed."""
    make(checkout)
    python = checkout / ".venv/bin/python"
    python.write_text(f'#!/bin/sh\necho "$@" >> .venv/calls\ncase "$*" in *{fails}*) exit 1;; esac\n')
    with pytest.raises(subprocess.CalledProcessError) as error:
        make(checkout, *CU126)
    calls = (checkout / ".venv/calls").read_text()
    assert ("uninstall" in calls) == (fails != "--dry-run")
    assert ("the environment is as it was" in error.value.stderr) == (fails == "--dry-run")
    python.write_text('#!/bin/sh\necho "$@" >> .venv/calls\n')
    again, _ = make(checkout)
    if fails == "--dry-run":
        assert again == []
    else:
        assert installed(again) == "torch==2.13.0"


def test_a_choice_that_cannot_be_installed_is_not_kept(checkout: Path) -> None:
    (checkout / ".venv/bin/python").write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(subprocess.CalledProcessError):
        make(checkout, *CU126)
    assert not (checkout / "torch.env").exists()
