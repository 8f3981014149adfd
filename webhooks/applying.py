"""Applying stored notifications: in batches, each of them once, none before its time.

A batch is claimed, applied and marked in one transaction, so a crash leaves it as it
was. Should something in it break, the batch is applied one by one, and what broke waits
longer each time while the others go on.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from enum import Enum, auto
from threading import Lock
from typing import NamedTuple

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from plunk.erasing import Forgotten, rows_in_chunks
from plunk.postgresql import is_postgresql
from transactional.feedback import Feedback, Result, apply_feedback
from webhooks.events import NotAnEvent, read_event
from webhooks.models import Notification

logger = logging.getLogger(__name__)

BATCH = 400
DRAIN_SECONDS = 1.0
_WORTH_GOING_ON = 50
_ADVISORY_LOCK = 0x706C756E6B  # "plunk"
_lock = Lock()
MAX_ATTEMPTS = 20
#: How long an event waits for its mail. A mail's row is committed before it is sent, so
#: what is still unknown then belongs to another sender on the same AWS account.
PARKING = timedelta(minutes=15)
KEPT = timedelta(days=7)

_BACKLOG_AFTER = timedelta(seconds=5)
_BACKLOG_UNTIL = timedelta(hours=1)
_WAIT = timedelta(seconds=5)
_UNKNOWN_FIRST = timedelta(seconds=15)
_FAILURE_FIRST = timedelta(seconds=2)
_LONGEST = timedelta(hours=1)
_OUTCOME_LIMIT = 200
_PARKED = "parked: "


class _Fate(Enum):
    DONE = auto()
    WAITING = auto()
    UNKNOWN = auto()
    FAILED = auto()


class _Verdict(NamedTuple):
    fate: _Fate
    outcome: str


def has_backlog() -> bool:
    """Say whether what SES told us some seconds ago still waits to be read.

    What has waited for an hour is not read by waiting longer.
    """
    return Notification.objects.filter(
        applied_at=None,
        attempts=0,
        outcome="",
        received_at__lte=Now() - _BACKLOG_AFTER,
        received_at__gt=Now() - _BACKLOG_UNTIL,
    ).exists()


def apply_due(*, seconds: float = DRAIN_SECONDS) -> int:
    """Apply what is due until nothing is or the time is over; return how many."""
    with _alone() as is_alone:
        return _apply_for(seconds) if is_alone else 0


@contextmanager
def _alone() -> Iterator[bool]:
    """Let one process or thread apply at a time, and say whether it is this one.

    Many at once would wait for each other's mails, and keep every worker from sending.
    """
    if not is_postgresql():
        is_ours = _lock.acquire(blocking=False)
        try:
            yield is_ours
        finally:
            if is_ours:
                _lock.release()
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_ADVISORY_LOCK])
        (is_ours,) = cursor.fetchone() or (False,)
    try:
        yield bool(is_ours)
    finally:
        if is_ours:
            _unlock()


def _unlock() -> None:
    """Give the lock back; a lost connection has given it back already."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_ADVISORY_LOCK])
    except (OperationalError, InterfaceError):
        connection.close()


def _apply_for(seconds: float) -> int:
    ends_at = time.monotonic() + seconds
    total = 0
    while time.monotonic() < ends_at:
        count = _apply_batch()
        total += count
        if count < min(_WORTH_GOING_ON, BATCH):
            break  # what trickles in now makes a fuller batch in a moment
    return total


def _apply_batch() -> int:
    due = Notification.objects.filter(applied_at=None, due_at__lte=Now())
    if not due.exists():
        # On SQLite a transaction is the write lock, which an idle sweep leaves alone.
        return 0
    with transaction.atomic():
        batch = list(
            due.order_by("due_at", "pk").select_for_update(skip_locked=True)[:BATCH]
        )
        _record(batch, _judge(batch))
    return len(batch)


def _judge(batch: Sequence[Notification]) -> list[_Verdict]:
    try:
        return _apply(batch)
    except Exception as error:
        if transaction.get_rollback():
            # Not the notifications' fault: the connection is gone, and all with it.
            raise
        if len(batch) == 1:
            logger.exception(
                "notification not applied", extra={"message_id": batch[0].pk}
            )
            return [_Verdict(_Fate.FAILED, f"{type(error).__name__}: {error}")]
        logger.exception("batch not applied: one by one then")
    return [verdict for item in batch for verdict in _judge([item])]


@transaction.atomic
def _apply(batch: Sequence[Notification]) -> list[_Verdict]:
    """Apply a batch, all of it or none."""
    read = [_read(item) for item in batch]
    feedbacks = [item for item in read if isinstance(item, Feedback)]
    results = iter(apply_feedback(batch=feedbacks) if feedbacks else [])
    return [
        _of_result(next(results)) if isinstance(item, Feedback) else item
        for item in read
    ]


def _read(notification: Notification) -> Feedback | _Verdict:
    try:
        return read_event(notification.message)
    except NotAnEvent as reason:
        logger.info(
            "notification ignored",
            extra={"message_id": notification.pk, "reason": str(reason)},
        )
        return _Verdict(_Fate.DONE, str(reason))


def _of_result(result: Result) -> _Verdict:
    match result:
        case Result.WAITING:
            return _Verdict(_Fate.WAITING, "waiting for the current attempt")
        case Result.UNKNOWN:
            return _Verdict(_Fate.UNKNOWN, "waiting: no such mail")
    return _Verdict(_Fate.DONE, result.value)


# -- marking --------------------------------------------------------------------------


def _record(batch: Sequence[Notification], verdicts: Iterable[_Verdict]) -> None:
    """Mark what is done and put off what is not, in a statement per kind of verdict."""
    groups: dict[tuple[_Verdict, timedelta], list[str]] = defaultdict(list)
    for item, verdict in zip(batch, verdicts, strict=True):
        verdict = _parked(item, verdict)
        groups[verdict, _delay(verdict.fate, item.attempts)].append(item.pk)
    for (verdict, delay), ids in groups.items():
        rows = Notification.objects.filter(pk__in=ids, applied_at=None)
        outcome = verdict.outcome.replace("\x00", "")[:_OUTCOME_LIMIT]
        if verdict.fate == _Fate.DONE:
            rows.update(applied_at=Now(), outcome=outcome, **_forgotten(verdict))
            continue
        if verdict.fate == _Fate.UNKNOWN:
            rows.filter(received_at__lte=Now() - PARKING).update(
                applied_at=Now(), outcome="dropped: no such mail", message=""
            )
        waits = verdict.fate == _Fate.WAITING
        rows.update(
            due_at=Now() + delay,
            attempts=F("attempts") + (0 if waits else 1),
            outcome=outcome,
        )


def _forgotten(verdict: _Verdict) -> dict[str, str]:
    """Return what is emptied with the mark: what SES wrote names the recipient.

    The row is only the receipt then. What nobody could apply stays to be looked at.
    """
    return {} if verdict.outcome.startswith(_PARKED) else {"message": ""}


def scrub(forgotten: Forgotten) -> None:
    """End notifications that are about somebody who was erased, and empty them."""
    rows = Notification.objects.exclude(message="").filter(
        received_at__lte=forgotten.until
    )
    for pk, message in rows_in_chunks(rows, "message"):
        if forgotten.stands_in(message):
            rows.filter(pk=pk).update(
                message="", applied_at=Now(), outcome="dropped: erased"
            )


def _parked(item: Notification, verdict: _Verdict) -> _Verdict:
    """Give up on a notification that fails again and again, for a person to look at."""
    if verdict.fate != _Fate.FAILED or item.attempts + 1 < MAX_ATTEMPTS:
        return verdict
    logger.error(
        "notification given up",
        extra={"message_id": item.pk, "error": verdict.outcome[:_OUTCOME_LIMIT]},
    )
    return _Verdict(_Fate.DONE, f"{_PARKED}{verdict.outcome}")


def _delay(fate: _Fate, attempts: int) -> timedelta:
    if fate == _Fate.FAILED:
        return min(_FAILURE_FIRST * (1 << min(attempts, 20)), _LONGEST)
    if fate == _Fate.UNKNOWN:
        return min(_UNKNOWN_FIRST * (1 << min(attempts, 20)), PARKING)
    return _WAIT


# -- retention ------------------------------------------------------------------------


def forget_applied(*, batch: int = 5000) -> int:
    """Delete receipts past their seven days, in batches; return how many.

    SNS repeats a post for an hour at the longest, and its dead-letter queue is emptied
    within days: until then the receipt is what tells a duplicate.
    """
    deleted = 0
    while True:
        ids = (
            Notification.objects.filter(applied_at__lte=Now() - KEPT)
            .order_by("applied_at")
            .values("pk")[:batch]
        )
        count, _ = Notification.objects.filter(pk__in=ids).delete()
        deleted += count
        if count < batch:
            return deleted
