"""Datasets and checkpoints: what can be fetched, and fetching it so that only a whole, checked thing is ever used.

Imports neither torch nor (until a transfer starts) httpx, huggingface_hub or gdown. A page reads `overview` and calls
`background.start`, `background.verify` and `background.stop`.
"""

from vos_core.downloads.catalogue import File, Item, Kind, catalogue, find_item
from vos_core.downloads.failures import Damaged, DownloadError
from vos_core.downloads.installation import fetch
from vos_core.downloads.overview import Row, Standing, overview
from vos_core.downloads.presence import State, state
from vos_core.downloads.progress import Progress, Stage
from vos_core.downloads.records import Records
from vos_core.downloads.sources import Drive, Hub, Source, Web
from vos_core.downloads.transfer import Policy
from vos_core.downloads.verification import Verdict, verify

__all__ = [
    "Damaged",
    "DownloadError",
    "Drive",
    "File",
    "Hub",
    "Item",
    "Kind",
    "Policy",
    "Progress",
    "Records",
    "Row",
    "Source",
    "Stage",
    "Standing",
    "State",
    "Verdict",
    "Web",
    "catalogue",
    "fetch",
    "find_item",
    "overview",
    "state",
    "verify",
]
