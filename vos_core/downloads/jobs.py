"""What can be made ready in the background, by name: every item of the catalogue is fetched, the demo set generated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from vos_core.datasets.layout import has_layout
from vos_core.downloads.catalogue import Item, catalogue, find_item
from vos_core.downloads.presence import State
from vos_core.downloads.presence import state as state_of
from vos_core.home import Home

DEMO = "demo"


@dataclass(frozen=True)
class Job:
    """One thing to make ready. `words` follow `python -m vos_core`; `again` says what starting anew after an end does.

    `state` tells how much of it is there, by a look at names and sizes.
    """

    name: str
    words: tuple[str, ...]
    again: str
    state: Callable[[Home], State]

    @classmethod
    def verification(cls, item: Item) -> Job:
        """Reading an item through, in place of fetching it."""
        return cls(item.name, ("fetch", item.name, "--verify"), "it begins anew", partial(state_of, item))


def jobs() -> dict[str, Job]:
    """Every job by name: the demo dataset, then the catalogue's items."""
    fetches = {
        name: Job(name, ("fetch", name), "it goes on from what is there", partial(state_of, item))
        for name, item in catalogue().items()
    }
    return {DEMO: Job(DEMO, ("demo", "--only_data"), "it begins anew", _demo_state), **fetches}


def find_job(name: str) -> Job:
    """The job called `name` (letter case does not matter). Raises InputError that lists what can be fetched."""
    known = jobs()
    return known.get(name.lower()) or known[find_item(name).name]


def _demo_state(home: Home) -> State:
    # It is renamed into place when whole.
    return State.READY if has_layout(home.data / DEMO) else State.MISSING
