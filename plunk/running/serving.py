"""gunicorn's configuration where it runs as a process of its own.

Used as `gunicorn --config python:plunk.running.serving plunk.wsgi`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from gunicorn import glogging

from plunk.logs import configure_logging

#: The longest header: who says what it is in 64 KiB still clicked a link in a mail.
HEADER_BYTES = 72 * 1024
#: How long anything that was told to stop may take to finish what it has begun.
STOP_SECONDS = 25


class Logger(glogging.Logger):  # type: ignore[misc]
    """Let gunicorn's lines go where, and look how, all others do."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers = []
        self.error_log.propagate = True
        self.error_log.setLevel(self.loglevel)

    def access(self, *args: Any, **kwargs: Any) -> None:
        """Leave the line for each request to our own middleware."""


def on_starting(server: Any) -> None:
    """Set logging up in gunicorn's master too, which never loads the settings."""
    configure_logging(
        level=os.environ.get("LOG_LEVEL", "INFO").upper(),
        style=os.environ.get("LOG_FORMAT", "json"),
    )


logger_class = Logger
bind = f"{os.environ.get('BIND_HOST', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"
worker_class = "plunk.running.patience.PatientWorker"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = int(os.environ.get("WEB_THREADS", "8"))
# Every process opens its own connections and threads.
preload_app = False
graceful_timeout = STOP_SECONDS
timeout = 60
keepalive = 5
# The heartbeat file of a worker must not wait for a disk.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
# A full set of headers is some 4 KiB; more is an accident or an attack.
limit_request_line = 8190
limit_request_fields = 64
limit_request_field_size = HEADER_BYTES
control_socket_disable = True
