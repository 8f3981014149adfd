"""Where this process goes on with each stream's mails, which it claims in their order.

In front of that place the index is full of mails that have left since it was last
vacuumed. After half a million, stepping over them took a third of a second for each
batch. Mails that were put back there wait for a few seconds, or until the rest is gone.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from uuid import UUID

#: How long a process goes on before it looks from the start again.
_SECONDS = 5.0
_START = UUID(int=0)

#: By stream: the last mail claimed, and until when to go on behind it.
_places: dict[UUID, tuple[UUID, float]] = {}


def place_of(stream_id: UUID) -> UUID:
    """Return the id of the mail behind which to go on; below every id for the start."""
    place, until = _places.get(stream_id, (_START, 0.0))
    if time.monotonic() < until:
        return place
    _places.pop(stream_id, None)
    return _START


def go_on(stream_id: UUID, claimed: Iterable[UUID]) -> None:
    """Remember up to where a stream was claimed."""
    place, until = _places.get(stream_id, (_START, time.monotonic() + _SECONDS))
    _places[stream_id] = (max(place, *claimed), until)


def start_again(stream_ids: Collection[UUID]) -> set[UUID]:
    """Look at streams from their start again; return those that had gone on."""
    return {pk for pk in stream_ids if _places.pop(pk, None) is not None}
