"""A PostgreSQL database that is made for a run and dropped after it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from tests.stack.processes import cpu_seconds

#: The server, as for the tests; the harness makes databases of its own in it.
SERVER = os.environ.get(
    "TEST_DATABASE_URL", "postgres://postgres@127.0.0.1:5432/postgres"
)
_MARK = "made by the test harness, which may drop it at any time"


class NotOurs(Exception):
    """Something is there that the harness did not make."""


class Database:
    """A database of the harness's own."""

    def __init__(self, name: str, server: str = SERVER) -> None:
        self.name = name
        self.url = urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
        self.connection = psycopg.connect(self.url, autocommit=True)

    def reconnect(self) -> None:
        """Connect again after the server was away."""
        self.connection.close()
        self.connection = psycopg.connect(self.url, autocommit=True)

    def rows(self, statement: str, params: Sequence[Any] = ()) -> list[Any]:
        """Run a statement and return its rows."""
        cursor = self.connection.execute(statement.encode(), params or None)
        return cursor.fetchall() if cursor.description else []

    def value(self, statement: str, params: Sequence[Any] = ()) -> Any:
        """Run a statement and return its first value."""
        return self.rows(statement, params)[0][0]

    def backends(self) -> list[int]:
        """Return the processes that serve this database, all but our own."""
        return [
            pid
            for (pid,) in self.rows(
                "SELECT pid FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        ]

    def cpu_seconds(self) -> float | None:
        """Return the processor time of the backends, None if they are elsewhere."""
        pids = [pid for pid in self.backends() if _is_postgres(pid)]
        return sum(map(cpu_seconds, pids)) if pids else None

    def disconnect_all(self) -> int:
        """End every other connection, as a failover does; return how many."""
        return int(
            self.value(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )


@contextmanager
def database(name: str, server: str = SERVER) -> Iterator[Database]:
    """Make an empty database for the time of the block.

    Raises NotOurs where one of that name is there that no harness has made, or another
    run of the harness is using it.
    """
    with psycopg.connect(server, autocommit=True) as connection:
        _lock(connection, name)
        _drop(connection, name)
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        connection.execute(
            sql.SQL("COMMENT ON DATABASE {} IS {}").format(
                sql.Identifier(name), sql.Literal(_MARK)
            )
        )
        made = Database(name, server)
        try:
            yield made
        finally:
            made.connection.close()
            _remove(connection, server, name)


def _lock(connection: psycopg.Connection[Any], name: str) -> None:
    """Keep a second run away for as long as the connection lives."""
    found = connection.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [name])
    if not (found.fetchone() or (False,))[0]:
        raise NotOurs(f"another run is using the database {name}")


def _remove(connection: psycopg.Connection[Any], server: str, name: str) -> None:
    """Drop the database, over a new connection if ours did not live through a fault."""
    try:
        _drop(connection, name)
    except psycopg.OperationalError:
        with psycopg.connect(server, autocommit=True) as other:
            _drop(other, name)


def _drop(connection: psycopg.Connection[Any], name: str) -> None:
    found = connection.execute(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database"
        " WHERE datname = %s",
        [name],
    ).fetchone()
    if found is None:
        return
    if found[0] != _MARK:
        raise NotOurs(f"there is a database {name} that was not made by this harness")
    connection.execute(
        sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    )


def _is_postgres(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == "postgres"
    except OSError:
        return False
