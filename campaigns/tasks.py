from __future__ import annotations

from celery import shared_task

from campaigns import advancing, reporting


@shared_task
def advance() -> None:
    advancing.advance()


@shared_task
def make_reports() -> None:
    reporting.sweep()
