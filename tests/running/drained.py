"""A Celery application whose task works until it is told to stop, as deliveries do."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Event
from typing import Any

from celery import Celery
from django.dispatch import receiver

from plunk import draining  # noqa: F401  (what is tested: its receivers)
from plunk.lifecycle import stopping

stop = Event()


@receiver(stopping)
def _stop(**_: Any) -> None:
    stop.set()


app = Celery("drained", broker=os.environ["REDIS_URL"], fixups=[])
app.conf.task_default_queue = os.environ["QUEUE"]
app.conf.worker_hijack_root_logger = False


@app.task(name="drain")
def drain(path: str) -> None:
    """Write down the beginning, and the end if there is one in this life."""
    with Path(path).open("a") as notes:
        notes.write("begun\n")
        notes.flush()
        if stop.wait(60):
            notes.write("finished\n")
