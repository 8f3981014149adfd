"""Posting the pending notifications: threads that drain a table, in SNS's manner.

The rows are the queue. A claim pushes a row's `due_at` past the time a post may take,
so a process that dies gives its rows back by itself, and a notification may then come
twice, as SNS's may.
"""

from __future__ import annotations

import logging
import os
import time
from datetime import timedelta
from queue import Empty, Full, Queue
from threading import Lock, Thread
from uuid import uuid4

import orjson
import urllib3
from django.conf import settings
from django.db import connection, transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, QuerySet, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from plunk.simulator.envelopes import sign, sns_headers
from plunk.simulator.faults import faults
from plunk.simulator.models import PendingFeedback
from plunk.simulator.retention import forget_old_feedback, forget_old_messages

logger = logging.getLogger(__name__)

_THREADS = 4
_BATCH = 16
_TIMEOUT_SECONDS = 5.0
#: Longer than a batch of posts can take.
_LEASE_SECONDS = _BATCH * _TIMEOUT_SECONDS + 5
#: SNS tries 50 times as well; later only a restart or the control gives another chance.
MAX_TRIES = 50
_LONGEST_PAUSE_SECONDS = 5.0
_IDLE_SECONDS = 5.0
_WAITING_SECONDS = 0.5
_HOUSEKEEPING_SECONDS = 30.0
_UNREACHABLE = 0


def start() -> None:
    """Start the threads unless they run; what waits from before is posted now."""
    _postman()


def wake() -> None:
    """Say that there is something to post."""
    _postman().wake()


def stop() -> None:
    """Stop the threads and wait for the posts under way; the rest stays in its rows."""
    global _current
    with _lock:
        stopped, _current = _current, None
    if stopped is not None and stopped.pid == os.getpid():
        stopped.stop()


def redrive(*, least_tries: int = 0) -> int:
    """Make what was given up due again; return how many."""
    given_up = PendingFeedback.objects.filter(due_at=None, tries__gte=least_tries)
    return given_up.update(due_at=Now(), tries=0)


def reclaim() -> int:
    """Take back what a process of before held; return how many.

    Only for a start, when nobody else is at work: elsewhere claims run out by time.
    """
    held = PendingFeedback.objects.filter(due_at__gt=Now()).exclude(claim="")
    return held.update(due_at=Now())


class _Postman:
    def __init__(self) -> None:
        self.pid = os.getpid()
        self._is_stopped = False
        self._wanted: Queue[None] = Queue(maxsize=_THREADS)
        self._http = urllib3.PoolManager(maxsize=_THREADS, retries=False)
        self._housekeeping_at = 0.0
        self._threads = [
            Thread(target=self._run, name=f"simulator-feedback-{n}", daemon=True)
            for n in range(_THREADS)
        ]
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        try:
            self._wanted.put_nowait(None)
        except Full:
            return  # every thread is about to look

    def stop(self) -> None:
        self._is_stopped = True
        for _ in self._threads:
            self.wake()
        for thread in self._threads:
            thread.join(timeout=_LEASE_SECONDS)
        self._http.clear()

    def _run(self) -> None:
        while not self._is_stopped:
            try:
                pause = self._work()
            except Exception:
                # Whatever the database is up to, feedback goes on afterwards.
                logger.exception("feedback stumbled")
                pause = 1.0
            if not pause:
                continue
            connection.close()
            try:
                self._wanted.get(timeout=pause)
            except Empty:
                continue
        connection.close()

    def _work(self) -> float:
        """Post a batch; return how long to wait before looking again."""
        self._keep_house()
        rows = claim_due(limit=_BATCH)
        if not rows:
            waiting = PendingFeedback.objects.filter(due_at__isnull=False).exists()
            return _WAITING_SECONDS if waiting else _IDLE_SECONDS
        if len(rows) == _BATCH:
            self.wake()
        taken: list[int] = []
        pause = self._deliver(rows, taken)
        if taken:
            PendingFeedback.objects.filter(pk__in=taken).delete()
        return pause

    def _deliver(self, rows: list[PendingFeedback], taken: list[int]) -> float:
        """Post rows in their order, noting the taken ones; return a pause.

        A receiver that cannot be reached is left alone for a while: what is left of the
        batch goes back without having been tried.
        """
        for position, row in enumerate(rows):
            if self._is_stopped:
                _put_back_untried(rows[position:], seconds=0)
                return 0.0
            status = self._post(row)
            if 200 <= status < 300:
                taken.append(row.pk)
                continue
            _put_back(row, status=status)
            if status == _UNREACHABLE:
                _put_back_untried(rows[position + 1 :], seconds=_WAITING_SECONDS)
                return _WAITING_SECONDS
        return 0.0

    def _keep_house(self) -> None:
        """Forget what is old, now and then; try again what an outage left behind."""
        now = time.monotonic()
        if now < self._housekeeping_at:
            return
        if not self._housekeeping_at:
            redrive(least_tries=MAX_TRIES)
        self._housekeeping_at = now + _HOUSEKEEPING_SECONDS
        forget_old_messages()
        forget_old_feedback()

    def _post(self, row: PendingFeedback) -> int:
        """Post one notification; return the receiver's status."""
        envelope = sign(row.envelope, version=faults.switches.signature_version)
        status = self._status(envelope)
        if 200 <= status < 300:
            faults.count("feedback_posted")
            if faults.hits("feedback_duplicate"):
                faults.count("feedback_duplicated")
                self._status(envelope)
        else:
            faults.count("feedback_failed")
        return status

    def _status(self, envelope: dict[str, str]) -> int:
        try:
            response = self._http.request(
                "POST",
                settings.SIMULATOR_FEEDBACK_URL,
                body=orjson.dumps(envelope),
                headers=sns_headers(envelope),
                timeout=_TIMEOUT_SECONDS,
                redirect=False,
            )
        except urllib3.exceptions.HTTPError:
            return _UNREACHABLE
        return response.status


def claim_due(*, limit: int) -> list[PendingFeedback]:
    """Claim what is due for this thread alone, oldest first.

    PostgreSQL passes over what another claim has in hand; SQLite has one writer. Either
    way, rows whose `due_at` has moved meanwhile are not taken.
    """
    claim = uuid4().hex
    due = PendingFeedback.objects.filter(due_at__lte=Now()).order_by("due_at", "id")
    free = due.select_for_update(skip_locked=True).values("pk")[:limit]
    with transaction.atomic():
        changed = PendingFeedback.objects.filter(due_at__lte=Now(), pk__in=free).update(
            claim=claim, tries=F("tries") + 1, due_at=later(_LEASE_SECONDS)
        )
    if not changed:
        return []
    return list(PendingFeedback.objects.filter(claim=claim).order_by("id"))


def _put_back(row: PendingFeedback, *, status: int) -> None:
    """Plan the next try, as SNS does: soon after 5xx and silence, never after 4xx."""
    is_refused = 400 <= status < 500 and status != 429
    if is_refused or row.tries >= MAX_TRIES:
        logger.warning(
            "feedback given up",
            extra={"message_id": row.message_id, "kind": row.kind, "status": status},
        )
        _mine(row).update(due_at=None)
        return
    pause = min(0.2 * 2 ** min(row.tries, 8), _LONGEST_PAUSE_SECONDS)
    _mine(row).update(due_at=later(pause))


def _put_back_untried(rows: list[PendingFeedback], *, seconds: float) -> None:
    if rows:
        PendingFeedback.objects.filter(
            pk__in=[row.pk for row in rows], claim=rows[0].claim
        ).update(due_at=later(seconds), tries=F("tries") - 1)


def _mine(row: PendingFeedback) -> QuerySet[PendingFeedback]:
    return PendingFeedback.objects.filter(pk=row.pk, claim=row.claim)


def later(seconds: float) -> ExpressionWrapper[Combinable]:
    """Return the database's time so many seconds from now."""
    return ExpressionWrapper(
        Now() + Value(timedelta(seconds=seconds)), output_field=DateTimeField()
    )


_lock = Lock()
_current: _Postman | None = None


def _postman() -> _Postman:
    """Return this process's postman: a fork inherits the object but not its threads."""
    global _current
    if _current is None or _current.pid != os.getpid():
        with _lock:
            if _current is None or _current.pid != os.getpid():
                _current = _Postman()
    return _current
