"""Asking the dispatcher for something: insert an intent, and make sure that somebody is there to act on it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil

from db import queries
from db.damage import wants_rebuild
from db.holder import Holder, is_alive, is_here, process_alive
from db.intents import ask
from db.schema import ensure
from db.states import IntentKind, IntentState
from vos_core.cuda import CLUSTER_VARIABLE
from vos_core.errors import InputError, VosLabError
from vos_core.execution.ray_workers import check_cluster
from vos_core.execution.rescoring import plan_scoring
from vos_core.execution.starts import Starts
from vos_core.execution.worker_handle import REPOSITORY
from vos_core.home import Home
from vos_core.launch import LaunchPlan

_starts: dict[Path, Starts] = defaultdict(Starts)  # by database


def submit(plan: LaunchPlan, home: Home) -> int:
    """Queue a launch; returns the intent's id (`wait` gives its answer)."""
    return _ask(home, IntentKind.LAUNCH, plan.to_payload())


def cancel(home: Home, run_ids: Iterable[int]) -> int:
    """Stop these runs; what is finished stays."""
    return _ask(home, IntentKind.CANCEL, {"runs": list(run_ids)})


def retry(home: Home, run_ids: Iterable[int]) -> int:
    """Queue the failed videos of these runs again."""
    return _ask(home, IntentKind.RETRY, {"runs": list(run_ids)})


def resume(home: Home, run_ids: Iterable[int]) -> int:
    """Queue what cancelled, paused or failed runs are missing."""
    return _ask(home, IntentKind.RESUME, {"runs": list(run_ids)})


def pause(home: Home, run_ids: Iterable[int]) -> int:
    """Hand out no more videos of these runs; those under way finish."""
    return _ask(home, IntentKind.PAUSE, {"runs": list(run_ids)})


def reorder(home: Home, run_ids: Iterable[int]) -> int:
    """Let these runs take each other's places in the queue, in the order given."""
    return _ask(home, IntentKind.REORDER, {"runs": list(run_ids)})


def delete(home: Home, run_ids: Iterable[int], *, files: bool = False) -> int:
    """Remove ended runs from the database; with `files`, their folders too."""
    return _ask(home, IntentKind.DELETE, {"runs": list(run_ids), "files": files})


def score(home: Home, run_ids: Iterable[int], *, dot: bool = False) -> int:
    """Score the masks of ended runs again; `dot`: by MOSEv2's J&F-dot too. Raises InputError as `plan_scoring`."""
    return _ask(home, IntentKind.SCORE, plan_scoring(home, queries.runs(home.database, list(run_ids)), dot))


def wait(home: Home, intent_id: int, timeout: float = 30.0) -> dict[str, Any]:
    """The dispatcher's answer. Raises InputError with its sentence when it refused, VosLabError when none came."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        intent = queries.intent(home.database, intent_id)
        if intent is not None and intent.state == IntentState.APPLIED.value:
            return intent.answer
        if intent is not None and intent.state == IntentState.REFUSED.value:
            raise InputError(str(intent.answer.get("error")))
        ensure_dispatcher(home)
        time.sleep(0.1)
    raise VosLabError(f"The dispatcher did not answer within {timeout:.0f} s: see {home.logs / 'dispatcher.log'}.")


def dispatcher_alive(home: Home) -> bool:
    """Whether a dispatcher works for this home, here or on another host."""
    return is_alive(queries.lease(home.database))


def use_cluster(home: Home, address: str) -> None:
    """Have the dispatcher that this process starts use the Ray cluster at `address`.

    Raises InputError when Ray is not installed, when no cluster answers, or when a dispatcher works elsewhere already.
    """
    check_cluster(address)
    os.environ[CLUSTER_VARIABLE] = address
    lease = queries.lease(home.database) if home.database.exists() else None
    if lease is None or not is_here(lease) or not is_alive(lease):
        return
    with contextlib.suppress(psutil.Error):
        used = psutil.Process(lease.pid).environ().get(CLUSTER_VARIABLE)
        if not used or (used != address and "auto" not in (used, address)):
            raise InputError(
                f"The dispatcher of {home.root} runs its workers {f'at {used}' if used else 'on this machine'}: wait "
                f"until it has ended (soon after its last video), or stop it with `kill {lease.pid}`, which puts its "
                "videos back into the queue."
            )


def ensure_dispatcher(home: Home) -> bool:
    """Start a dispatcher when there is work and nobody dispatches; returns whether one was started.

    It is detached: it outlives this process, its terminal and the browser. Two at once do no harm: one gets the lease.
    Raises VosLabError, with the log to look into, when those that were started crashed one after the other.
    """
    starts = _starts[home.database]
    if starts.is_under_way() or dispatcher_alive(home):
        return False
    if not queries.has_work(home.database) and not wants_rebuild(home.database):
        return False
    if (trouble := dispatcher_trouble(home)) is not None:
        raise VosLabError(trouble)
    home.logs.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, **home.environment()}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))
    with (home.logs / "dispatcher.log").open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "vos_core.execution.dispatcher"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=home.root,
            env=environment,
            start_new_session=True,
        )
    starts.add(child)
    return True


def dispatcher_trouble(home: Home) -> str | None:
    """Why this process starts no further dispatcher for now; None when nothing is wrong."""
    return _starts[home.database].trouble(home.logs / "dispatcher.log")


def stop_dispatcher(home: Home) -> Holder | None:
    """Tell this host's dispatcher to stop cleanly: what runs goes back to the queue. Returns it, None if there is
    none; `process_alive` says whether it still lives."""
    lease = queries.lease(home.database) if home.database.exists() else None
    if lease is None or not is_here(lease) or not process_alive(lease.pid, lease.process_started):
        return None
    with contextlib.suppress(ProcessLookupError):
        os.kill(lease.pid, signal.SIGTERM)
    return Holder(lease.host, lease.boot_id, lease.pid, lease.process_started)


def _ask(home: Home, kind: IntentKind, payload: dict[str, Any]) -> int:
    ensure(home.database)
    intent_id = ask(home.database, kind, payload)
    ensure_dispatcher(home)
    return intent_id
