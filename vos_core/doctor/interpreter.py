"""The Python that runs this: new enough, and where it comes from."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from vos_core.doctor.report import Finding, Level, Topic

REPOSITORY = Path(__file__).resolve().parents[2]
ENVIRONMENT = REPOSITORY / ".venv"


def look(environment: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """One finding. Python before 3.11 never comes here: `vos_core.__main__` says so."""
    version = platform.python_version()
    conda = environment.get("CONDA_PREFIX")
    if sys.prefix != sys.base_prefix:
        kind = f"virtual environment {sys.prefix}, made by {sys.base_prefix}"
    elif conda and Path(sys.prefix) == Path(conda):
        kind = f"conda environment {sys.prefix}"
    else:
        kind = f"no environment: {sys.executable}"
    made = ENVIRONMENT / "bin/python"
    if Path(sys.prefix).resolve() != ENVIRONMENT.resolve() and made.is_file():
        yield Finding(
            Topic.PYTHON,
            Level.NOTE,
            f"Python {version}, {kind}; `make install` has made another one",
            f"{made} -m vos_core doctor",
        )
    else:
        yield Finding(Topic.PYTHON, Level.OK, f"Python {version}, {kind}")
