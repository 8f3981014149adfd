"""A real server with both doors, and clients that talk to it."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from plunk.projects.creating import NewProject
from transactional.smtp.certificates import Certificates, Source
from transactional.smtp.options import Options
from transactional.smtp.server import Running, Server


@dataclass
class Door:
    """A running server, and how clients come in."""

    server: Server
    key: str

    def trusting(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context

    def secure(self) -> smtplib.SMTP_SSL:
        """Connect to the port with TLS from the start, as nobody yet."""
        port = self.server.secure_port
        return smtplib.SMTP_SSL("127.0.0.1", port, context=self.trusting(), timeout=20)

    def plain(self) -> smtplib.SMTP:
        """Connect to the port with STARTTLS, without it yet."""
        return smtplib.SMTP("127.0.0.1", self.server.submission_port, timeout=20)

    @contextmanager
    def client(self, *, port: int = 465, key: str = "") -> Iterator[smtplib.SMTP]:
        """Connect and log in, by the door of a standard port."""
        with self.secure() if port == 465 else self.plain() as client:
            if port == 587:
                client.starttls(context=self.trusting())
            client.login("plunk", key or self.key)
            yield client


Open = Callable[..., AbstractContextManager[Door]]


@pytest.fixture
def opened(tmp_path: Path, new_project: NewProject) -> Open:
    """Run a server with some options, and stop it."""

    @contextmanager
    def _opened(**options: Any) -> Iterator[Door]:
        chosen = {"failure_seconds": 0.05, "threads": 2, **options}
        folder = chosen.pop("folder", None)
        source = Source("localhost", folder, chosen.pop("acme_json", None), tmp_path)
        running = Running(Server(Options(**chosen), Certificates(source)))
        running.start()
        try:
            yield Door(running.server, new_project.secret.value)
        finally:
            running.stop()

    return _opened


@pytest.fixture
def door(opened: Open) -> Iterator[Door]:
    with opened() as it:
        yield it


@pytest.fixture(params=[465, 587])
def port(request: pytest.FixtureRequest) -> int:
    """Let a test run through both doors."""
    return int(request.param)
