"""GPUs and their driver as NVML tells them, and CUDA as torch itself sees it, asked in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from vos_core.cuda import Graphics, graphics
from vos_core.doctor.interpreter import REPOSITORY
from vos_core.doctor.report import Finding, Level, Topic
from vos_core.gpus import Gauge, gauges

TORCH_SECONDS = 90.0  # importing it reads a gigabyte or more, from a network disk at times
SLOW_SECONDS = 30.0
PROC_DRIVER = Path("/proc/driver/nvidia/version")
PCI = Path("/sys/bus/pci/devices")
BFLOAT16_SINCE = (8, 0)  # compute capability of the first GPUs with units for it, and with cuDNN convolutions in it

# What the child says: one JSON object a line, the last one whole. An operation on each GPU finds what counting does
# not: a build without code for it, broken memory, a GPU that somebody holds exclusively.
_CHILD = """
import json, time
said = {}
def say(**more):
    said.update(more)
    print(json.dumps(said), flush=True)
began = time.monotonic()
import torch
say(torch=torch.__version__, cuda=torch.version.cuda, seconds=time.monotonic() - began)
say(gpus=torch.cuda.device_count() if torch.cuda.is_available() else 0)
trouble = {}
for index in range(said["gpus"]):
    try:
        if float((torch.ones(8, 8, device=f"cuda:{index}") @ torch.ones(8, 8, device=f"cuda:{index}")).sum()) != 512:
            trouble[index] = "it computes wrong numbers"
    except Exception as error:
        trouble[index] = str(error).splitlines()[0]
say(trouble=trouble, imports={})
for name in ("sam2.build_sam", "cv2"):
    try:
        __import__(name)
    except Exception as error:
        said["imports"][name.partition(".")[0]] = (str(error).splitlines() or [type(error).__name__])[0]
say(done=True)
"""


def look(environment: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """The GPUs that this process may use, and why there are none."""
    machine = graphics(environment)
    if machine.gpus:
        yield Finding(Topic.GPUS, Level.OK, f"{len(machine.gpus)} visible, NVIDIA driver {machine.driver}")
        for gauge in gauges(environment):
            yield _of_gpu(gauge)
    elif machine.driver is not None:
        if machine.hidden:
            text = f"CUDA_VISIBLE_DEVICES hides every GPU (NVIDIA driver {machine.driver})"
            yield Finding(Topic.GPUS, Level.WARNING, text, "unset CUDA_VISIBLE_DEVICES")
        else:
            text = f"NVIDIA driver {machine.driver} shows this process no GPU"
            yield Finding(Topic.GPUS, Level.WARNING, text, "Ask for a GPU where the job or the container is started.")
    else:
        yield _no_driver()


def _no_driver() -> Finding:
    if PROC_DRIVER.exists():
        text = "the host has an NVIDIA driver, and its library libnvidia-ml.so.1 is not to be found here"
        advice = "In a container: start it with --gpus all (NVIDIA Container Toolkit)."
        return Finding(Topic.GPUS, Level.WARNING, text, advice)
    if _has_nvidia_card():
        text = "an NVIDIA card is in this machine, and no driver of it is loaded"
        return Finding(Topic.GPUS, Level.WARNING, text, "Install NVIDIA's driver (580 or newer), and restart.")
    text = "no NVIDIA GPU: SAM 2 would run on the CPU (--device cpu); static, flow and propagation need none"
    return Finding(Topic.GPUS, Level.NOTE, text)


def _has_nvidia_card() -> bool:
    for device in PCI.glob("*"):
        try:
            vendor, kind = (device / "vendor").read_text().strip(), (device / "class").read_text().strip()
        except OSError:
            continue
        if vendor == "0x10de" and kind.startswith("0x03"):  # NVIDIA; a display controller
            return True
    return False


def _of_gpu(gauge: Gauge) -> Finding:
    if gauge.capability is None or gauge.capability >= BFLOAT16_SINCE:
        return Finding(Topic.GPUS, Level.OK, _gauge(gauge))
    major, minor = gauge.capability
    text = f"{_gauge(gauge)}; its compute capability {major}.{minor} is below 8.0: it has no bfloat16 units"
    advice = (
        "SAM 2, which computes in bfloat16 on a GPU, is slow on it or fails: take an Ampere (A100, A10) or newer one."
    )
    return Finding(Topic.GPUS, Level.WARNING, text, advice)


def _gauge(gauge: Gauge) -> str:
    parts = [f"GPU {gauge.gpu.id}: {gauge.gpu.name}"]
    if gauge.memory_total:
        used = f", {(gauge.memory_used or 0) / 2**30:.1f} in use" if gauge.memory_used is not None else ""
        parts.append(f"{gauge.memory_total / 2**30:.1f} GiB{used}")
    if gauge.utilisation is not None:
        parts.append(f"{gauge.utilisation} % busy")
    return ", ".join(parts)


def look_at_torch(environment: Mapping[str, str] = os.environ, *, ask: bool = True) -> Iterator[Finding]:
    """Whether this torch fits this driver and these GPUs; with `ask`, what torch itself says, which takes seconds."""
    machine = graphics(environment)
    if machine.torch is None:
        yield Finding(Topic.TORCH, Level.PROBLEM, "torch is not installed", f"cd {REPOSITORY} && make install")
        return
    build = f"torch {machine.torch.version}"
    build += f", built for CUDA {machine.torch.cuda}" if machine.torch.cuda else ", a build without CUDA"
    mismatch = machine.mismatch()
    if not ask:
        yield _of_files(build, machine, mismatch)
        return
    said, error = _ask_torch(environment)
    if "torch" not in said:
        yield Finding(Topic.TORCH, Level.PROBLEM, f"{build}, cannot be imported: {error}", _reinstall(machine))
        return
    if said["seconds"] > SLOW_SECONDS:
        text = f"importing torch took {said['seconds']:.0f} s: each worker waits for that once"
        yield Finding(Topic.TORCH, Level.NOTE, text, "An environment on a local disk starts faster.")
    yield from _of_torch(build, machine, mismatch, said, error)
    for name, trouble in said.get("imports", {}).items():
        text = f"{name} cannot be imported: {trouble}"
        yield Finding(Topic.TORCH, Level.PROBLEM, text, f"cd {REPOSITORY} && make install")


def _of_files(build: str, machine: Graphics, mismatch: str | None) -> Finding:
    if mismatch:
        return Finding(Topic.TORCH, Level.PROBLEM, mismatch, _sentence(machine.way_out()))
    fits = f", which driver {machine.driver} can run" if machine.gpus else ""
    return Finding(Topic.TORCH, Level.OK, f"{build}{fits}")


def _of_torch(
    build: str, machine: Graphics, mismatch: str | None, said: Mapping[str, Any], error: str
) -> Iterator[Finding]:
    seen = said.get("gpus")
    if seen is None:
        yield Finding(
            Topic.TORCH, Level.PROBLEM, f"{build}, ended while it looked for GPUs: {error}", _reinstall(machine)
        )
    elif seen:
        yield Finding(Topic.TORCH, Level.OK, f"{build}, sees {seen} GPU{'s' if seen > 1 else ''}")
        for index, trouble in said.get("trouble", {}).items():
            text = f"GPU {index} does not compute: {trouble}"
            yield Finding(Topic.TORCH, Level.PROBLEM, text, _sentence(machine.way_out()) if mismatch else "")
        if mismatch and not said.get("trouble"):
            text = f"{mismatch}; it works all the same (NVIDIA's forward compatibility, or a driver that is told wrong)"
            yield Finding(Topic.TORCH, Level.NOTE, text)
    elif machine.gpus:
        text = mismatch or f"{build}, sees no GPU, though the driver shows {len(machine.gpus)}{error and f': {error}'}"
        yield Finding(
            Topic.TORCH, Level.PROBLEM, text, _sentence(machine.way_out()) if mismatch else _reinstall(machine)
        )
    else:
        yield Finding(Topic.TORCH, Level.OK, f"{build}, sees no GPU, as there is none")


def _ask_torch(environment: Mapping[str, str]) -> tuple[dict[str, Any], str]:
    """What torch said of itself, and the last line of what went wrong."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", _CHILD],
            capture_output=True,
            text=True,
            timeout=TORCH_SECONDS,
            env=dict(environment),
            cwd=REPOSITORY,
        )
        out, err = done.stdout, done.stderr
        error = f"it ended by signal {-done.returncode}" if done.returncode < 0 else ""
    except subprocess.TimeoutExpired as expired:
        out, err = (_text(part) for part in (expired.stdout, expired.stderr))
        error = f"it was not done after {TORCH_SECONDS:g} s"
    lines = [line for line in out.splitlines() if line.startswith("{")]
    said = json.loads(lines[-1]) if lines else {}
    told = [line.strip() for line in err.splitlines() if line.strip()]
    warned = [line for line in told if "Warning:" in line]  # CUDA's own words come as a warning of torch
    return said, error or (warned or told or [""])[-1].partition("Warning: ")[2] or (told or [""])[-1]


def _text(part: bytes | str | None) -> str:
    return part.decode(errors="replace") if isinstance(part, bytes) else part or ""


def _reinstall(machine: Graphics) -> str:
    way = machine.way_out() if machine.gpus else "call `make install`"
    return f"{_sentence(way)} If it goes on: remove {sys.prefix} and install anew."


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."
