"""What keeps a workflow from being published, and what may have been overlooked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from automations.definitions import (
    Definition,
    Step,
    StepType,
    Trigger,
    outcome_of,
)
from automations.models import TriggerType
from automations.moments import read_cron
from automations.step_rules import event_finding, findings, zone_findings
from contacts.models import Segment, SegmentType
from contacts.segments import tree as trees
from contacts.segments.scopes import scope_of
from plunk.api.errors import ApiError, Invalid
from plunk.ids import read_id
from transactional.models import Template

MAX_TRIGGER_EVENTS = 20


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a definition; only an error keeps it from going live."""

    code: str
    message: str
    step_id: UUID | None = None
    transition_id: UUID | None = None
    field: str = ""
    is_error: bool = True

    def as_json(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "message": self.message,
            "stepId": str(self.step_id) if self.step_id else None,
            "transitionId": str(self.transition_id) if self.transition_id else None,
            "field": self.field,
            "severity": "error" if self.is_error else "warning",
        }


def problems(definition: Definition) -> list[Problem]:
    """Return what the definition alone tells: pure."""
    return [
        *_of_trigger(definition),
        *(
            Problem("config", message, step.id, field=field)
            for step in definition.steps.values()
            for field, message in findings(step)
        ),
        *_of_ways(definition),
        *_of_reach(definition),
    ]


def problems_in(project_id: UUID, definition: Definition) -> list[Problem]:
    """Return `problems`, and what is not there, or not fit, in the project."""
    return [
        *problems(definition),
        *_of_templates(project_id, definition),
        *_of_segments(project_id, definition),
        *_of_filters(project_id, definition),
    ]


def _of_trigger(definition: Definition) -> Iterator[Problem]:
    start = definition.start.id
    for field, message in _trigger_findings(definition.trigger):
        yield Problem("trigger", message, start, field=field)


def _trigger_findings(trigger: Trigger) -> Iterator[tuple[str, str]]:
    match trigger.type:
        case TriggerType.EVENT:
            if message := event_finding(trigger.config.get("eventName")):
                yield "eventName", message
        case TriggerType.EVENTS:
            yield from _events_findings(trigger)
        case TriggerType.SEGMENT_ENTRY | TriggerType.SEGMENT_EXIT:
            if trigger.segment_id is None:
                yield "segmentId", "Choose a segment."
        case TriggerType.SCHEDULE:
            yield from _schedule_findings(trigger)


def _events_findings(trigger: Trigger) -> Iterator[tuple[str, str]]:
    names, excluding = trigger.event_names, trigger.not_event_names
    if not names:
        yield "eventNames", "Choose at least one event."
    if trigger.config.get("mode", "ALL") not in ("ALL", "ANY"):
        yield "mode", "Expected ALL or ANY."
    for field, given in (("eventNames", names), ("notEventNames", excluding)):
        if len(given) > MAX_TRIGGER_EVENTS:
            yield field, f"Has more than {MAX_TRIGGER_EVENTS} events."
        for number, name in enumerate(given):
            if message := event_finding(name):
                yield f"{field}.{number}", message
    for name in set(names) & set(excluding):
        yield (
            "notEventNames",
            f"“{name[:80]}” would begin it and keep it from beginning.",
        )


def _schedule_findings(trigger: Trigger) -> Iterator[tuple[str, str]]:
    try:
        read_cron(str(trigger.config.get("schedule") or ""))
    except ValueError as error:
        yield "schedule", str(error)
    yield from zone_findings(trigger.config.get("timezone"), "timezone")
    if trigger.segment_id is None:
        yield "segmentId", "Choose the segment whose contacts begin at that time."


def _of_ways(definition: Definition) -> Iterator[Problem]:
    for step in definition.steps.values():
        ways = definition.ways_from(step.id)
        counts = Counter(outcome_of(step, way) for way in ways)
        for way in ways:
            outcome = outcome_of(step, way)
            if outcome not in step.outcomes:
                yield Problem(
                    "branch", "Leaves by a branch that is not there.", step.id, way.id
                )
            elif counts[outcome] > 1:
                yield Problem(
                    "branch", "Two ways lead out by the same branch.", step.id, way.id
                )
            elif definition.steps[way.to_id].type is StepType.TRIGGER:
                yield Problem("trigger", "Nothing leads to the trigger.", None, way.id)
        yield from _of_missing(step, set(counts))


def _of_missing(step: Step, taken: set[str]) -> Iterator[Problem]:
    """Tell of branches at whose end a run simply is over; that may be meant."""
    if step.type is not StepType.CONDITION or not taken:
        return
    for outcome in step.outcomes:
        if outcome not in taken:
            yield Problem(
                "open_branch",
                f"“{outcome}” leads nowhere: whoever takes it is done.",
                step.id,
                is_error=False,
            )


def _of_reach(definition: Definition) -> Iterator[Problem]:
    reached = definition.downstream(definition.start.id)
    for step in definition.steps.values():
        if step.id not in reached:
            yield Problem(
                "unreachable", "Nothing leads to this step.", step.id, is_error=False
            )
        ways = definition.ways_from(step.id)
        if any(step.id in definition.downstream(way.to_id) for way in ways):
            yield Problem("circle", "This step leads back to itself.", step.id)
    if len(definition.steps) == 1:
        yield Problem(
            "empty", "It has no steps yet.", definition.start.id, field="steps"
        )


def _of_templates(project_id: UUID, definition: Definition) -> Iterator[Problem]:
    wanted = dict(definition.templates())
    rows = Template.objects.existing().filter(
        project_id=project_id, pk__in=set(wanted.values())
    )
    known = set(rows.values_list("pk", flat=True)) if wanted else set()
    for step_id, template_id in wanted.items():
        if template_id not in known:
            yield Problem(
                "template", "That template was not found.", step_id, field="templateId"
            )


def _of_segments(project_id: UUID, definition: Definition) -> Iterator[Problem]:
    wanted = dict(_segments(definition))
    if not wanted:
        return
    rows = Segment.objects.filter(project_id=project_id, pk__in=set(wanted.values()))
    known = {row.pk: row for row in rows.defer("condition")}
    start = definition.start
    for step_id, segment_id in wanted.items():
        segment = known.get(segment_id)
        if segment is None:
            message = "That segment was not found."
        elif step_id != start.id and segment.type != SegmentType.STATIC:
            message = "That segment finds its members by itself: choose a static one."
        elif step_id == start.id and not _tells_of_moves(definition.trigger, segment):
            message = (
                "That segment does not track who comes and goes; switch it on in the "
                "segment’s settings."
            )
        else:
            continue
        yield Problem("segment", message, step_id, field="segmentId")


def _segments(definition: Definition) -> Iterator[tuple[UUID, UUID]]:
    if definition.trigger.segment_id is not None:
        yield definition.start.id, definition.trigger.segment_id
    for step in definition.steps.values():
        if step.type is StepType.SEGMENT:
            pk = read_id(str(step.config.get("segmentId") or ""))
            if pk is not None:
                yield step.id, pk


def _tells_of_moves(trigger: Trigger, segment: Segment) -> bool:
    if trigger.type == TriggerType.SCHEDULE:
        return True
    return segment.type != SegmentType.STATIC and segment.track_membership


def _of_filters(project_id: UUID, definition: Definition) -> Iterator[Problem]:
    for step in definition.steps.values():
        given = step.config.get("filter")
        if step.type is not StepType.CONDITION or given is None:
            continue
        try:
            scope_of(project_id, trees.parse(given, "filter"), name="filter")
        except Invalid as error:
            # What cannot be read has been told already.
            if not list(findings(step)):
                yield Problem(
                    "filter", error.errors[0].message, step.id, field="filter"
                )
        except ApiError as error:
            yield Problem("filter", str(error), step.id, field="filter")
