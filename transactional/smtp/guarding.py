"""How many may come in, and how often one may guess: bounded, and per address."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

MAX_FAILURES = 5
_FIRST_PAUSE, _LONGEST_PAUSE = 15.0, 900.0
#: Failures older than this are forgotten.
_MEMORY_SECONDS = 3600.0
_MOST_REMEMBERED = 10_000


@dataclass(slots=True)
class _Record:
    failures: int = 0
    last_at: float = 0.0
    paused_until: float = 0.0


class Guard:
    """Remembers who failed to log in, and counts who is connected. One thread's own."""

    def __init__(self, *, connections: int, per_address: int) -> None:
        self._connections = connections
        self._per_address = per_address
        self._connected: Counter[str] = Counter()
        self._records: OrderedDict[str, _Record] = OrderedDict()

    def enter(self, place: str) -> str:
        """Count a connection; return why it is not welcome, or nothing."""
        pause = self.pause(place)
        if pause > 0:
            return f"Too many failed log-ins; try again in {round(pause) or 1} s."
        if (
            self._connected.total() >= self._connections
            or self._connected[place] >= self._per_address
        ):
            return "Too many connections; try again later."
        self._connected[place] += 1
        return ""

    def leave(self, place: str) -> None:
        """Take back what a successful `enter` counted."""
        self._connected[place] -= 1
        if self._connected[place] <= 0:
            del self._connected[place]

    def pause(self, place: str) -> float:
        """Return for how many seconds an address has to wait."""
        record = self._records.get(place)
        return record.paused_until - time.monotonic() if record else 0.0

    def failed(self, place: str) -> bool:
        """Note a failed log-in; say whether the address has to wait now.

        Every fifth one, and from then on twice as long each time.
        """
        now = time.monotonic()
        record = self._records.pop(place, None) or _Record()
        if now - record.last_at > _MEMORY_SECONDS:
            record = _Record()
        record.failures += 1
        record.last_at = now
        rounds, rest = divmod(record.failures, MAX_FAILURES)
        if rest == 0:
            pause = min(_FIRST_PAUSE * 2 ** min(rounds - 1, 10), _LONGEST_PAUSE)
            record.paused_until = now + pause
        self._records[place] = record
        while len(self._records) > _MOST_REMEMBERED:
            self._records.popitem(last=False)
        return rest == 0

    def succeeded(self, place: str) -> None:
        """Forget the failures of who knows a key."""
        self._records.pop(place, None)


def place_of(peer: object) -> str:
    """Return what connections are counted by: an address, or an IPv6 customer's /64."""
    host = str(peer[0]) if isinstance(peer, tuple) and peer else ""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(IPv6Address(int(address) >> 64 << 64))
    return str(address)
