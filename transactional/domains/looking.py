"""Comparing what DNS says with what should be there."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from transactional.domains.expected import DnsRecord, Kind
from transactional.domains.nameservice import (
    UNREACHABLE,
    Outcome,
    Question,
    Reply,
    ask_all,
)

#: Rounds of questions: the first, and those that its answers give rise to.
_ROUNDS = 5
_SHOWN_VALUES, _SHOWN_CHARACTERS = 5, 200

Replies = Mapping[Question, Reply]


class State(StrEnum):
    """How a record stands."""

    OK = "ok"
    MISSING = "missing"
    WRONG = "wrong"
    UNREACHABLE = "unreachable"


class Note(StrEnum):
    """What is to be said about a record beyond its state."""

    NONE = ""
    #: It stands under a name in which the zone occurs twice.
    DOUBLED = "doubled"
    #: More than one where there may only be one.
    SEVERAL = "several"
    #: DMARC comes from a domain above.
    INHERITED = "inherited"
    #: DMARC is there and asks nobody to act on it.
    LENIENT = "lenient"


@dataclass(frozen=True, slots=True)
class Finding:
    """One record, and what of it was found."""

    record: DnsRecord
    state: State
    found: tuple[str, ...] = ()
    note: Note = Note.NONE


@dataclass(frozen=True, slots=True)
class Look:
    """All the records of a domain at one moment, and the zone they belong in."""

    zone: str
    findings: tuple[Finding, ...]


def look(
    wanted: Mapping[UUID, tuple[str, Sequence[DnsRecord]]], *, seconds: float
) -> dict[UUID, Look]:
    """Return how the records of some domains stand, after at most so many seconds.

    By the id of each, because two projects may have one name and records of their own.
    """
    deadline = time.monotonic() + seconds
    replies: dict[Question, Reply] = {}
    for _ in range(_ROUNDS):
        questions = {
            question
            for name, records in wanted.values()
            for question in _questions(name, records, replies)
        }
        left = deadline - time.monotonic()
        unasked = questions - replies.keys()
        if not unasked or left <= 0.05:
            break
        replies |= ask_all(unasked, seconds=left)
    return {
        pk: Look(
            _zone_of(name, replies),
            tuple(_judge(name, record, replies) for record in records),
        )
        for pk, (name, records) in wanted.items()
    }


def doubled(name: str, zone: str) -> str:
    """Return the name under which a record stands when its DNS host appended the zone
    to a name that had it already: the mistake that is made most.
    """
    return f"{name}.{zone}"


def _questions(
    name: str, records: Sequence[DnsRecord], replies: Replies
) -> Iterator[Question]:
    yield (name, "SOA")
    for record in records:
        first = (record.name, record.type)
        yield first
        reply = replies.get(first)
        if reply is None:
            continue
        if record.type == "CNAME":
            yield from ((hop, "CNAME") for hop in _chain(record, replies))
        if record.kind is Kind.DMARC:
            yield from ((f"_dmarc.{above}", "TXT") for above in _above(name))
        elif reply.outcome is Outcome.ABSENT:
            zone = _zone_of(name, replies)
            yield (doubled(record.name, zone), record.type)


def _zone_of(name: str, replies: Replies) -> str:
    """Return the apex of the zone a domain is in; the domain where nothing is known."""
    zone = replies.get((name, "SOA"), UNREACHABLE).zone
    return zone if zone and f".{name}".endswith(f".{zone}") and "." in zone else name


def _judge(name: str, record: DnsRecord, replies: Replies) -> Finding:
    reply = replies.get((record.name, record.type), UNREACHABLE)
    if record.kind is Kind.DMARC:
        return _dmarc(name, record, reply, replies)
    if reply.outcome is Outcome.UNREACHABLE:
        return Finding(record, State.UNREACHABLE)
    if reply.outcome is Outcome.ABSENT:
        elsewhere = replies.get(
            (doubled(record.name, _zone_of(name, replies)), record.type), UNREACHABLE
        )
        if elsewhere.outcome is Outcome.FOUND:
            shown = _shown(elsewhere.values)
            return Finding(record, State.WRONG, shown, Note.DOUBLED)
        return Finding(record, State.MISSING)
    return _compare(record, reply, replies)


def _compare(record: DnsRecord, reply: Reply, replies: Replies) -> Finding:
    shown, values = _shown(reply.values), reply.values
    if record.kind is Kind.DKIM:
        is_right = record.value in _chain(record, replies)
        return Finding(record, State.OK if is_right else State.WRONG, shown)
    if record.kind is Kind.PROOF:
        is_right = record.value in {value.strip() for value in values}
        return Finding(record, State.OK if is_right else State.MISSING, shown)
    if record.kind is Kind.MAIL_FROM_MX:
        targets = {value.partition(" ")[2] for value in values}
        is_right = record.value.partition(" ")[2] in targets
    else:
        # Another TXT record at this name is nobody's mistake.
        values = tuple(value for value in values if _is_spf(value))
        shown = _shown(values)
        if not values:
            return Finding(record, State.MISSING, _shown(reply.values))
        is_right = any("include:amazonses.com" in one.lower().split() for one in values)
    if is_right and len(values) > 1:
        # SES wants one MX (its developer guide), SPF one policy (RFC 7208 3.2).
        return Finding(record, State.WRONG, shown, Note.SEVERAL)
    return Finding(record, State.OK if is_right else State.WRONG, shown)


def _chain(record: DnsRecord, replies: Replies) -> list[str]:
    """Return the names that a CNAME leads to, one after the other, as far as known."""
    hops: list[str] = []
    name = record.name
    while (reply := replies.get((name, "CNAME"))) and reply.values:
        name = reply.values[0]
        if name in hops or name == record.value:
            return [*hops, name]
        hops.append(name)
    return hops


def _is_spf(value: str) -> bool:
    return value.strip().lower().split(" ")[0] == "v=spf1"


def _dmarc(name: str, record: DnsRecord, own: Reply, replies: Replies) -> Finding:
    policies = _policies(own)
    note = Note.NONE
    above = iter(_above(name))
    while not policies and (higher := next(above, None)):
        policies = _policies(replies.get((f"_dmarc.{higher}", "TXT"), UNREACHABLE))
        note = Note.INHERITED
    if not policies:
        is_unknown = own.outcome is Outcome.UNREACHABLE
        return Finding(record, State.UNREACHABLE if is_unknown else State.MISSING)
    shown = _shown(policies)
    if len(policies) > 1:
        # With several there is none (RFC 7489 6.6.3).
        return Finding(record, State.WRONG, shown, Note.SEVERAL)
    if note is Note.NONE and _asks_nothing(policies[0]):
        note = Note.LENIENT
    return Finding(record, State.OK, shown, note)


def _policies(reply: Reply) -> tuple[str, ...]:
    return tuple(
        value
        for value in reply.values
        if value.replace(" ", "").lower().startswith("v=dmarc1")
    )


def _asks_nothing(policy: str) -> bool:
    tags = [part.replace(" ", "").lower() for part in policy.split(";")]
    return "p=none" in tags


def _above(name: str) -> list[str]:
    """Return the domains above, nearest first, down to two labels."""
    labels = name.split(".")
    return [".".join(labels[at:]) for at in range(1, len(labels) - 1)][:8]


def _shown(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(
        value if len(value) <= _SHOWN_CHARACTERS else f"{value[:_SHOWN_CHARACTERS]}…"
        for value in values[:_SHOWN_VALUES]
    )
