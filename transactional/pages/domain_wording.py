"""How a domain and its records stand, in words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from transactional.domains import DnsRecord, Kind, dns_records
from transactional.domains.judging import is_entitled, items_of
from transactional.domains.looking import Note, State, doubled
from transactional.models import Domain


@dataclass(frozen=True, slots=True)
class Standing:
    """A state in a word or two, its tone, and what it means."""

    label: str
    tone: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Row:
    """One record as the page shows it."""

    id: str
    type: str
    host: str
    short_host: str
    #: The priority of an MX record, which has a field of its own at most DNS hosts.
    priority: str
    value: str
    state: Standing
    found: Sequence[str]
    found_label: str

    @property
    def shown_host(self) -> SafeString:
        return _breakable(self.short_host)

    @property
    def shown_name(self) -> SafeString:
        return _breakable(self.host)

    @property
    def shown_value(self) -> SafeString:
        return _breakable(self.value)


@dataclass(frozen=True, slots=True)
class Group:
    """The records that serve one purpose."""

    title: str
    about: str
    rows: Sequence[Row]
    is_advice: bool = False


def standing(domain: Domain) -> Standing:
    """Say how a domain stands."""
    if domain.verified_at and domain.failing_since:
        return Standing(
            "Needs attention",
            "warn",
            "Mail is still sent, but the proof that this domain is yours has gone. "
            "Unless its records come back, sending may stop after three days.",
        )
    if domain.verified_at:
        return Standing(
            "Verified", "good", "Mail can be sent from every address of this domain."
        )
    if domain.failing_since:
        return Standing(
            "Not verified any more",
            "bad",
            "Its records were gone for days, so mail from it is refused. Publish them "
            "again and it recovers by itself.",
        )
    if domain.checked_at is None:
        return Standing("Checking…", "info", "DNS is being asked for the first time.")
    if not is_entitled(domain):
        return Standing(
            "Proof needed",
            "warn",
            "This name was in use before the project added it. Publish the ownership "
            "record below to show that it is this project's.",
        )
    return Standing(
        "Waiting for DNS",
        "info",
        "Publish the records below. They are looked for by themselves, and this page "
        "tells when they are found. Changes of DNS take minutes, at times hours.",
    )


def groups(domain: Domain) -> list[Group]:
    """Return a domain's records by what they are for."""
    rows = list(_rows(domain))
    of = {kind: [row for record, row in rows if record.kind is kind] for kind in Kind}
    found = [
        Group(
            "Ownership",
            "Shows that the domain is this project's. It may go once it was found.",
            of[Kind.PROOF],
        ),
        Group(
            "Signature (DKIM)",
            "With these, every mail is signed in the name of your domain.",
            of[Kind.DKIM],
        ),
        Group(
            "Return path (MAIL FROM)",
            "Bounces come back here, and receivers see who may send for you (SPF).",
            of[Kind.MAIL_FROM_MX] + of[Kind.MAIL_FROM_SPF],
        ),
        Group(
            "Policy (DMARC)",
            "Not needed for verification, but large mailbox providers ask for it.",
            of[Kind.DMARC],
            is_advice=True,
        ),
    ]
    return [group for group in found if group.rows]


def _rows(domain: Domain) -> Iterator[tuple[DnsRecord, Row]]:
    items = {(item["host"], item["type"]): item for item in items_of(domain)}
    zone = domain.records.get("zone") or domain.name
    for number, record in enumerate(dns_records(domain), start=1):
        item = items.get((record.name, record.type), {})
        priority, value = "", record.value
        if record.type == "MX":
            priority, _, value = record.value.partition(" ")
        found = item.get("found", [])
        state = _state(domain, record, item)
        yield (
            record,
            Row(
                id=f"record-{number}",
                type=record.type,
                host=record.name,
                short_host=record.name.removesuffix(f".{zone}"),
                priority=priority,
                value=value,
                state=state,
                found=found if state.tone != "good" or _is_other(record, found) else [],
                found_label=_found_label(record, item, zone),
            ),
        )


def _found_label(record: DnsRecord, item: dict[str, Any], zone: str) -> str:
    if item.get("note") == Note.DOUBLED:
        return f"Found at {doubled(record.name, zone)}"
    return "Found" if item.get("state") == State.OK else "Found instead"


def _breakable(text: str) -> SafeString:
    """Let a long name be broken between its labels rather than anywhere."""
    parts = re.split(r"(?=\.)", text)
    return format_html_join(SafeString("<wbr>"), "{}", ((part,) for part in parts))


def _is_other(record: DnsRecord, found: Sequence[str]) -> bool:
    """Say whether what is there is worth showing although it is good."""
    return record.kind is Kind.DMARC and list(found) != [record.value]


def _state(domain: Domain, record: DnsRecord, item: dict[str, Any]) -> Standing:
    state, note = item.get("state", ""), item.get("note", "")
    if record.kind is Kind.PROOF and domain.proven_at:
        return Standing("Found", "good", "")
    if record.kind is Kind.DMARC:
        return _dmarc(state, note)
    if state == State.OK:
        return Standing("Found", "good", "")
    if state == State.UNREACHABLE:
        return Standing(
            "No answer",
            "neutral",
            "The name servers did not answer, which says nothing about this record.",
        )
    if state == State.WRONG:
        return Standing("Differs", "bad", _wrong(record, note))
    if state == State.MISSING:
        return Standing("Not found", "warn", "")
    return Standing("Unchecked", "neutral", "")


def _wrong(record: DnsRecord, note: str) -> str:
    if note == Note.DOUBLED:
        return (
            "It stands under a name that has your domain twice: the DNS host adds it "
            "by itself. Enter the short host only."
        )
    if note == Note.SEVERAL and record.kind is Kind.MAIL_FROM_MX:
        return "Only one MX record may be here: remove the others."
    if note == Note.SEVERAL:
        return "Only one SPF record may be here: join them into one."
    if record.kind is Kind.DKIM:
        return "It points elsewhere. Change its value, and switch off any proxy for it."
    if record.kind is Kind.MAIL_FROM_SPF:
        return "It does not name amazonses.com. Change its value."
    return "It is another one. Change its value."


def _dmarc(state: str, note: str) -> Standing:
    if state == State.WRONG:
        return Standing(
            "Differs",
            "bad",
            "There are several policies, so that none of them counts. Keep one.",
        )
    if state == State.MISSING:
        return Standing(
            "Advised", "info", "Begin with this one: it changes nothing yet."
        )
    if note == Note.INHERITED:
        return Standing("Found", "good", "It comes from the domain above.")
    if note == Note.LENIENT:
        return Standing(
            "Found",
            "good",
            "It only watches. Once your mail has passed for some weeks, p=quarantine "
            "keeps others from using your name.",
        )
    if state == State.OK:
        return Standing("Found", "good", "")
    if state == State.UNREACHABLE:
        return Standing("No answer", "neutral", "The name servers did not answer.")
    return Standing("Unchecked", "neutral", "")
