"""Run the SES simulator as a process of its own."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import environ
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.core.wsgi import get_wsgi_application
from django.db import connection
from gunicorn.app.base import BaseApplication

from plunk.private import make_private_file
from plunk.simulator import feedback
from plunk.simulator.certificates import ensure_certificate


class Command(BaseCommand):
    help = "Run the SES simulator alone, with a DATA_DIR and an SQLite file of its own."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8100)
        parser.add_argument("--threads", type=int, default=16)
        parser.add_argument(
            "--log", default="", help="Append one JSON line for every send call."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if connection.vendor != "sqlite":
            raise CommandError(
                "The simulator keeps an SQLite file: start it without DATABASE_URL."
            )
        _configure(options)
        make_private_file(Path(connection.settings_dict["NAME"]))
        call_command("migrate", "simulator", verbosity=0, interactive=False)
        certificate = ensure_certificate()
        feedback.reclaim()
        # The server's process opens its own; SQLite's must not cross a fork.
        connection.close()
        url = settings.SIMULATOR_URL
        self.stdout.write(
            f"SES simulator at {url}\nfeedback to {settings.SIMULATOR_FEEDBACK_URL}\n"
            f"SNS_TRUSTED_CERTIFICATES={url}/SimpleNotificationService.pem="
            f"{certificate}"
        )
        self.stdout.flush()
        Server(options).run()


def _configure(options: dict[str, Any]) -> None:
    """Turn this process into a simulator: its doors only, its control open."""
    settings.ROOT_URLCONF = "plunk.simulator.standalone_urls"
    settings.MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
    settings.ALLOWED_HOSTS = ["*"]
    # Its installation has another secret, and the keys that it was given.
    env = environ.FileAwareEnv()
    settings.AWS_ACCESS_KEY_ID = env.str("AWS_ACCESS_KEY_ID", default="") or "simulator"
    settings.SIMULATOR_LOG = (
        str(Path(options["log"]).resolve()) if options["log"] else ""
    )
    if "SIMULATOR_URL" not in os.environ:
        settings.SIMULATOR_URL = f"http://127.0.0.1:{options['port']}/simulator"
    if "SIMULATOR_CONTROL" not in os.environ:
        settings.SIMULATOR_CONTROL = True


class Server(BaseApplication):  # type: ignore[misc]
    """One process with threads: the control's switches are this process's."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        chosen = {
            "bind": f"{self._options['host']}:{self._options['port']}",
            "workers": 1,
            "worker_class": "gthread",
            "threads": self._options["threads"],
            "worker_connections": 2000,
            "keepalive": 75,
            "timeout": 0,
            "graceful_timeout": 5,
            "loglevel": "warning",
            "control_socket_disable": True,
            "post_worker_init": lambda _worker: feedback.start(),
            "worker_exit": lambda _server, _worker: feedback.stop(),
        }
        for name, value in chosen.items():
            self.cfg.set(name, value)

    def load(self) -> WSGIHandler:
        return get_wsgi_application()
