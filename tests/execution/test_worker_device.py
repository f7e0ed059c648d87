"""A worker whose device cannot be used ends, after it said so; what is no fault of the device leaves it at work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.clips import write_dataset
from vos_core.execution.messages import Assign, Failed, Message, Ready, Stop, Unfit, decode, encode
from vos_core.execution.worker import UNFIT
from vos_core.home import Home
from vos_core.models.device_failures import is_device_lost
from vos_core.runs import RunSettings

# A real worker, but for the one call that meets what is wrong.
SCRIPT = """
import sys
from vos_core.execution import worker
from vos_core.errors import DeviceUnavailable, InputError, VosLabError

def fail(*args, **options):
    raise {error}

worker.{call} = fail
worker.main()
"""
ILLEGAL = "CUDA error: an illegal memory access was encountered"


def told(tmp_path: Path, call: str, error: str) -> tuple[list[Message], int]:
    home = Home.from_environment({}, cwd=tmp_path)
    write_dataset(home.data / "DAVIS", {"v": 3})
    settings = RunSettings("DAVIS", "data:DAVIS", "val", "static", None, None, (), ())
    task = Assign(1, 1, "segment", "v", settings.to_json(), str(tmp_path / "out"), str(tmp_path / "out"))
    messages: list[Message] = []
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(call=call, error=error)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        env={"PATH": "/usr/bin:/bin", **home.environment()},
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        for asked in (task, Stop()):
            for line in process.stdout:
                messages.append(decode(line))
                if isinstance(messages[-1], Ready):
                    process.stdin.write(encode(asked))
                    process.stdin.flush()
                    break
        return messages, process.wait(60)


def test_a_lost_gpu_ends_its_worker(tmp_path: Path) -> None:
    messages, code = told(tmp_path, "segment_video", f"RuntimeError({ILLEGAL!r})")
    last = messages[-1]
    assert code == UNFIT and isinstance(last, Unfit) and last.by_video
    assert ILLEGAL in last.sentence and last.sentence.startswith("Video v:")
    assert sum(isinstance(message, Ready) for message in messages) == 1, "it asks for nothing more"
    assert not list((tmp_path / "out").glob(".tmp-*"))


def test_a_gpu_without_room_ends_its_worker_and_no_run(tmp_path: Path) -> None:
    messages, code = told(tmp_path, "load_model", "DeviceUnavailable('The GPU is full.')")
    assert (messages[-1], code) == (Unfit(1, 1, "The GPU is full."), UNFIT)


@pytest.mark.parametrize(
    ("call", "error", "whole_run"),
    [
        ("segment_video", "RuntimeError('shapes differ')", False),
        ("segment_video", "VosLabError('Video v: the device ran out of memory.')", False),
        ("load_model", "InputError('No such checkpoint.')", True),
    ],
)
def test_other_errors_leave_the_worker_at_work(tmp_path: Path, call: str, error: str, whole_run: bool) -> None:
    messages, code = told(tmp_path, call, error)
    (failed,) = [message for message in messages if isinstance(message, Failed)]
    assert (failed.whole_run, code) == (whole_run, 0)
    assert not any(isinstance(message, Unfit) for message in messages)


class AcceleratorError(RuntimeError):
    """As torch calls it."""


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (RuntimeError(ILLEGAL), True),
        (AcceleratorError("CUDA error: device-side assert triggered"), True),
        (AcceleratorError("CUDA error: out of memory"), False),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), False),
        (RuntimeError("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`"), False),
        (RuntimeError("cuDNN error: CUDNN_STATUS_NOT_INITIALIZED"), False),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), False),
        (ValueError(ILLEGAL), False),
        (RuntimeError("no CUDA"), False),
    ],
)
def test_which_errors_take_the_gpu_away(error: Exception, lost: bool) -> None:
    assert is_device_lost(error) is lost
    outer = ValueError("the sentence")
    outer.__cause__ = error
    assert is_device_lost(outer) is lost
