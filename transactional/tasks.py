from __future__ import annotations

from celery import shared_task

from plunk.waking import wake_on_commit
from transactional import (
    account_suppressions,
    confirmations,
    delivery,
    domains,
    erasing,
    fence,
    rate,
    streams,
    sweeping,
    tallies,
)
from transactional.claiming import is_anything_due
from transactional.domains.adding import CHECK_TASK as CHECK_DOMAINS

DELIVER = "transactional.tasks.deliver"
WITHDRAW = "transactional.tasks.withdraw"


@shared_task
def deliver() -> None:
    if delivery.drain():
        wake_on_commit(DELIVER)


@shared_task
def sweep() -> None:
    sweeping.sweep()
    if streams.withdraw_cancelled():
        wake_on_commit(WITHDRAW)
    if is_anything_due():
        wake_on_commit(DELIVER)


@shared_task
def withdraw() -> None:
    if streams.withdraw_cancelled():
        wake_on_commit(WITHDRAW)


@shared_task
def fold_tallies() -> None:
    tallies.fold()


@shared_task
def refresh_quota() -> None:
    if fence.check_fence():
        fence.renew()
    rate.refresh_quota()


@shared_task
def check_domains() -> None:
    if domains.check_due():
        wake_on_commit(CHECK_DOMAINS)


@shared_task
def mail_owed_confirmations() -> None:
    confirmations.mail_owed()


@shared_task
def synchronise_suppressions() -> None:
    account_suppressions.synchronise()


@shared_task
def release_account_suppressions() -> None:
    account_suppressions.release_now()


@shared_task
def forget_loose_contents() -> None:
    erasing.forget_loose_contents()
