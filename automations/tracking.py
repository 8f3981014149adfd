"""Recording what a contact did."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from django.db import transaction
from django.db.models.functions import Now

from automations.models import Arrival, Event, Occurrence
from contacts.data import DataChange, data_that_fits
from contacts.ledger import Act
from contacts.models import Door
from contacts.subscriptions import OWN_DOORS, set_subscribed
from contacts.upserting import (
    CONTACT_CTE,
    Person,
    Upserted,
    contact_params,
    upsert_contacts,
)
from plunk.ids import new_id
from plunk.postgresql import fetch_all, is_postgresql
from plunk.waking import wake_on_commit

#: Who looks at what has arrived.
ENGINE = "automations.tasks.advance"


@dataclass(frozen=True, slots=True)
class Tracking:
    """An event of a contact, both made when new.

    `may_resubscribe` is false for a public key: anybody can read it in a browser, so it
    brings nobody back who has opted out.
    """

    project_id: UUID
    email: str
    event: str
    data: DataChange
    subscribed: bool | None = None
    may_resubscribe: bool = True
    #: Whether the project asks its contacts to confirm.
    double_opt_in: bool = False


@dataclass(frozen=True, slots=True)
class Tracked:
    contact_id: UUID
    event_id: UUID


def track(tracking: Tracking) -> Tracked:
    """Record one occurrence of an event, with contact and definition found or made.

    Raises Invalid, with nothing stored, where the contact's data grows too large.
    """
    with data_that_fits(), _transaction_for(tracking):
        write = _write_postgresql if is_postgresql() else _write_portable
        contact, event_id, is_heard = write(tracking)
        _settle_subscription(tracking, contact)
        if is_heard:
            wake_on_commit(ENGINE)
    return Tracked(contact.id, event_id)


def record(
    *,
    project_id: UUID,
    contact_ids: Sequence[UUID],
    event: str,
    data: Any = None,
    cause_id: UUID | None = None,
    is_heard: bool = False,
) -> list[Occurrence]:
    """Record one occurrence for each of several contacts that exist; return them.

    `cause_id` is the workflow whose own mail the event tells of, which it does not
    begin. `is_heard` says that somebody waits for it, whatever the definition says.
    """
    definition, _ = Event.objects.get_or_create(project_id=project_id, name=event)
    made = Occurrence.objects.bulk_create(
        [
            Occurrence(
                project_id=project_id,
                event=definition,
                contact_id=contact_id,
                data=data,
                created_at=Now(),
            )
            for contact_id in contact_ids
        ],
        batch_size=500,
    )
    if is_heard or definition.is_heard:
        Arrival.objects.bulk_create(
            [Arrival(occurrence=row, cause_id=cause_id) for row in made],
            batch_size=500,
        )
        wake_on_commit(ENGINE)
    return made


def _transaction_for(tracking: Tracking) -> AbstractContextManager[Any]:
    """Open a transaction unless it is a single statement, which is one by itself."""
    has_consent = tracking.subscribed is not None or tracking.double_opt_in
    is_single = is_postgresql() and not has_consent
    return nullcontext() if is_single else transaction.atomic()


def _settle_subscription(tracking: Tracking, contact: Upserted) -> None:
    wanted = tracking.subscribed
    if wanted is None and contact.is_new:
        wanted = True
    if wanted is not None and _is_heard(tracking, contact, wanted=wanted):
        set_subscribed(
            project_id=tracking.project_id,
            contact_id=contact.id,
            subscribed=wanted,
            act=Act(Door.TRACK, "api"),
            double_opt_in=tracking.double_opt_in,
        )


def _is_heard(tracking: Tracking, contact: Upserted, *, wanted: bool) -> bool:
    """Say whether a word about a contact is news, and from somebody who may.

    With a public key a contact is asked at most, unless it left of its own will, or may
    have done so before there was a ledger.
    """
    if wanted == contact.subscribed:
        return contact.is_snoozed
    if not wanted or tracking.may_resubscribe:
        return True
    door = contact.consent_source
    return tracking.double_opt_in and bool(door) and door not in OWN_DOORS


def _is_subscribed_when_new(tracking: Tracking) -> bool:
    return tracking.subscribed is not False and not tracking.double_opt_in


def _person(tracking: Tracking) -> Person:
    return Person(tracking.email, tracking.data.stored, tracking.data.removed)


_TRACK_SQL = f"""
WITH {CONTACT_CTE},
known AS (
  SELECT id, is_heard FROM automations_event
  WHERE project_id = %(project_id)s AND name = %(event)s
),
made AS (
  INSERT INTO automations_event (id, project_id, name)
  SELECT %(event_id)s, %(project_id)s, %(event)s
  WHERE NOT EXISTS (SELECT FROM known)
  ON CONFLICT (project_id, name) DO UPDATE SET name = excluded.name
  RETURNING id, is_heard
),
definition AS (SELECT * FROM known UNION ALL SELECT * FROM made),
occurrence AS (
  INSERT INTO automations_occurrence (id, project_id, event_id, contact_id, data)
  SELECT
    %(occurrence_id)s, %(project_id)s, definition.id, contact.id, %(data)s::jsonb
  FROM contact, definition
),
arrival AS (
  INSERT INTO automations_arrival (occurrence_id)
  SELECT %(occurrence_id)s FROM definition WHERE is_heard
)
SELECT contact.*, definition.id, definition.is_heard
FROM contact, definition
"""  # noqa: S608 - constants only


def _write_postgresql(tracking: Tracking) -> tuple[Upserted, UUID, bool]:
    params = contact_params(
        project_id=tracking.project_id,
        people=[_person(tracking)],
        subscribed_when_new=_is_subscribed_when_new(tracking),
        door=Door.TRACK,
    )
    values = tracking.data.values
    params |= {
        "event": tracking.event,
        "event_id": new_id(),
        "occurrence_id": new_id(),
        "data": orjson.dumps(values).decode() if values else None,
    }
    ((*contact, event_id, is_heard),) = fetch_all(_TRACK_SQL, params)
    return Upserted(*contact), event_id, is_heard


def _write_portable(tracking: Tracking) -> tuple[Upserted, UUID, bool]:
    (contact,) = upsert_contacts(
        project_id=tracking.project_id,
        people=[_person(tracking)],
        subscribed_when_new=_is_subscribed_when_new(tracking),
        door=Door.TRACK,
    )
    known = (
        Event.objects.filter(project_id=tracking.project_id, name=tracking.event)
        .values_list("pk", "is_heard")
        .first()
    )
    if known is None:
        made = Event.objects.create(
            project_id=tracking.project_id, name=tracking.event, updated_at=Now()
        )
        known = made.pk, False
    event_id, is_heard = known
    occurrence = Occurrence.objects.create(
        project_id=tracking.project_id,
        event_id=event_id,
        contact_id=contact.id,
        data=tracking.data.values or None,
        created_at=Now(),
    )
    if is_heard:
        Arrival.objects.create(occurrence=occurrence)
    return contact, event_id, is_heard
