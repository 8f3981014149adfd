"""When a call that failed is tried again, and when it is given up."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

#: Pauses after the first try, the second, and so on: 27 hours 42 minutes together.
PAUSES = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 43_200)
)
MOST_TRIES = len(PAUSES) + 1
#: Pauses are longer by up to this part, so that many calls do not come back at once.
_JITTER = 0.2
#: The longest that a server may ask us to wait.
_MOST_ASKED = timedelta(hours=12)
#: A server that says these is asked less often, as a whole.
OVERLOADED = frozenset({429, 502, 503, 504})
GONE = 410

#: An endpoint that has not once answered well for so long is disabled.
PATIENCE = timedelta(days=5)
#: So is one for which so many calls were given up without one that arrived.
MOST_GIVEN_UP = 10


def pause_after(tries: int, *, asked: timedelta | None = None) -> timedelta | None:
    """Return how long to wait after so many tries; None when it is given up.

    `asked` is what the server asked for, if it did: never less than that.
    """
    if tries >= MOST_TRIES:
        return None
    pause = PAUSES[tries - 1] * (1 + random.uniform(0, _JITTER))  # noqa: S311
    return max(pause, min(asked, _MOST_ASKED)) if asked else pause


def read_retry_after(value: str, *, now: datetime) -> timedelta | None:
    """Read the header Retry-After: seconds or a date (RFC 9110 10.2.3)."""
    value = value.strip()
    if value.isascii() and value.isdecimal():
        return timedelta(seconds=min(int(value[:9]), 10**7))
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(at - now, timedelta())
