"""Contacts chosen for a campaign one by one: found, or made of their addresses."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import TypeVar
from uuid import UUID

from campaigns.draft_rules import Chosen
from campaigns.models import Recipient
from contacts.ledger import Act
from contacts.segments.by_address import CHUNK, ids_of, make_contacts
from contacts.segments.membership import known_ids
from plunk.api.errors import FieldError
from plunk.postgresql import fetch_all, is_postgresql

#: Mistakes in a list of thousands that an answer names.
_MOST_ERRORS = 100

T = TypeVar("T")


def strangers(project_id: UUID, chosen: Chosen) -> list[FieldError]:
    """Return what is wrong with ids that no contact of the project has."""
    unknown = set(chosen.ids)
    for chunk in _chunks(chosen.ids):
        unknown -= set(known_ids(project_id, chunk))
    places = sorted(chosen.ids[pk] for pk in unknown)
    return [
        FieldError(
            f"recipients.{place}", "Is not a contact of this project.", "not_found"
        )
        for place in places[:_MOST_ERRORS]
    ]


def contacts_of(project_id: UUID, chosen: Chosen, act: Act) -> list[UUID]:
    """Return the contacts that were chosen, in the order in which they were written.

    Addresses without a contact get one, which is subscribed, or asked to confirm under
    double opt-in; existing contacts keep what they have. A few statements for each
    thousand addresses. In a transaction of the caller's.
    """
    places = {place: pk for pk, place in chosen.ids.items()}
    # In one order, so that two who make the same contacts never wait in a circle.
    for chunk in _chunks(sorted(chosen.addresses)):
        known = ids_of(project_id, chunk)
        missing = [address for address in chunk if address not in known]
        if missing:
            make_contacts(project_id, missing, subscribed=True, act=act)
            known |= ids_of(project_id, missing)
        places |= {chosen.addresses[address]: pk for address, pk in known.items()}
    return list(dict.fromkeys(places[place] for place in sorted(places)))


def replace_recipients(campaign_id: UUID, contact_ids: Collection[UUID]) -> bool:
    """Make these contacts a campaign's recipients; say whether that changed any."""
    rows = Recipient.objects.filter(campaign_id=campaign_id)
    before = set(rows.values_list("contact_id", flat=True))
    gone = before.difference(contact_ids)
    new = [pk for pk in contact_ids if pk not in before]
    if len(gone) == len(before):
        rows.delete()
    else:
        for chunk in _chunks(gone):
            rows.filter(contact__in=chunk).delete()
    add_recipients(campaign_id, new)
    return bool(gone or new)


#: In the order in which they were chosen, which the rows' own ids keep.
_ADD_SQL = """
INSERT INTO campaigns_recipient (campaign_id, contact_id)
SELECT %(campaign_id)s::uuid, given.id
FROM unnest(%(contact_ids)s::uuid[]) WITH ORDINALITY AS given(id, place)
ORDER BY given.place
"""


def add_recipients(campaign_id: UUID, contact_ids: Iterable[UUID]) -> None:
    """Add contacts who are no recipients yet."""
    if is_postgresql():
        ids = list(contact_ids)
        fetch_all(_ADD_SQL, {"campaign_id": campaign_id, "contact_ids": ids})
        return
    Recipient.objects.bulk_create(
        (Recipient(campaign_id=campaign_id, contact_id=pk) for pk in contact_ids),
        batch_size=CHUNK,
    )


def _chunks(values: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(values)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk
