"""Waking workers: a hint that there is work, sent beside the request, never within it.

The work itself is in rows, and a sweep finds it every second whether or not anybody
was woken. So a hint may be late or lost, many hints may be one, and a broker that is
down or hangs costs the request nothing: a thread of its own does the sending.
"""

from __future__ import annotations

import logging
import os
import time
from threading import Event, Lock, Thread

from celery import current_app
from django.db import transaction

from plunk.queues import MOST_WAITING, waiting

logger = logging.getLogger(__name__)

#: At most one hint of a kind in this time; a worker drains everything that is due.
_PAUSE_SECONDS = 0.05
#: How long the broker is left alone after it did not take a hint.
_BACKOFF_SECONDS = 2.0


def wake_on_commit(task: str) -> None:
    """Wake a worker for `task` (its full name) once the transaction is committed."""
    transaction.on_commit(lambda: _waker().wake(task))


class _Waker:
    def __init__(self) -> None:
        self.pid = os.getpid()
        self._wanted: set[str] = set()
        self._lock = Lock()
        self._signal = Event()
        Thread(target=self._run, name="waker", daemon=True).start()

    def wake(self, task: str) -> None:
        if task not in self._wanted:
            with self._lock:
                self._wanted.add(task)
            self._signal.set()

    def _run(self) -> None:
        while True:
            self._signal.wait()
            self._signal.clear()
            with self._lock:
                tasks, self._wanted = self._wanted, set()
            for task in tasks:
                _send(task)
            time.sleep(_PAUSE_SECONDS)


def _send(task: str) -> None:
    try:
        with current_app.producer_or_acquire() as producer:
            if waiting(current_app, task, producer) < MOST_WAITING:
                current_app.send_task(
                    task, producer=producer, retry=False, ignore_result=True
                )
    except Exception as error:  # noqa: BLE001 - a thread that ends wakes nobody again
        logger.warning("nobody was woken", extra={"task": task, "error": str(error)})
        time.sleep(_BACKOFF_SECONDS)


_lock = Lock()
_current: _Waker | None = None


def _waker() -> _Waker:
    """Return this process's waker: a fork inherits the object but not its thread."""
    global _current
    if _current is None or _current.pid != os.getpid():
        with _lock:
            if _current is None or _current.pid != os.getpid():
                _current = _Waker()
    return _current
