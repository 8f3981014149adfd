"""Everything in one process: web, worker and scheduler as threads, no broker.

Celery's `memory://` transport reaches no other process, so worker and beat run beside
the web threads. What such a process loses when it is killed are wake-ups; the rows hold
the work, and the next sweep finds them.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable
from threading import Thread
from types import FrameType
from typing import Any

from celery.beat import Service
from celery.worker import WorkController
from django.core.wsgi import get_wsgi_application
from django.db import connections
from gunicorn.app.base import BaseApplication

from plunk.celery import app as celery_app
from plunk.draining import announce_stop
from plunk.lifecycle import opening
from plunk.running.patience import PatientWorker
from plunk.running.scheduling import Scheduler
from plunk.running.serving import HEADER_BYTES, STOP_SECONDS, Logger

logger = logging.getLogger(__name__)

_WEB_THREADS = 24
_TASK_THREADS = 4


class Background:
    """Celery's worker and scheduler as threads of this process."""

    def __init__(self) -> None:
        self._is_stopping = False
        self._worker = WorkController(
            app=celery_app,
            hostname=f"embedded@{os.getpid()}",
            pool="threads",
            concurrency=_TASK_THREADS,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        )
        # The schedule is in the settings; a file of it would only be a second truth.
        self._beat = Service(celery_app, scheduler_cls=Scheduler)
        self._doors: list[Callable[[], None]] = []

    def start(self) -> None:
        """Start both threads, and open the doors beside the web's."""
        for name, run in (("worker", self._worker.start), ("beat", self._beat.start)):
            Thread(target=self._watch, args=(name, run), name=name, daemon=True).start()
        # The first heartbeat comes at once, not after its interval: /ready reads it.
        celery_app.send_task("plunk.api.tasks.beat")
        for receiver, answer in opening.send_robust(sender=None):
            if isinstance(answer, Exception):
                logger.error(
                    "a door stays closed",
                    extra={"receiver": repr(receiver)},
                    exc_info=answer,
                )
            elif answer is not None:
                self._doors.append(answer)

    def stop(self) -> None:
        """Let what is in flight finish, then return; nothing new is begun."""
        self._is_stopping = True
        # What comes in last still finds a worker that is told of it.
        for close in self._doors:
            close()
        announce_stop()
        self._beat.stop()
        self._worker.stop()

    def _watch(self, name: str, run: Callable[[], None]) -> None:
        """Run a part, and leave this process if it ends before its time.

        gunicorn's master puts a new process in its place, with all of its parts.
        """
        run()
        if not self._is_stopping:
            logger.critical("a part of the process has ended", extra={"part": name})
            os.kill(os.getpid(), signal.SIGTERM)


class EmbeddedWorker(PatientWorker):
    """gunicorn's threaded worker with Celery beside it.

    Told to stop, it serves on until Celery is done: mail in flight goes to the
    simulator, which is a page of this very process.
    """

    background: Background | None = None
    is_stopping = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if not self.is_stopping:
            self.is_stopping = True
            Thread(target=self._wind_down, name="wind-down", daemon=True).start()

    # Ctrl-C reaches the whole process group and means the same as SIGTERM.
    handle_quit = handle_exit

    def _wind_down(self) -> None:
        try:
            if self.background is not None:
                self.background.stop()
        finally:
            super().handle_exit(signal.SIGTERM, None)


def _start_background(worker: EmbeddedWorker) -> None:
    worker.background = Background()
    worker.background.start()


class EmbeddedServer(BaseApplication):  # type: ignore[misc]
    """gunicorn, told by us instead of by a command line."""

    def __init__(self, *, host: str, port: int, announce: Callable[[], None]) -> None:
        self.options: dict[str, Any] = {
            "bind": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
            "workers": 1,
            "worker_class": EmbeddedWorker,
            "threads": _WEB_THREADS,
            "graceful_timeout": STOP_SECONDS,
            "timeout": 60,
            "keepalive": 5,
            "logger_class": Logger,
            "loglevel": "warning",
            "control_socket_disable": True,
            "limit_request_fields": 64,
            "limit_request_field_size": HEADER_BYTES,
            "when_ready": lambda arbiter: announce(),
            "post_worker_init": _start_background,
        }
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return get_wsgi_application()


def serve(*, host: str, port: int, announce: Callable[[], None]) -> None:
    """Serve until told to stop; `announce` is called once the address is open.

    Never returns: gunicorn ends the process with its exit status.
    """
    # A connection cannot be shared with the process that gunicorn forks.
    connections.close_all()
    # They have just been run by the command that calls this.
    os.environ["CELERY_SKIP_CHECKS"] = "1"
    EmbeddedServer(host=host, port=port, announce=announce).run()
