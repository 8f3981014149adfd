"""Who is in a segment, where that is kept: static ones, and dynamic ones with tracking.

A stay is a row: it begins, and one day it may end, but it is never made into another
one, so that who was in the segment on a date can be told for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from contacts.models import Contact, Segment, SegmentMembership
from plunk.ids import new_id
from plunk.postgresql import fetch_all, is_postgresql

#: The stays that one transaction begins or ends.
BATCH = 1000


def members_of(segment: Segment) -> QuerySet[SegmentMembership]:
    """Return the stays that have not ended."""
    return SegmentMembership.objects.filter(segment=segment, exited_at=None)


def stays_at(segment: Segment, at: datetime) -> QuerySet[SegmentMembership]:
    """Return the stays that had begun and not ended at a moment."""
    return SegmentMembership.objects.filter(
        Q(exited_at=None) | Q(exited_at__gt=at), segment=segment, entered_at__lte=at
    )


def history(segment: Segment, at: datetime) -> QuerySet[Contact]:
    """Return who was in a segment at a moment, of those who have not been erased.

    Only of segments whose membership is kept, and from the day it was kept on.
    """
    return Contact.objects.filter(
        Exists(stays_at(segment, at).filter(contact=OuterRef("pk"))),
        project_id=segment.project_id,
    )


def add_members(segment: Segment, contact_ids: Sequence[UUID]) -> int:
    """Put contacts into a static segment; return how many were not in it before.

    Ids of other projects are passed over like those nobody has.
    """
    return _change_by_hand(segment, contact_ids, enter, 1)


def remove_members(segment: Segment, contact_ids: Sequence[UUID]) -> int:
    """Take contacts out of a static segment; return how many had been in it."""
    return _change_by_hand(segment, contact_ids, leave, -1)


def _change_by_hand(
    segment: Segment,
    contact_ids: Sequence[UUID],
    change: Callable[[Segment, Sequence[UUID]], list[UUID]],
    step: int,
) -> int:
    total = 0
    for batch in batches(list(dict.fromkeys(contact_ids))):
        with transaction.atomic():
            # Two changes of one segment stand in a line, and a deleted one has none.
            row = Segment.objects.filter(pk=segment.pk)
            if not row.select_for_update().values_list("pk").first():
                return total
            changed = len(change(segment, batch))
            row.update(member_count=F("member_count") + step * changed)
            total += changed
    return total


def known_ids(project_id: UUID, contact_ids: Sequence[UUID]) -> list[UUID]:
    """Return those of up to a thousand ids that a contact of the project has."""
    known = Contact.objects.filter(project_id=project_id, pk__in=contact_ids)
    return list(known.values_list("pk", flat=True))


def forget(contact_ids: Sequence[UUID]) -> None:
    """Delete all stays of contacts that are being erased, and correct the sizes."""
    stays = SegmentMembership.objects.filter(contact__in=contact_ids)
    for segment_id in set(stays.values_list("segment", flat=True)):
        with transaction.atomic():
            row = Segment.objects.filter(pk=segment_id)
            row.select_for_update().values_list("pk").first()
            open_ones = stays.filter(segment=segment_id, exited_at=None)
            left, _ = open_ones.delete()
            row.filter(member_count__gte=left).update(
                member_count=F("member_count") - left
            )
            stays.filter(segment=segment_id).delete()


#: Passes over contacts that were deleted meanwhile, and waits for those that just are.
_ENTER_SQL = """
INSERT INTO contacts_segmentmembership (id, segment_id, contact_id)
SELECT given.id, %(segment_id)s, contact.id
FROM unnest(%(ids)s::uuid[], %(contact_ids)s::uuid[]) AS given(id, contact_id)
JOIN contacts_contact contact ON contact.id = given.contact_id
WHERE contact.project_id = %(project_id)s
ORDER BY contact.email
FOR KEY SHARE OF contact
ON CONFLICT (segment_id, contact_id) WHERE exited_at IS NULL DO NOTHING
RETURNING contact_id
"""


def enter(segment: Segment, contact_ids: Sequence[UUID]) -> list[UUID]:
    """Begin the stays of those who are not in; return who they are."""
    if not is_postgresql():
        return _enter_portable(segment, contact_ids)
    rows = fetch_all(
        _ENTER_SQL,
        {
            "segment_id": segment.pk,
            "project_id": segment.project_id,
            "ids": [new_id() for _ in contact_ids],
            "contact_ids": list(contact_ids),
        },
    )
    return [contact_id for (contact_id,) in rows]


def _enter_portable(segment: Segment, contact_ids: Sequence[UUID]) -> list[UUID]:
    new = list(
        Contact.objects.filter(
            ~Exists(members_of(segment).filter(contact=OuterRef("pk"))),
            project_id=segment.project_id,
            pk__in=contact_ids,
        )
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    SegmentMembership.objects.bulk_create(
        [
            SegmentMembership(segment=segment, contact_id=pk, entered_at=Now())
            for pk in new
        ],
        batch_size=500,
    )
    return new


def leave(segment: Segment, contact_ids: Sequence[UUID]) -> list[UUID]:
    """End the stays of those who are in; return who they are."""
    stays = members_of(segment).filter(contact__in=contact_ids)
    # The segment's row is locked: these can only vanish together with their contact.
    old = list(stays.order_by("contact").values_list("contact_id", flat=True))
    stays.update(exited_at=Now())
    return old


def batches(ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    """Cut ids into what one transaction works on."""
    for start in range(0, len(ids), BATCH):
        yield ids[start : start + BATCH]
