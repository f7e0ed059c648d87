"""The machine and this VOS Lab, as a question about them wants to know."""

from __future__ import annotations

import contextlib
import os
import platform
import resource
from collections.abc import Iterator
from pathlib import Path

from vos_core import __version__
from vos_core.cores import usable_cores
from vos_core.doctor.report import Finding, Level, Topic
from vos_core.provenance import code_version

FEWEST_FILES = 1024  # a server with some browsers, or a dispatcher with eight workers, has hundreds open


def look() -> Iterator[Finding]:
    """Versions and sizes; a limit on open files that is too low."""
    code = code_version()
    version = f"VOS Lab {__version__}{f' ({code})' if code != __version__ else ''}"
    memory = _memory()
    parts = [
        version,
        _system(),
        f"{platform.system()} {platform.release()} {platform.machine()}",
        f"{usable_cores()} CPU cores",
        *([f"{memory / 1e9:.0f} GB memory"] if memory else []),
    ]
    yield Finding(Topic.MACHINE, Level.OK, ", ".join(filter(None, parts)))
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files != resource.RLIM_INFINITY and files < FEWEST_FILES:
        yield Finding(
            Topic.MACHINE,
            Level.WARNING,
            f"a process may hold {files} files open (ulimit -n), which is few",
            f"ulimit -n {FEWEST_FILES if most == resource.RLIM_INFINITY else min(most, FEWEST_FILES)}",
        )


def _system() -> str:
    with contextlib.suppress(OSError):
        return platform.freedesktop_os_release().get("PRETTY_NAME", "")
    return ""


def _memory() -> int | None:
    """Bytes that this process may use: the machine's, or what its container may."""
    found = []
    with contextlib.suppress(OSError, ValueError):
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with contextlib.suppress(OSError, ValueError):  # "max" is no number
        found.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return min(found, default=None)
