"""The Ray cluster that `VOSLAB_RAY_ADDRESS` names: installed, reachable, of the same versions."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping

from vos_core.cuda import CLUSTER_VARIABLE
from vos_core.doctor.interpreter import REPOSITORY
from vos_core.doctor.packages import installed
from vos_core.doctor.report import Finding, Level, Topic
from vos_core.doctor.server import can_connect

SECONDS = 60.0
_CHILD = """
import sys
from vos_core.errors import VosLabError
from vos_core.execution.ray_workers import check_cluster
try:
    check_cluster(sys.argv[1])
except VosLabError as error:
    print(error)
"""


def look(environment: Mapping[str, str] = os.environ, *, ask: bool = True) -> Iterator[Finding]:
    """Nothing where no cluster is named. With `ask`, connects as the dispatcher would, in a process of its own."""
    address = environment.get(CLUSTER_VARIABLE)
    if not address:
        return
    what = f"the cluster {address} ({CLUSTER_VARIABLE})"
    version = installed().get("ray")
    if version is None:
        text = f"{what} is to do the work, and Ray is not installed"
        yield Finding(Topic.RAY, Level.PROBLEM, text, f"make install-ray, or unset {CLUSTER_VARIABLE}")
        return
    if not ask:
        if address != "auto" and not can_connect(address):
            yield Finding(Topic.RAY, Level.PROBLEM, f"nothing answers at {what}", "python -m vos_core cluster start")
        else:
            yield Finding(Topic.RAY, Level.OK, f"{what}, Ray {version}; not asked itself")
        return
    try:
        done = subprocess.run(
            [sys.executable, "-c", _CHILD, address],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            env=dict(environment),
            cwd=REPOSITORY,
        )
        refused = done.stdout.strip() or (done.returncode and (done.stderr.strip().splitlines() or ["it ended"])[-1])
    except subprocess.TimeoutExpired:
        refused = f"it did not answer within {SECONDS:g} s"
    if refused:
        yield Finding(Topic.RAY, Level.PROBLEM, f"{what}: {refused.removesuffix('.')}", "docs/ray.md")
    else:
        yield Finding(Topic.RAY, Level.OK, f"{what} answers, Ray {version}")
