"""A chunk of an import by the ORM: the twin of `postgres.py`, for SQLite."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import BooleanField, ExpressionWrapper, Q

from contacts.importing.rows import Incoming
from contacts.importing.writing import Order, Outcome
from contacts.models import MAX_DATA_LENGTH, Contact, Door, ImportSeen
from plunk.ids import new_id

_REMEMBER = "INSERT INTO contacts_importseen (job_id, key) VALUES (%s, %s)"
_BATCH = 500
#: Everybody else who writes waits meanwhile: SQLite has one writer.
_CHUNK_ROWS = 1_000
# Ten times as fast as objects. Times as Now() writes them on SQLite, ids and JSON as
# Django does; every other column has a default of the database's.
_INSERT = """
INSERT INTO contacts_contact (
  id, project_id, email, subscribed, consent_source, confirmed_at, import_id, data
) VALUES (
  %s, %s, %s, %s, %s,
  CASE WHEN %s THEN STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW') END, %s, %s
)
"""
_UPDATE = """
UPDATE contacts_contact
SET data = %s, updated_at = STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW')
WHERE id = %s
"""


class PortableWriter:
    chunk_rows = _CHUNK_ROWS

    def prepare(self, people: dict[str, Incoming]) -> None:
        """Nothing is prepared here."""

    def write(self, order: Order, people: dict[str, Incoming], ready: None) -> Outcome:
        outcome = Outcome()
        known = _known(order, people)
        new = [person for email, person in people.items() if email not in known]
        _make(order, new, outcome)
        changes = _weigh(order, people, known, outcome)
        _change(changes)
        return outcome

    def try_out(
        self, order: Order, people: dict[str, Incoming], ready: None
    ) -> Outcome:
        outcome = Outcome()
        known = _known(order, people)
        new = [email for email in people if email not in known]
        met = _meet(order, {_key(email) for email in new})
        outcome.created = len(new) - met
        outcome.duplicates = met
        _weigh(order, people, known, outcome)
        return outcome


class _Known(NamedTuple):
    """A contact that was there before this chunk."""

    email: str
    pk: UUID
    subscribed: bool
    is_snoozed: bool
    import_id: UUID | None
    consent_source: str
    data: dict[str, Any] | None


def _known(order: Order, people: dict[str, Incoming]) -> dict[str, _Known]:
    is_snoozed = ExpressionWrapper(
        Q(snoozed_until__isnull=False), output_field=BooleanField()
    )
    names = ("email", "pk", "subscribed", is_snoozed, "import_id", "consent_source")
    return {
        row[0]: _Known(*row)
        for batch in _batches(list(people))
        for row in Contact.objects.filter(
            project_id=order.project_id, email__in=batch
        ).values_list(*names, "data")
    }


def _make(order: Order, people: list[Incoming], outcome: Outcome) -> None:
    rows = []
    for person in people:
        wanted = person.subscribed
        if wanted is None:
            wanted = order.options.subscribe_new
        pk = new_id()
        rows.append(
            (
                pk.hex,
                order.project_id.hex,
                person.email,
                wanted and not order.asks,
                Door.IMPORT.value,
                wanted and order.confirms,
                order.job_id.hex,
                json.dumps(person.data) if person.data else None,
            )
        )
        if wanted and order.asks:
            outcome.to_ask.append(pk)
    with connection.cursor() as cursor:
        cursor.executemany(_INSERT, rows)
    outcome.created = len(rows)


def _weigh(
    order: Order,
    people: dict[str, Incoming],
    known: dict[str, _Known],
    outcome: Outcome,
) -> list[tuple[UUID, dict[str, Any]]]:
    """Sort those who were there already; return whose data changes to what."""
    met = _met(order, [contact.pk for contact in known.values()])
    seen, changes = set[UUID](), list[tuple[UUID, dict[str, Any]]]()
    for email, contact in known.items():
        person = people[email]
        merged = {**(contact.data or {}), **person.data}
        # The length that the constraint looks at: JSON as Django writes it.
        if len(json.dumps(merged)) > MAX_DATA_LENGTH:
            outcome.too_big.append(email)
            continue
        is_own = contact.import_id == order.job_id
        differs = merged != (contact.data or {})
        flips = _flip(order, person, contact, outcome, is_own=is_own)
        if differs:
            changes.append((contact.pk, merged))
        if is_own or contact.pk in met:
            outcome.duplicates += 1
            continue
        seen.add(contact.pk)
        if differs or flips:
            outcome.updated += 1
        else:
            outcome.unchanged += 1
    _meet(order, seen)
    return changes


def _flip(
    order: Order, person: Incoming, contact: _Known, outcome: Outcome, *, is_own: bool
) -> bool:
    """Note whether this person's consent changes.

    Whoever this very import made follows the last row, for nobody else has said
    anything about them yet.
    """
    may_subscribe = order.options.resubscribe or (
        is_own and contact.consent_source == Door.IMPORT
    )
    says_no = person.subscribed is False or (person.has_no and not may_subscribe)
    if says_no:
        if contact.subscribed or contact.is_snoozed:
            outcome.to_unsubscribe.append(contact.pk)
            return True
    elif person.subscribed and not contact.subscribed and may_subscribe:
        asked = outcome.to_ask if order.asks else outcome.to_subscribe
        asked.append(contact.pk)
        return True
    return False


def _change(changes: list[tuple[UUID, dict[str, Any]]]) -> None:
    rows = [(json.dumps(data), pk.hex) for pk, data in changes]
    with connection.cursor() as cursor:
        cursor.executemany(_UPDATE, rows)


def _met(order: Order, keys: Sequence[UUID]) -> set[UUID]:
    return {
        key
        for batch in _batches(list(keys))
        for key in ImportSeen.objects.filter(
            job=order.job_id, key__in=batch
        ).values_list("key", flat=True)
    }


def _meet(order: Order, keys: set[UUID]) -> int:
    """Remember these; return how many were met before."""
    met = _met(order, list(keys))
    with connection.cursor() as cursor:
        cursor.executemany(
            _REMEMBER, [(order.job_id.hex, key.hex) for key in keys - met]
        )
    return len(met)


def _key(email: str) -> UUID:
    """Stand for an address that no contact has yet."""
    digest = hashlib.md5(email.encode(), usedforsecurity=False)
    return UUID(bytes=digest.digest())


def _batches(items: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]
