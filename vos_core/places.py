"""Datasets and checkpoints outside the home's own roots, by name: registered or adopted, in `state/places.json`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from vos_core.errors import InputError
from vos_core.existence import is_file, is_folder
from vos_core.home import Home
from vos_core.locks import in_turn


@dataclass(frozen=True)
class Places:
    """Dataset name -> folder, and checkpoint file name -> file."""

    datasets: Mapping[str, Path] = field(default_factory=dict)
    checkpoints: Mapping[str, Path] = field(default_factory=dict)


def read_places(home: Home) -> Places:
    """What is registered, and still there. Raises InputError when the file was damaged by hand.

    What may not be looked at, or whose mount is stale, is not there.
    """
    known = all_places(home)
    return Places(
        {name: folder for name, folder in known.datasets.items() if is_folder(folder)},
        {name: file for name, file in known.checkpoints.items() if is_file(file)},
    )


def all_places(home: Home) -> Places:
    """What is registered, also what is not there now (a disk that is not mounted). Raises as `read_places`."""
    path = _file(home)
    try:
        values = json.loads(path.read_text())
        return Places(
            {name: home.locate(stored) for name, stored in values["datasets"].items()},
            {name: home.locate(stored) for name, stored in values["checkpoints"].items()},
        )
    except (FileNotFoundError, NotADirectoryError):
        return Places()
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise InputError(f"{path} cannot be read ({error}): mend it, or delete it and adopt again.") from error


def add_places(home: Home, datasets: Mapping[str, Path], checkpoints: Iterable[Path]) -> None:
    """Register folders and files; a name that is registered already is pointed anew."""
    files = {path.name: path for path in checkpoints}

    def add(known: Places) -> Places:
        return Places({**known.datasets, **datasets}, {**known.checkpoints, **files})

    change_places(home, add)


def change_places(home: Home, change: Callable[[Places], Places]) -> None:
    """Put what `change` makes of the places in their stead, in one step; others that change them wait.

    What `change` raises leaves everything as it was. Raises InputError when the file cannot be written.
    """
    path = _file(home)
    try:
        with in_turn(home.state / ".places.lock"):
            changed = change(all_places(home))
            values = {
                "datasets": {name: home.store(folder) for name, folder in changed.datasets.items()},
                "checkpoints": {name: home.store(file) for name, file in changed.checkpoints.items()},
            }
            temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
            temporary.write_text(json.dumps(values, indent=2) + "\n")
            temporary.replace(path)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}.") from error


def _file(home: Home) -> Path:
    return home.state / "places.json"
