"""Threads that wait for SES, so that the worker need not."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Event, Lock, Thread

from django.conf import settings

from transactional import ses
from transactional.composing import Composed
from transactional.recording import Attempt
from transactional.ses import Answer, Outcome
from transactional.tracking.resolving import configuration_set

logger = logging.getLogger(__name__)

#: Set when this process must end: nothing is begun any more.
stop = Event()

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

#: Answered by us, not by SES: the lease was nearly over, or we are stopping.
NOT_TRIED = Answer(Outcome.RETRY, code="not_tried")


@dataclass(frozen=True, slots=True)
class Call:
    """A mail on its way to SES."""

    composed: Composed
    #: By `now()`: too late to begin.
    begin_before: float
    #: Where whoever claimed the mail waits for its answer.
    done: SimpleQueue[Attempt]


class _Callers:
    """One thread for each call in flight, each with its own kept connection.

    They live as long as the process and serve every drain in it; a fork starts its own.
    """

    def __init__(self, threads: int) -> None:
        self.pid = os.getpid()
        self.calls: SimpleQueue[Call] = SimpleQueue()
        for i in range(threads):
            Thread(target=self._run, name=f"ses-{i}", daemon=True).start()

    def _run(self) -> None:
        while True:
            call = self.calls.get()
            mail = call.composed.mail
            try:
                answer = _answer(call)
            except Exception as error:
                # The thread must go on, and somebody waits for this answer. Nobody
                # knows how far the call came.
                logger.exception("a call to SES broke", extra={"email": str(mail.id)})
                answer = Answer(Outcome.UNKNOWN, code="internal", message=str(error))
            call.done.put(Attempt(mail, answer))


_lock = Lock()
_callers: _Callers | None = None


def calls() -> SimpleQueue[Call]:
    """Return where this process's threads take their calls from."""
    global _callers
    with _lock:
        if _callers is None or _callers.pid != os.getpid():
            _callers = _Callers(settings.DELIVERY_THREADS)
        return _callers.calls


def now() -> float:
    """Return this process's clock, which also runs while the machine is suspended."""
    return time.clock_gettime(_CLOCK)


def _answer(call: Call) -> Answer:
    """Hand one mail to SES, if the lease still covers the longest possible call."""
    if now() >= call.begin_before or stop.is_set():
        return NOT_TRIED
    mail = call.composed.mail
    return ses.send_raw(
        to_email=mail.to_email,
        raw=call.composed.raw,
        tags={
            "plunk_email": str(mail.id),
            "plunk_attempt": str(mail.attempt),
            "plunk_project": str(mail.project_id),
        },
        configuration_set=configuration_set(call.composed.counter),
    )
