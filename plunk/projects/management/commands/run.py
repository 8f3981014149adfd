"""Start the installation, all of it or one of its roles.

It lives with the other commands of `plunk.projects`, the lowest app: the first start
makes the first user and project, and an operator finds all commands in one place.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from plunk.logs import configure_logging
from plunk.running import announcing, preparing
from plunk.running.demo import ensure_demo
from plunk.running.supervising import ROLES, become, supervise


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65_536:
        raise ArgumentTypeError("a port is a number from 1 to 65535")
    return int(text)


class Command(BaseCommand):
    help = "Start Plunk: in one process, or with REDIS_URL in one for each role."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", help="Address to listen on (BIND_HOST).")
        parser.add_argument("--port", type=_port, help="Port to listen on (PORT).")
        parser.add_argument(
            "--only",
            choices=sorted(ROLES),
            help="Run one role of a full installation, once the database is migrated.",
        )
        parser.add_argument(
            "--wait",
            type=float,
            default=60.0,
            metavar="SECONDS",
            help="How long the database may take to answer (default: 60).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        _take_address(host=options["host"], port=options["port"])
        _choose_log_style()
        try:
            if options["only"]:
                _run_one(options["only"], wait=options["wait"])
            else:
                self._run_all(wait=options["wait"])
        except preparing.NotReady as error:
            raise CommandError(str(error)) from error

    def _run_all(self, *, wait: float) -> None:
        _refuse_taken_port()
        preparing.wait_for_database(seconds=wait)
        preparing.prepare()
        text = (
            announcing.welcome(ensure_demo(), smtp=_smtp())
            if settings.USES_SIMULATOR
            else announcing.greeting()
        )
        if settings.IS_EMBEDDED:
            # Loaded here only: a full installation needs none of it.
            from plunk.running.embedded import serve

            serve(host=_host(), port=settings.PORT, announce=lambda: self._say(text))
        self._say(text)
        connections.close_all()
        ended = supervise(
            {
                role: words
                for role, words in ROLES.items()
                if role != "smtp" or settings.SMTP_ENABLED
            }
        )
        if ended:
            raise CommandError(f"The {ended} process ended by itself; all are stopped.")

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def _run_one(role: str, *, wait: float) -> None:
    if settings.IS_EMBEDDED:
        raise CommandError(
            "One role alone needs a broker that others reach: set REDIS_URL, "
            "or run everything in one process without --only."
        )
    if not (os.environ.get("JWT_SECRET") or os.environ.get("JWT_SECRET_FILE")):
        raise CommandError(
            "Set JWT_SECRET: roles that each make a secret of their own would not "
            "understand each other's links and sessions."
        )
    if role == "web":
        _refuse_taken_port()
    preparing.wait_for_database(seconds=wait)
    preparing.wait_for_migrations(seconds=wait)
    if role == "web":
        preparing.collect_static()
    connections.close_all()
    become(role)


def _take_address(*, host: str | None, port: int | None) -> None:
    """Put the address into the environment, from which the settings were read.

    A port other than theirs is part of several of them: start again to read it anew.
    """
    if host:
        os.environ["BIND_HOST"] = host
    if port and port != settings.PORT:
        os.environ["PORT"] = str(port)
        connections.close_all()
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606


def _choose_log_style() -> None:
    """Write lines for people where a person is watching and nothing else was asked."""
    if "LOG_FORMAT" not in os.environ and sys.stderr.isatty():
        os.environ["LOG_FORMAT"] = "console"
        configure_logging(level=settings.LOG_LEVEL, style="console")


def _host() -> str:
    return os.environ.get("BIND_HOST", "127.0.0.1")


def _refuse_taken_port() -> None:
    """Say at once that somebody else has the port, before anything is prepared."""
    try:
        _try_port(_host(), settings.PORT)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CommandError(
                f"Port {settings.PORT} is taken by another program. "
                f"Choose another: make run PORT={settings.PORT + 1}"
            ) from error
        raise CommandError(
            f"Cannot listen on {_host()} port {settings.PORT}: {error.strerror}."
        ) from error


def _smtp() -> str:
    """Return what the welcome says about mail by SMTP: where, or why not."""
    if not settings.SMTP_ENABLED:
        return "off (SMTP_ENABLED)"
    ports = (settings.SMTP_PORT_SECURE, settings.SMTP_PORT_SUBMISSION)
    for port in ports:
        try:
            _try_port(settings.SMTP_HOST, port)
        except OSError as error:
            return f"off: port {port}: {error.strerror}"
    return (
        f"{settings.SMTP_HOST}, port {ports[0]} (TLS) or {ports[1]} (STARTTLS), "
        "user plunk, password the secret key"
    )


def _try_port(host: str, port: int) -> None:
    """Raise OSError where nothing can listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
