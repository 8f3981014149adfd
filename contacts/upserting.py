"""Contacts found or made on the way of something else: a mail, an event, an import.

PostgreSQL does it inside the caller's one statement (`CONTACT_CTE`); elsewhere
`upsert_contacts` does the same with the ORM.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from django.db import transaction
from django.db.models.functions import Now

from contacts.models import Contact, Door
from plunk.ids import new_id


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody to find or make, by a normalised address."""

    email: str
    stored: dict[str, Any] = field(default_factory=dict)
    removed: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Upserted:
    """A contact as it was found, or as it was made."""

    id: UUID
    email: str
    subscribed: bool
    is_snoozed: bool
    #: The door by which `subscribed` got its value.
    consent_source: str
    is_new: bool


#: Makes `contact(id, email, subscribed, is_snoozed, consent_source, is_new)`, which are
#: the members of Upserted; parameters from `contact_params`. Rows are locked in
#: the order of their addresses: two statements never wait in a circle.
CONTACT_CTE = """
person AS (
  SELECT * FROM unnest(
    %(contact_ids)s::uuid[], %(addresses)s::text[], %(stored)s::text[]::jsonb[]
  ) AS p(id, email, stored)
  ORDER BY email
),
contact AS (
  INSERT INTO contacts_contact AS c (
    id, project_id, email, subscribed, consent_source, data
  )
  SELECT
    id, %(project_id)s, email, %(new_subscribed)s, %(door)s,
    NULLIF(stored, '{}'::jsonb)
  FROM person
  ON CONFLICT (project_id, email) DO UPDATE SET
    data = NULLIF(
      (COALESCE(c.data, '{}'::jsonb) || COALESCE(excluded.data, '{}'::jsonb))
        - %(removed)s::text[],
      '{}'::jsonb
    ),
    updated_at = CASE
      WHEN excluded.data IS NULL AND cardinality(%(removed)s::text[]) = 0
      THEN c.updated_at ELSE now()
    END
  RETURNING
    c.id, c.email, c.subscribed, c.snoozed_until IS NOT NULL AS is_snoozed,
    c.consent_source, c.id = ANY(%(contact_ids)s::uuid[]) AS is_new
)
"""


def contact_params(
    *, project_id: UUID, people: Sequence[Person], subscribed_when_new: bool, door: Door
) -> dict[str, Any]:
    """Return the parameters of `CONTACT_CTE`; all `people` remove the same keys.

    `door` is where new contacts come in.
    """
    return {
        "project_id": project_id,
        "contact_ids": [new_id() for _ in people],
        "addresses": [person.email for person in people],
        "stored": [orjson.dumps(person.stored).decode() for person in people],
        "removed": list(people[0].removed),
        "new_subscribed": subscribed_when_new,
        "door": door.value,
    }


@transaction.atomic
def upsert_contacts(
    *, project_id: UUID, people: Sequence[Person], subscribed_when_new: bool, door: Door
) -> list[Upserted]:
    """Find or make contacts and merge their data; returns one for each of `people`.

    An existing contact keeps its subscription.
    """
    known = {
        contact.email: contact
        for contact in Contact.objects.filter(
            project_id=project_id, email__in=[person.email for person in people]
        )
    }
    made, changed = [], []
    for person in people:
        contact = known.get(person.email)
        if contact is None:
            contact = known[person.email] = Contact(
                project_id=project_id,
                email=person.email,
                subscribed=subscribed_when_new,
                consent_source=door,
                consent_at=Now(),
                created_at=Now(),
                updated_at=Now(),
            )
            made.append(contact)
        elif person.stored or person.removed:
            contact.updated_at = Now()
            changed.append(contact)
        contact.data = _merged(contact.data, person)
    Contact.objects.bulk_create(made)
    Contact.objects.bulk_update(changed, ["data", "updated_at"], batch_size=200)
    new = {contact.email for contact in made}
    return [
        Upserted(
            contact.pk,
            contact.email,
            contact.subscribed,
            contact.snoozed_until is not None,
            contact.consent_source,
            contact.email in new,
        )
        for contact in (known[person.email] for person in people)
    ]


def _merged(data: dict[str, Any] | None, person: Person) -> dict[str, Any] | None:
    merged = {**(data or {}), **person.stored}
    for key in person.removed:
        merged.pop(key, None)
    return merged or None
