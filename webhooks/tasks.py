from __future__ import annotations

from celery import shared_task

from webhooks import applying


@shared_task
def apply_notifications() -> None:
    applying.apply_due()


@shared_task
def forget_applied() -> None:
    applying.forget_applied()
