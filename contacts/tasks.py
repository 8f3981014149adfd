from __future__ import annotations

from celery import shared_task

from contacts import jobs
from plunk.waking import wake_on_commit


@shared_task
def work_on_jobs() -> None:
    if jobs.work():
        wake_on_commit(jobs.WORK)


@shared_task
def sweep_jobs() -> None:
    if jobs.is_anything_due():
        wake_on_commit(jobs.WORK)
