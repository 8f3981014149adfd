"""The Celery application: it carries wake-ups, never work (docs/architecture.md)."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery, signals
from django.db import close_old_connections

import plunk.draining  # noqa: F401  (its receivers make workers stop in time)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "plunk.settings")

app = Celery("plunk")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.task_prerun.connect
@signals.task_postrun.connect
def _drop_broken_connections(**_: Any) -> None:
    """Close a connection that an error has left unusable; keep every other.

    Celery's own Django fixup would close them all (docs/adr/0004).
    """
    close_old_connections()
