"""What names an event, and so keeps it from being deleted: segments and workflows."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Q, TextField
from django.db.models.functions import Cast
from django.urls import reverse

from automations.events.naming import as_tracked, is_reserved
from automations.models import Event, Listener, Run, RunState, Workflow
from contacts.models import Segment
from plunk.postgresql import is_postgresql

#: How many segments and how many workflows are named.
MOST_NAMED = 100
_FIELD = "event."


@dataclass(frozen=True, slots=True)
class Use:
    """A segment or workflow that names an event."""

    id: UUID
    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What names an event; `reason` says why it cannot be deleted, if it cannot."""

    segments: list[Use] = field(default_factory=list)
    workflows: list[Use] = field(default_factory=list)
    reason: str = ""

    @property
    def can_delete(self) -> bool:
        return not self.reason


def usage_of(event: Event) -> Usage:
    """Say what names an event; a few statements, whatever has happened."""
    segments = _segments(event)
    workflows = _workflows(event)
    return Usage(segments, workflows, _reason(event, segments, workflows))


def used_in_many(events: Sequence[Event]) -> dict[UUID, int]:
    """Return how many segments and workflows name events, as `usage_of` counts them.

    Three statements, however many events there are.
    """
    if not events:
        return {}
    by_name = {event.name: event.pk for event in events}
    found = dict.fromkeys(by_name.values(), 0)
    project_id = events[0].project_id
    for _, _, condition in _asking(project_id):
        for name in set(_names_in_filters(condition)) & by_name.keys():
            found[by_name[name]] += 1
    for pk, _ in _naming(project_id, by_name):
        found[pk] += 1
    for event in events:
        # Some step waits for it; which one, its own page looks up.
        if event.is_heard and not found[event.pk]:
            found[event.pk] = 1
    return found


def _naming(project_id: UUID, by_name: Mapping[str, UUID]) -> set[tuple[UUID, UUID]]:
    """Return which events are named by which workflows, in drafts and live versions."""
    listeners = Listener.objects.filter(
        event__in=list(by_name.values()), workflow__deleted_at=None
    )
    found = set(listeners.values_list("event_id", "workflow_id"))
    rows = Workflow.objects.existing().filter(project_id=project_id)
    for workflow_id, *documents in rows.values_list("pk", "draft", "live__definition"):
        names = {name for each in documents for name in _names_in_document(each)}
        found |= {(by_name[name], workflow_id) for name in names & by_name.keys()}
    return found


def usage_names(project_id: UUID) -> set[str]:
    """Return the names of all events that segments and workflows of a project name."""
    names: set[str] = set()
    for _, _, condition in _asking(project_id):
        names.update(_names_in_filters(condition))
    rows = Workflow.objects.existing().filter(project_id=project_id)
    for documents in rows.values_list("draft", "live__definition"):
        for document in documents:
            names.update(_names_in_document(document))
    return names


def _reason(event: Event, segments: Sequence[Use], workflows: Sequence[Use]) -> str:
    """Say why an event cannot be deleted; an empty text where it can."""
    if is_reserved(event.name):
        return "It is an event of the system, which goes on recording it."
    if event.template_id or event.campaign_id:
        owner = "template" if event.template_id else "campaign"
        return f"It tells of the mails of a {owner}, and goes on doing so."
    parts = [
        f"{kind} “{uses[0].name}”" + (f" and {len(uses) - 1} more" if uses[1:] else "")
        for kind, uses in (("the segment", segments), ("the workflow", workflows))
        if uses
    ]
    if parts:
        return f"It is named by {' and '.join(parts)}."
    if event.is_heard or _is_awaited(event):
        return "A workflow waits for it."
    return ""


def _is_awaited(event: Event) -> bool:
    # As the index has it: whoever waits for an event is in this state.
    return Run.objects.filter(awaited=event, state=RunState.WAITING).exists()


# -- segments -------------------------------------------------------------------------


def _segments(event: Event) -> list[Use]:
    project_id = event.project_id
    return [
        Use(pk, name, reverse("segment", args=[project_id, pk]))
        for pk, name, condition in _asking(project_id)
        if event.name in set(_names_in_filters(condition))
    ][:MOST_NAMED]


def _asking(project_id: UUID) -> Iterator[tuple[UUID, str, Any]]:
    """Yield the segments of a project that ask for some event."""
    rows = (
        Segment.objects.annotate(written=Cast("condition", TextField()))
        .filter(project_id=project_id, written__contains=f'"{_FIELD}')
        .order_by("name", "pk")
    )
    yield from rows.values_list("pk", "name", "condition")


def _names_in_filters(part: Any) -> Iterator[str]:
    """Yield the events that a filter tree asks for, as they are kept."""
    if isinstance(part, list):
        for each in part:
            yield from _names_in_filters(each)
    elif isinstance(part, dict):
        named = part.get("field")
        if isinstance(named, str) and named.startswith(_FIELD):
            yield from {named[len(_FIELD) :], as_tracked(named[len(_FIELD) :])}
        for each in part.values():
            yield from _names_in_filters(each)


# -- workflows ------------------------------------------------------------------------


def _workflows(event: Event) -> list[Use]:
    """Return the workflows whose draft or live version names an event."""
    rows = (
        Workflow.objects.existing()
        .filter(project_id=event.project_id)
        .annotate(
            written=Cast("draft", TextField()),
            published=Cast("live__definition", TextField()),
        )
        .filter(_may_name(event.name) | Q(listeners__event=event))
        .order_by("name", "pk")
        .distinct()
    )
    found = rows.values_list("pk", "name", "draft", "live__definition")
    heard = set(
        Listener.objects.filter(event=event).values_list("workflow_id", flat=True)
    )
    return [
        Use(pk, name, _page_of(event.project_id, pk))
        for pk, name, *documents in found
        if pk in heard or any(names_event(each, event.name) for each in documents)
    ][:MOST_NAMED]


def _may_name(name: str) -> Q:
    """Narrow down to documents in whose text a name may stand, as they spell it."""
    found = Q()
    for spelling in {name, name.replace("-", " ")}:
        written = json.dumps(spelling, ensure_ascii=not is_postgresql())[1:-1]
        found |= Q(written__icontains=written) | Q(published__icontains=written)
    return found


def names_event(document: Any, name: str) -> bool:
    """Say whether a workflow's document names an event."""
    return name in set(_names_in_document(document))


def _names_in_document(document: Any) -> Iterator[str]:
    if not isinstance(document, dict):
        return
    steps = document.get("steps") or []
    configs = [step.get("config") for step in steps if isinstance(step, dict)]
    for config in (document.get("trigger"), *configs):
        if isinstance(config, dict):
            yield from _named_in(config)
            # A filter's fields are those of segments; other fields that begin with
            # `event.` are of the data with which the run began.
            yield from _names_in_filters(config.get("filter"))


def _named_in(config: dict[str, Any]) -> Iterator[str]:
    keys: Collection[str] = ("eventName", "eventNames", "notEventNames")
    for key in keys:
        given = config.get(key)
        for each in given if isinstance(given, list) else [given]:
            if isinstance(each, str):
                yield from {each, as_tracked(each)}


def _page_of(project_id: UUID, workflow_id: UUID) -> str:
    return reverse("workflow", args=[project_id, workflow_id])
