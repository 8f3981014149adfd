"""Looking up what decisions depend on: for many runs at once, kind by kind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import orjson

from automations.deciding import (
    Awaited,
    EverDid,
    Fact,
    Happened,
    MailOf,
    Matches,
    TemplateFact,
    TemplateOf,
)
from automations.engine.journeys import Journey
from automations.events.naming import as_tracked
from automations.models import Event, Occurrence, Visit
from contacts.segments import tree as trees
from contacts.segments.matching import among
from plunk.api.errors import ApiError
from plunk.postgresql import fetch_all, is_postgresql
from transactional.models import Email, MailKind, Template

F = TypeVar("F")
_DEEDS = ("delivered", "opened", "clicked", "bounced")


def look_up(asked: Sequence[tuple[Journey, Fact]], now: datetime) -> list[Journey]:
    """Answer questions; each answer goes into the facts of the run that asked.

    Return the journeys whose question has no answer any more; they are parked.
    """
    of_events(_of_kind(asked, Awaited))
    of_deeds(_of_kind(asked, EverDid), now)
    of_mails(_of_kind(asked, MailOf))
    of_templates(_of_kind(asked, TemplateOf))
    return of_filters(_of_kind(asked, Matches), now)


def _of_kind(
    asked: Iterable[tuple[Journey, Fact]], kind: type[F]
) -> list[tuple[Journey, F]]:
    return [(journey, fact) for journey, fact in asked if isinstance(fact, kind)]


def event_ids(
    wanted: Collection[tuple[UUID, str]],
) -> dict[tuple[UUID, str], UUID]:
    """Return the ids of projects' events by project and name, of those that exist.

    A name is found as it was tracked too: in lower case and without spaces.
    """
    names = {name for _, name in wanted} | {as_tracked(name) for _, name in wanted}
    rows = Event.objects.existing().filter(
        project__in={project for project, _ in wanted}, name__in=names
    )
    known = {
        (project, name): pk
        for project, name, pk in rows.values_list("project", "name", "pk")
    }
    found = {}
    for project, name in wanted:
        pk = known.get((project, name)) or known.get((project, as_tracked(name)))
        if pk is not None:
            found[project, name] = pk
    return found


_FIRST_SQL = """
SELECT wanted.place, happened.id, happened.created_at, happened.data
FROM unnest(
  %(places)s::int[], %(events)s::uuid[], %(contacts)s::uuid[],
  %(since)s::timestamptz[], %(until)s::timestamptz[]
) AS wanted(place, event_id, contact_id, since, until)
CROSS JOIN LATERAL (
  SELECT id, created_at, data FROM automations_occurrence
  WHERE
    event_id = wanted.event_id AND contact_id = wanted.contact_id
    AND created_at > wanted.since
    AND (wanted.until IS NULL OR created_at <= wanted.until)
  ORDER BY created_at
  LIMIT 1
) AS happened
"""


@dataclass(frozen=True, slots=True)
class Span:
    """Where a first occurrence is looked for: after `since`, and not after `until`."""

    event_id: UUID
    contact_id: UUID
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class First:
    """An occurrence that was found; `data` is empty where it had no object."""

    id: UUID
    at: datetime
    data: dict[str, Any]


def of_events(asked: Sequence[tuple[Journey, Awaited]]) -> None:
    """Find the first occurrence of what each run waits for."""
    if not asked:
        return
    ids = event_ids({(journey.run.project_id, fact.event) for journey, fact in asked})
    known = []
    for journey, fact in asked:
        journey.facts[fact] = None
        pk = ids.get((journey.run.project_id, fact.event))
        if pk is not None:
            span = Span(pk, journey.run.contact_id, fact.since, fact.until)
            known.append((journey, fact, span))
    found = first_times([span for _, _, span in known])
    for journey, fact, span in known:
        if first := found.get(span):
            journey.facts[fact] = Happened(first.at, first.data)


def first_times(wanted: Collection[Span]) -> dict[Span, First]:
    """Return the first occurrence in each span that has one; a statement for all."""
    spans = list(dict.fromkeys(wanted))
    first = _first_postgresql if is_postgresql() else _first_portable
    return {
        spans[place]: First(pk, at, data if isinstance(data, dict) else {})
        for place, pk, at, data in first(spans)
    }


def _first_postgresql(
    spans: Sequence[Span],
) -> list[tuple[int, UUID, datetime, Any]]:
    if not spans:
        return []
    params = {
        "places": list(range(len(spans))),
        "events": [span.event_id for span in spans],
        "contacts": [span.contact_id for span in spans],
        "since": [span.since for span in spans],
        "until": [span.until for span in spans],
    }
    rows = fetch_all(_FIRST_SQL, params)
    return [(place, pk, at, _read(data)) for place, pk, at, data in rows]


def _read(data: Any) -> Any:
    return orjson.loads(data) if isinstance(data, str | bytes) else data


def _end(moment: datetime) -> datetime:
    """Return the end of the millisecond that a moment on SQLite is in.

    Moments are texts there, and a full second has two spellings of which one is later.
    """
    return moment + timedelta(microseconds=500)


def _first_portable(
    spans: Sequence[Span],
) -> list[tuple[int, UUID, datetime, Any]]:
    found = []
    for place, span in enumerate(spans):
        rows = Occurrence.objects.filter(
            event=span.event_id,
            contact=span.contact_id,
            created_at__gt=_end(span.since),
        )
        if span.until is not None:
            rows = rows.filter(created_at__lt=_end(span.until))
        columns = rows.order_by("created_at").values_list("pk", "created_at", "data")
        first = columns.first()
        if first is not None:
            found.append((place, *first))
    return found


_LAST_SQL = """
SELECT wanted.place, happened.created_at
FROM unnest(
  %(places)s::int[], %(events)s::uuid[], %(contacts)s::uuid[], %(until)s::timestamptz[]
) AS wanted(place, event_id, contact_id, until)
CROSS JOIN LATERAL (
  SELECT created_at FROM automations_occurrence
  WHERE
    event_id = wanted.event_id AND contact_id = wanted.contact_id
    AND created_at <= wanted.until
  ORDER BY created_at DESC
  LIMIT 1
) AS happened
"""


def last_times(
    wanted: Sequence[tuple[UUID, UUID, datetime]],
) -> dict[tuple[UUID, UUID, datetime], datetime]:
    """Return when an event last happened to a contact, not after a moment.

    `wanted` are an event, a contact and a moment each; what never happened is left out.
    """
    if not wanted:
        return {}
    if not is_postgresql():
        return _last_times_portable(wanted)
    params = {
        "places": list(range(len(wanted))),
        "events": [event_id for event_id, _, _ in wanted],
        "contacts": [contact_id for _, contact_id, _ in wanted],
        "until": [until for _, _, until in wanted],
    }
    return {wanted[place]: at for place, at in fetch_all(_LAST_SQL, params)}


def _last_times_portable(
    wanted: Sequence[tuple[UUID, UUID, datetime]],
) -> dict[tuple[UUID, UUID, datetime], datetime]:
    found = {}
    for key in wanted:
        event_id, contact_id, until = key
        rows = Occurrence.objects.filter(
            event=event_id, contact=contact_id, created_at__lt=_end(until)
        )
        times = rows.order_by("-created_at").values_list("created_at", flat=True)
        if last := times.first():
            found[key] = last
    return found


def of_deeds(asked: Sequence[tuple[Journey, EverDid]], now: datetime) -> None:
    """Find whether contacts ever had one of some events."""
    if not asked:
        return
    wanted = {
        (journey.run.project_id, name)
        for journey, fact in asked
        for name in fact.events
    }
    ids = event_ids(wanted)
    known = [
        (journey, fact, name, (pk, journey.run.contact_id, now))
        for journey, fact in asked
        for name in fact.events
        if (pk := ids.get((journey.run.project_id, name)))
    ]
    # Each by a look at an index, however often it happened.
    last = last_times(list(dict.fromkeys(place for *_, place in known)))
    for journey, fact in asked:
        journey.facts[fact] = None
    for journey, fact, name, place in reversed(known):
        if place in last:
            journey.facts[fact] = name


def of_mails(asked: Sequence[tuple[Journey, MailOf]]) -> None:
    """Find what became of the mails that earlier steps of the same runs sent."""
    if not asked:
        return
    visits = Visit.objects.filter(
        run__in={journey.run.pk for journey, _ in asked},
        step_id__in={fact.step_id for _, fact in asked},
    ).order_by("number")
    of_step: dict[tuple[UUID, UUID], list[UUID]] = defaultdict(list)
    for run_id, step_id, pk in visits.values_list("run", "step_id", "pk"):
        of_step[run_id, step_id].append(pk)
    # Those of this very batch are not written yet.
    for journey, _ in asked:
        for visit in journey.made:
            of_step[journey.run.pk, visit.step_id].append(visit.pk)
    columns = [f"{deed}_at" for deed in _DEEDS]
    ids = {pk for found in of_step.values() for pk in found}
    mails = Email.objects.filter(origin_id__in=ids)
    deeds: dict[UUID | None, dict[str, Any]] = {
        origin_id: dict(zip(_DEEDS, moments, strict=True))
        for origin_id, *moments in mails.values_list("origin_id", *columns)
    }
    for journey, fact in asked:
        # A run that was taken to another version may come to a step again: the newest
        # mail counts, and a visit that had none says nothing about it.
        found = of_step.get((journey.run.pk, fact.step_id), [])
        sent = [deeds[pk] for pk in found if pk in deeds]
        journey.facts[fact] = sent[-1] if sent else {}


def of_templates(asked: Sequence[tuple[Journey, TemplateOf]]) -> None:
    if not asked:
        return
    rows = Template.objects.existing().filter(
        pk__in={fact.template_id for _, fact in asked}
    )
    known = {
        (project, pk): TemplateFact(name, MailKind(kind).needs_consent)
        for project, pk, name, kind in rows.values_list("project", "pk", "name", "kind")
    }
    for journey, fact in asked:
        journey.facts[fact] = known.get((journey.run.project_id, fact.template_id))


def of_filters(
    asked: Sequence[tuple[Journey, Matches]], now: datetime
) -> list[Journey]:
    """Find who matches the filters of conditions; return whose cannot be asked."""
    groups: dict[tuple[UUID, Matches], list[Journey]] = defaultdict(list)
    for journey, fact in asked:
        groups[journey.run.version_id, fact].append(journey)
    lost: list[Journey] = []
    for (_, fact), journeys in groups.items():
        step = journeys[0].definition.steps[fact.step_id]
        project_id = journeys[0].run.project_id
        ids = [journey.run.contact_id for journey in journeys]
        try:
            tree = trees.parse(step.config["filter"], "filter")
            found = among(project_id, tree, ids, now=now)
            matching = set(found.values_list("pk", flat=True))
        except ApiError as error:
            for journey in journeys:
                journey.park(f"The condition has no meaning any more. {error}", now)
            lost += journeys
            continue
        for journey in journeys:
            journey.facts[fact] = journey.run.contact_id in matching
    return lost
