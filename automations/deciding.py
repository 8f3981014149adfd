"""What a run does next: a definition, values and a moment in; a decision out.

Nothing here reads a clock, a table or a setting, and nothing is changed: the same
question has the same answer tomorrow. So a decision can be shown with the values it was
made on, and made again over history.

What a decision depends on beyond the contact is a *fact*. Where one is missing,
`decide` raises Missing, which names it; the engine looks many of them up at once and
asks again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any, TypeAlias
from uuid import UUID

from automations.conditions import Operator, at_path, holds
from automations.definitions import Definition, Outcome, Step, StepType
from automations.moments import next_time, zone_of
from plunk.ids import read_id

#: More steps than this without having waited are a circle.
MAX_STEPS_AT_ONCE = 100
#: A delay counts from the moment that brought the run to it, unless that is longer ago:
#: after an outage, what was to have days in between does not go out in one burst.
_LATE = timedelta(minutes=1)
#: When a step that waits for an event looks once more: an event that came while the
#: run was on its way to the step may have woken nobody.
SECOND_LOOK = timedelta(seconds=15)

# -- facts -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Awaited:
    """The first occurrence of an event after a moment: Happened, or None."""

    event: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class EverDid:
    """The first of some events that the contact has ever had: its name, or None."""

    events: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matches:
    """Whether the contact matches the filter tree of a step: True or False."""

    step_id: UUID


@dataclass(frozen=True, slots=True)
class MailOf:
    """What became of the mail of an earlier step: a mapping of deeds to moments."""

    step_id: UUID


@dataclass(frozen=True, slots=True)
class TemplateOf:
    """A template: TemplateFact, or None where it does not exist any more."""

    template_id: UUID


Fact: TypeAlias = Awaited | EverDid | Matches | MailOf | TemplateOf


class Missing(Exception):
    """A fact that a decision depends on and that nobody has looked up yet."""

    def __init__(self, fact: Fact) -> None:
        super().__init__(fact)
        self.fact = fact


@dataclass(frozen=True, slots=True)
class Happened:
    at: datetime
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TemplateFact:
    name: str
    needs_consent: bool


# -- what is decided on, and what comes of it ------------------------------------------


@dataclass(frozen=True, slots=True)
class Values:
    """A contact as it is, and what came with the run."""

    email: str
    subscribed: bool
    data: Mapping[str, Any]
    created_at: datetime
    context: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run is, and since when by its own account.

    That is the moment of what brought it here (an event, the end of a delay), however
    late the engine was: what happened in between is not lost to a step that waits.
    """

    step_id: UUID
    arrived_at: datetime
    is_waiting: bool = False
    until_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SendMail:
    template_id: UUID
    custom_email: str = ""


@dataclass(frozen=True, slots=True)
class ChangeContact:
    updates: Mapping[str, Any]
    subscribed: bool | None


@dataclass(frozen=True, slots=True)
class ChangeSegment:
    segment_id: UUID
    adds: bool


@dataclass(frozen=True, slots=True)
class CallServer:
    config: Mapping[str, Any]


Effect: TypeAlias = SendMail | ChangeContact | ChangeSegment | CallServer


@dataclass(frozen=True, slots=True)
class Stay:
    """Wait here: look again at `due_at`, if ever; `awaited` is an event's name."""

    due_at: datetime | None
    until_at: datetime | None
    awaited: str = ""


@dataclass(frozen=True, slots=True)
class Leave:
    """Go on by an outcome. `context` is what is added to the run's.

    `at` is the moment of what let it go on, None where the step took no time.
    """

    outcome: str = Outcome.NEXT
    seen: Mapping[str, Any] = field(default_factory=dict)
    effect: Effect | None = None
    skipped: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class End:
    """The run is over; `is_consumed` is False where it counts as not having begun."""

    reason: str
    seen: Mapping[str, Any] = field(default_factory=dict)
    is_consumed: bool = True


@dataclass(frozen=True, slots=True)
class Park:
    """The step cannot be done as it is written; somebody has to look."""

    error: str
    seen: Mapping[str, Any] = field(default_factory=dict)


Decision: TypeAlias = Stay | Leave | End | Park


def decide(
    definition: Definition,
    place: Place,
    values: Values,
    facts: Mapping[Fact, Any],
    now: datetime,
    *,
    is_action: bool = False,
) -> Decision:
    """Decide what a run does at its place.

    `is_action` says that the workflow is a classic action, whose run is spent only by
    its mail. Raises Missing where a fact is needed that `facts` does not have.
    """
    step = definition.steps.get(place.step_id)
    if step is None:
        return Park("The step it was at is not in this version any more.")
    ask = _Asker(facts)
    match step.type:
        case StepType.SEND_EMAIL:
            return _mail(definition, step, values, ask, is_action=is_action)
        case StepType.DELAY:
            return _delay(step, place, now)
        case StepType.WAIT_FOR_EVENT:
            return _wait(step, place, ask, now)
        case StepType.CONDITION:
            return _condition(step, values, ask)
    return _plain(step)


def _plain(step: Step) -> Decision:
    """Decide on a step that depends on nothing but itself."""
    match step.type:
        case StepType.EXIT:
            return End(str(step.config.get("reason") or "exit_step")[:200])
        case StepType.UPDATE_CONTACT:
            return _update(step)
        case StepType.SEGMENT:
            return _segment(step)
        case StepType.WEBHOOK:
            return Leave(effect=CallServer(step.config))
    return Leave()


class _Asker:
    def __init__(self, facts: Mapping[Fact, Any]) -> None:
        self._facts = facts

    def __call__(self, fact: Fact) -> Any:
        if fact not in self._facts:
            raise Missing(fact)
        return self._facts[fact]


def _mail(
    definition: Definition,
    step: Step,
    values: Values,
    ask: _Asker,
    *,
    is_action: bool,
) -> Decision:
    if step.template_id is None:
        return Park("No template is chosen for this step.")
    template: TemplateFact | None = ask(TemplateOf(step.template_id))
    if template is None:
        return Park("The template of this step was deleted.")
    # Asked when the run began, and once more now that the delays are over.
    excluding = tuple(definition.trigger.not_event_names)
    did = ask(EverDid(excluding)) if excluding else None
    if did is not None:
        return End(f"did {did}"[:200], {"event": did}, is_consumed=not is_action)
    custom = _custom_address(step)
    seen = {"template": template.name, "contact.subscribed": values.subscribed}
    if template.needs_consent and not values.subscribed and not custom:
        if is_action:
            return End("unsubscribed", seen, is_consumed=False)
        return Leave(seen=seen, skipped="unsubscribed")
    return Leave(seen=seen, effect=SendMail(step.template_id, custom))


def _custom_address(step: Step) -> str:
    recipient = step.config.get("recipient")
    if not isinstance(recipient, Mapping) or recipient.get("type") != "CUSTOM":
        return ""
    return str(recipient.get("customEmail") or "")


_UNITS = {
    "minutes": timedelta(minutes=1),
    "hours": timedelta(hours=1),
    "days": timedelta(days=1),
}


def until(step: Step, since: datetime) -> datetime:
    """Return when a delay that began at a moment is over; ValueError if it cannot."""
    wanted = step.config.get("until")
    if isinstance(wanted, Mapping):
        return next_time(
            since,
            weekday=wanted.get("weekday"),
            at=time.fromisoformat(str(wanted.get("time"))),
            zone=zone_of(str(wanted.get("timezone") or "UTC")),
        )
    unit = _UNITS.get(str(step.config.get("unit")))
    amount = step.config.get("amount")
    if unit is None or not isinstance(amount, int | float):
        raise ValueError("It does not say how long.")
    return since + amount * unit


def _delay(step: Step, place: Place, now: datetime) -> Decision:
    end = place.until_at
    if not place.is_waiting or end is None:
        try:
            end = until(step, _beginning(place, now))
        except (ValueError, TypeError, OverflowError) as error:
            return Park(f"The delay cannot be understood. {error}"[:500])
        return Stay(due_at=end, until_at=end)
    if now < end:
        return Stay(due_at=end, until_at=end)
    return Leave(seen={"until": end.isoformat()}, at=end)


def _beginning(place: Place, now: datetime) -> datetime:
    return max(place.arrived_at, now - _LATE)


def _wait(step: Step, place: Place, ask: _Asker, now: datetime) -> Decision:
    name = str(step.config.get("eventName") or "")
    if not name:
        return Park("No event is chosen to wait for.")
    is_new = not place.is_waiting
    end = _patience(step, _beginning(place, now)) if is_new else place.until_at
    happened: Happened | None = ask(Awaited(name, place.arrived_at, end))
    if happened is not None:
        seen = {"event": name, "at": happened.at.isoformat()}
        return Leave(Outcome.EVENT, seen, context=happened.data, at=happened.at)
    if end is not None and now >= end:
        seen = {"event": name, "until": end.isoformat()}
        return Leave(Outcome.TIMEOUT, seen, at=end)
    look = now + SECOND_LOOK if is_new else end
    return Stay(min(look, end) if look and end else look, end, awaited=name)


def _patience(step: Step, since: datetime) -> datetime | None:
    seconds = step.config.get("timeout")
    if not isinstance(seconds, int | float) or seconds <= 0:
        return None
    return since + timedelta(seconds=seconds)


def _condition(step: Step, values: Values, ask: _Asker) -> Decision:
    if step.config.get("filter") is not None:
        matches = bool(ask(Matches(step.id)))
        return Leave(Outcome.YES if matches else Outcome.NO, {"filter": matches})
    name = str(step.config.get("field") or "")
    found = value_of(name, values, ask)
    seen = {name: found}
    try:
        if step.config.get("mode") == "multi":
            return Leave(_branch(step, found), seen)
        operator = Operator(str(step.config.get("operator")))
    except ValueError:
        return Park("The condition compares in a way that does not exist.", seen)
    is_met = holds(operator, found, step.config.get("value"))
    return Leave(Outcome.YES if is_met else Outcome.NO, seen)


def _branch(step: Step, found: Any) -> str:
    for branch in step.config.get("branches") or []:
        if holds(Operator(branch.get("operator")), found, branch.get("value")):
            return str(branch["id"])
    return Outcome.DEFAULT


def value_of(name: str, values: Values, ask: _Asker) -> Any:
    """Return what stands under the name of a condition's field; None if nothing."""
    root, _, rest = name.partition(".")
    match root:
        case "contact" if rest.startswith("data."):
            return at_path(values.data, rest.removeprefix("data."))
        case "contact":
            own = {
                "email": values.email,
                "subscribed": values.subscribed,
                "createdAt": values.created_at.isoformat(),
            }
            return own.get(rest, at_path(values.data, rest))
        case "data":
            return at_path(values.data, rest)
        case "event" | "workflow":
            return at_path(values.context, rest)
        case "step":
            step_id, _, deed = rest.partition(".")
            pk = read_id(step_id)
            deeds = ask(MailOf(pk)) if pk else None
            return bool(deeds and deeds.get(deed))
    return None


def _update(step: Step) -> Decision:
    updates = step.config.get("updates")
    wish = str(step.config.get("subscriptionAction") or "none").lower()
    subscribed = {"subscribe": True, "unsubscribe": False}.get(wish)
    change = ChangeContact(updates if isinstance(updates, Mapping) else {}, subscribed)
    return Leave(effect=change)


def _segment(step: Step) -> Decision:
    pk = read_id(str(step.config.get("segmentId") or ""))
    if pk is None:
        return Park("No segment is chosen for this step.")
    adds = str(step.config.get("action") or "ADD").upper() != "REMOVE"
    return Leave(effect=ChangeSegment(pk, adds))
