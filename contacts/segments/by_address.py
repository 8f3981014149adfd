"""Members of static segments, named by their addresses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.functions import Now

from contacts import ledger
from contacts.asking import ask
from contacts.ledger import Act
from contacts.models import ChangeKind, Contact, Segment
from contacts.segments.membership import add_members, remove_members
from contacts.subscriptions import asks_first
from plunk.ids import new_id_text
from plunk.postgresql import fetch_all, is_postgresql

#: Addresses that one transaction looks up, and makes contacts of.
CHUNK = 1000


@dataclass(slots=True)
class Added:
    """What became of addresses: `found` are in the segment now, `new` of them were not
    before, `created` had no contact, and those `missing` have none.
    """

    found: int = 0
    new: int = 0
    created: int = 0
    missing: list[str] = field(default_factory=list)


def add_addresses(
    segment: Segment,
    addresses: Sequence[str],
    *,
    create_missing: bool = False,
    subscribed: bool = True,
    act: Act,
) -> Added:
    """Put the contacts of normalised addresses into a static segment.

    With `create_missing`, an address without a contact gets one, which is subscribed if
    `subscribed` says so (under double opt-in it is asked to confirm instead); contacts
    that exist keep their consent.
    """
    added = Added()
    distinct = list(dict.fromkeys(addresses))
    for start in range(0, len(distinct), CHUNK):
        chunk = distinct[start : start + CHUNK]
        with transaction.atomic():
            known = ids_of(segment.project_id, chunk)
            missing = [address for address in chunk if address not in known]
            if create_missing and missing:
                added.created += make_contacts(
                    segment.project_id, missing, subscribed=subscribed, act=act
                )
                known = ids_of(segment.project_id, chunk)
            added.new += add_members(segment, list(known.values()))
        added.found += len(known)
        added.missing += [address for address in chunk if address not in known]
    return added


def remove_addresses(segment: Segment, addresses: Sequence[str]) -> int:
    """Take contacts out of a static segment; return how many addresses have one."""
    found = 0
    distinct = list(dict.fromkeys(addresses))
    for start in range(0, len(distinct), CHUNK):
        known = ids_of(segment.project_id, distinct[start : start + CHUNK])
        remove_members(segment, list(known.values()))
        found += len(known)
    return found


def ids_of(project_id: UUID, addresses: Sequence[str]) -> dict[str, UUID]:
    """Return the contacts of up to a thousand normalised addresses."""
    rows = Contact.objects.filter(project_id=project_id, email__in=addresses)
    return dict(rows.values_list("email", "pk"))


def among(project_id: UUID, addresses: Sequence[str]) -> QuerySet[Contact]:
    """Return the contacts of any number of normalised addresses, by one statement.

    They go there as one value: a placeholder for each costs more than looking them up.
    """
    if is_postgresql():
        given = RawSQL("SELECT unnest(%s::text[])", [list(addresses)])
    else:
        text = json.dumps(list(addresses))
        given = RawSQL("SELECT value FROM json_each(%s)", [text])
    return Contact.objects.filter(project_id=project_id, email__in=given)


def make_contacts(
    project_id: UUID, addresses: Sequence[str], *, subscribed: bool, act: Act
) -> int:
    """Make contacts of up to a thousand normalised addresses; return how many.

    Not of those that somebody else made one of meanwhile. Under double opt-in they are
    asked to confirm instead of being `subscribed`.
    """
    must_ask = asks_first(project_id)
    # In one order, so that two of us never wait for each other.
    insert = _insert_postgresql if is_postgresql() else _insert_portable
    made = insert(
        project_id, sorted(addresses), subscribed=subscribed and not must_ask, act=act
    )
    if subscribed and must_ask:
        ask(project_id=project_id, contact_ids=made, act=act)
    return len(made)


#: Contacts, and that they are subscribed if they are; those that are there already are
#: passed over. Who is made here cannot be erased before the commit.
_INSERT_SQL = """
WITH made AS (
  INSERT INTO contacts_contact (id, project_id, email, subscribed, consent_source)
  SELECT given.id, %(project_id)s::uuid, given.email, %(subscribed)s, %(door)s
  FROM unnest(%(ids)s::uuid[], %(addresses)s::text[]) AS given(id, email)
  ON CONFLICT (project_id, email) DO NOTHING
  RETURNING id
),
told AS (
  INSERT INTO contacts_consentchange (
    id, project_id, contact_id, kind, door, user_id, email_id, origin_id, reason, text
  )
  SELECT
    given.entry, %(project_id)s::uuid, made.id, %(kind)s, %(door)s, %(user_id)s::uuid,
    %(email_id)s::uuid, %(origin_id)s::uuid, %(reason)s, %(text)s
  FROM made
  JOIN unnest(%(ids)s::uuid[], %(entries)s::uuid[]) AS given(id, entry) USING (id)
  WHERE %(subscribed)s
)
SELECT id FROM made
"""


def _insert_postgresql(
    project_id: UUID, addresses: Sequence[str], *, subscribed: bool, act: Act
) -> list[UUID]:
    params = {
        "project_id": project_id,
        "ids": [new_id_text() for _ in addresses],
        "entries": [new_id_text() for _ in addresses],
        "addresses": list(addresses),
        "subscribed": subscribed,
        "kind": ChangeKind.SUBSCRIBED.value,
        "door": act.door.value,
        "user_id": act.user_id,
        "email_id": act.email_id,
        "origin_id": act.origin_id,
        "reason": act.reason[:300],
        "text": act.text,
    }
    return [pk for (pk,) in fetch_all(_INSERT_SQL, params)]


def _insert_portable(
    project_id: UUID, addresses: Sequence[str], *, subscribed: bool, act: Act
) -> list[UUID]:
    wanted = [
        Contact(
            project_id=project_id,
            email=address,
            subscribed=subscribed,
            consent_source=act.door,
            consent_at=Now(),
            created_at=Now(),
            updated_at=Now(),
        )
        for address in addresses
    ]
    Contact.objects.bulk_create(wanted, ignore_conflicts=True, batch_size=500)
    ours = Contact.objects.filter(pk__in=[contact.pk for contact in wanted])
    made = list(ours.values_list("pk", flat=True))
    if subscribed:
        ledger.record(
            project_id=project_id,
            contact_ids=made,
            kind=ChangeKind.SUBSCRIBED,
            act=act,
        )
    return made
