"""A contact's consent in words, and the ledger as the pages show it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from contacts.models import (
    ChangeKind,
    Confirmation,
    ConsentChange,
    Contact,
    Door,
    Suppression,
)
from contacts.suppressions import hashes
from plunk.pages.paging import PAGE_SIZE, Page, page

_TONES = {
    ChangeKind.SUBSCRIBED: ("good", "check"),
    ChangeKind.CONFIRMED: ("good", "check"),
    ChangeKind.RELEASED: ("good", "refresh"),
    ChangeKind.UNSUBSCRIBED: ("neutral", "cross"),
    ChangeKind.EXPIRED: ("neutral", "clock"),
    ChangeKind.TOPIC_LEFT: ("neutral", "cross"),
    ChangeKind.ASKED: ("warn", "send"),
    ChangeKind.REMINDED: ("warn", "send"),
    ChangeKind.SNOOZED: ("info", "clock"),
    ChangeKind.TOPIC_JOINED: ("info", "check"),
    ChangeKind.IMPORTED: ("info", "upload"),
    ChangeKind.SUPPRESSED: ("bad", "ban"),
}
#: How the doors read within a sentence.
_THROUGH = {
    Door.API: "the API",
    Door.TRACK: "a tracked event",
    Door.SEND: "a mail that was sent",
    Door.DASHBOARD: "the dashboard",
    Door.PAGE: "their own page",
    Door.ONE_CLICK: "one click in the mail program",
    Door.IMPORT: "an import",
    Door.CAMPAIGN: "a campaign",
    Door.WORKFLOW: "a workflow",
    Door.FEEDBACK: "a bounce or a complaint",
    Door.SNOOZE: "the end of a pause",
    Door.COMMAND: "the command line",
}


@dataclass(frozen=True, slots=True)
class Consent:
    """Where a contact stands with marketing mail: a sentence, with since when."""

    words: str
    since: datetime | None = None
    until: datetime | None = None
    through: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the ledger."""

    title: str
    tone: str
    icon: str
    at: datetime
    through: str
    who: str
    reason: str
    text: str
    email_id: UUID | None


def in_words(contact: Contact, waiting: Confirmation | None) -> Consent:
    """Say whether marketing mail goes to a contact, since when and by which door."""
    through = through_door(contact.consent_source)
    if waiting:
        return Consent(
            "Gets nothing until the mail that asks them to confirm is answered. Asked",
            since=waiting.asked_at,
            until=waiting.expires_at,
        )
    if contact.snoozed_until and contact.snoozed_until > timezone.now():
        return Consent(
            "Paused: gets nothing now, and everything again",
            until=contact.snoozed_until,
        )
    if contact.subscribed:
        word = "Subscribed and confirmed" if contact.confirmed_at else "Subscribed"
        return Consent(word, since=contact.consent_at, through=through)
    return Consent("Not subscribed", since=contact.consent_at, through=through)


def entries(
    contact: Contact, *, cursor: str, size: int = PAGE_SIZE
) -> tuple[list[Entry], Page[ConsentChange]]:
    """Return a page of the ledger, the newest first. One statement."""
    rows = ConsentChange.objects.filter(contact=contact).select_related("topic", "user")
    found = page(rows, cursor=cursor, size=size)
    return [_entry(row) for row in found.rows], found


def _entry(row: ConsentChange) -> Entry:
    kind = ChangeKind(row.kind)
    tone, icon = _TONES[kind]
    title: str = kind.label
    if kind in {ChangeKind.TOPIC_JOINED, ChangeKind.TOPIC_LEFT}:
        verb = "Joined" if kind == ChangeKind.TOPIC_JOINED else "Left"
        title = f"{verb} “{row.topic.name}”" if row.topic else f"{verb} a topic"
    return Entry(
        title=title,
        tone=tone,
        icon=icon,
        at=row.created_at,
        through=through_door(row.door),
        who=row.user.email if row.user else "",
        reason=row.reason,
        text=row.text,
        email_id=row.email_id,
    )


def suppression_of(project_id: UUID, email: str) -> Suppression | None:
    """Return why no mail goes to an address, also where a hash of it is all we kept."""
    spellings = [email, *hashes(project_id, email)]
    rows = Suppression.objects.filter(project_id=project_id, email__in=spellings)
    return rows.order_by("created_at", "pk").first()


def through_door(door: str) -> str:
    """Say through which door something came, as it reads after “through”."""
    return _THROUGH[Door(door)] if door in Door.values else ""
