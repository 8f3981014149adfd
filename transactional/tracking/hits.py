"""Opens and clicks that reach us, on their way from a request to the database.

Whoever clicks is led on at once: what is to be counted waits in this process's memory,
and a thread stores it in batches, a moment later. A locked or lost database makes it
wait longer and nobody else. A process that is killed takes the last moment's hits with
it; one that ends stores them first.
"""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from queue import Empty, Full, Queue
from threading import Event, Lock, Thread
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, InternalError, OperationalError, connection

from plunk.postgresql import past_deadlocks
from transactional.feedback import Feedback, apply_feedback
from transactional.models import EmailEventKind

logger = logging.getLogger(__name__)

_BATCH = 200
#: What waits at most, some 20 MB; a database that is away longer loses what comes then.
_MOST = 20_000
#: How long a hit waits for others to be stored with.
_PAUSE_SECONDS = 0.1
#: After which an idle thread gives its connection back.
_IDLE_SECONDS = 5.0
_RETRY_SECONDS = 0.5
#: How long a process that ends waits for the database.
_STOP_SECONDS = 3.0
_LINK_LENGTH = 1_000


@dataclass(frozen=True, slots=True)
class Hit:
    """Somebody, or something, asked for a link or the picture of a mail."""

    kind: EmailEventKind
    email_id: UUID
    at: datetime
    user_agent: str
    address: str
    link: str = ""
    is_head: bool = False
    is_prefetch: bool = False


def note(hit: Hit) -> None:
    """Have a hit counted; returns at once and never raises."""
    if settings.TRACKING_THREAD:
        _recorder().note(hit)
    else:
        _store([hit])


def feedback_of(hit: Hit) -> Feedback:
    """Return what a hit says of its mail; the same link counts once in a second."""
    second = str(int(hit.at.timestamp()))
    name = "\n".join(["own", hit.kind, str(hit.email_id), second, hit.link])
    detail: dict[str, object] = {
        "userAgent": hit.user_agent,
        "ipAddress": hit.address,
    }
    if hit.link:
        detail["link"] = hit.link[:_LINK_LENGTH]
    if hit.is_head:
        detail["method"] = "HEAD"
    if hit.is_prefetch:
        detail["prefetch"] = True
    return Feedback(
        kind=hit.kind,
        email_id=hit.email_id,
        attempt=None,
        message_id="",
        at=hit.at,
        recipients=(),
        detail=detail,
        key=hashlib.sha256(name.encode()).hexdigest(),
        is_proof=False,
    )


def _store(hits: Sequence[Hit]) -> None:
    """Count hits; what the database refuses by itself keeps no other from it."""
    batch = [feedback_of(hit) for hit in hits]
    try:
        past_deadlocks(lambda: apply_feedback(batch=batch))
    except (OperationalError, InterfaceError, InternalError):
        raise
    except Exception:
        if len(hits) > 1:
            for hit in hits:
                _store([hit])
            return
        logger.exception("not counted", extra={"email": str(hits[0].email_id)})


class _Recorder:
    """The queue of a process and the thread that empties it."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        #: None wakes the thread up for its end.
        self._hits: Queue[Hit | None] = Queue(_MOST)
        self._is_over = Event()
        self._thread = Thread(target=self._run, name="tracking", daemon=True)
        self._thread.start()

    def note(self, hit: Hit) -> None:
        try:
            self._hits.put_nowait(hit)
        except Full:
            logger.error("not counted", extra={"email": str(hit.email_id)})  # noqa: TRY400

    def stop(self) -> None:
        """Store what waits, as far as the database lets us in a few seconds."""
        self._is_over.set()
        with suppress(Full):
            self._hits.put_nowait(None)
        self._thread.join(2 * _STOP_SECONDS)
        if waiting := self._hits.qsize():
            logger.error("not counted", extra={"count": waiting})

    def _run(self) -> None:
        while not (self._is_over.is_set() and self._hits.empty()):
            if batch := self._batch():
                self._surely(batch)
        connection.close()

    def _batch(self) -> list[Hit]:
        """Wait for a hit, and for those that come with it."""
        try:
            taken = [self._hits.get(timeout=_IDLE_SECONDS)]
        except Empty:
            connection.close()
            return []
        self._is_over.wait(_PAUSE_SECONDS)
        while len(taken) < _BATCH and not self._hits.empty():
            taken.append(self._hits.get_nowait())
        return [hit for hit in taken if hit]

    def _surely(self, batch: list[Hit]) -> None:
        until = 0.0
        while True:
            try:
                return _store(batch)
            except Exception as error:  # noqa: BLE001 - the thread must go on
                logger.warning("hits wait", extra={"error": str(error)})
                connection.close()
            if self._is_over.is_set():
                until = until or time.monotonic() + _STOP_SECONDS
                if time.monotonic() > until:
                    logger.error("not counted", extra={"count": len(batch)})
                    return None
            time.sleep(_RETRY_SECONDS)


_lock = Lock()
_current: _Recorder | None = None


def _recorder() -> _Recorder:
    """Return this process's recorder: a fork inherits the object, not its thread."""
    global _current
    if _current is None or _current.pid != os.getpid():
        with _lock:
            if _current is None or _current.pid != os.getpid():
                _current = _Recorder()
    return _current


def stop() -> None:
    """Store what waits and end the thread; the next hit starts another."""
    global _current
    with _lock:
        stopped, _current = _current, None
    if stopped is not None and stopped.pid == os.getpid():
        stopped.stop()


atexit.register(stop)
