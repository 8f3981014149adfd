"""A database of its own for tests that start processes: they see what is committed."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from redis import Redis


@pytest.fixture
def full(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Return what makes an installation a full one, with an empty database.

    One test at a time: two installations must not share a broker's queue.
    """
    server, broker = os.environ.get("DATABASE_URL", ""), os.environ.get("REDIS_URL", "")
    if not server.startswith("postgres") or not broker:
        pytest.skip("needs PostgreSQL and Redis")
    name = f"plunk_processes_{uuid.uuid4().hex[:12]}"
    with Redis.from_url(broker) as client, client.lock("plunk-tests", timeout=300):
        client.delete("celery")
        server = f"{server.rpartition('/')[0]}/postgres"
        _execute(server, "CREATE DATABASE {}", name)
        try:
            yield {
                "DATABASE_URL": f"{server.rpartition('/')[0]}/{name}",
                "REDIS_URL": broker,
                "DATA_DIR": str(tmp_path / "data"),
                "JWT_SECRET": "a secret of the tests, long enough, 0123456789 abcdef",
                "WEB_CONCURRENCY": "1",
                "WORKER_CONCURRENCY": "2",
                # Any that are free.
                "SMTP_PORT_SECURE": "0",
                "SMTP_PORT_SUBMISSION": "0",
            }
        finally:
            _execute(server, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def _execute(server: str, statement: str, name: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
