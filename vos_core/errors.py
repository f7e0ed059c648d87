"""Errors whose text is a sentence for the person: what is wrong, where, and what to do."""


class VosLabError(Exception):
    """Base of every error that VOS Lab raises on purpose; `str(error)` is shown to the person as it is."""

    exit_code = 1


class InputError(VosLabError):
    """What was asked for cannot be done as asked (a path, a list, a setting); nothing was queued or written."""

    exit_code = 2


class PredictionError(VosLabError):
    """Predictions that cannot be scored as they are; the text lists every problem found, one a line."""


class Cancelled(VosLabError):
    """The work was stopped on request, between two frames."""
