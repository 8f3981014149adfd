from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import ip_network
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from tests.outbound.receiver import Receiver
from tests.transactional.domains.nameserver import NameServer

Serve = Callable[..., Receiver]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers that end with the test."""
    servers: list[Receiver] = []

    def start(*given: Any, **named: Any) -> Receiver:
        servers.append(Receiver(*given, **named))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def nameserver(settings: Settings) -> Iterator[NameServer]:
    """A name server that is the only one anybody asks."""
    server = NameServer()
    settings.DNS_SERVERS = [("127.0.0.1", server.port)]
    yield server
    server.stop()


@pytest.fixture
def loopback_allowed(settings: Settings) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("127.0.0.1/32")]
