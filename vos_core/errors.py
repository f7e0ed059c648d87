"""Errors whose text is a sentence for the person: what is wrong, where, and what to do."""


class VosLabError(Exception):
    """Base of every error that VOS Lab raises on purpose; `str(error)` is shown to the person as it is."""

    exit_code = 1


class InputError(VosLabError):
    """What was asked for cannot be done as asked (a path, a list, a setting); nothing was queued or written."""

    exit_code = 2


class NotFetched(InputError):
    """Something that can be fetched or generated is not here; `item` is its name in `vos_core.downloads.jobs`."""

    def __init__(self, text: str, item: str) -> None:
        super().__init__(text)
        self.item = item


class PredictionError(VosLabError):
    """Predictions that cannot be scored as they are; the text lists every problem found, one a line."""


class DeviceUnavailable(VosLabError):
    """A process cannot use its GPU now, whatever it is asked to do there: another process on another GPU may."""


class Cancelled(VosLabError):
    """The work was stopped on request, between two frames."""
