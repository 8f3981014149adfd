"""Forgetting what happened long ago, where the installation is told to.

`EVENTS_KEPT_DAYS` says for how many days occurrences are kept; 0, the default, keeps
them for ever. What was counted stays counted: only days that are (`counting`) are
thinned out, so that every figure by day and in total is as before.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef

from automations.events.counting import MARGIN, midnight
from automations.models import Arrival, Event, Occurrence
from contacts.segments.scopes import database_now
from plunk.pages.paging import first_spelling

FORGET = "automations.tasks.forget_events"
#: How long one turn lasts before other work gets one.
TURN_SECONDS = 5.0
#: How many occurrences one transaction deletes.
CHUNK = 5_000
#: Events that one turn looks after.
_EVENTS = 100


def forget_old(*, seconds: float = TURN_SECONDS) -> bool:
    """Delete occurrences past their time, in chunks; return whether more are left.

    Whoever is killed on the way has deleted so many chunks; the next turn goes on.
    """
    if not settings.EVENTS_KEPT_DAYS:
        return False
    limit = _limit(database_now() - timedelta(days=settings.EVENTS_KEPT_DAYS))
    until = time.monotonic() + seconds
    deleted = 0
    for pk, end in _events(limit):
        after: datetime | None = None
        while found := _chunk(pk, after, end):
            after = found[-1][1]
            ids = [row_id for row_id, _ in found]
            deleted += Occurrence.objects.filter(pk__in=ids).delete()[0]
            if time.monotonic() >= until:
                return True
    # There may be more events than one turn has looked after.
    return deleted > 0


def _limit(moment: datetime) -> datetime:
    """Return up to when occurrences may go: none that the engine has not seen yet."""
    first = Arrival.objects.order_by("pk").values_list("occurrence__created_at")
    waiting = first.filter(occurrence__created_at__isnull=False).first()
    return min(moment, waiting[0] - MARGIN) if waiting else moment


def _events(limit: datetime) -> list[tuple[UUID, datetime]]:
    """Return events with something to forget, each with up to when."""
    old = Occurrence.objects.filter(
        event=OuterRef("pk"), created_at__lt=first_spelling(limit)
    )
    rows = Event.objects.existing().filter(Exists(old), counted_until__isnull=False)
    places = rows.order_by("pk").values_list("pk", "counted_until")[:_EVENTS]
    return [(pk, min(limit, midnight(day))) for pk, day in places if day]


def _chunk(
    event_id: UUID, after: datetime | None, end: datetime
) -> list[tuple[UUID, datetime]]:
    """Return id and time of the oldest occurrences of an event, from a time on."""
    rows = Occurrence.objects.filter(event=event_id, created_at__lt=first_spelling(end))
    if after is not None:
        rows = rows.filter(created_at__gte=first_spelling(after))
    return list(rows.order_by("created_at").values_list("pk", "created_at")[:CHUNK])
