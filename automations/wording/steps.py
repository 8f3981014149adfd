"""What begins a workflow and what its steps do, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from automations.conditions import Operator
from automations.definitions import Definition, Outcome, Step, StepType, Trigger
from automations.models import TriggerType
from automations.wording.moments import DAYS, cron_in_words, span
from contacts.segments.wording import spoken
from plunk.ids import read_id

_LONGEST = 120
_SEVERAL = 3


@dataclass(frozen=True, slots=True)
class Names:
    """What people call the things that a definition names by their ids."""

    templates: Mapping[UUID, str] = field(default_factory=dict)
    segments: Mapping[UUID, str] = field(default_factory=dict)

    def template(self, pk: UUID | None) -> str:
        if pk is None:
            return "no template"
        name = self.templates.get(pk)
        return f"“{name}”" if name else "a deleted template"

    def segment(self, pk: UUID | None) -> str:
        if pk is None:
            return "no segment"
        name = self.segments.get(pk)
        return f"“{name}”" if name else "a deleted segment"


def trigger_in_words(trigger: Trigger, names: Names) -> str:
    """Say what begins a workflow: “When “signed-up” happens”."""
    match trigger.type:
        case TriggerType.EVENT:
            event = quoted(trigger.event_names) or "an event that is not chosen yet"
            said = f"When {event} happens"
        case TriggerType.EVENTS:
            said = _events(trigger)
        case TriggerType.SEGMENT_ENTRY:
            said = f"When somebody enters {names.segment(trigger.segment_id)}"
        case TriggerType.SEGMENT_EXIT:
            said = f"When somebody leaves {names.segment(trigger.segment_id)}"
        case TriggerType.SCHEDULE:
            said = _schedule(trigger, names)
        case _:
            return "By hand or by the API"
    excluding = quoted(trigger.not_event_names, "or")
    return f"{said}, unless {excluding} did" if excluding else said


def _events(trigger: Trigger) -> str:
    events = trigger.event_names
    if not events:
        return "When events happen that are not chosen yet"
    if len(events) == 1:
        return f"When {quoted(events)} happens"
    if trigger.needs_all:
        return f"When {quoted(events, 'and')} have all happened"
    return f"When {quoted(events, 'or')} happens"


def _schedule(trigger: Trigger, names: Names) -> str:
    schedule = str(trigger.config.get("schedule") or "")
    if not schedule:
        return "At times that are not chosen yet"
    words = cron_in_words(schedule)
    zone = str(trigger.config.get("timezone") or "UTC")
    who = names.segment(trigger.segment_id)
    return f"{words[:1].upper()}{words[1:]} ({zone}), everybody in {who}"


def quoted(names: Sequence[str], word: str = "and") -> str:
    """List names in quotation marks; a long list is cut."""
    shown = [f"“{name}”" for name in names[:_SEVERAL]]
    more = len(names) - _SEVERAL
    if more > 0:
        shown.append(f"{more} more")
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} {word} {shown[-1]}"


def does(step: Step, names: Names) -> str:
    """Say what a step does: “Waits 2 days”."""
    config = step.config
    match step.type:
        case StepType.SEND_EMAIL:
            return f"Sends {names.template(step.template_id)}{_to_another(config)}"
        case StepType.DELAY:
            return f"Waits {_delay(config)}"
        case StepType.WAIT_FOR_EVENT:
            return f"Waits for {event_of(step)}{_patience(config)}"
        case StepType.CONDITION:
            return f"Asks {question(step)}"
        case StepType.UPDATE_CONTACT:
            said = ", ".join(_later(changes(config, past=False)))
            return said or "Changes nothing yet"
        case StepType.SEGMENT:
            segment = names.segment(read_id(str(config.get("segmentId") or "")))
            if str(config.get("action") or "ADD").upper() == "REMOVE":
                return f"Takes the contact out of {segment}"
            return f"Puts the contact into {segment}"
        case StepType.WEBHOOK:
            return f"Calls {address(config)}"
        case StepType.EXIT:
            return "Ends the run"
    return "Begins"


def _to_another(config: Mapping[str, Any]) -> str:
    recipient = config.get("recipient")
    if not isinstance(recipient, Mapping) or recipient.get("type") != "CUSTOM":
        return ""
    return f" to {cut(recipient.get('customEmail') or 'nobody yet')}"


def _delay(config: Mapping[str, Any]) -> str:
    until = config.get("until")
    if isinstance(until, Mapping):
        weekday = until.get("weekday")
        is_day = isinstance(weekday, int) and 0 <= weekday < len(DAYS)
        day = f"{DAYS[weekday]} " if is_day and weekday is not None else ""
        zone = cut(until.get("timezone") or "UTC")
        return f"until {day}{cut(until.get('time') or '')} ({zone})"
    amount, unit = config.get("amount"), str(config.get("unit") or "")
    if not isinstance(amount, int | float) or not unit:
        return "for a time that is not chosen yet"
    return f"{amount:,} {unit.removesuffix('s') if amount == 1 else unit}"


def event_of(step: Step) -> str:
    name = step.config.get("eventName")
    return f"“{cut(name)}”" if name else "an event that is not chosen yet"


def _patience(config: Mapping[str, Any]) -> str:
    seconds = config.get("timeout")
    if not isinstance(seconds, int | float) or seconds <= 0:
        return ", for as long as it takes"
    return f", at most {span(seconds)}"


def question(step: Step) -> str:
    """Say what a condition asks: “whether plan equals “pro””."""
    config = step.config
    if config.get("filter") is not None:
        return "whether the contact matches a filter"
    name = str(config.get("field") or "")
    if not name:
        return "something that is not chosen yet"
    if config.get("mode") == "multi":
        return f"which of {len(branches(step))} ways fits {field_in_words(name)}"
    if name.startswith("step."):
        return field_in_words(name)
    return f"whether {field_in_words(name)} {compares(config)}"


def branches(step: Step) -> list[Mapping[str, Any]]:
    given = step.config.get("branches")
    rows = given if isinstance(given, list) else []
    return [row for row in rows if isinstance(row, Mapping)]


_COMPARES = {
    Operator.EQUALS: "equals {}",
    Operator.NOT_EQUALS: "is anything but {}",
    Operator.CONTAINS: "contains {}",
    Operator.NOT_CONTAINS: "does not contain {}",
    Operator.GREATER_THAN: "is more than {}",
    Operator.LESS_THAN: "is less than {}",
    Operator.GREATER_THAN_OR_EQUAL: "is at least {}",
    Operator.LESS_THAN_OR_EQUAL: "is at most {}",
    Operator.EXISTS: "is there",
    Operator.NOT_EXISTS: "is not there",
}
_FAILS = {
    Operator.EQUALS: "does not equal {}",
    Operator.NOT_EQUALS: "is not anything but {}",
    Operator.CONTAINS: "does not contain {}",
    Operator.NOT_CONTAINS: "does not pass “does not contain” {}",
    Operator.GREATER_THAN: "is not more than {}",
    Operator.LESS_THAN: "is not less than {}",
    Operator.GREATER_THAN_OR_EQUAL: "is not at least {}",
    Operator.LESS_THAN_OR_EQUAL: "is not at most {}",
    Operator.EXISTS: "is not there",
    Operator.NOT_EXISTS: "is there",
}


def compares(row: Mapping[str, Any], *, holds: bool = True) -> str:
    """Say how a condition compares, or that it does not hold."""
    try:
        operator = Operator(str(row.get("operator")))
    except ValueError:
        return "compares in a way that does not exist"
    form = (_COMPARES if holds else _FAILS)[operator]
    return form.format(value_in_words(row.get("value")))


def value_in_words(value: Any) -> str:
    return "nothing" if value is None else spoken(value)


_OWN_FIELDS = {
    "contact.email": "the address",
    "contact.subscribed": "“subscribed”",
    "contact.createdAt": "the day of joining",
}


def field_in_words(name: str) -> str:
    """Name what a condition looks at: “plan”, “amount” of the event."""
    if name in _OWN_FIELDS:
        return _OWN_FIELDS[name]
    for prefix in ("contact.data.", "data.", "contact."):
        if name.startswith(prefix):
            return f"“{cut(name.removeprefix(prefix))}”"
    root, _, rest = name.partition(".")
    if root in ("event", "workflow"):
        return f"“{cut(rest)}” of the event"
    if root == "step":
        deed = rest.rpartition(".")[2]
        return f"whether the mail of an earlier step was {cut(deed)}"
    return f"“{cut(name)}”"


def changes(config: Mapping[str, Any], *, past: bool = True) -> list[str]:
    """Say what an update changes of a contact, one after the other."""
    said = []
    updates = config.get("updates")
    if isinstance(updates, Mapping):
        for key, value in updates.items():
            if value is None:
                said.append(f"{'Removed' if past else 'Removes'} “{cut(key)}”")
            else:
                verb = "Set" if past else "Sets"
                said.append(f"{verb} “{cut(key)}” to {spoken(value)}")
    wish = str(config.get("subscriptionAction") or "none").lower()
    if wish in ("subscribe", "unsubscribe"):
        said.append(f"{wish.capitalize()}{'d' if past else 's'} the contact")
    return said


def _later(phrases: Sequence[str]) -> list[str]:
    """Write all but the first of some phrases as they stand within a sentence."""
    return [*phrases[:1], *(f"{one[0].lower()}{one[1:]}" for one in phrases[1:])]


def address(config: Mapping[str, Any]) -> str:
    method = cut(config.get("method") or "POST").upper()
    return f"{method} {cut(config.get('url') or 'an address that is not chosen yet')}"


def way_name(step: Step, outcome: str) -> str:
    """Name a way out of a step; empty for the only one there is."""
    fixed: dict[str, str] = {
        Outcome.YES: "Yes",
        Outcome.NO: "No",
        Outcome.EVENT: "It happened",
        Outcome.TIMEOUT: "Time was up",
        Outcome.DEFAULT: "Otherwise",
        Outcome.NEXT: "",
    }
    if step.type is StepType.CONDITION and outcome not in fixed:
        for row in branches(step):
            if str(row.get("id")) == outcome:
                return cut(row.get("name") or outcome)
    return fixed.get(outcome, cut(outcome))


def outline(definition: Definition, names: Names) -> list[tuple[Step, str, list[str]]]:
    """Tell a definition: each step, what it does, and where each way leads.

    In the order in which a run comes by; what cannot be reached comes last.
    """
    ordered = _in_order(definition)
    told = []
    for step in ordered:
        ways = []
        for outcome in step.outcomes:
            way = definition.way(step, outcome)
            name = way_name(step, outcome)
            to = (
                f"on to “{definition.steps[way.to_id].name}”"
                if way
                else "then it is over"
            )
            ways.append(f"{name}: {to}" if name else to[:1].upper() + to[1:])
        told.append((step, does(step, names), ways))
    return told


def _in_order(definition: Definition) -> list[Step]:
    seen: dict[UUID, Step] = {}
    waiting = [definition.start.id]
    while waiting:
        pk = waiting.pop()
        if pk not in seen:
            seen[pk] = definition.steps[pk]
            waiting += [way.to_id for way in reversed(definition.ways_from(pk))]
    rest = [step for pk, step in definition.steps.items() if pk not in seen]
    return [*seen.values(), *rest]


def cut(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
