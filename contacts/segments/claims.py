"""One worker at a time for a segment, whatever becomes of it.

A claim is a lease and a number. Every write of the worker asks for both, in the row
that it locks; whoever changes the segment's condition counts the number on, and the
worker's next write finds that nothing is its own any more.
"""

from __future__ import annotations

from datetime import timedelta
from threading import Event
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce, Now

from contacts.models import Segment

#: Longer than any one statement may take (settings: 60 seconds).
LEASE = timedelta(seconds=120)

#: Set when this process is to stop: the batch in hand is finished, no other begun.
stop = Event()


class Lost(Exception):
    """The segment was changed, deleted or taken over while we worked on it."""


def free(segments: QuerySet[Segment], *, by: str) -> QuerySet[Segment]:
    """Keep those nobody works on, the longest left alone first.

    `by` is the column that says when the work was last done. A turn that ended before
    its work did leaves the end of its lease behind: such a segment waits behind the
    others, however large it is.
    """
    return _unclaimed(segments).order_by(
        Coalesce("lease_expires_at", by).asc(nulls_first=True), "pk"
    )


def _unclaimed(segments: QuerySet[Segment]) -> QuerySet[Segment]:
    return segments.filter(Q(lease_expires_at=None) | Q(lease_expires_at__lte=Now()))


@transaction.atomic
def claim(segment_id: UUID) -> Segment | None:
    """Take a segment; None where another worker has it, or it is gone."""
    is_ours = _unclaimed(Segment.objects.filter(pk=segment_id)).update(
        attempt=F("attempt") + 1, lease_expires_at=Now() + LEASE
    )
    if not is_ours:
        return None
    return Segment.objects.annotate(claimed_at=Now()).get(pk=segment_id)


def hold(segment: Segment) -> None:
    """Lock the row of a claimed segment for the open transaction and go on with it.

    Raises Lost where it is not ours any more.
    """
    if not _ours(segment).update(lease_expires_at=Now() + LEASE):
        raise Lost


def let_go(segment: Segment, **changes: Any) -> bool:
    """Write the result of a claim and end it; return False where it was lost."""
    return bool(_ours(segment).update(lease_expires_at=None, **changes))


def pause(segment: Segment, **changes: Any) -> None:
    """End a turn before its work is done."""
    _ours(segment).update(lease_expires_at=Now(), **changes)


def _ours(segment: Segment) -> QuerySet[Segment]:
    return Segment.objects.filter(
        pk=segment.pk, attempt=segment.attempt, lease_expires_at__gt=Now()
    )
