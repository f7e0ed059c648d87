"""The whole examination: what `vos_core.doctor` looks into, the database and the dispatcher. Changes nothing.

Like `vos_core.doctor`, imports no package at its top: each probe does, and says which one is missing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

from vos_core.doctor import cluster, disk, graphics, holdings, interpreter, machine, packages, probes, server
from vos_core.doctor.probes import Probe
from vos_core.doctor.report import Report, Topic, report
from vos_core.execution import bookkeeping
from vos_core.home import Home

SLOW = 30.0  # seconds, for what reads many small files, on a network disk at times


def examine(
    home: Home, *, quick: bool = False, environment: Mapping[str, str] = os.environ, port: int | None = None
) -> Report:
    """Examine this machine, this installation and `home` (which need not exist).

    `quick` leaves out what takes seconds: asking torch and a Ray cluster themselves. `port` is where the app is looked
    for: that of `STREAMLIT_SERVER_PORT`, else 8501. Raises nothing: what cannot be
    looked at is a finding. Takes as long as the slowest probe, each of which has a limit.
    """
    began, at = time.monotonic(), time.time()
    ask_torch = graphics.TORCH_SECONDS + 5
    ask_ray = cluster.SECONDS + 5
    wanted = [
        Probe(Topic.MACHINE, "this machine", machine.look, 10.0),
        Probe(Topic.PYTHON, "Python", lambda: interpreter.look(environment)),
        Probe(Topic.PACKAGES, "the installed packages", packages.look, SLOW),
        Probe(Topic.GPUS, "the NVIDIA driver", lambda: graphics.look(environment), 15.0),
        Probe(Topic.TORCH, "torch", lambda: graphics.look_at_torch(environment, ask=not quick), ask_torch),
        *disk.probes(home, _kind_of),
        Probe(
            Topic.DATABASE, f"the database {home.database}", lambda: bookkeeping.look(home), bookkeeping.SECONDS + 10
        ),
        Probe(Topic.DATASETS, f"the datasets in {home.data}", lambda: holdings.look_at_datasets(home), SLOW),
        Probe(
            Topic.CHECKPOINTS,
            f"the checkpoints in {home.checkpoints}",
            lambda: holdings.look_at_checkpoints(home),
            probes.SECONDS,
        ),
        Probe(Topic.APP, "the app's port", lambda: server.look(environment, port), 10.0),
        Probe(Topic.RAY, "the Ray cluster", lambda: cluster.look(environment, ask=not quick), ask_ray),
    ]
    findings = list(probes.examine(wanted))
    return report(findings, at, time.monotonic() - began)


def _kind_of(path: Path) -> str:
    try:
        from db.session import file_system
    except ImportError:  # packages are missing, which another finding says
        return ""
    return file_system(path)
