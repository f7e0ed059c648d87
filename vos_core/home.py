"""Where things are: the home folder and its named roots (data, outputs, checkpoints, state)."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vos_core.errors import InputError
from vos_core.existence import is_folder

# Names of the roots in stored paths; the first that holds a path names it.
ROOTS = ("outputs", "checkpoints", "data", "state", "root")
_STORED = re.compile(r"(?P<root>[a-z]+)(\((?P<place>/.*?)\))?:(?P<relative>.*)", re.DOTALL)


def is_stored(text: str) -> bool:
    """Whether `text` is a stored path that names a root (`Home.store`)."""
    match = _STORED.fullmatch(text)
    return match is not None and match["root"] in ROOTS


@dataclass(frozen=True)
class Home:
    """The folders of one installation.

    Paths that are kept (in the database, in `run.json`) are stored relative to one of the named roots, as
    `"outputs:DAVIS_pred_pngs/..."`, because mounts move between jobs; anything outside them is stored absolute.
    """

    root: Path
    data: Path
    outputs: Path
    checkpoints: Path
    state: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ, cwd: Path | None = None) -> Home:
        """Roots from `VOSLAB_HOME` (default: the working directory) and, each on its own, `VOSLAB_DATA`,
        `VOSLAB_OUTPUTS`, `VOSLAB_CHECKPOINTS`, `VOSLAB_STATE`."""
        root = Path(environment.get("VOSLAB_HOME") or cwd or Path.cwd()).expanduser().absolute()

        def named(variable: str, default: str) -> Path:
            value = environment.get(variable)
            return Path(value).expanduser().absolute() if value else root / default

        return cls(
            root=root,
            data=named("VOSLAB_DATA", "data"),
            outputs=named("VOSLAB_OUTPUTS", "outputs"),
            checkpoints=named("VOSLAB_CHECKPOINTS", "checkpoints"),
            state=named("VOSLAB_STATE", "state"),
        )

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.state / "voslab.db"

    @property
    def logs(self) -> Path:
        """Folder of the dispatcher's and the workers' logs."""
        return self.state / "logs"

    def environment(self) -> dict[str, str]:
        """Variables that give a child process exactly these roots."""
        return {
            "VOSLAB_HOME": str(self.root),
            "VOSLAB_DATA": str(self.data),
            "VOSLAB_OUTPUTS": str(self.outputs),
            "VOSLAB_CHECKPOINTS": str(self.checkpoints),
            "VOSLAB_STATE": str(self.state),
        }

    def store(self, path: Path) -> str:
        """`path` as it is kept: `"<root>:<relative>"` inside a named root, else absolute.

        A root outside the home folder is named with its place, `"data(/mnt/x):DAVIS"`: two processes of one home may
        have been started with different ones.
        """
        path = path.absolute()
        for name in ROOTS:
            base: Path = getattr(self, name)
            if path.is_relative_to(base):
                place = "" if base.is_relative_to(self.root) else f"({base})"
                return f"{name}{place}:{path.relative_to(base).as_posix()}"
        return str(path)

    def locate(self, stored: str) -> Path:
        """The path of a stored name: in the place that it names while that exists, else in the root of today.

        Raises InputError when its root is not one of ours.
        """
        if stored.startswith("/"):
            return Path(stored)
        match = _STORED.fullmatch(stored)
        if match is None or match["root"] not in ROOTS:
            raise InputError(f"The stored path {stored!r} names no known root ({', '.join(ROOTS)}).")
        place = Path(match["place"]) if match["place"] else None
        base = place if place is not None and is_folder(place) else Path(getattr(self, match["root"]))
        return base / match["relative"]
