"""The processor's cores: how many this process may use, and how many workers share them."""

from __future__ import annotations

import os
from collections.abc import Mapping

from vos_core.errors import InputError

MOST_CPU_WORKERS = 8
VARIABLE = "VOSLAB_CPU_WORKERS"


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu_workers(environment: Mapping[str, str] = os.environ) -> int:
    """Workers for models that run on the CPU: `VOSLAB_CPU_WORKERS`, else one a core and at most 8.

    Raises InputError when the variable is no number above 0.
    """
    asked = environment.get(VARIABLE, "").strip()
    if not asked:
        return default_cpu_workers()
    if not (asked.isascii() and asked.isdecimal() and int(asked) > 0):
        raise InputError(f"{VARIABLE} is {asked!r}: set it to a number of workers, 1 or more, or leave it unset.")
    return int(asked)


def default_cpu_workers() -> int:
    """One worker a core, at most 8."""
    return max(1, min(usable_cores(), MOST_CPU_WORKERS))
