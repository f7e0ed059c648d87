"""Slows down who guesses passwords: after some failures a client has to wait, and all tries together have a pace."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv6Address

FREE_TRIES = 3  # of one client, before it has to wait
LONGEST_WAIT = 300.0  # seconds
FORGET_AFTER = 3600.0  # seconds since a client's last failure
CLIENTS = 4096  # remembered at most; the longest unseen is forgotten first
ALL_TRIES = 30.0  # failures of all clients together that may come at once,
ALL_PACE = 2.0  # and seconds until one more may come


@dataclass
class _Client:
    failures: int
    last: float


class Brake:
    """Counts failures by client and of all together. Never sleeps: it says how long to wait."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._clients: OrderedDict[str, _Client] = OrderedDict()
        self._all, self._all_since = 0.0, clock()

    def wait(self, address: str) -> int:
        """Whole seconds that this client has to wait before its next try is looked at; 0 is now."""
        now = self._clock()
        mine, known = 0.0, self._clients.get(client(address))
        if known is not None and known.failures >= FREE_TRIES and now - known.last < FORGET_AFTER:
            pause = min(LONGEST_WAIT, 2.0 ** min(known.failures - FREE_TRIES, 20))
            mine = known.last + pause - now
        everyone = (self._level(now) + 1 - ALL_TRIES) * ALL_PACE
        return max(0, math.ceil(max(mine, everyone)))

    def failed(self, address: str) -> None:
        """A wrong password came from there."""
        now, key = self._clock(), client(address)
        known = self._clients.pop(key, None)
        fresh = known is None or now - known.last >= FORGET_AFTER
        self._clients[key] = _Client(1 if fresh or known is None else known.failures + 1, now)
        while len(self._clients) > CLIENTS:
            self._clients.popitem(last=False)
        self._all, self._all_since = self._level(now) + 1, now

    def passed(self, address: str) -> None:
        """The right password came from there."""
        self._clients.pop(client(address), None)

    def _level(self, now: float) -> float:
        """Failures of all clients that still count: a bucket that leaks one each `ALL_PACE` seconds."""
        return max(0.0, self._all - (now - self._all_since) / ALL_PACE)


def client(address: str) -> str:
    """Whom an address belongs to: of IPv6 the /64 that one customer has to himself."""
    try:
        six = IPv6Address(address.partition("%")[0])
    except AddressValueError:
        return address
    return str(six.ipv4_mapped) if six.ipv4_mapped else f"{IPv6Address(int(six) >> 64 << 64)}/64"
