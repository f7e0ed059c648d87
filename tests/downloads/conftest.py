"""The server, quick tempers, and small things to fetch."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.downloads.faulty_server import FaultyServer
from vos_core.downloads import Policy


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer().running() as running:
        yield running


@pytest.fixture
def other_server() -> Iterator[FaultyServer]:
    """On another port: another origin."""
    with FaultyServer().running() as running:
        yield running


@pytest.fixture
def hasty() -> Policy:
    """The real policy with short waits; how long an answer may take stays as it is, for this machine may be busy."""
    return Policy(failures=3, first_wait=0.01, longest_wait=0.02, longest_asked=5.0)
