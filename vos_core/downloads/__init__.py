"""Datasets and checkpoints: what can be fetched, and fetching it so that only a whole, checked thing is ever used.

Imports neither torch nor (until a transfer starts) httpx.
"""

from vos_core.downloads.catalogue import Item, Kind, Source, catalogue, find_item
from vos_core.downloads.failures import DownloadError
from vos_core.downloads.installation import Progress, Stage, State, fetch, recorded_sha256, state
from vos_core.downloads.transfer import Policy

__all__ = [
    "DownloadError",
    "Item",
    "Kind",
    "Policy",
    "Progress",
    "Source",
    "Stage",
    "State",
    "catalogue",
    "fetch",
    "find_item",
    "recorded_sha256",
    "state",
]
