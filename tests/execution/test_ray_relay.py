"""The relay that runs in a Ray actor, by itself: it needs no Ray."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.test_architecture import ROOT
from vos_core.execution.ray_relay import Relay

ECHO = "import sys\nfor line in sys.stdin:\n print(line.strip().upper(), flush=True)\n if 'end' in line: sys.exit(7)"


def test_messages_pass_both_ways_and_the_exit_code_comes_last(tmp_path: Path) -> None:
    relay = Relay(["-c", ECHO], {}, str(tmp_path), str(tmp_path / "log"), silence=1e9)
    relay.send(b"one\n")
    assert relay.poll(10) == ([b"ONE\n"], None)
    assert relay.poll(0.05) == ([], None)
    relay.send(b"the end\n")
    lines: list[bytes] = []
    code = None
    while code is None:
        more, code = relay.poll(10)
        lines += more
    assert (lines, code) == ([b"THE END\n"], 7)
    relay.send(b"too late\n")  # its pipe is closed: `poll` has said so


def test_it_ends_itself_and_its_worker_when_nobody_polls(tmp_path: Path) -> None:
    code = (
        "import time\nfrom vos_core.execution.ray_relay import Relay\n"
        "worker = ['-c', 'import time; time.sleep(60)']\n"
        f"relay = Relay(worker, {{}}, {str(tmp_path)!r}, {str(tmp_path / 'log')!r}, silence=1.0)\n"
        "print(relay.pid(), flush=True)\n"
        "for _ in range(3): relay.poll(0.5)\n"  # polled for longer than it may be silent
        "print('polled', flush=True)\ntime.sleep(60)"
    )
    began = time.monotonic()
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True) as actor:
        assert actor.stdout is not None
        worker = psutil.Process(int(actor.stdout.readline()))
        assert actor.stdout.readline() == "polled\n"
        assert worker.is_running()
        assert actor.wait(timeout=20) == 1
    psutil.wait_procs([worker], timeout=5)
    assert not worker.is_running()
    assert time.monotonic() - began < 30
