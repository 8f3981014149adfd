"""The worker: claim, sign, call, record; again until nothing is due.

One thread of a process claims and records, others only wait for servers. It is a thread
and no task: a server that takes ten seconds must not keep a worker's place, in which
mail could leave, nor calls to other servers.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connections

from automations.webhooks.claiming import (
    LEASE,
    Claimed,
    claim,
    fail_unwanted,
    release_expired,
)
from automations.webhooks.recording import MOST_RESPONSE, Outcome, put_back, record
from automations.webhooks.retries import read_retry_after
from automations.webhooks.signing import secrets_of, signed_headers
from plunk import outbound
from transactional.fence import check_fence

logger = logging.getLogger(__name__)

#: How long a server may take, from its name to the end of its answer.
CALL_SECONDS = 10.0
#: A call is not begun so long after it was claimed: its lease must outlast it.
_BEGIN_SECONDS = LEASE.total_seconds() / 2
_IDLE_SECONDS = 0.25
_TIDY_SECONDS = 5.0
#: How often answers that the database did not take are offered to it again.
_RECORD_TRIES = 5
_RECORD_PAUSE_SECONDS = 2.0

#: Set when this process must end: nothing is begun any more.
stop = Event()


def drain() -> int:
    """Call everything that is due, until nothing is; return how many calls were made.

    A restored or copied database calls nobody before an operator has released it.
    """
    if stop.is_set() or not check_fence():
        return 0
    return _Drain().run()


def tidy() -> None:
    """Take over what dead workers held, and end what nobody may be called for."""
    while release_expired():
        continue
    while fail_unwanted():
        continue


@dataclass(frozen=True, slots=True)
class _Errand:
    """A call on its way through a thread."""

    call: Claimed
    secrets: Sequence[str]
    #: Where whoever claimed it waits; a call comes back without an outcome if it was
    #: not begun.
    done: SimpleQueue[tuple[Claimed, Outcome | None]]


class _Drain:
    def __init__(self) -> None:
        self.calls = 0
        self.done: SimpleQueue[tuple[Claimed, Outcome | None]] = SimpleQueue()
        self.in_flight: dict[UUID, Claimed] = {}
        self.tidied_at = 0.0

    def run(self) -> int:
        try:
            while not stop.is_set():
                self._tidy()
                begun = self._begin()
                if not begun and not self.in_flight:
                    break
                self._record(self._collect(_IDLE_SECONDS))
        finally:
            while self.in_flight:
                self._record(self._collect(_IDLE_SECONDS))
        return self.calls

    def _tidy(self) -> None:
        if time.monotonic() - self.tidied_at > _TIDY_SECONDS:
            tidy()
            self.tidied_at = time.monotonic()

    def _begin(self) -> int:
        """Claim as many calls as there are threads free, and hand them over.

        At most half of the threads wait for endpoints that failed lately.
        """
        failing = sum(call.is_failing for call in self.in_flight.values())
        claimed = claim(
            settings.WEBHOOK_THREADS - len(self.in_flight),
            failing_limit=max(settings.WEBHOOK_THREADS // 2 - failing, 0),
        )
        if not claimed:
            return 0
        secrets = secrets_of({call.project_id for call in claimed})
        for call in claimed:
            self.in_flight[call.id] = call
            _errands().put(_Errand(call, secrets[call.project_id], self.done))
        return len(claimed)

    def _collect(self, seconds: float) -> list[tuple[Claimed, Outcome | None]]:
        """Wait for an answer, and take those that have come with it."""
        found: list[tuple[Claimed, Outcome | None]] = []
        try:
            while True:
                found.append(self.done.get(timeout=0 if found else seconds))
        except Empty:
            return found

    def _record(self, ended: Sequence[tuple[Claimed, Outcome | None]]) -> None:
        outcomes = [outcome for _, outcome in ended if outcome is not None]
        idle = [call for call, outcome in ended if outcome is None]
        for call, _ in ended:
            del self.in_flight[call.id]
        if outcomes:
            _surely(partial(record, outcomes))
        if idle:
            _surely(partial(put_back, idle))
        self.calls += len(outcomes)


def _surely(write: Callable[[], None]) -> None:
    """Write down what has happened, also where the database is away for a moment.

    What cannot be written is made again after its lease, under the same id.
    """
    for tries in range(_RECORD_TRIES):
        try:
            write()
        except DatabaseError:
            if tries == _RECORD_TRIES - 1:
                raise
            logger.warning("answers of webhooks wait for the database", exc_info=True)
            close_old_connections()
            time.sleep(_RECORD_PAUSE_SECONDS)
        else:
            return


def _call(errand: _Errand) -> Outcome | None:
    """Make one call; None where it was too late to begin it."""
    call = errand.call
    if stop.is_set() or time.monotonic() - call.mark > _BEGIN_SECONDS:
        return None
    at, begun = call.now, time.monotonic()
    body = call.body.encode()
    request = outbound.Request(
        method=call.method,
        url=call.url,
        headers=call.headers,
        body=body,
        own_headers=signed_headers(
            secrets=errand.secrets,
            message_id=str(call.id),
            timestamp=int(at.timestamp()),
            body=body,
        ),
    )
    answer: outbound.Answer | None = None
    error, is_final = "", False
    try:
        answer = outbound.call(request, seconds=CALL_SECONDS)
    except outbound.Redirected as problem:
        answer, error = problem.answer, str(problem)
    except outbound.Failed as problem:
        error = str(problem)
    except outbound.Refused as problem:
        error, is_final = str(problem), True
    return Outcome(
        call=call,
        at=at,
        milliseconds=int((time.monotonic() - begun) * 1000),
        status=answer.status if answer else None,
        response=_text(answer) if answer else "",
        error=error,
        is_final=is_final,
        asked_to_wait=read_retry_after(answer.headers.get("retry-after", ""), now=at)
        if answer
        else None,
    )


def _text(answer: outbound.Answer) -> str:
    """Return the beginning of an answer as text that any database keeps."""
    text = answer.body[:MOST_RESPONSE].decode("utf-8", "replace").replace("\x00", "")
    return text + "…" if len(answer.body) > MOST_RESPONSE else text


class _Callers:
    """The threads that wait for servers; a fork starts its own."""

    def __init__(self, threads: int) -> None:
        self.pid = os.getpid()
        self.errands: SimpleQueue[_Errand] = SimpleQueue()
        for number in range(threads):
            Thread(target=self._run, name=f"webhook-{number}", daemon=True).start()

    def _run(self) -> None:
        while True:
            errand = self.errands.get()
            call = errand.call
            try:
                outcome = _call(errand)
            except Exception:
                # The thread must go on, and somebody waits for this answer.
                logger.exception("a webhook broke off", extra={"call": str(call.id)})
                outcome = Outcome(call, call.now, error="It broke off on our side.")
            errand.done.put((call, outcome))


_lock = Lock()
_callers: _Callers | None = None


def _errands() -> SimpleQueue[_Errand]:
    """Return where this process's threads take their work from."""
    global _callers
    with _lock:
        if _callers is None or _callers.pid != os.getpid():
            _callers = _Callers(settings.WEBHOOK_THREADS)
        return _callers.errands


class _Background:
    """The thread of a process that drains; there is none while nothing is due."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.has_ended = False
        #: Somebody asked after it had looked for the last time.
        self.is_wanted = False
        self.thread = Thread(target=self._run, name="webhooks", daemon=True)

    def _run(self) -> None:
        try:
            while self._goes_on():
                drain()
        except Exception:
            # The next sweep begins anew.
            logger.exception("calling webhooks broke off")
            self.has_ended = True
        finally:
            connections.close_all()

    def _goes_on(self) -> bool:
        with _lock:
            self.has_ended = not self.is_wanted
            self.is_wanted = False
            return not self.has_ended


_background: _Background | None = None


def start() -> None:
    """Have this process call what is due, beside what it does; return at once."""
    global _background
    with _lock:
        own = _background
        if own is None or own.pid != os.getpid() or own.has_ended:
            own = _background = _Background()
            own.is_wanted = True
            own.thread.start()
        own.is_wanted = True


def finish() -> None:
    """Wait for the calls of this process that are under way, when it is to end."""
    stop.set()
    own = _background
    if own is not None and own.pid == os.getpid():
        own.thread.join(CALL_SECONDS + _RECORD_PAUSE_SECONDS)
