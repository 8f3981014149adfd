"""A mail on its way to Amazon SES, and the moment from which none may begin."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from threading import Event

from transactional import ses
from transactional.claiming import Claimed
from transactional.composing import Composed
from transactional.recording import Attempt
from transactional.ses import Answer, Outcome
from transactional.tracking.resolving import configuration_set

#: Set when this process must end: nothing is begun any more.
stop = Event()

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

#: Answered by us, not by SES: the lease was nearly over, or we are stopping.
NOT_TRIED = Answer(Outcome.RETRY, code="not_tried")


def now() -> float:
    """Return this process's clock, which also runs while the machine is suspended."""
    return time.clock_gettime(_CLOCK)


@dataclass(frozen=True, slots=True)
class Call:
    """A mail on its way to SES."""

    composed: Composed
    #: By `now()`: too late to begin.
    begin_before: float
    #: Where whoever claimed the mail finds its answer.
    done: deque[Attempt]

    def may_begin(self) -> bool:
        """Say whether the lease still covers the longest possible call."""
        return now() < self.begin_before and not stop.is_set()

    def request(self) -> bytes:
        """Return what is written to SES; raises what `ses.request` does."""
        mail = self.composed.mail
        return ses.request(
            to_email=mail.to_email,
            raw=self.composed.raw,
            tags=tags_of(mail),
            configuration_set=configuration_set(self.composed.counter),
        )

    def answer(self, answer: Answer) -> None:
        """Tell whoever claimed the mail what came of it."""
        self.done.append(Attempt(self.composed.mail, answer))


def tags_of(mail: Claimed) -> dict[str, str]:
    """Return what SES repeats in its notifications: which attempt they are about."""
    return {
        "plunk_email": str(mail.id),
        "plunk_attempt": str(mail.attempt),
        "plunk_project": str(mail.project_id),
    }
