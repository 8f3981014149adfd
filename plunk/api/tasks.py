from __future__ import annotations

from celery import shared_task

from plunk.api import health, idempotency


@shared_task
def beat() -> None:
    health.beat()


@shared_task
def forget_expired_keys() -> None:
    idempotency.forget_expired()
