"""What can go wrong between one source and one file; only DownloadError leaves this package."""

from vos_core.errors import VosLabError


class DownloadError(VosLabError):
    """Something could not be fetched, or is not what was published; its text says why and how to do it by hand."""


class SourceFailed(Exception):
    """This source will not do, whatever one tries; the next one may."""


class TryAgain(Exception):
    """This attempt failed; the next one may not. `wait` is what the server asked for, in seconds."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait
