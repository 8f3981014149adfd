"""The engine's turns: what has arrived, then what is due, as long as there is time.

The moment is read from the database once a batch and handed down: nothing below reads a
clock, so that tests can move it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Event

from django.db import OperationalError, transaction
from django.db.models import F

from automations.engine import advancing, arrivals
from automations.models import ACTIVE, Arrival, Run
from automations.running import park
from contacts.segments.scopes import database_now

logger = logging.getLogger(__name__)

#: How long one turn of a worker lasts before other work gets one.
TURN_SECONDS = 2.0
#: How long a batch's broken one is left alone, at first and at most.
_PAUSE = timedelta(seconds=10)
_MOST_PAUSE = timedelta(hours=1)
#: So often a run may break a batch before it is parked.
_MOST_BREAKS = 8
_BROKE_OFF = "It broke off; the log of the server has the details."

#: Set when this process is to stop: the batch in hand is finished, no other begun.
stop = Event()


def work(*, seconds: float = TURN_SECONDS) -> bool:
    """Take a turn; return whether there is more to do."""
    until = time.monotonic() + seconds
    while not stop.is_set():
        if not step(database_now()):
            return False
        if time.monotonic() >= until:
            return True
    return False


def step(now: datetime) -> int:
    """Deal with a batch of arrivals and one of due runs; return how many there were.

    One that breaks its batch is left alone for a while, and the others go on.
    """
    taken = _carefully(arrivals.take, now, _put_arrival_off)
    return taken + _carefully(advancing.advance_due, now, _put_run_off)


def _carefully(
    work: Callable[..., int], now: datetime, put_off: Callable[[datetime], None]
) -> int:
    try:
        return work(now)
    except OperationalError:
        raise
    except Exception:
        logger.exception("a batch broke off", extra={"work": work.__name__})
    return _one_by_one(work, now, put_off)


def _one_by_one(
    work: Callable[..., int], now: datetime, put_off: Callable[[datetime], None]
) -> int:
    """Take what the batch had one at a time, up to the one that broke it."""
    taken = 0
    try:
        while taken < arrivals.BATCH and work(now, limit=1):
            taken += 1
    except OperationalError:
        raise
    except Exception:
        logger.exception("one broke off", extra={"work": work.__name__})
        put_off(now)
        taken += 1
    return taken


@transaction.atomic
def _put_arrival_off(now: datetime) -> None:
    rows = Arrival.objects.filter(due_at__lte=now).order_by("due_at", "pk")
    first = rows.select_for_update(skip_locked=True).first()
    if first is not None:
        Arrival.objects.filter(pk=first.pk).update(
            due_at=now + _pause(first.failures), failures=F("failures") + 1
        )


@transaction.atomic
def _put_run_off(now: datetime) -> None:
    rows = Run.objects.filter(state__in=ACTIVE, due_at__lte=now)
    ordered = rows.order_by("due_at", "pk").select_for_update(skip_locked=True)
    first = ordered.first()
    if first is None:
        return
    if first.failures >= _MOST_BREAKS:
        park(first, _BROKE_OFF)
        return
    Run.objects.filter(pk=first.pk).update(
        due_at=now + _pause(first.failures),
        failures=F("failures") + 1,
        error=_BROKE_OFF,
    )


def _pause(failures: int) -> timedelta:
    doubled: timedelta = _PAUSE * 2 ** min(failures, 10)
    return min(doubled, _MOST_PAUSE)
