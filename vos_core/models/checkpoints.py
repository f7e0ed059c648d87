"""Checkpoint files: where a model's weights are, their SHA-256 (read once per file), and what to do without them.

Knows no torch: pages and the command line ask it too.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from vos_core.errors import InputError, NotFetched
from vos_core.existence import is_file
from vos_core.home import Home, is_stored
from vos_core.models.registry import find_model
from vos_core.places import read_places
from vos_core.runs import RunSettings

_CACHE_NAME = "checkpoint_sha256.json"


def candidate_paths(settings: RunSettings, home: Home) -> tuple[Path, ...]:
    """Where the run's checkpoint is looked for, in order; empty for a model that needs no weights.

    An own path (`checkpoint` option) is a stored name (`checkpoints:mine.pt`), an absolute path, or relative to the
    home folder or to its checkpoints folder.
    """
    own = settings.option("checkpoint")
    if own:
        text = str(own)
        if is_stored(text):
            return (home.locate(text),)
        path = Path(text).expanduser()
        return (path,) if path.is_absolute() else (home.root / path, home.checkpoints / path)
    name = find_model(settings.model).checkpoint
    if not name:
        return ()
    adopted = read_places(home).checkpoints.get(name)
    return (home.checkpoints / name, *((adopted,) if adopted else ()))


def find_checkpoint(settings: RunSettings, home: Home) -> Path | None:
    """The run's checkpoint file, or None for a model that needs no weights.

    Raises InputError that says what is missing, where it was looked for and how to get it.
    """
    paths = candidate_paths(settings, home)
    if not paths:
        return None
    for path in paths:
        if is_file(path):
            return path
    looked = " and ".join(str(path) for path in paths)
    if settings.option("checkpoint"):
        raise InputError(
            f"The checkpoint {settings.option('checkpoint')} of {settings.model} is missing: looked for {looked}; "
            f"give the path of a weights file that this machine can see."
        )
    raise NotFetched(
        f"The checkpoint of {settings.model} is missing: looked for {looked}; get it with "
        f"`python -m vos_core fetch {settings.model}`, or put the file there, or name another one with the option "
        f"checkpoint.",
        settings.model,
    )


def weights_stamp(settings: RunSettings, home: Home) -> tuple[str, int, int] | None:
    """Path, size and modification time of the run's checkpoint file: another stamp, other weights. None for a model
    that needs no weights, and where the file is not there (any more)."""
    try:
        path = find_checkpoint(settings, home)
        if path is None:
            return None
        state = path.stat()
    except (InputError, OSError):
        return None
    return str(path), state.st_size, state.st_mtime_ns


def checkpoint_sha256(path: Path, home: Home) -> str:
    """SHA-256 of a checkpoint file in hex, computed once per path, size and modification time."""
    path = path.absolute()
    state = path.stat()
    key, stamp = str(path), [state.st_size, state.st_mtime_ns]
    cache = _read_cache(home)
    entry = cache.get(key)
    if isinstance(entry, dict) and entry.get("stamp") == stamp:
        return str(entry["sha256"])
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    _write_cache(home, {**_read_cache(home), key: {"stamp": stamp, "sha256": digest}})
    return digest


def _read_cache(home: Home) -> dict[str, Any]:
    """What is known so far; an unreadable cache is an empty one (it is only a cache)."""
    try:
        cache = json.loads((home.state / _CACHE_NAME).read_text())
    except (OSError, ValueError):
        return {}
    return cache if isinstance(cache, dict) else {}


def _write_cache(home: Home, cache: dict[str, Any]) -> None:
    """Replace the cache in one step: several workers may ask for the same file at once."""
    try:
        home.state.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=home.state, prefix=f".{_CACHE_NAME}-")
        with os.fdopen(handle, "w") as file:
            json.dump(cache, file, indent=1, sort_keys=True)
        Path(name).replace(home.state / _CACHE_NAME)
    except OSError:
        return  # a read-only home: the digest is right all the same, only not remembered
