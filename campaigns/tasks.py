from __future__ import annotations

from celery import shared_task

from campaigns import advancing


@shared_task
def advance() -> None:
    advancing.advance()
