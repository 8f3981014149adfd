"""What each type of step has to be told before it can be taken: pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from datetime import time
from typing import Any

from automations.conditions import Operator
from automations.definitions import Step, StepType
from automations.moments import zone_of
from automations.webhooks.payload import check_config
from contacts.addresses import AddressError, normalise
from contacts.data import SYSTEM_NAMES
from contacts.segments import tree as trees
from plunk.api.errors import Invalid
from plunk.ids import read_id

MAX_DAYS = 365
MAX_TIMEOUT = 31_536_000
MAX_BRANCHES = 20
MAX_EVENT = 255
_UNITS = {"minutes": 1440, "hours": 24, "days": 1}

#: A field of the step's config, and what is wrong with it.
Finding = tuple[str, str]


def findings(step: Step) -> Iterator[Finding]:
    """Yield what keeps a step from being taken, by the field of its config."""
    rule = _RULES.get(step.type)
    if rule is not None:
        yield from rule(step)


def event_finding(name: Any) -> str:
    """Say what is wrong with the name of an event; empty if nothing."""
    if not isinstance(name, str) or not name.strip():
        return "Choose an event."
    if len(name) > MAX_EVENT or "\x00" in name:
        return f"The name of an event has at most {MAX_EVENT} characters."
    return ""


def _mail(step: Step) -> Iterator[Finding]:
    if step.template_id is None:
        yield "templateId", "Choose a template to send."
    recipient = step.config.get("recipient")
    if recipient is None:
        return
    if not isinstance(recipient, Mapping):
        yield "recipient", "Expected an object with a type."
    elif recipient.get("type") == "CUSTOM":
        try:
            normalise(str(recipient.get("customEmail") or ""))
        except AddressError as error:
            yield "recipient.customEmail", str(error)
    elif recipient.get("type") not in (None, "CONTACT"):
        yield "recipient.type", "Expected CONTACT or CUSTOM."


def _delay(step: Step) -> Iterator[Finding]:
    if step.config.get("until") is not None:
        yield from _until(step.config["until"])
        return
    amount: Any = step.config.get("amount")
    unit: Any = step.config.get("unit")
    if not isinstance(unit, str) or unit not in _UNITS:
        yield "unit", "Expected minutes, hours or days."
    elif not _is_number(amount) or amount <= 0:
        yield "amount", "Say how long to wait: a number above 0."
    elif amount / _UNITS[unit] > MAX_DAYS:
        yield "amount", f"The longest delay is {MAX_DAYS} days."


def _is_number(value: Any) -> bool:
    is_plain = isinstance(value, int | float) and not isinstance(value, bool)
    return is_plain and abs(value) < 1e12 and math.isfinite(value)


def _until(wanted: Any) -> Iterator[Finding]:
    if not isinstance(wanted, Mapping):
        yield "until", "Expected an object with weekday, time and timezone."
        return
    weekday = wanted.get("weekday")
    if weekday is not None and (
        not isinstance(weekday, int)
        or isinstance(weekday, bool)
        or not 0 <= weekday <= 6
    ):
        yield "until.weekday", "Expected 0 for Monday to 6 for Sunday, or nothing."
    try:
        if time.fromisoformat(str(wanted.get("time"))).tzinfo is not None:
            yield "until.time", "The time of day stands alone; the zone is separate."
    except ValueError:
        yield "until.time", "Expected a time of day such as 09:00."
    yield from zone_findings(wanted.get("timezone"), "until.timezone")


def zone_findings(name: Any, field: str) -> Iterator[Finding]:
    """Yield what is wrong with the name of a zone; none is UTC."""
    if name is None:
        return
    try:
        zone_of(str(name))
    except ValueError as error:
        yield field, str(error)


def _wait(step: Step) -> Iterator[Finding]:
    if message := event_finding(step.config.get("eventName")):
        yield "eventName", message
    seconds: Any = step.config.get("timeout")
    if seconds is not None and not (_is_number(seconds) and 0 < seconds <= MAX_TIMEOUT):
        yield "timeout", f"Expected seconds, 1 to {MAX_TIMEOUT:,} (a year)."


def _condition(step: Step) -> Iterator[Finding]:
    if step.config.get("filter") is not None:
        try:
            trees.parse(step.config["filter"], "filter")
        except Invalid as error:
            yield from ((one.field, one.message) for one in error.errors)
        return
    yield from _field(step.config.get("field"))
    if step.config.get("mode") == "multi":
        yield from _branches(step.config.get("branches"))
    else:
        yield from _comparison(step.config, "")


_OWN = {"contact.email", "contact.subscribed", "contact.createdAt"}
_DEEDS = {"delivered", "opened", "clicked", "bounced"}


def _field(name: Any) -> Iterator[Finding]:
    if not isinstance(name, str) or not name:
        yield "field", "Choose what to look at."
        return
    root, _, rest = name.partition(".")
    if root == "step":
        step_id, _, deed = rest.partition(".")
        if read_id(step_id) is None or deed not in _DEEDS:
            yield "field", "Expected step.<id>.opened, clicked, delivered or bounced."
    elif root not in ("contact", "data", "event", "workflow") or not rest:
        yield (
            "field",
            "Expected a field of the contact (contact.email, data.plan) or of the "
            "event (event.amount).",
        )


def _comparison(config: Mapping[str, Any], prefix: str) -> Iterator[Finding]:
    try:
        operator = Operator(str(config.get("operator")))
    except ValueError:
        expected = ", ".join(Operator)
        yield f"{prefix}operator", f"Expected one of: {expected}."
        return
    if operator.needs_value and config.get("value") is None:
        yield f"{prefix}value", "Say what to compare with."
    elif isinstance(config.get("value"), list | dict):
        yield f"{prefix}value", "Expected a text, a number or true or false."


def _branches(branches: Any) -> Iterator[Finding]:
    if not isinstance(branches, list) or not 1 <= len(branches) <= MAX_BRANCHES:
        yield "branches", f"Expected 1 to {MAX_BRANCHES} branches."
        return
    seen: set[str] = set()
    for number, branch in enumerate(branches):
        prefix = f"branches.{number}."
        if not isinstance(branch, Mapping):
            yield f"branches.{number}", "Expected an object."
            continue
        pk = branch.get("id")
        if not isinstance(pk, str) or not 1 <= len(pk) <= 100 or pk == "default":
            yield f"{prefix}id", "Expected an id of 1 to 100 characters."
        elif pk in seen:
            yield f"{prefix}id", "Is the id of another branch, too."
        else:
            seen.add(pk)
        yield from _comparison(branch, prefix)


def _update(step: Step) -> Iterator[Finding]:
    updates = step.config.get("updates")
    wish = step.config.get("subscriptionAction") or "none"
    if wish not in ("none", "subscribe", "unsubscribe"):
        yield "subscriptionAction", "Expected none, subscribe or unsubscribe."
    if updates is not None and not isinstance(updates, Mapping):
        yield "updates", "Expected an object of fields and values."
        return
    if not updates and wish == "none":
        yield "updates", "Say what to change."
    for key in updates or {}:
        if key in SYSTEM_NAMES or not key.strip() or len(key) > 128 or "\x00" in key:
            yield f"updates.{key[:40]}", "Is no name of a field of your own."


def _segment(step: Step) -> Iterator[Finding]:
    if step.config.get("action", "ADD") not in ("ADD", "REMOVE"):
        yield "action", "Expected ADD or REMOVE."
    if read_id(str(step.config.get("segmentId") or "")) is None:
        yield "segmentId", "Choose a segment."


def _webhook(step: Step) -> Iterator[Finding]:
    for problem in check_config(step.config):
        yield problem.field, problem.message


def _exit(step: Step) -> Iterator[Finding]:
    reason = step.config.get("reason")
    if reason is not None and (not isinstance(reason, str) or len(reason) > 200):
        yield "reason", "Expected a text of at most 200 characters."


_RULES: dict[StepType, Callable[[Step], Iterator[Finding]]] = {
    StepType.SEND_EMAIL: _mail,
    StepType.DELAY: _delay,
    StepType.WAIT_FOR_EVENT: _wait,
    StepType.CONDITION: _condition,
    StepType.UPDATE_CONTACT: _update,
    StepType.SEGMENT: _segment,
    StepType.WEBHOOK: _webhook,
    StepType.EXIT: _exit,
}
