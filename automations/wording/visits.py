"""One visit of a run at a step, in sentences: what happened, and on which values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from automations.definitions import Definition, Outcome, Step, StepType
from automations.models import Visit, VisitState
from automations.wording.moments import clock, left, soon
from automations.wording.steps import (
    Names,
    address,
    branches,
    changes,
    compares,
    cut,
    event_of,
    field_in_words,
    value_in_words,
    way_name,
)
from contacts.segments.wording import spoken
from plunk.ids import read_id


@dataclass(frozen=True, slots=True)
class Told:
    """A visit in words; `lines` are whole sentences."""

    title: str
    lines: tuple[str, ...]
    tone: str
    icon: str


_ICONS = {
    StepType.TRIGGER: "event",
    StepType.SEND_EMAIL: "mail",
    StepType.DELAY: "clock",
    StepType.WAIT_FOR_EVENT: "clock",
    StepType.CONDITION: "filter",
    StepType.UPDATE_CONTACT: "edit",
    StepType.SEGMENT: "segment",
    StepType.WEBHOOK: "send",
    StepType.EXIT: "exit",
}


def told(
    visit: Visit,
    definition: Definition,
    names: Names,
    now: datetime,
    *,
    exit_reason: str = "",
) -> Told:
    """Tell of a visit; `exit_reason` is that of a run which ended with it."""
    step = definition.steps.get(visit.step_id)
    if step is None:
        return _of_lost_step(visit)
    title, icon = step.name, _ICONS[step.type]
    if visit.state == VisitState.FAILED:
        lines = (*_seen(visit, step, definition), visit.error)
        return Told(title, tuple(line for line in lines if line), "bad", "warning")
    if visit.state == VisitState.WAITING:
        return Told(title, (_waits(visit, step, now),), "info", icon)
    if visit.state == VisitState.SKIPPED and not _output(visit).get("skipped"):
        return Told(title, (_stopped(step),), "neutral", "cross")
    lines = tuple(_done(visit, step, definition, names, exit_reason))
    way = "" if exit_reason else way_in_words(visit, step, definition)
    tone = "warn" if visit.state == VisitState.SKIPPED else "good"
    return Told(title, (*lines, way) if way else lines, tone, icon)


def _of_lost_step(visit: Visit) -> Told:
    said = visit.error or "This step is not in the version that the run is on now."
    tone = "bad" if visit.state == VisitState.FAILED else "neutral"
    return Told("A step that is gone", (said,), tone, "warning")


def _stopped(step: Step) -> str:
    if step.type in (StepType.DELAY, StepType.WAIT_FOR_EVENT):
        return "It was waiting here when the run was cancelled."
    return "Left out."


def _waits(visit: Visit, step: Step, now: datetime) -> str:
    until = visit.until_at
    if step.type is StepType.WAIT_FOR_EVENT:
        if until is None:
            return f"Waits for {event_of(step)}, for as long as it takes."
        return (
            f"Waits for {event_of(step)}, at most until {soon(until, now)},"
            f" {left(until, now)}."
        )
    if until is None:
        return "Waits."
    return f"Waits until {soon(until, now)}, {left(until, now)}."


def _done(
    visit: Visit, step: Step, definition: Definition, names: Names, exit_reason: str
) -> list[str]:
    match step.type:
        case StepType.TRIGGER:
            return []
        case StepType.SEND_EMAIL:
            return _mail(visit, step, names, exit_reason)
        case StepType.DELAY:
            return [f"Waited until {_moment(_values(visit).get('until'))}."]
        case StepType.WAIT_FOR_EVENT:
            return [_awaited(visit, step)]
        case StepType.CONDITION:
            return _seen(visit, step, definition)
        case StepType.UPDATE_CONTACT:
            return [f"{line}." for line in changes(step.config)]
        case StepType.SEGMENT:
            return [_segment(step, names)]
        case StepType.WEBHOOK:
            return [f"Asked for the call {address(step.config)}."]
    return [_end(exit_reason)]


def _mail(visit: Visit, step: Step, names: Names, exit_reason: str) -> list[str]:
    seen = _values(visit)
    if "event" in seen and "template" not in seen:
        return [
            f"No mail, and the end: the contact had had “{cut(seen['event'])}”, which"
            " keeps it out of this workflow."
        ]
    template = seen.get("template")
    named = f"“{cut(template)}”" if template else names.template(step.template_id)
    if _output(visit).get("skipped") or exit_reason == "unsubscribed":
        return [
            f"No mail: the contact was not subscribed at this moment, and {named} goes"
            " to subscribed contacts only."
        ]
    return [f"The mail {named} was written for the contact."]


def _awaited(visit: Visit, step: Step) -> str:
    seen = _values(visit)
    event = f"“{cut(seen['event'])}”" if seen.get("event") else event_of(step)
    if visit.outcome == Outcome.TIMEOUT:
        return f"{event} did not happen until {_moment(seen.get('until'))}."
    return f"{event} happened at {_moment(seen.get('at'))}."


def _segment(step: Step, names: Names) -> str:
    segment = names.segment(read_id(str(step.config.get("segmentId") or "")))
    if str(step.config.get("action") or "ADD").upper() == "REMOVE":
        return f"Took the contact out of {segment}."
    return f"Put the contact into {segment}."


def _end(exit_reason: str) -> str:
    if exit_reason in ("", "exit_step"):
        return "The run ended here, as the workflow says."
    return f"The run ended here: {cut(exit_reason)}."


# -- conditions ------------------------------------------------------------------------


def _seen(visit: Visit, step: Step, definition: Definition) -> list[str]:
    """Say on which values a condition was decided, and how each compared."""
    if step.type is not StepType.CONDITION:
        return []
    seen = _values(visit)
    if "filter" in seen:
        matched = "matched" if seen["filter"] else "did not match"
        return [f"The contact {matched} the filter of this step."]
    return [
        _compared(name, found, visit.outcome, step, definition)
        for name, found in seen.items()
    ]


def _compared(
    name: str, found: Any, outcome: str, step: Step, definition: Definition
) -> str:
    root, _, rest = name.partition(".")
    if root == "step":
        was = _deed(rest, found, definition)
    else:
        said = field_in_words(name)
        subject = f"{said[:1].upper()}{said[1:]}"
        was = (
            f"{subject} was not there"
            if found is None
            else f"{subject} was {spoken(found)}"
        )
    compared = _why(outcome, step)
    return f"{was}{', ' if compared else ''}{compared}."


def _deed(rest: str, found: Any, definition: Definition) -> str:
    step_id, _, deed = rest.partition(".")
    pk = read_id(step_id)
    step = definition.steps.get(pk) if pk else None
    mail = f"The mail of “{step.name}”" if step else "The mail of an earlier step"
    return f"{mail} had {'' if found else 'not '}been {cut(deed)}"


def _why(outcome: str, step: Step) -> str:
    """Say how what was found compared with what the step asks for."""
    if step.config.get("mode") != "multi":
        if outcome not in (Outcome.YES, Outcome.NO):
            return ""
        row = step.config
        is_deed = str(row.get("field") or "").startswith("step.")
        if is_deed and row.get("operator") == "equals" and row.get("value") is True:
            return ""
        return f"which {compares(row, holds=outcome == Outcome.YES)}"
    if outcome == Outcome.DEFAULT:
        return "which fits none of the ways"
    for row in branches(step):
        if str(row.get("id")) == outcome:
            return f"which {compares(row)}"
    return ""


def way_in_words(visit: Visit, step: Step, definition: Definition) -> str:
    """Say which way a run left a step by, where there was a choice."""
    name = way_name(step, visit.outcome)
    way = definition.way(step, visit.outcome)
    if way is None and step.outcomes:
        took = f"Took the way “{name}”, which" if name else "It"
        return f"{took} leads nowhere: the run was over."
    return f"Took the way “{name}”." if name else ""


# -- values ----------------------------------------------------------------------------


def _values(visit: Visit) -> Mapping[str, Any]:
    return visit.seen if isinstance(visit.seen, dict) else {}


def _output(visit: Visit) -> Mapping[str, Any]:
    return visit.output if isinstance(visit.output, dict) else {}


def _moment(text: Any) -> str:
    """Say a moment that the engine wrote down."""
    try:
        return clock(datetime.fromisoformat(str(text)))
    except ValueError:
        return "a moment that was not kept"


def data_in_words(data: Any) -> list[tuple[str, str]]:
    """Return what came along with an event: names and values."""
    if not isinstance(data, dict):
        return []
    return [(cut(name), value_in_words(value)) for name, value in data.items()]
