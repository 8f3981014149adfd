"""Contacts as the pages show them: where they stand in words, and their data."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils import timezone

from contacts.models import Confirmation, Contact
from contacts.suppressions import suppressed

#: What a cell shows of a longer value; the contact's page has all of it.
_MAX_CELL = 120
#: Characters and lines of a value beyond which the contact's page folds it.
_MAX_FACT = 300
_MAX_LINES = 8
#: Characters of JSON that stand in one line.
_MAX_LINE = 60


@dataclass(frozen=True, slots=True)
class Standing:
    """A state in one or two words, and its colour."""

    label: str
    tone: str


SUPPRESSED = Standing("Suppressed", "bad")
WAITING = Standing("Unconfirmed", "warn")
SUBSCRIBED = Standing("Subscribed", "good")
UNSUBSCRIBED = Standing("Unsubscribed", "neutral")


@dataclass(frozen=True, slots=True)
class Person:
    """A row of the list."""

    contact: Contact
    standing: Standing
    cells: list[tuple[str, str]]

    @property
    def initials(self) -> str:
        return initials(self.contact.email)


def standing_of(contact: Contact, *, is_suppressed: bool, is_waiting: bool) -> Standing:
    """Say in a word whether mail goes to a contact; the strongest reason wins."""
    if is_suppressed:
        return SUPPRESSED
    if is_waiting:
        return WAITING
    if contact.snoozed_until and contact.snoozed_until > timezone.now():
        return Standing(f"Snoozed until {contact.snoozed_until:%d %b}", "info")
    return SUBSCRIBED if contact.subscribed else UNSUBSCRIBED


def people(
    project_id: UUID, contacts: Sequence[Contact], columns: Sequence[str]
) -> list[Person]:
    """Return the rows of the list: two statements, however many there are.

    The contacts have their `data` loaded where there are columns.
    """
    blocked = suppressed(project_id, [contact.email for contact in contacts])
    waiting = set(
        Confirmation.objects.filter(
            pk__in=[contact.pk for contact in contacts]
        ).values_list("pk", flat=True)
    )
    return [
        Person(
            contact,
            standing_of(
                contact,
                is_suppressed=contact.email in blocked,
                is_waiting=contact.pk in waiting,
            ),
            _cells(contact, columns),
        )
        for contact in contacts
    ]


def initials(address: str) -> str:
    """Return up to two letters that stand for an address."""
    local = address.partition("@")[0]
    words = [word for word in re.split(r"[._+\-]+", local) if word]
    return "".join(word[0] for word in words[:2]).upper() or "?"


def written(value: Any) -> str:
    """Write a value the way it is read: text as it is, the rest as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    return json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Fact:
    """A key of a contact's data and its value, the way it is read."""

    name: str
    text: str
    #: Entries of a list of texts.
    entries: list[str]
    is_code: bool = False

    @property
    def is_long(self) -> bool:
        return len(self.text) > _MAX_FACT or self.text.count("\n") > _MAX_LINES


def facts(data: Any) -> list[Fact]:
    """Return a contact's data, by name."""
    if not isinstance(data, dict):
        return []
    return [_fact(name, data[name]) for name in sorted(data, key=str.lower)]


def _fact(name: str, value: Any) -> Fact:
    if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        return Fact(name, "", value)
    if isinstance(value, dict | list) or value is None:
        text = json.dumps(value, ensure_ascii=False)
        if len(text) > _MAX_LINE:
            text = json.dumps(value, ensure_ascii=False, indent=2)
        return Fact(name, text, [], is_code=True)
    return Fact(name, written(value), [])


def _cells(contact: Contact, columns: Sequence[str]) -> list[tuple[str, str]]:
    if not columns:
        return []
    data = contact.data if isinstance(contact.data, dict) else {}
    return [(name, _cell(data[name]) if name in data else "") for name in columns]


def _cell(value: Any) -> str:
    """Write a value into one line."""
    if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        return _short(", ".join(value))
    return _short(written(value))


def _short(text: str) -> str:
    return text if len(text) <= _MAX_CELL else f"{text[: _MAX_CELL - 1]}…"
