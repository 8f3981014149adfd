"""Jobs that cannot be done end, and leave the others their turns."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.db.models.functions import Now

from contacts import jobs
from contacts.models import Job, JobKind, JobState
from plunk.projects.models import Project

pytestmark = pytest.mark.django_db


class Chunks:
    """A worker that does one chunk after the other, each by calling `chunk`."""

    def __init__(self, chunk: Callable[[], bool]) -> None:
        self.chunk = chunk

    def step(self, job: Job) -> bool:
        return self.chunk()


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], bool]], None]:
    def use(chunk: Callable[[], bool]) -> None:
        monkeypatch.setitem(jobs._workers, JobKind.ADD, lambda _: Chunks(chunk))

    return use


@pytest.fixture
def job(project: Project) -> Job:
    return jobs.begin(project_id=project.pk, kind=JobKind.ADD, parameters={})


def broken() -> bool:
    raise OperationalError("statement too complex")


def turn_comes(**values: object) -> None:
    """Let the time of every lease and pause go by."""
    Job.objects.update(lease_expires_at=Now() - timedelta(seconds=1), **values)


def test_what_the_database_always_breaks_off_ends(
    job: Job, worker: Callable[[Callable[[], bool]], None]
) -> None:
    worker(broken)

    for _ in range(jobs._MOST_INTERRUPTIONS):
        with pytest.raises(OperationalError):
            jobs.work()
        job.refresh_from_db()
        assert job.state == JobState.WAITING
        turn_comes()
    jobs.work()

    job.refresh_from_db()
    assert (job.state, job.lease_expires_at) == (JobState.FAILED, None)
    assert "again and again" in job.failed_reason
    assert not jobs.is_anything_due()


def test_what_kills_each_worker_ends(
    job: Job, worker: Callable[[Callable[[], bool]], None]
) -> None:
    """One out of memory says nothing: it only stops."""
    worker(lambda: True)
    for number in range(jobs._MOST_INTERRUPTIONS):
        assert jobs._claim(None) is not None
        job.refresh_from_db()
        assert (job.state, job.failures) == (JobState.ACTIVE, number)
        turn_comes()

    jobs.work()

    job.refresh_from_db()
    assert job.state == JobState.FAILED


def test_a_finished_chunk_forgives_all(
    job: Job, worker: Callable[[Callable[[], bool]], None]
) -> None:
    worker(lambda: True)
    turn_comes(state=JobState.ACTIVE, failures=jobs._MOST_INTERRUPTIONS - 2)

    assert jobs.work(seconds=0)

    job.refresh_from_db()
    assert (job.state, job.failures) == (JobState.ACTIVE, 0)
    # Handed on and not died over.
    assert jobs.work(seconds=0)
    job.refresh_from_db()
    assert job.failures == 0


def test_a_pause_grows_and_the_others_have_their_turn(
    project: Project, job: Job, worker: Callable[[Callable[[], bool]], None]
) -> None:
    worker(broken)
    turn_comes(failures=10)
    with pytest.raises(OperationalError):
        jobs.work()

    assert Job.objects.filter(lease_expires_at__gt=Now() + timedelta(seconds=50))
    worker(lambda: False)
    other = jobs.begin(project_id=project.pk, kind=JobKind.ADD, parameters={})
    assert not jobs.work()
    other.refresh_from_db()
    assert other.state == JobState.COMPLETED
