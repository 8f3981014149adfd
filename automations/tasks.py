from __future__ import annotations

from celery import shared_task, signals

from automations import dropping, schedules, tallies
from automations.engine import turns
from automations.events import counting, thinning
from automations.tracking import ENGINE
from automations.webhooks import calling, replaying, signing
from automations.webhooks.claiming import is_anything_due
from automations.webhooks.queueing import CALL
from contacts.segments.scopes import database_now
from plunk.waking import wake_on_commit


@shared_task
def advance() -> None:
    if turns.work():
        wake_on_commit(ENGINE)


@shared_task
def begin_scheduled() -> None:
    schedules.begin_due(database_now())


@shared_task
def fold_tallies() -> None:
    tallies.fold()


@shared_task
def count_event_days() -> None:
    counting.count_days()


@shared_task
def forget_events() -> None:
    if thinning.forget_old():
        wake_on_commit(thinning.FORGET)


@shared_task
def drop_workflows() -> None:
    dropping.resume_dropping()


@shared_task
def call_webhooks() -> None:
    calling.start()


@shared_task
def sweep_webhooks() -> None:
    calling.tidy()
    if is_anything_due():
        wake_on_commit(CALL)


@shared_task
def forget_webhooks() -> None:
    replaying.forget_old()
    signing.forget_expired()


@signals.worker_process_shutdown.connect
@signals.worker_shutdown.connect
def _finish_calls(**_: object) -> None:
    """Let the answers that are awaited be written down before the process ends."""
    calling.finish()
