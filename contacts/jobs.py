"""Work on many contacts: claimed like mail, done chunk by chunk, resumed anywhere.

A kind of job registers a class whose objects do one chunk at a time. An object lives as
long as its claim, so it may keep a file open; everything that counts is in the job's
row, which is written in the transaction of the chunk.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from threading import Event
from typing import Any, Protocol
from uuid import UUID

from django.db import DatabaseError, OperationalError, transaction
from django.db.models import Case, F, PositiveSmallIntegerField, Q, QuerySet, When
from django.db.models.functions import Coalesce, Now

from contacts.models import Job, JobKind, JobState
from plunk.projects.models import User
from plunk.waking import wake_on_commit

logger = logging.getLogger(__name__)

WORK = "contacts.tasks.work_on_jobs"
#: Longer than any chunk takes; a dead worker's job goes on after this.
LEASE = timedelta(seconds=60)
#: How long a claim lasts before another project's job gets its turn, and before mail
#: can leave that came while every process of the workers had a job in hand.
TURN_SECONDS = 2.0
#: After the database broke a chunk off; twice as long each time, up to a minute.
_PAUSE = timedelta(seconds=2)
_MOST_DOUBLED = 5
_MOST_FAILURES = 3
#: So often in a row the database may break the same chunk off, or its worker die: a
#: quarter of an hour, after which it is no accident.
_MOST_INTERRUPTIONS = 20
_MOST_ERRORS = 100

#: Set when this process is to stop: the chunk in hand is finished, no other begun.
stop = Event()


class JobError(Exception):
    """Why a job cannot be done, in words for whoever asked for it."""


class Worker(Protocol):
    """Does a job of one kind from its position onwards."""

    def step(self, job: Job) -> bool:
        """Do one chunk within the open transaction; return whether there is more.

        Changes `position`, `done`, `total`, `counts` and `errors` of `job`, which are
        saved with it. Raises JobError to give the job up.
        """


_workers: dict[JobKind, Callable[[Job], Worker]] = {}


def register(kind: JobKind, worker: Callable[[Job], Worker]) -> None:
    """Say who does a kind of job, once, from an `AppConfig.ready`."""
    _workers[kind] = worker


def begin(
    *,
    project_id: UUID,
    kind: JobKind,
    parameters: dict[str, Any],
    total: int | None = None,
    user: User | None = None,
) -> Job:
    """Ask for a job, and wake a worker for it once the transaction is committed."""
    job = Job.objects.create(
        project_id=project_id,
        kind=kind,
        parameters=parameters,
        total=total,
        user=user,
    )
    wake_on_commit(WORK)
    return job


def cancel(job: Job, *, waits: bool = True) -> bool:
    """End a job after the chunk in hand; return False where it had ended already.

    Without `waits`, in a transaction of the caller's, also where a chunk is in hand:
    its worker has to notice by itself.
    """
    unfinished = [JobState.DRAFT, JobState.WAITING, JobState.ACTIVE]
    rows = Job.objects.filter(pk=job.pk, state__in=unfinished)
    if not waits:
        free = rows.select_for_update(skip_locked=True).values_list("pk", flat=True)
        rows = rows.filter(pk__in=list(free))
    return bool(
        rows.update(state=JobState.CANCELLED, finished_at=Now(), lease_expires_at=None)
    )


def is_anything_due() -> bool:
    """Say whether some job waits for a worker."""
    return bool(_due().values_list("pk")[:1])


def work(*, seconds: float = TURN_SECONDS, only: UUID | None = None) -> bool:
    """Work on one job for a turn; return whether some job still waits.

    `only` names the one to work on, for a command that was asked to do just that.
    """
    job = _claim(only)
    if job is None:
        return False
    if job.failures >= _MOST_INTERRUPTIONS:
        _give_up(job, "It broke off again and again; the log has the details.")
    else:
        _take_turn(job, until=time.monotonic() + seconds)
    return is_anything_due()


def note_error(job: Job, **error: Any) -> None:
    """Keep one of the first things that went wrong, for the answer about the job."""
    if len(job.errors) < _MOST_ERRORS:
        job.errors.append(error)


def count(job: Job, **figures: int) -> None:
    """Add to a job's figures."""
    for name, figure in figures.items():
        job.counts[name] = job.counts.get(name, 0) + figure


def _due() -> QuerySet[Job]:
    return Job.objects.filter(
        Q(lease_expires_at=None) | Q(lease_expires_at__lte=Now()),
        state__in=[JobState.WAITING, JobState.ACTIVE],
    ).order_by("attempt", "created_at")


@transaction.atomic
def _claim(only: UUID | None) -> Job | None:
    """Claim the job that has had the fewest turns; count a worker that died over it."""
    due = _due() if only is None else _due().filter(pk=only)
    pk = due.select_for_update(skip_locked=True).values_list("pk", flat=True).first()
    if pk is None:
        return None
    Job.objects.filter(pk=pk).update(
        state=JobState.ACTIVE,
        attempt=F("attempt") + 1,
        failures=Case(
            When(
                state=JobState.ACTIVE,
                lease_expires_at__isnull=False,
                then=F("failures") + 1,
            ),
            default=F("failures"),
            output_field=PositiveSmallIntegerField(),
        ),
        lease_expires_at=Now() + LEASE,
        started_at=Coalesce("started_at", Now()),
    )
    return Job.objects.get(pk=pk)


def _take_turn(job: Job, *, until: float) -> None:
    worker = None
    while True:
        try:
            if worker is None:
                worker = _workers[JobKind(job.kind)](job)
            has_more = _chunk(job, worker)
        except JobError as error:
            _give_up(job, str(error))
            return
        except OperationalError:
            # The database, not the job: it goes on from there, soon after a deadlock
            # and with the end of the lease where nothing can be written.
            with suppress(DatabaseError):
                _pause(job, _PAUSE * 2 ** min(job.failures, _MOST_DOUBLED))
            raise
        except Exception:
            # Whatever is wrong with this job, the others must have their turns.
            logger.exception("a chunk broke off", extra={"job": str(job.pk)})
            _count_failure(job)
            return
        if not has_more:
            return
        if stop.is_set() or time.monotonic() >= until:
            _ours(job).update(lease_expires_at=None)
            return


@transaction.atomic
def _chunk(job: Job, worker: Worker) -> bool:
    """Do one chunk if the job is still ours; return whether there is more to do."""
    if not _ours(job).select_for_update().values_list("pk").first():
        return False
    has_more = worker.step(job)
    job.failures = 0
    changes: dict[str, Any] = {
        "position": job.position,
        "done": job.done,
        "total": job.total,
        "counts": job.counts,
        "errors": job.errors,
        "failures": 0,
        "lease_expires_at": Now() + LEASE,
    }
    if not has_more:
        changes |= {
            "state": JobState.COMPLETED,
            "finished_at": Now(),
            "lease_expires_at": None,
        }
    _ours(job).update(**changes)
    return has_more


def _ours(job: Job) -> QuerySet[Job]:
    """Return the job's row as long as nobody else has claimed or cancelled it."""
    return Job.objects.filter(pk=job.pk, state=JobState.ACTIVE, attempt=job.attempt)


def _give_up(job: Job, reason: str) -> None:
    _ours(job).update(
        state=JobState.FAILED,
        failed_reason=reason[:500],
        finished_at=Now(),
        lease_expires_at=None,
    )


def _count_failure(job: Job) -> None:
    if job.failures + 1 >= _MOST_FAILURES:
        _give_up(job, "Something went wrong on our side; the log has the details.")
        return
    _pause(job, timedelta(seconds=10))


def _pause(job: Job, pause: timedelta) -> None:
    """Count a failure, and leave the job alone for a while."""
    _ours(job).update(
        # Not ACTIVE, in which a lease that ends is a worker that died.
        state=JobState.WAITING,
        failures=F("failures") + 1,
        lease_expires_at=Now() + pause,
    )
