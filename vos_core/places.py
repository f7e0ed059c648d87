"""Datasets and checkpoints outside the home's own roots, by name: found by `adopt`, kept in `state/places.json`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from vos_core.errors import InputError
from vos_core.home import Home


@dataclass(frozen=True)
class Places:
    """Dataset name -> folder, and checkpoint file name -> file."""

    datasets: Mapping[str, Path] = field(default_factory=dict)
    checkpoints: Mapping[str, Path] = field(default_factory=dict)


def read_places(home: Home) -> Places:
    """What is registered, and still there. Raises InputError when the file was damaged by hand."""
    path = home.state / "places.json"
    try:
        values = json.loads(path.read_text())
        datasets = {name: home.locate(stored) for name, stored in values["datasets"].items()}
        checkpoints = {name: home.locate(stored) for name, stored in values["checkpoints"].items()}
    except (FileNotFoundError, NotADirectoryError):
        return Places()
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise InputError(f"{path} cannot be read ({error}): mend it, or delete it and adopt again.") from error
    return Places(
        {name: folder for name, folder in datasets.items() if folder.is_dir()},
        {name: file for name, file in checkpoints.items() if file.is_file()},
    )


def add_places(home: Home, datasets: Mapping[str, Path], checkpoints: Iterable[Path]) -> None:
    """Register folders and files; a name that is registered already is pointed anew."""
    known = read_places(home)
    values = {
        "datasets": {name: home.store(path) for name, path in {**known.datasets, **datasets}.items()},
        "checkpoints": {
            name: home.store(path)
            for name, path in {**known.checkpoints, **{path.name: path for path in checkpoints}}.items()
        },
    }
    home.state.mkdir(parents=True, exist_ok=True)
    temporary = home.state / "places.json.tmp"
    temporary.write_text(json.dumps(values, indent=2) + "\n")
    temporary.replace(home.state / "places.json")
