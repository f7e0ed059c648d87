"""A Ray cluster of our own: its nodes started and ended, here and by ssh on machines that share the home."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from db.holder import process_alive
from vos_core.errors import InputError, VosLabError
from vos_core.execution.worker_handle import REPOSITORY
from vos_core.home import Home

UCLOUD_NODES = Path("/etc/ucloud/nodes.txt")
SSH = "ssh -o BatchMode=yes -o StrictHostKeyChecking=accept-new -o ConnectTimeout=10"
PORT = 6379
START_SECONDS = 60.0
STOP_SECONDS = 15.0
OBJECT_STORE_BYTES = 100_000_000  # nothing large travels through Ray: masks go to the shared folder
STARTED = "Ray runtime started"


@dataclass(frozen=True)
class NodeProcess:
    """What a node runs under, as its pid file in `state/cluster` keeps it."""

    pid: int
    process_started: float
    address: str

    @property
    def lives(self) -> bool:
        """Whether it runs, seen from its own machine."""
        return process_alive(self.pid, self.process_started)


def read_nodes(path: Path) -> list[str]:
    """Host names, one a line; blank lines, comments and repetitions do not count. Raises InputError without any."""
    try:
        lines = [line.partition("#")[0].strip() for line in path.read_text().splitlines()]
    except OSError as error:
        raise InputError(f"The list of nodes {path} cannot be read: {error.strerror}.") from error
    nodes = list(dict.fromkeys(line for line in lines if line))
    if not nodes:
        raise InputError(f"The list of nodes {path} names none: write a host name on each line.")
    return nodes


def is_this_machine(node: str) -> bool:
    """Whether a host name means the machine that we are on."""
    here = socket.gethostname()
    return node in ("localhost", "127.0.0.1", here, here.partition(".")[0], socket.getfqdn())


def join(home: Home, name: str, address: str | None, port: int = PORT) -> str:
    """Have this machine be a node of the cluster at `address`, or (None) the head of a new one; the head's HOST:PORT.

    A node of this name that runs here already is left alone. Raises VosLabError with the log's end when it does not
    start.
    """
    if (running := _read(home, name)) is not None and running.lives:
        return running.address
    log = _log(home, name)
    log.parent.mkdir(parents=True, exist_ok=True)
    if address is None:
        from ray.util import get_node_ip_address

        where = ["--head", f"--port={port}", "--include-dashboard=false", "--disable-usage-stats"]
        address = f"{get_node_ip_address()}:{port}"
    else:
        where = [f"--address={address}"]
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", *where, "--log-color=false"]
    command += [f"--node-name={name}", f"--object-store-memory={OBJECT_STORE_BYTES}", "--include-log-monitor=false"]
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            cwd=home.root,
            env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
    node = NodeProcess(process.pid, psutil.Process(process.pid).create_time(), address)
    _file(home, name).parent.mkdir(parents=True, exist_ok=True)
    _file(home, name).write_text(json.dumps(asdict(node)))
    deadline = time.monotonic() + START_SECONDS
    while STARTED not in log.read_text(errors="replace"):
        if process.poll() is not None or time.monotonic() > deadline:
            leave(home, name)
            said = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
            raise VosLabError(f"Node {name} did not start: {said[-1] if said else 'it said nothing'} (see {log}).")
        time.sleep(0.2)
    return address


def leave(home: Home, name: str) -> bool:
    """End this machine's node of that name, and all that runs in it; whether there was one."""
    node = _read(home, name)
    if node is None:
        return False
    if lives := node.lives:
        supervisor = psutil.Process(node.pid)
        family = [*supervisor.children(recursive=True), supervisor]
        supervisor.send_signal(signal.SIGTERM)
        for process in psutil.wait_procs(family, timeout=STOP_SECONDS)[1]:
            with contextlib.suppress(psutil.Error):
                process.kill()
    _file(home, name).unlink(missing_ok=True)
    return lives


def start(home: Home, nodes: Sequence[str], port: int = PORT, ssh: str = SSH) -> tuple[str, dict[str, str]]:
    """A cluster of this machine, its head, and of `nodes`, each asked by ssh to join; what runs already stays.

    Returns the head's HOST:PORT, and a sentence for each node that did not join.
    """
    address = join(home, _head_name(nodes), None, port)
    return address, _on_each(home, nodes, ssh, ["join", "--address", address])


def stop(home: Home, nodes: Sequence[str], ssh: str = SSH) -> dict[str, str]:
    """End the cluster's nodes, the head last; returns a sentence for each that could not be asked."""
    problems = _on_each(home, nodes, ssh, ["leave"])
    leave(home, _head_name(nodes))
    return problems


def _head_name(nodes: Sequence[str]) -> str:
    return next(filter(is_this_machine, nodes), socket.gethostname())


def _on_each(home: Home, nodes: Sequence[str], ssh: str, command: Sequence[str]) -> dict[str, str]:
    """Run `python -m vos_core cluster ...` on every other machine, with this environment; node -> what went wrong."""

    def ask(node: str) -> str | None:
        variables = [f"{name}={value}" for name, value in home.environment().items()]
        words = ["env", *variables, sys.executable, "-m", "vos_core", "cluster", *command, "--name", node]
        remote = f"cd {shlex.quote(str(REPOSITORY))} && {shlex.join(words)}"
        try:
            done = subprocess.run(
                [*shlex.split(ssh), node, remote],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=START_SECONDS + STOP_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        said = (done.stderr or done.stdout).strip().splitlines()
        return None if done.returncode == 0 else said[-1] if said else f"exit code {done.returncode}"

    others = [node for node in nodes if not is_this_machine(node)]
    with ThreadPoolExecutor(max_workers=16) as pool:
        return {node: problem for node, problem in zip(others, pool.map(ask, others)) if problem is not None}


def _file(home: Home, name: str) -> Path:
    return home.state / "cluster" / f"{name}.json"


def _log(home: Home, name: str) -> Path:
    return home.logs / f"ray-{name}.log"


def _read(home: Home, name: str) -> NodeProcess | None:
    try:
        return NodeProcess(**json.loads(_file(home, name).read_text()))
    except (OSError, ValueError, TypeError):
        return None
