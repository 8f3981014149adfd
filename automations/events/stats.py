"""How often events happened: days that are counted, and what came since, by index.

What came since is counted to MOST_COUNTED occurrences, the newest first. Where there
are more, the rest is taken to have come at the pace of the earliest that were counted,
and the answer says that it is an estimate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Min, QuerySet, Sum
from django.db.models.functions import Coalesce, TruncDate

from automations.events.counting import midnight
from automations.models import Event, EventDay, Occurrence
from contacts.segments.scopes import database_now
from plunk.pages.paging import first_spelling
from plunk.postgresql import is_postgresql

#: How many occurrences an answer looks at.
MOST_COUNTED = 100_000
#: How many names are listed by how often they happened.
MOST_NAMES = 1_000
#: Beyond that, contacts are judged from so many occurrences at so many places.
SAMPLE = 20_000
_PLACES = 10
_NEVER = date(1970, 1, 1)
#: The first day that is not counted of every event.
_SINCE = Min(Coalesce("counted_until", TruncDate("created_at", tzinfo=UTC)))


@dataclass(frozen=True, slots=True)
class Total:
    count: int
    is_estimate: bool = False


@dataclass(frozen=True, slots=True)
class Recent:
    """Occurrences by event and day (UTC)."""

    days: Mapping[UUID, Mapping[date, int]] = field(default_factory=dict)
    is_estimate: bool = False

    def total(self, event_id: UUID) -> int:
        return sum(self.days.get(event_id, {}).values())


def totals(project_id: UUID, events: Sequence[Event]) -> dict[UUID, Total]:
    """Return how often each of a project's events happened, ever."""
    if not events:
        return {}
    since = min(map(_uncounted_from, events))
    recent = _counted(
        Occurrence.objects.filter(project_id=project_id), midnight(since), None
    )
    ahead = _sums([event.pk for event in events], since, None)
    return {
        event.pk: Total(
            event.counted - ahead.get(event.pk, 0) + recent.total(event.pk),
            recent.is_estimate and event.pk in recent.days,
        )
        for event in events
    }


def total(event: Event) -> Total:
    """Return how often one event happened, ever."""
    since = midnight(_uncounted_from(event))
    recent = _counted(Occurrence.objects.filter(event=event), since, None)
    return Total(event.counted + recent.total(event.pk), recent.is_estimate)


def everything(project_id: UUID) -> Total:
    """Return how often anything happened in a project, ever."""
    rows = Event.objects.existing().filter(project_id=project_id)
    counted = rows.aggregate(number=Sum("counted"), since=_SINCE)
    if counted["since"] is None:
        return Total(0)
    own = Occurrence.objects.filter(project_id=project_id)
    recent = _counted(own, midnight(counted["since"]), None)
    ahead = _sums(rows.values("pk"), counted["since"], None)
    number = counted["number"] - sum(ahead.values())
    number += sum(recent.total(event_id) for event_id in recent.days)
    return Total(number, recent.is_estimate)


def up_to_limit(rows: QuerySet[Occurrence]) -> int | None:
    """Count occurrences of one contact; None where they are too many to count."""
    number = rows.order_by()[: MOST_COUNTED + 1].count()
    return number if number <= MOST_COUNTED else None


def by_frequency(project_id: UUID) -> list[tuple[Event, Total]]:
    """Return the events of a project that happened most often, those first."""
    rows = Event.objects.existing().filter(project_id=project_id)
    events = list(rows.order_by("-counted", "name")[:MOST_NAMES])
    if len(events) == MOST_NAMES:
        # Those of today may have overtaken them.
        news = rows.exclude(pk__in=[event.pk for event in events])
        events += news.order_by("-created_at")[:MOST_NAMES]
    found = totals(project_id, events)
    listed = [(event, found[event.pk]) for event in events]
    listed.sort(key=lambda pair: (-pair[1].count, pair[0].name))
    return listed[:MOST_NAMES]


def between(
    project_id: UUID, begin: datetime | None, end: datetime | None
) -> list[tuple[str, Total]]:
    """Return name and number of what happened from `begin` until before `end`."""
    rows = Event.objects.existing().filter(project_id=project_id)
    since = rows.aggregate(since=_SINCE)["since"]
    if since is None:
        return []
    begin = begin or midnight(_NEVER)
    first, last = _whole_days(begin, end or database_now(), since)
    edges: list[tuple[datetime, datetime | None]]
    if first < last:
        edges = [(begin, midnight(first)), (midnight(last), end)]
        sums: Counter[UUID] = Counter(_sums(rows.values("pk"), first, last))
    else:
        edges, sums = [(begin, end)], Counter()
    estimated: set[UUID] = set()
    for edge in edges:
        found = _counted(Occurrence.objects.filter(project_id=project_id), *edge)
        sums.update({event_id: found.total(event_id) for event_id in found.days})
        estimated |= found.days.keys() if found.is_estimate else set()
    names = dict(rows.filter(pk__in=sums).values_list("pk", "name"))
    listed = [
        (names[pk], Total(number, pk in estimated))
        for pk, number in sums.items()
        if number and pk in names
    ]
    return sorted(listed, key=lambda pair: (-pair[1].count, pair[0]))


def _whole_days(begin: datetime, end: datetime, since: date) -> tuple[date, date]:
    """Return the first day within a time, and the first that is not or not counted."""
    first = begin.astimezone(UTC).date()
    if begin > midnight(first):
        first += timedelta(days=1)
    return first, min(end.astimezone(UTC).date(), since)


def by_day(
    project_id: UUID, events: Sequence[Event], days: int
) -> tuple[dict[UUID, list[int]], bool]:
    """Return how often events happened on each of the last `days` days, today last.

    The second value says whether some of it is an estimate.
    """
    today = database_now().astimezone(UTC).date()
    listed = [today - timedelta(days=back) for back in reversed(range(days))]
    if not events:
        return {}, False
    rows = (
        Occurrence.objects.filter(event=events[0])
        if len(events) == 1
        else Occurrence.objects.filter(project_id=project_id)
    )
    since = max(min(map(_uncounted_from, events)), listed[0])
    recent = _counted(rows, midnight(since), None)
    found = {event.pk: dict(recent.days.get(event.pk, {})) for event in events}
    counted = EventDay.objects.filter(
        event__in=list(found), day__gte=listed[0], day__lt=since
    )
    for pk, day, number in counted.values_list("event_id", "day", "occurrences"):
        found[pk][day] = number
    by_event = {pk: [by.get(day, 0) for day in listed] for pk, by in found.items()}
    return by_event, recent.is_estimate


def unique_contacts(event: Event, number: Total) -> Total:
    """Return to how many contacts an event happened.

    Exactly where it happened up to MOST_COUNTED times. Beyond, from SAMPLE occurrences
    at places spread evenly over the contacts.
    """
    rows = Occurrence.objects.filter(event=event, contact__isnull=False)
    if number.count <= MOST_COUNTED:
        return Total(rows.order_by().values("contact").distinct().count())
    ends = [
        rows.order_by(order).values_list("contact_id", flat=True).first()
        for order in ("contact_id", "-contact_id")
    ]
    if ends[0] is None or ends[1] is None:
        return Total(0)
    low, high = ends[0].int, ends[1].int
    seen = people = 0
    for place in range(_PLACES):
        start = UUID(int=low + (high - low) * place // _PLACES)
        part = rows.filter(contact_id__gte=start).order_by("contact_id")
        found = _distinct(part.values("contact_id")[: SAMPLE // _PLACES])
        seen, people = seen + found[0], people + found[1]
    return Total(round(number.count * people / max(seen, 1)), is_estimate=True)


# -- what is not counted yet ----------------------------------------------------------


def _uncounted_from(event: Event) -> date:
    return event.counted_until or event.created_at.astimezone(UTC).date()


def _sums(event_ids: Any, first: date, last: date | None) -> dict[UUID, int]:
    """Return what the counted days from `first` until before `last` come to."""
    days = EventDay.objects.filter(event__in=event_ids, day__gte=first)
    if last is not None:
        days = days.filter(day__lt=last)
    sums = days.order_by().values("event_id").annotate(number=Sum("occurrences"))
    return dict(sums.values_list("event_id", "number"))


def _counted(
    rows: QuerySet[Occurrence], begin: datetime, end: datetime | None
) -> Recent:
    """Count the occurrences of a time by event and day, the newest MOST_COUNTED."""
    if end is not None and begin >= end:
        return Recent()
    within = rows.filter(created_at__gte=first_spelling(begin))
    if end is not None:
        within = within.filter(created_at__lt=first_spelling(end))
    newest = within.order_by("-created_at").values("event_id", "created_at")
    text, params = (
        newest[:MOST_COUNTED].query.get_compiler(connection=connection).as_sql()
    )
    with connection.cursor() as cursor:
        cursor.execute(_BY_DAY.format(day=_DAY[connection.vendor], rows=text), params)
        found = [_read(row) for row in cursor.fetchall()]
    if sum(number for _, _, number, _ in found) < MOST_COUNTED:
        return Recent(_sorted_in((pk, day, number) for pk, day, number, _ in found))
    oldest = min(at for *_, at in found)
    return Recent(
        _sorted_in(_stretched(found, begin, oldest, end or database_now())),
        is_estimate=True,
    )


_BY_DAY = (
    "SELECT event_id, {day} AS day, count(*), min(created_at) "
    "FROM ({rows}) AS newest GROUP BY event_id, {day}"
)
#: Times are in UTC on both; SQLite's are text.
_DAY = {
    "postgresql": "(created_at AT TIME ZONE 'UTC')::date",
    "sqlite": "substr(created_at, 1, 10)",
}


def _read(row: Sequence[Any]) -> tuple[UUID, date, int, datetime]:
    event_id, day, number, at = row
    if is_postgresql():
        return event_id, day, number, at
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    return UUID(event_id), date.fromisoformat(day), number, moment


def _stretched(
    found: Iterable[tuple[UUID, date, int, datetime]],
    begin: datetime,
    oldest: datetime,
    end: datetime,
) -> Iterable[tuple[UUID, date, int]]:
    """Add what was not looked at: all before `oldest`, at the pace of that day."""
    cut = oldest.astimezone(UTC).date()
    stops = min(end, midnight(cut + timedelta(days=1)))
    # A second at least: all of them may have come in one moment.
    covered = max((stops - oldest).total_seconds(), 1.0)
    for pk, day, number, _ in found:
        if day != cut:
            yield pk, day, number
            continue
        for part, begins, ends in _days(begin, stops):
            seconds = (ends - begins).total_seconds()
            yield pk, part, max(round(number * seconds / covered), 0)


def _days(begin: datetime, end: datetime) -> Iterable[tuple[date, datetime, datetime]]:
    """Yield each day of a time, with the parts of it that lie within."""
    day = begin.astimezone(UTC).date()
    while midnight(day) < end:
        following = day + timedelta(days=1)
        yield day, max(begin, midnight(day)), min(end, midnight(following))
        day = following


def _sorted_in(
    rows: Iterable[tuple[UUID, date, int]],
) -> dict[UUID, dict[date, int]]:
    days: dict[UUID, dict[date, int]] = {}
    for pk, day, number in rows:
        by_day_ = days.setdefault(pk, {})
        by_day_[day] = by_day_.get(day, 0) + number
    return days


def _distinct(rows: QuerySet[Any, Any]) -> tuple[int, int]:
    """Return how many rows there are, and of how many contacts."""
    text, params = rows.query.get_compiler(connection=connection).as_sql()
    sql = f"SELECT count(*), count(DISTINCT contact_id) FROM ({text}) AS part"  # noqa: S608 - compiled
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        number, people = cursor.fetchone()
    return number, people
