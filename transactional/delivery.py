"""The worker: claim, compose, hand to SES, record; again until nothing is due.

One thread does it all, and serves the connections to SES in between. What is claimed
and not yet tried when we have to stop is put back; what is in flight is finished.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from threading import local
from uuid import UUID

from django.conf import settings
from django.db import (
    DatabaseError,
    InterfaceError,
    InternalError,
    OperationalError,
    connection,
)

from contacts.addresses import domain_of
from transactional import holds, rate, recording
from transactional.calling import NOT_TRIED, Call, now, stop
from transactional.claiming import Choice, Claimed, claim, is_anything_due
from transactional.composing import Composed, compose
from transactional.fence import check_fence
from transactional.lines import lines
from transactional.models import EmailState, MailKind, Source
from transactional.recording import Attempt
from transactional.resending import compose_again
from transactional.ses import Outcome

__all__ = ["drain", "stop"]

logger = logging.getLogger(__name__)

#: A task drains for about this long, then makes room for others of its process.
SLICE_SECONDS = 2.0
_RECORD_BATCH = 128
#: How long an answer may wait for others to be recorded with.
_RECORD_PAUSE_SECONDS = 0.01
_IDLE_SECONDS = 0.25
#: How much work for SES is kept ready, at its own pace.
_AHEAD_SECONDS = 0.25
#: How long the gate is believed to be open.
_GATE_SECONDS = 0.1
_DATABASE_PAUSE_SECONDS = 0.5
#: How long answers may wait for the database while the process is to stop.
_STOP_SECONDS = 15.0
#: What is on its way to SES at once, in bytes; attachments would fill the memory.
_MOST_BYTES = 32 * 1024 * 1024
#: How many mails, or bytes of them, are composed before the first of them may leave.
_TRACE_BATCH = 64
_TRACE_BYTES = 4 * 1024 * 1024
#: The part of a slice that mails from dead workers get.
_SUSPECT_SECONDS = 1.0
#: How many mails a probe may look at for one that can be sent.
_PROBE_TRIES = 20


def drain(*, seconds: float = SLICE_SECONDS) -> int:
    """Send what is due for up to `seconds`; return how many mails SES took."""
    if stop.is_set():
        return 0
    _check_fence_once()
    if not is_anything_due():
        return 0
    return _Drain(seconds).run()


_fenced = local()


def _check_fence_once() -> None:
    """Before the first mail over a connection, see whose database it leads to."""
    connection.ensure_connection()
    if getattr(_fenced, "connection", None) is not connection.connection:
        check_fence()
        _fenced.connection = connection.connection


class _Drain:
    def __init__(self, seconds: float) -> None:
        self.ends_at = time.monotonic() + seconds
        self.lines = lines()
        self.done: deque[Attempt] = deque()
        self.gate = holds.Gate()
        self.gate_until = 0.0
        self.permits = rate.Permits(0, 0.0)
        self.permits_at = 0.0
        #: Claimed and neither begun nor ended: to be put back if we must leave.
        self.unbegun: dict[UUID, Claimed] = {}
        #: On their way to SES, with their size in bytes.
        self.in_flight: dict[UUID, int] = {}
        #: Mails whose acceptance ends a hold.
        self.probes: set[UUID] = set()
        #: Whether the last claim got all that it asked for.
        self.is_more_due = False
        #: Answers a second, lately.
        self.pace = 0.0
        self.paced_at = time.monotonic()
        self.accepted = 0

    def run(self) -> int:
        try:
            self._try_suspects()
            while not self._is_over() and (self._claim() or self.in_flight):
                self._record(self._collect(is_patient=not self._wants_more()))
        finally:
            self._finish()
        return self.accepted

    def _try_suspects(self) -> None:
        """Send what came back from a dead worker, one mail at a time.

        Should one of them be what kills, it takes no other along.
        """
        until = time.monotonic() + _SUSPECT_SECONDS
        while not stop.is_set() and time.monotonic() < until:
            if holds.are_any() or not is_anything_due(suspects=True):
                return
            if not self._take_permits(1):
                self._wait_for_permit()
                continue
            claimed_at = now()
            mails = self._claimed(Choice(limit=1, suspects=True))
            self.permits = self.permits.less(len(mails))
            self._call(self._sendable(mails), claimed_at, may_have_left=True)
            while self.in_flight:
                self._record(self._collect())

    def _is_over(self) -> bool:
        return stop.is_set() or time.monotonic() >= self.ends_at

    def _claim(self) -> bool:
        """Claim a batch if there is room; return False when nothing more is due."""
        room = self._room()
        if not room:
            return True
        self._look_at_gate()
        if not self.gate.is_open:
            return False
        self.is_more_due = False
        wanted = 1 if self.gate.is_probe else room
        if not self._take_permits(wanted):
            return self._wait_for_permit()
        # By our own clock, from before the claim: the lease ends later than this.
        claimed_at = now()
        mails = self._claim_through_gate(min(wanted, self.permits.count))
        self.permits = self.permits.less(len(mails))
        self.is_more_due = len(mails) == wanted
        self._call(self._sendable(mails), claimed_at)
        return bool(mails)

    def _room(self) -> int:
        """Return how many mails to claim: what the threads need, and a little ahead.

        Ahead by what SES takes in a moment, so that the threads have work while a batch
        is claimed and recorded; and no further, so that an urgent mail waits for a
        thread and not behind a queue. In small numbers only where SES is slow.
        """
        most = 2 * settings.DELIVERY_BATCH
        ahead = min(most, int(self.pace * _AHEAD_SECONDS))
        room = settings.DELIVERY_CONNECTIONS + ahead - len(self.in_flight)
        least = settings.DELIVERY_BATCH // 2 if ahead >= settings.DELIVERY_BATCH else 1
        return 0 if room < least else min(room, settings.DELIVERY_BATCH)

    def _wants_more(self) -> bool:
        """Say whether to claim at once again, with answers still to come."""
        return self.is_more_due and self._room() > 0

    def _look_at_gate(self) -> None:
        moment = time.monotonic()
        if self.gate.has_holds or moment >= self.gate_until:
            self.gate = holds.gate()
            self.gate_until = moment + _GATE_SECONDS

    def _take_permits(self, wanted: int) -> bool:
        """Have permits, taken some batches ahead; never more than a burst's worth."""
        moment = time.monotonic()
        if self.permits.count and moment - self.permits_at > _AHEAD_SECONDS:
            # They stand for a moment that is over; used now, they would be too many.
            rate.give_back(self.permits.count)
            self.permits = self.permits.less(self.permits.count)
        if self.permits.count < wanted:
            self.permits_at = moment
            ahead = 1 if self.gate.is_probe else 4 * settings.DELIVERY_BATCH
            more = rate.take(ahead)
            self.permits = more.less(-self.permits.count)
        return self.permits.count > 0

    def _wait_for_permit(self) -> bool:
        if not self.in_flight:
            per_second = max(self.permits.rate, 1.0)
            stop.wait(min(_IDLE_SECONDS, max(0.005, 1 / per_second)))
        return True

    def _claim_through_gate(self, limit: int) -> list[Claimed]:
        """Claim what the holds let through, the mails that try them out first."""
        gate = self.gate
        everything = Choice(
            limit=limit,
            with_campaigns=self.permits.campaigns_may_send,
            without_domains=gate.held_domains,
        )
        if gate.is_probe:
            # Where every mail is of a held domain, one of them has to do.
            return self._probe(everything) or self._probe(Choice(limit=1))
        mails: list[Claimed] = []
        if gate.probe_domain:
            mails = self._probe(Choice(limit=1, only_domain=gate.probe_domain))
        return mails + self._claimed(replace(everything, limit=limit - len(mails)))

    def _probe(self, choice: Choice) -> list[Claimed]:
        """Claim one mail that can be sent; those that cannot end on the way."""
        for _ in range(_PROBE_TRIES):
            mails = self._claimed(choice)
            sendable = self._sendable(mails)
            if sendable or not mails:
                self.probes |= {mail.id for mail in sendable}
                return sendable
        return []

    def _claimed(self, choice: Choice) -> list[Claimed]:
        mails = claim(choice)
        self.unbegun |= {mail.id: mail for mail in mails}
        return mails

    def _sendable(self, mails: list[Claimed]) -> list[Claimed]:
        """Return the mails that may go; the others end here, as they were to leave."""
        may_go = []
        for mail in mails:
            reason = _reason_not_to_send(mail)
            if mail.is_disabled and mail.source == Source.CAMPAIGN:
                # Its stream waits for the project from now on.
                _surely(partial(recording.put_back, [mail]))
                self.unbegun.pop(mail.id, None)
            elif reason is None:
                may_go.append(mail)
            else:
                _surely(partial(recording.skip, [mail], *reason))
                self.unbegun.pop(mail.id, None)
        return may_go

    def _call(
        self, mails: list[Claimed], claimed_at: float, *, may_have_left: bool = False
    ) -> None:
        longest_call = (
            settings.SES_CONNECT_TIMEOUT_SECONDS + settings.SES_READ_TIMEOUT_SECONDS
        )
        begin_before = claimed_at + settings.DELIVERY_LEASE_SECONDS - longest_call
        batch: list[Composed] = []
        for composed in compose_again(mails) if may_have_left else compose(mails):
            if isinstance(composed, Attempt):
                self._record([composed])
                continue
            batch.append(composed)
            self.lines.turn()
            size = sum(len(each.raw) for each in batch)
            if len(batch) == _TRACE_BATCH or size > _TRACE_BYTES:
                self._hand_over(batch, begin_before)
                batch = []
        self._hand_over(batch, begin_before)

    def _hand_over(self, batch: list[Composed], begin_before: float) -> None:
        """Write down what mails were made of, and let those go that are still ours."""
        ours = recording.write_ahead([(each.mail, each.trace) for each in batch])
        for composed in batch:
            mail, size = composed.mail, len(composed.raw)
            if mail.id not in ours:
                # Erased, settled, or another worker's: whoever has it knows.
                self.unbegun.pop(mail.id, None)
                continue
            while self.in_flight and sum(self.in_flight.values()) + size > _MOST_BYTES:
                self._record(self._collect())
            self.in_flight[mail.id] = size
            self.unbegun.pop(mail.id, None)
            self.lines.put(Call(composed, begin_before, self.done))

    def _collect(self, *, is_patient: bool = True) -> list[Attempt]:
        """Wait for an answer, and take those that come with it; take only what is there
        if there is better to do.
        """
        attempts: list[Attempt] = []
        moment = time.monotonic()
        deadline = moment + _IDLE_SECONDS if is_patient else moment
        self.lines.turn()
        while self.in_flight and len(attempts) < _RECORD_BATCH:
            if self.done:
                if is_patient and not attempts:
                    deadline = time.monotonic() + _RECORD_PAUSE_SECONDS
                attempt = self.done.popleft()
                del self.in_flight[attempt.mail.id]
                attempts.append(attempt)
            elif moment < deadline:
                self.lines.turn(deadline - moment)
                moment = time.monotonic()
            else:
                break
        self._keep_pace(len(attempts))
        return attempts

    def _keep_pace(self, answers: int) -> None:
        moment = time.monotonic()
        lately = answers / max(1e-3, moment - self.paced_at)
        self.pace += 0.3 * (lately - self.pace)
        self.paced_at = moment

    def _record(self, attempts: list[Attempt]) -> None:
        tried = [each for each in attempts if each.answer is not NOT_TRIED]
        idle = [each.mail for each in attempts if each.answer is NOT_TRIED]
        _record_surely(tried)
        _surely(partial(recording.put_back, idle))
        for each in tried:
            self.unbegun.pop(each.mail.id, None)
        accepted = [each for each in tried if each.answer.outcome is Outcome.ACCEPTED]
        self.accepted += len(accepted)
        if len(accepted) < len(tried):
            self.gate_until = 0.0  # one of them may have closed it
        for each in accepted:
            if each.mail.id in self.probes:
                holds.release(domain=domain_of(each.mail.from_email))

    def _finish(self) -> None:
        """Wait for every call in flight and record it, whatever ended the drain."""
        while len(self.done) < len(self.in_flight):
            self.lines.turn(_IDLE_SECONDS)
        attempts = list(self.done)
        self.in_flight.clear()
        self._record(attempts)
        if self.unbegun:
            _surely(partial(recording.put_back, list(self.unbegun.values())))
        if self.permits.count > 0:
            rate.give_back(self.permits.count)


def _reason_not_to_send(mail: Claimed) -> tuple[EmailState, str] | None:
    if mail.is_disabled:
        return EmailState.CANCELLED, "The project is disabled."
    if mail.is_suppressed:
        return (
            EmailState.SUPPRESSED,
            "The address bounced for good, complained, or was suppressed by hand.",
        )
    # A test goes to a member who asked for it, looking like what a contact will get.
    needs_consent = MailKind(mail.kind).needs_consent and mail.source != Source.TEST
    if needs_consent and not mail.subscribed:
        return EmailState.SKIPPED, "The contact is unsubscribed."
    if mail.has_left:
        return EmailState.SKIPPED, "The contact does not get mail about this topic."
    return None


def _record_surely(attempts: list[Attempt]) -> None:
    """Record attempts; one that the database refuses keeps no other from it."""
    if not attempts:
        return
    try:
        _surely(partial(recording.record, attempts))
    except DatabaseError:
        if len(attempts) == 1:
            # Its lease will run out, and SES's own word settle it.
            logger.exception("unrecorded", extra={"email": str(attempts[0].mail.id)})
            return
        for attempt in attempts:
            _record_surely([attempt])


def _surely(work: Callable[[], None]) -> None:
    """Run `work` until the database took it: what SES answered is not forgotten.

    A process that is to stop does not wait for ever: the mails are in doubt then, and
    SES's own word settles them.
    """
    waited = 0.0
    while True:
        try:
            return work()
        # Internal errors are a server that only reads: one that is being replaced.
        except (OperationalError, InterfaceError, InternalError) as error:
            if stop.is_set() and waited >= _STOP_SECONDS:
                raise
            logger.warning("answers wait for the database", extra={"error": str(error)})
            connection.close()
            time.sleep(_DATABASE_PAUSE_SECONDS)
            waited += _DATABASE_PAUSE_SECONDS
