"""GPUs and torch. The torch that is asked in its own process is a small package here: it says what torch would on
machines with GPUs, which those that run these tests need not have; one test asks the real one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vos_core.cuda import Graphics, TorchBuild
from vos_core.doctor import graphics
from vos_core.doctor.report import Finding, Level
from vos_core.gpus import Gauge, Gpu

L4, H100 = Gpu("0", "NVIDIA L4"), Gpu("1", "NVIDIA H100")
OLD = Graphics((L4,), "535.104.05", TorchBuild("2.13.0", "13.0"))
FINE = Graphics((L4, H100), "580.95.05", TorchBuild("2.13.0", "13.0"))
CPU = Graphics((), None, TorchBuild("2.13.0+cpu", None))

SMALL_TORCH = """
import os, warnings
__version__ = "2.13.0"
class version:
    cuda = "13.0"
class _Ones:
    def __init__(self, index):
        self.index = index
    def __matmul__(self, other):
        if str(self.index) in os.environ.get("BROKEN", ""):
            raise RuntimeError("CUDA error: no kernel image is available for execution on the device\\nmore")
        return self
    def sum(self):
        return 512
def ones(*size, device):
    return _Ones(device.removeprefix("cuda:"))
class cuda:
    @staticmethod
    def is_available():
        if os.environ.get("DIES"):
            os._exit(3)
        if os.environ.get("SEEN", "0") == "0":
            warnings.warn("CUDA initialization: The NVIDIA driver on your system is too old")
            return False
        return True
    @staticmethod
    def device_count():
        return int(os.environ["SEEN"])
"""


@pytest.fixture
def small_torch(tmp_path: Path) -> dict[str, str]:
    """Environment in which `torch`, `sam2` and `cv2` are small packages."""
    for name, text in {"torch": SMALL_TORCH, "cv2": "", "sam2": "", "sam2/build_sam.py": ""}.items():
        file = tmp_path / (name if name.endswith(".py") else f"{name}/__init__.py")
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    return {**os.environ, "PYTHONPATH": str(tmp_path)}


def told(findings: list[Finding]) -> list[tuple[Level, str]]:
    return [(one.level, f"{one.text} -> {one.advice}") for one in findings]


@pytest.mark.parametrize(
    ("machine", "variables", "expected"),
    [
        (FINE, {"SEEN": "2"}, [(Level.OK, ["torch 2.13.0, built for CUDA 13.0, sees 2 GPUs"])]),
        (CPU, {}, [(Level.OK, ["torch 2.13.0+cpu, a build without CUDA, sees no GPU, as there is none"])]),
        (OLD, {}, [(Level.PROBLEM, ["wants driver 580 or newer", "TORCH=torch==2.13.0+cu126 TORCH_INDEX=https://"])]),
        (
            OLD,
            {"SEEN": "1"},
            [(Level.OK, ["sees 1 GPU"]), (Level.NOTE, ["wants driver 580", "it works all the same"])],
        ),
        (
            FINE,
            {},
            [(Level.PROBLEM, ["sees no GPU, though the driver shows 2: CUDA initialization: The NVIDIA driver"])],
        ),
        (
            FINE,
            {"SEEN": "2", "BROKEN": "1"},
            [(Level.OK, ["sees 2 GPUs"]), (Level.PROBLEM, ["GPU 1 does not compute: CUDA error: no kernel image"])],
        ),
        (FINE, {"DIES": "1"}, [(Level.PROBLEM, ["ended while it looked for GPUs", "make install TORCH="])]),
        (Graphics((), None, None), {}, [(Level.PROBLEM, ["torch is not installed", "make install"])]),
    ],
)
def test_what_torch_says_of_itself(
    machine: Graphics,
    variables: dict[str, str],
    expected: list[tuple[Level, list[str]]],
    small_torch: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(graphics, "graphics", lambda environment: machine)
    found = told(list(graphics.look_at_torch({**small_torch, **variables})))
    assert [level for level, _ in found] == [level for level, _ in expected], found
    for (_, text), (_, words) in zip(found, expected):
        assert all(word in text for word in words), text


def test_a_torch_that_cannot_be_imported(small_torch: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphics, "graphics", lambda environment: FINE)
    file = Path(small_torch["PYTHONPATH"]) / "torch/__init__.py"
    file.write_text("raise OSError('libcudart.so.13: cannot open shared object file')")
    (one,) = graphics.look_at_torch(small_torch)
    assert one.level is Level.PROBLEM
    assert "cannot be imported: OSError: libcudart.so.13: cannot open" in one.text


def test_a_torch_that_hangs(small_torch: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphics, "graphics", lambda environment: FINE)
    monkeypatch.setattr(graphics, "TORCH_SECONDS", 1.0)
    (Path(small_torch["PYTHONPATH"]) / "torch/__init__.py").write_text("import time; time.sleep(60)")
    (one,) = graphics.look_at_torch(small_torch)
    assert "cannot be imported: it was not done after 1 s" in one.text


def test_an_opencv_that_lacks_a_library(small_torch: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphics, "graphics", lambda environment: CPU)
    (Path(small_torch["PYTHONPATH"]) / "cv2/__init__.py").write_text("raise ImportError('libGL.so.1: no such file')")
    _, one = graphics.look_at_torch(small_torch)
    assert (one.level, one.text) == (Level.PROBLEM, "cv2 cannot be imported: libGL.so.1: no such file")


@pytest.mark.parametrize(
    ("machine", "level", "words"),
    [
        (FINE, Level.OK, "built for CUDA 13.0, which driver 580.95.05 can run"),
        (CPU, Level.OK, "a build without CUDA"),
        (OLD, Level.PROBLEM, "which wants driver 580 or newer"),
    ],
)
def test_quickly_its_files_are_read(
    machine: Graphics, level: Level, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graphics, "graphics", lambda environment: machine)
    (one,) = graphics.look_at_torch({}, ask=False)  # nothing is started: there is not even a PATH
    assert one.level is level
    assert words in one.text


@pytest.mark.parametrize(
    ("machine", "proc", "card", "words"),
    [
        (CPU, False, "", "no NVIDIA GPU"),
        (CPU, False, "0x1002 0x030000", "no NVIDIA GPU"),
        (CPU, False, "0x10de 0x030200", "no driver of it is loaded"),
        (CPU, True, "0x10de 0x030200", "libnvidia-ml.so.1 is not to be found"),
        (Graphics((), "580.1", None, hidden=True), True, "", "CUDA_VISIBLE_DEVICES hides every GPU"),
        (Graphics((), "580.1", None), True, "", "shows this process no GPU"),
        (FINE, True, "", "2 visible, NVIDIA driver 580.95.05"),
    ],
)
def test_why_there_is_no_gpu(
    machine: Graphics, proc: bool, card: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graphics, "graphics", lambda environment: machine)
    monkeypatch.setattr(graphics, "gauges", lambda environment: [])
    monkeypatch.setattr(graphics, "PCI", tmp_path)
    monkeypatch.setattr(graphics, "PROC_DRIVER", tmp_path if proc else tmp_path / "none")
    if card:
        (tmp_path / "0000:01").mkdir()
        for name, value in zip(("vendor", "class"), card.split()):
            (tmp_path / "0000:01" / name).write_text(f"{value}\n")
    (one,) = graphics.look({})
    assert words in one.text


@pytest.mark.parametrize(
    ("capability", "level", "words"),
    [
        ((7, 5), Level.WARNING, "compute capability 7.5 is below 8.0: it has no bfloat16 units -> SAM 2, which"),
        ((8, 0), Level.OK, "GPU 0: NVIDIA L4, 24.0 GiB, 1.0 in use, 7 % busy"),
        ((12, 0), Level.OK, "GPU 0: NVIDIA L4"),
        (None, Level.OK, "GPU 0: NVIDIA L4"),
    ],
)
def test_a_gpu_without_bfloat16_is_warned_of(
    capability: tuple[int, int] | None, level: Level, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gauge = Gauge(L4, 7, 2**30, 24 * 2**30, 41, capability)
    monkeypatch.setattr(graphics, "graphics", lambda environment: FINE)
    monkeypatch.setattr(graphics, "gauges", lambda environment: [gauge])
    (found,) = told(list(graphics.look({}))[1:])
    assert found[0] is level and words in found[1]


@pytest.mark.slow
def test_the_torch_that_is_installed_works() -> None:
    pytest.importorskip("torch")
    found = list(graphics.look_at_torch())
    assert {one.level for one in found} <= {Level.OK, Level.NOTE}, found
