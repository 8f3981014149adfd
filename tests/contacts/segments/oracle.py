"""The filter language in plain Python, over rows in memory: slow, and plainly right.

Shares nothing with the compiler but the tree itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from contacts.addresses import AddressError, normalise
from contacts.segments.tree import Filter, Logic, Tree
from contacts.segments.vocabulary import Operator as Op

_MISSING = object()
_TIMES = {
    "sent": "sent_at",
    "delivered": "delivered_at",
    "delivery": "delivered_at",
    "opened": "opened_at",
    "open": "opened_at",
    "clicked": "clicked_at",
    "click": "clicked_at",
    "bounced": "bounced_at",
    "bounce": "bounced_at",
    "complained": "complained_at",
    "complaint": "complained_at",
}


@dataclass
class Mail:
    campaign_id: UUID | None
    times: dict[str, datetime]


@dataclass
class Person:
    id: UUID
    email: str
    subscribed: bool
    consent_source: str
    consent_at: datetime
    confirmed_at: datetime | None
    created_at: datetime
    updated_at: datetime
    data: dict[str, Any] | None
    is_suppressed: bool = False
    events: list[tuple[str, datetime]] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)
    #: By topic.
    choices: dict[UUID, bool] = field(default_factory=dict)
    #: The segments whose membership is kept.
    stays: set[UUID] = field(default_factory=set)


@dataclass
class World:
    people: list[Person]
    #: Whether a topic has everybody who did not choose.
    topics: dict[UUID, bool]
    #: None where the membership is kept.
    segments: dict[UUID, Tree | None]
    campaigns: list[UUID]

    def matching(self, tree: Tree, now: datetime) -> set[UUID]:
        return {it.id for it in self.people if self.matches(tree, it, now)}

    def matches(self, tree: Tree, person: Person, now: datetime) -> bool:
        answers = []
        for group in tree.groups:
            answer = all(self.holds(it, person, now) for it in group.filters)
            if group.conditions is not None:
                answer = answer and self.matches(group.conditions, person, now)
            answers.append(answer)
        return all(answers) if tree.logic is Logic.AND else any(answers)

    def holds(self, it: Filter, person: Person, now: datetime) -> bool:
        family, _, rest = it.field.partition(".")
        match family:
            case "data":
                return _data(it, person.data, rest.split("."), now)
            case "event":
                names = {rest, rest.lower().replace(" ", "-")}
                times = [at for name, at in person.events if name in names]
                return _happened(it, times, now)
            case "email" if rest:
                name = _TIMES[rest]
                times = [
                    mail.times[name] for mail in person.mails if name in mail.times
                ]
                return _happened(it, times, now)
            case "campaign":
                return _campaign(it, person, UUID(rest))
            case "topic":
                topic = UUID(rest)
                joined = person.choices.get(topic, self.topics[topic])
                return joined is (it.operator is Op.JOINED)
            case "segment":
                inside = self._is_member(UUID(rest), person, now)
                return inside is (it.operator is Op.MEMBER)
        return _column(it, person, now)

    def _is_member(self, segment: UUID, person: Person, now: datetime) -> bool:
        tree = self.segments[segment]
        if tree is None:
            return segment in person.stays
        return self.matches(tree, person, now)


def _column(it: Filter, person: Person, now: datetime) -> bool:
    match it.field:
        case "email":
            return _email(it, person.email)
        case "subscribed":
            return (person.subscribed == it.value) is (it.operator is Op.EQUALS)
        case "suppressed":
            return (person.is_suppressed == it.value) is (it.operator is Op.EQUALS)
        case "consentSource":
            return (person.consent_source == it.value) is (it.operator is Op.EQUALS)
        case "createdAt":
            return _moment(it, person.created_at, now)
        case "updatedAt":
            return _moment(it, person.updated_at, now)
        case "consentAt":
            return _moment(it, person.consent_at, now)
        case "confirmedAt":
            return _moment(it, person.confirmed_at, now)
    raise AssertionError(it.field)


def _email(it: Filter, email: str) -> bool:
    text = str(it.value)
    if it.operator in {Op.CONTAINS, Op.NOT_CONTAINS}:
        return (text.lower() in email) is (it.operator is Op.CONTAINS)
    try:
        text = normalise(text)
    except AddressError:
        text = text.strip().lower()
    return (email == text) is (it.operator is Op.EQUALS)


def _moment(it: Filter, at: datetime | None, now: datetime) -> bool:
    if it.operator in {Op.EXISTS, Op.NOT_EXISTS}:
        return (at is not None) is (it.operator is Op.EXISTS)
    if at is None:
        return False
    if it.window:
        if it.operator is Op.WITHIN:
            return now - it.window <= at <= now
        return at < now - it.window
    text = str(it.value)
    if it.operator in {Op.EQUALS, Op.NOT_EQUALS}:
        is_same = at.astimezone(UTC).date().isoformat() == text[:10]
        return is_same is (it.operator is Op.EQUALS)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return _in_order(it.operator, at, moment)


def _in_order(operator: Op, left: Any, right: Any) -> bool:
    answers: dict[Op, bool] = {
        Op.GREATER: left > right,
        Op.LESS: left < right,
        Op.AT_LEAST: left >= right,
        Op.AT_MOST: left <= right,
    }
    return answers[operator]


def _data(it: Filter, data: Any, path: list[str], now: datetime) -> bool:
    value = data
    for key in path:
        value = value.get(key, _MISSING) if isinstance(value, dict) else _MISSING
    is_there = value is not _MISSING and value is not None
    if it.operator in {Op.EXISTS, Op.NOT_EXISTS}:
        return is_there is (it.operator is Op.EXISTS)
    if not is_there:
        return False
    if it.window:
        begin, end = _iso(now - it.window), _iso(now)
        if not isinstance(value, str):
            return False
        return begin <= value <= end if it.operator is Op.WITHIN else value < begin
    match it.operator:
        case Op.EQUALS:
            return _same(value, it.value)
        case Op.NOT_EQUALS:
            return not _same(value, it.value)
        case Op.CONTAINS:
            return _contains(value, it.value)
        case Op.NOT_CONTAINS:
            return not _contains(value, it.value)
    is_text = isinstance(value, str) and isinstance(it.value, str)
    is_number = _is_number(value) and _is_number(it.value)
    return (is_text or is_number) and _in_order(it.operator, value, it.value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _same(left: Any, right: Any) -> bool:
    if _is_number(left) and _is_number(right):
        return bool(left == right)
    return type(left) is type(right) and left == right


def _contains(value: Any, wanted: Any) -> bool:
    if isinstance(value, str):
        return isinstance(wanted, str) and wanted in value
    return isinstance(value, list) and any(_same(item, wanted) for item in value)


def _iso(at: datetime) -> str:
    at = at.astimezone(UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"


def _happened(it: Filter, times: list[datetime], now: datetime) -> bool:
    window = it.window or timedelta.max
    begin = now - window if it.window else datetime.min.replace(tzinfo=UTC)
    recent = [at for at in times if at >= begin]
    match it.operator:
        case Op.TRIGGERED | Op.TRIGGERED_WITHIN:
            return bool(recent)
        case Op.NOT_TRIGGERED | Op.NOT_TRIGGERED_WITHIN:
            return not recent
        case Op.TRIGGERED_OLDER:
            return bool(times) and not recent
        case Op.TRIGGERED_AT_LEAST:
            return len(recent) >= (it.count or 0)
        case Op.TRIGGERED_LESS:
            return len(recent) < (it.count or 0)
    raise AssertionError(it.operator)


def _campaign(it: Filter, person: Person, campaign_id: UUID) -> bool:
    mails = [
        mail.times
        for mail in person.mails
        if mail.campaign_id == campaign_id and "sent_at" in mail.times
    ]
    match it.operator:
        case Op.RECEIVED:
            return bool(mails)
        case Op.NOT_RECEIVED:
            return not mails
        case Op.OPENED:
            return any("opened_at" in times for times in mails)
        case Op.NOT_OPENED:
            return any("opened_at" not in times for times in mails)
        case Op.CLICKED:
            return any("clicked_at" in times for times in mails)
        case Op.NOT_CLICKED:
            return any("clicked_at" not in times for times in mails)
    raise AssertionError(it.operator)
