"""How many contacts a segment has, counted beforehand for everybody who asks."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from django.db import DatabaseError, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from contacts.models import Segment, SegmentType
from contacts.segments import claims
from contacts.segments.counting import count
from contacts.segments.membership import members_of
from contacts.segments.tree import parse
from plunk.api.errors import Invalid

logger = logging.getLogger(__name__)

#: How old a size may grow before it is counted again.
STALE_AFTER = timedelta(minutes=10)
#: How long one call counts.
TURN_SECONDS = 10.0


def is_kept(segment: Segment) -> bool:
    """Say whether who is in a segment stands in rows, all of them."""
    if segment.type == SegmentType.STATIC:
        return True
    return segment.track_membership and segment.computed_at is not None


def refresh(segment: Segment) -> int:
    """Count a segment and keep the figure.

    Raises Invalid where the condition names something that is not there any more.
    """
    if is_kept(segment):
        return _recount(segment)
    figure = count(segment.project_id, parse(segment.condition))
    # Unless the condition was changed while it was counted.
    Segment.objects.filter(pk=segment.pk, condition=segment.condition).update(
        member_count=figure, counted_at=Now(), problem=""
    )
    return figure


@transaction.atomic
def _recount(segment: Segment) -> int:
    """Count the rows, with the segment locked: every change of them counts too."""
    row = Segment.objects.filter(pk=segment.pk)
    row.select_for_update().values_list("pk").first()
    figure = members_of(segment).count()
    row.update(member_count=figure, counted_at=Now())
    return figure


def count_at_once(segment: Segment) -> None:
    """Count a segment that was just written, unless the database is slow or busy.

    What could not be counted now is counted in the background.
    """
    try:
        refresh(segment)
    except DatabaseError:
        logger.warning("not counted yet", extra={"segment": str(segment.pk)})


def stale() -> QuerySet[Segment]:
    """Return the segments whose size is to be counted again, the oldest first.

    Those of tracked ones are kept by every update.
    """
    return claims.free(
        Segment.objects.filter(
            Q(counted_at=None) | Q(counted_at__lte=Now() - STALE_AFTER)
        ).exclude(type=SegmentType.DYNAMIC, track_membership=True),
        by="counted_at",
    )


def refresh_stale(*, seconds: float = TURN_SECONDS) -> None:
    """Count the sizes that are the oldest, for so long."""
    until = time.monotonic() + seconds
    for pk in list(stale().values_list("pk", flat=True)[:200]):
        if claims.stop.is_set() or time.monotonic() >= until:
            return
        segment = claims.claim(pk)
        if segment is not None:
            _refresh_claimed(segment)


def _refresh_claimed(segment: Segment) -> None:
    try:
        refresh(segment)
    except Invalid as error:
        claims.let_go(segment, problem=error.message[:300], counted_at=Now())
    except DatabaseError:
        # Its lease keeps it back for a while; the others are not to wait for it.
        logger.exception("not counted", extra={"segment": str(segment.pk)})
    else:
        claims.let_go(segment)
