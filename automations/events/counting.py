"""Counting days that are over, once, so that nobody counts old occurrences again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from uuid import UUID

from django.db import transaction
from django.db.models import Count, F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce, TruncDate

from automations.models import Event, EventDay, Occurrence
from contacts.segments.scopes import database_now
from plunk.pages.paging import first_spelling

#: How long after midnight (UTC) a day is counted: an occurrence has the time at which
#: it was written, and is seen when its transaction ends.
MARGIN = timedelta(hours=1)
#: Events that are counted together, and days at a time.
_BATCH = 500
_STRETCH = timedelta(days=31)


def count_days() -> int:
    """Count every day that is over and not counted; return how often that was asked.

    Killed on the way, it goes on where it was: days and the note that they are counted
    are one transaction.
    """
    over = (database_now() - MARGIN).astimezone(UTC).date()
    turns = 0
    while _count_some(over):
        turns += 1
    return turns


@transaction.atomic
def _count_some(over: date) -> bool:
    """Bring some events on by a month at most; return whether there were any."""
    due = Event.objects.filter(Q(counted_until=None) | Q(counted_until__lt=over))
    rows = due.order_by("counted_until", "pk").select_for_update(
        no_key=True, skip_locked=True
    )
    starts = sorted((_start(event), event.pk) for event in rows[:_BATCH])
    for start, group in groupby(starts, key=lambda pair: pair[0]):
        _count([pk for _, pk in group], start, min(start + _STRETCH, over))
    return bool(starts)


def _start(event: Event) -> date:
    """Return the first day not counted: an event is older than its occurrences."""
    return event.counted_until or event.created_at.astimezone(UTC).date()


def _count(event_ids: Sequence[UUID], start: date, end: date) -> None:
    if start >= end:
        Event.objects.filter(pk__in=event_ids).update(counted_until=start)
        return
    found = (
        Occurrence.objects.filter(
            event__in=event_ids,
            created_at__gte=first_spelling(midnight(start)),
            created_at__lt=first_spelling(midnight(end)),
        )
        .order_by()
        .values("event_id", day=TruncDate("created_at", tzinfo=UTC))
        .annotate(number=Count("pk"))
    )
    EventDay.objects.bulk_create(
        [
            EventDay(
                event_id=row["event_id"], day=row["day"], occurrences=row["number"]
            )
            for row in found
        ],
        batch_size=1000,
        update_conflicts=True,
        unique_fields=["event", "day"],
        update_fields=["occurrences"],
    )
    days = EventDay.objects.filter(event=OuterRef("pk"), day__gte=start, day__lt=end)
    added = days.order_by().values("event").annotate(number=Sum("occurrences"))
    Event.objects.filter(pk__in=event_ids).update(
        counted=F("counted") + Coalesce(Subquery(added.values("number")), 0),
        counted_until=end,
    )


def midnight(day: date) -> datetime:
    """Return the beginning of a day, in UTC."""
    return datetime.combine(day, time.min, tzinfo=UTC)
