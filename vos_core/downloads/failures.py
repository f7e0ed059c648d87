"""What can go wrong between one source and one file; of these only DownloadError and Damaged leave this package."""

import time
from email.utils import parsedate_to_datetime

from vos_core.errors import InputError, VosLabError

RETRIED = {408, 425, 429, 500, 502, 503, 504}  # HTTP answers that a later attempt may not get


class DownloadError(VosLabError):
    """Something could not be fetched, or is not what was published; its text says why and how to do it by hand."""


class Damaged(InputError):
    """What is there is not what was published or recorded; its text says what differs and what to do."""


class SourceFailed(Exception):
    """This source will not do, whatever one tries; the next one may."""


class TryAgain(Exception):
    """This attempt failed; the next one may not. `wait` is what the server asked for, in seconds."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


def asked_wait(value: str | None) -> float | None:
    """Seconds of a Retry-After header, which is a number or a date."""
    if not value:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError):
        return None
