"""What is chosen on the Launch page, as plain values, and as the address that carries all of it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, unquote

from vos_core.errors import InputError
from vos_core.home import Home
from vos_core.models.registry import MODELS, MemoryMode
from vos_core.models.sam2_options import OPTIONS
from vos_core.runs import Grid

SIZES = tuple(range(17))
_NUMBER = re.compile(r"[0-9]{1,9}")  # more digits name nothing, and thousands are not read


@dataclass(frozen=True)
class Draft:
    """A launch form's contents. `splits` are (`split_label`, split) where it is not the dataset's default."""

    datasets: tuple[str, ...] = ()
    path: str = ""  # one more dataset: any folder in DAVIS layout
    splits: tuple[tuple[str, str], ...] = ()
    videos: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()
    modes: tuple[str, ...] = ()
    strides: tuple[int, ...] = ()
    pointers: tuple[int, ...] = ()
    options: tuple[tuple[str, Any], ...] = ()
    gpus: tuple[str, ...] = ()
    workers: int = 0  # a GPU; 0: the machine's own
    name: str = ""

    def query(self) -> dict[str, str]:
        """The draft as parts of an address; empty parts are left out, but `models` always stands."""
        lists: dict[str, Sequence[Any]] = {
            "datasets": self.datasets,
            "splits": [f"{dataset}={split}" for dataset, split in self.splits],
            "videos": self.videos,
            "models": self.models,
            "sizes": self.sizes,
            "modes": self.modes,
            "strides": self.strides,
            "pointers": self.pointers,
            "options": [f"{name}={value}" for name, value in self.options],
            "gpus": self.gpus,
        }
        texts = {"path": self.path, "workers": str(self.workers or ""), "name": self.name}
        joined = {key: ",".join(_escaped(str(value)) for value in values) for key, values in lists.items()}
        return {key: text for key, text in {**joined, **texts}.items() if text or key == "models"}

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Draft:
        """Inverse of `query`. What cannot be (a model that is not registered, no number) is passed over."""

        def values(key: str) -> tuple[str, ...]:
            return tuple(dict.fromkeys(unquote(part) for part in query.get(key, "").split(",") if part))

        def whole(key: str) -> tuple[int, ...]:
            return tuple(int(text) for text in values(key) if _NUMBER.fullmatch(text))

        options = {}
        for text in values("options"):
            name, _, value = text.partition("=")
            with contextlib.suppress(InputError, KeyError):
                options[name] = OPTIONS[name].parse(value)
        workers = query.get("workers", "")
        return cls(
            datasets=values("datasets"),
            path=query.get("path", ""),
            splits=tuple((label, split) for label, _, split in (text.rpartition("=") for text in values("splits"))),
            videos=values("videos"),
            models=tuple(name for name in values("models") if name in MODELS),
            sizes=tuple(size for size in whole("sizes") if size in SIZES),
            modes=tuple(mode for mode in values("modes") if mode in list(MemoryMode)),
            strides=whole("strides"),
            pointers=whole("pointers"),
            options=tuple(sorted(options.items())),
            gpus=values("gpus"),
            workers=int(workers) if _NUMBER.fullmatch(workers) else 0,
            name=query.get("name", ""),
        )

    @classmethod
    def of_grid(cls, grid: Grid, home: Home, known: Mapping[str, str], name: str = "") -> Draft:
        """The draft that asks for `grid`.

        `known` are the stored paths of the datasets that are here, by name; a dataset elsewhere is told by its path,
        of which a draft has one.
        """
        named = [place for place in grid.datasets if _by_name(*place[:2], known)]
        elsewhere = [place for place in grid.datasets if place not in named]
        names = tuple(dataset for dataset, *_ in named)
        splits = [(dataset, split) for dataset, _, split in named]
        splits += [
            (split_label(dataset, str(home.locate(stored)), names), split) for dataset, stored, split in elsewhere
        ]
        draft = cls(
            datasets=names,
            splits=tuple(splits),
            videos=grid.videos,
            models=grid.models,
            sizes=grid.memory_sizes,
            modes=grid.memory_modes,
            strides=grid.strides,
            pointers=grid.pointers,
            options=grid.options,
            gpus=grid.placement.gpus,
            workers=grid.placement.workers_per_gpu,
            name=name,
        )
        return replace(draft, path=str(home.locate(elsewhere[0][1]))) if elsewhere else draft


def split_label(name: str, path: str, names: Sequence[str]) -> str:
    """What the dataset at `path` is called on the form: its name, or the folder where one of `names` is the same."""
    return path if name in names else name


def _by_name(dataset: str, stored: str, known: Mapping[str, str]) -> bool:
    """Whether a dataset is the one of its name here, or would be if it were in the data folder."""
    return known[dataset] == stored if dataset in known else stored == f"data:{dataset}"


def _escaped(text: str) -> str:
    """A list's item: commas part items."""
    return quote(text, safe="/ +:()&'=!@;$*~<>\"#?[]{}|")
