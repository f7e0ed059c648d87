"""Which CUDA torch was built for, read without importing it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from vos_core.cuda import TorchBuild, graphics, read_build, torch_build


@pytest.mark.parametrize(
    ("version", "text", "cuda"),
    [
        ("2.13.0", "cuda: Optional[str] = '13.0'\nhip: Optional[str] = None\n", "13.0"),
        ("2.13.0+cpu", "__all__ = ['__version__', 'cuda']\ncuda: Optional[str] = None\n", None),
        ("1.9.0", "cuda = '11.1'\n", "11.1"),
        ("2.13.0+cu126", None, "12.6"),
        ("2.13.0", None, None),
    ],
)
def test_read_build(version: str, text: str | None, cuda: str | None, tmp_path: Path) -> None:
    file = tmp_path / "version.py"
    if text is not None:
        file.write_text(text)
    assert read_build(version, file) == TorchBuild(version, cuda)


def test_the_build_has_the_suffix_that_its_wheel_leaves_out(tmp_path: Path) -> None:
    file = tmp_path / "version.py"
    file.write_text("__version__ = '2.5.1+cu124'\ncuda: Optional[str] = '12.4'\n")
    assert read_build("2.5.1", file) == TorchBuild("2.5.1+cu124", "12.4")


def test_this_build_is_what_torch_itself_says() -> None:
    torch = pytest.importorskip("torch")
    assert torch_build() == TorchBuild(torch.__version__, torch.version.cuda)
    assert (graphics().problem() is None) == torch.cuda.is_available()


def test_torch_is_not_imported() -> None:
    code = "import sys; from vos_core.cuda import graphics; graphics().problem(); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
