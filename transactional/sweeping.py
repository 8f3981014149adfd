"""What a worker left behind, found by the clock.

A lease that ran out means that a worker died with the mail in its hands, and nobody
knows whether SES has it. Such a mail waits for SES's own word; when none came in the
grace period, it most likely never got there, and goes once more.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Greatest, Now

from plunk.api.health import beat, seconds_since
from transactional.models import (
    Email,
    EmailEvent,
    EmailEventKind,
    EmailState,
    Stream,
    StreamState,
)
from transactional.recording import ANSWER_LOST
from transactional.streams import UNKNOWN_OUTCOME

logger = logging.getLogger(__name__)

LEASE_EXPIRED = "lease_expired"
#: How often a mail goes again: once where SES surely had the request in its hands, and
#: twice where a worker died; a mail that killed three is itself under suspicion.
_RESENDS = {ANSWER_LOST: 1, LEASE_EXPIRED: 2}
_BATCH = 500
#: How long nobody sweeps before we take it for an outage.
_ABSENT_SECONDS = 60.0


#: Each says whether something SES told us waits to be read.
_listeners: list[Callable[[], bool]] = []


def listen(has_unread: Callable[[], bool]) -> None:
    """Settle no doubt while `has_unread()`: the proof may be among what waits."""
    _listeners.append(has_unread)


def sweep() -> None:
    """Take over what dead workers held, and settle doubts whose time is over."""
    _allow_for_absence()
    while _expire_leases() == _BATCH:
        continue
    if any(has_unread() for has_unread in _listeners):
        return
    while _settle_doubts() == _BATCH:
        continue


def _allow_for_absence() -> None:
    """Start every grace period anew after nobody swept: SES's word came to no one."""
    if seconds_since("sweep") > _ABSENT_SECONDS:
        grace = Now() + timedelta(seconds=settings.DELIVERY_GRACE_SECONDS)
        Email.objects.filter(state=EmailState.IN_DOUBT).update(
            due_at=Greatest(F("due_at"), grace)
        )
    beat("sweep")


@transaction.atomic
def _expire_leases() -> int:
    rows = _locked(
        Email.objects.filter(
            state=EmailState.SENDING, lease_expires_at__lt=Now()
        ).order_by("lease_expires_at")
    )
    if not rows:
        return 0
    Email.objects.filter(
        pk__in=[row.pk for row in rows],
        state=EmailState.SENDING,
        lease_expires_at__lt=Now(),
    ).update(
        state=EmailState.IN_DOUBT,
        lease_expires_at=None,
        doubts=F("doubts") + 1,
        due_at=Now() + timedelta(seconds=settings.DELIVERY_GRACE_SECONDS),
        error_code=LEASE_EXPIRED,
        error="The worker that held this mail did not come back.",
    )
    _note(rows, EmailEventKind.DOUBT, {"code": LEASE_EXPIRED})
    logger.warning("leases ran out", extra={"count": len(rows)})
    return len(rows)


@transaction.atomic
def _settle_doubts() -> int:
    rows = _locked(
        Email.objects.filter(state=EmailState.IN_DOUBT, due_at__lte=Now()).order_by(
            "due_at"
        )
    )
    cancelled = _cancelled(rows)
    again = [
        row
        for row in rows
        if row.doubts <= _RESENDS.get(row.error_code, 1)
        and row.origin_id not in cancelled
    ]
    over = [row for row in rows if row not in again]
    _doubtful(again).update(
        state=EmailState.QUEUED,
        due_at=Now(),
        possible_duplicates=F("possible_duplicates") + 1,
    )
    _note(again, EmailEventKind.RESEND, {"code": "no_word_from_ses"})
    _doubtful(over).update(
        state=EmailState.FAILED,
        error_code=UNKNOWN_OUTCOME,
        error="Tried without learning whether Amazon SES has it.",
    )
    _note(over, EmailEventKind.FAILURE, {"code": UNKNOWN_OUTCOME})
    if rows:
        logger.warning(
            "doubts settled", extra={"sent_again": len(again), "failed": len(over)}
        )
    return len(rows)


def _cancelled(rows: list[Email]) -> set[UUID | None]:
    """Return the origins of which nothing is to go any more."""
    over = [StreamState.CANCELLED, StreamState.DONE]
    streams = Stream.objects.filter(
        pk__in={row.origin_id for row in rows if row.origin_id}, state__in=over
    )
    return set(streams.values_list("pk", flat=True))


def _locked(rows: QuerySet[Email]) -> list[Email]:
    """Lock up to a batch of rows, leaving out what another worker is changing."""
    return list(
        rows.select_for_update(skip_locked=True).only(
            "pk", "project_id", "origin_id", "attempt", "doubts", "error_code"
        )[:_BATCH]
    )


def _doubtful(rows: list[Email]) -> QuerySet[Email]:
    return Email.objects.filter(
        pk__in=[row.pk for row in rows], state=EmailState.IN_DOUBT
    )


def _note(rows: list[Email], kind: EmailEventKind, detail: dict[str, str]) -> None:
    EmailEvent.objects.bulk_create(
        [
            EmailEvent(
                project_id=row.project_id,
                email_id=row.pk,
                kind=kind,
                attempt=row.attempt,
                at=Now(),
                created_at=Now(),
                key=f"{kind.value.lower()}:{row.attempt}",
                detail=detail,
            )
            for row in rows
        ],
        ignore_conflicts=True,
    )
