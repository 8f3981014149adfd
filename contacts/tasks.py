from __future__ import annotations

from celery import shared_task

from contacts import confirming, counting, erasing, importing, jobs, snoozing
from contacts.segments import sizes, updating
from plunk.waking import wake_on_commit


@shared_task
def work_on_jobs() -> None:
    if jobs.work():
        wake_on_commit(jobs.WORK)


@shared_task
def sweep_jobs() -> None:
    if jobs.is_anything_due():
        wake_on_commit(jobs.WORK)


@shared_task
def update_segments() -> None:
    if updating.update_due():
        wake_on_commit(updating.UPDATE)


@shared_task
def count_segments() -> None:
    sizes.refresh_stale()


@shared_task
def wake_snoozed() -> None:
    snoozing.wake_due()


@shared_task
def sweep_confirmations() -> None:
    confirming.expire_due()
    confirming.remind_due()


@shared_task
def scrub_erased() -> None:
    erasing.scrub_due()


@shared_task
def tidy_imports() -> None:
    importing.tidy()


@shared_task
def fold_counts() -> None:
    counting.fold()
