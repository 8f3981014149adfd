"""The membership of tracked segments: who came in and who went out since last time.

An update compares those contacts whose answer may have changed, and once a day, or
where it was never done, all of them. Each batch is one transaction with its news: a
worker that dies takes nothing with it, and nothing is told twice.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import DatabaseError, connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from contacts.models import Contact, Segment, SegmentMembership, SegmentType
from contacts.segments import claims
from contacts.segments.matching import among, candidates, matching
from contacts.segments.membership import batches, enter, leave, members_of
from contacts.segments.tree import parse
from contacts.signals import segment_entered, segment_exited
from plunk.api.errors import Invalid
from plunk.postgresql import is_postgresql

logger = logging.getLogger(__name__)

UPDATE = "contacts.tasks.update_segments"
#: How often the membership of a tracked segment is brought up to date.
INTERVAL = timedelta(seconds=30)
#: How long one call works before other segments get their turn.
TURN_SECONDS = 20.0
#: How far behind the last update a change is looked for: what was written before it may
#: have been committed after it. No transaction of ours lives for longer.
OVERLAP = timedelta(minutes=2)
#: How often all contacts are compared, in case a change went unnoticed.
COMPARE_ALL_AFTER = timedelta(days=1)
#: With more changed contacts than this, comparing all of them is cheaper.
MOST_CANDIDATES = 5000
#: How many differences one look at all contacts returns at most.
LOOK = 50_000

Change = Callable[[Segment, Sequence[UUID]], list[UUID]]


@dataclass(slots=True)
class Update:
    """What an update changed; `is_complete` is false where it did not come to the end:
    time was up, or the segment was changed meanwhile.
    """

    entered: int = 0
    exited: int = 0
    is_complete: bool = False


class _TurnOver(Exception):
    """Time is up, with some of the work done."""


def due() -> QuerySet[Segment]:
    """Return the tracked segments that wait for an update, the longest first."""
    # A little earlier, so that a sweep every INTERVAL takes all of them every time.
    before = Now() - 0.8 * INTERVAL
    return claims.free(
        Segment.objects.filter(
            Q(computed_at=None) | Q(computed_at__lte=before),
            track_membership=True,
            type=SegmentType.DYNAMIC,
        ),
        by="computed_at",
    )


def update_due(*, seconds: float = TURN_SECONDS) -> bool:
    """Update tracked segments for so long; return whether one is unfinished."""
    until = time.monotonic() + seconds
    is_unfinished = False
    for segment in due()[:500]:
        left = until - time.monotonic()
        if claims.stop.is_set() or left <= 0:
            return True
        try:
            done = update(segment, seconds=left)
        except Invalid as error:
            logger.info(error.message, extra={"segment": str(segment.pk)})
        except DatabaseError:
            # Its lease keeps it back for a while; the others are not to wait for it.
            logger.exception("not updated", extra={"segment": str(segment.pk)})
        else:
            is_unfinished |= done is not None and not done.is_complete
    return is_unfinished


def update(segment: Segment, *, seconds: float = TURN_SECONDS) -> Update | None:
    """Bring the membership of a tracked segment up to date, and tell what changed.

    What is there already is taken over silently when a segment is computed for the
    first time, or anew because its condition was changed: nobody did anything then.
    Returns None where another worker is at it. Raises Invalid where the condition
    names something that is not there any more.
    """
    claimed = claims.claim(segment.pk)
    if claimed is None:
        return None
    try:
        return _Updater(claimed, until=time.monotonic() + seconds).run()
    except Invalid as error:
        claims.pause(claimed, problem=error.message[:300])
        raise


class _Updater:
    """One claim of a tracked segment."""

    def __init__(self, segment: Segment, *, until: float) -> None:
        self.segment = segment
        self.until = until
        self.done = Update()
        # Before the first look at the contacts: what changes from here on is found by
        # the next update.
        self.now: datetime = segment.claimed_at  # type: ignore[attr-defined] # annotated
        self.is_news = segment.computed_at is not None
        self.tree = parse(segment.condition)

    def run(self) -> Update:
        try:
            changed = self._changed()
            if changed is None:
                self._compare_all()
            else:
                self._compare(changed)
            self._finish(is_whole=changed is None)
        except _TurnOver:
            claims.pause(self.segment)
        except claims.Lost:
            logger.info("taken over", extra={"segment": str(self.segment.pk)})
        return self.done

    def _changed(self) -> list[UUID] | None:
        """Return whose answer may have changed; None stands for everybody's."""
        computed_at, compared_at = self.segment.computed_at, self.segment.compared_at
        if computed_at is None or compared_at is None:
            return None
        if compared_at <= self.now - COMPARE_ALL_AFTER:
            return None
        found = candidates(
            self.segment.project_id, self.tree, computed_at - OVERLAP, self.now
        )
        ids = list(islice(found, MOST_CANDIDATES + 1))
        return ids if len(ids) <= MOST_CANDIDATES else None

    def _compare(self, contact_ids: Sequence[UUID]) -> None:
        for batch in batches(contact_ids):
            found = among(self.segment.project_id, self.tree, list(batch), now=self.now)
            inside = set(found.values_list("pk", flat=True))
            stays = members_of(self.segment).filter(contact__in=batch)
            before = set(stays.values_list("contact_id", flat=True))
            self._write(inside - before, enter)
            self._write(before - inside, leave)

    def _compare_all(self) -> None:
        """Look for what differs until nothing does; each look is one statement."""
        found = _differences_on_postgresql if is_postgresql() else _differences
        while True:
            come, gone = found(self._matching(), members_of(self.segment))
            changed = self._write(come, enter) + self._write(gone, leave)
            if len(come) + len(gone) < LOOK or not changed:
                return

    def _matching(self) -> QuerySet[Contact]:
        return matching(self.segment.project_id, self.tree, now=self.now)

    def _write(self, contact_ids: Collection[UUID], change: Change) -> int:
        """Write comings or goings with their news, each batch wholly or not at all."""
        total = 0
        for batch in batches(sorted(contact_ids)):
            with transaction.atomic():
                claims.hold(self.segment)
                changed = change(self.segment, batch)
                self._tell(changed, change)
            total += len(changed)
            if change is enter:
                self.done.entered += len(changed)
            else:
                self.done.exited += len(changed)
            if claims.stop.is_set() or time.monotonic() >= self.until:
                raise _TurnOver
        return total

    def _tell(self, contact_ids: list[UUID], change: Change) -> None:
        if not contact_ids or not self.is_news:
            return
        step, signal = len(contact_ids), segment_entered
        if change is leave:
            step, signal = -step, segment_exited
        Segment.objects.filter(pk=self.segment.pk).update(
            member_count=F("member_count") + step
        )
        signal.send(sender=Segment, segment=self.segment, contact_ids=contact_ids)

    @transaction.atomic
    def _finish(self, *, is_whole: bool) -> None:
        claims.hold(self.segment)
        changes: dict[str, Any] = {
            "computed_at": self.now,
            "counted_at": self.now,
            "problem": "",
        }
        if is_whole:
            changes["compared_at"] = self.now
            changes["member_count"] = members_of(self.segment).count()
        claims.let_go(self.segment, **changes)
        self.done.is_complete = True


Differences = tuple[list[UUID], list[UUID]]


def _differences(
    people: QuerySet[Contact], stays: QuerySet[SegmentMembership]
) -> Differences:
    """Return some contacts who match and are not in, and some who are in and do not."""
    come = people.exclude(pk__in=stays.values("contact"))
    gone = stays.exclude(contact__in=people.order_by().values("pk"))
    return (
        list(come.order_by().values_list("pk", flat=True)[:LOOK]),
        list(gone.order_by().values_list("contact_id", flat=True)[:LOOK]),
    )


#: Either side is made once, whatever the planner thinks of the other, and a full join
#: is never a loop within a loop.
_DIFFERENCES_SQL = """
WITH
  inside(id) AS MATERIALIZED ({people}),
  stays(id) AS MATERIALIZED ({stays})
SELECT inside.id, stays.id
FROM inside FULL JOIN stays ON stays.id = inside.id
WHERE inside.id IS NULL OR stays.id IS NULL
LIMIT {limit}
"""


def _differences_on_postgresql(
    people: QuerySet[Contact], stays: QuerySet[SegmentMembership]
) -> Differences:
    members, member_params = stays.order_by().values("contact").query.sql_with_params()
    try:
        inside, params = people.order_by().values("pk").query.sql_with_params()
    except EmptyResultSet:  # a condition that nobody can fulfil
        inside, params = "SELECT NULL::uuid WHERE false", ()
    sql = _DIFFERENCES_SQL.format(people=inside, stays=members, limit=int(LOOK))
    with connection.cursor() as cursor:
        cursor.execute(sql, (*params, *member_params))
        rows = cursor.fetchall()
    return [new for new, _ in rows if new], [old for new, old in rows if not new]
