"""Statements that only PostgreSQL understands, sent without the ORM between.

A cursor of psycopg's own binds on the server and prepares what it sees often: a third
of the time of the same statement through Django's. Each caller has a portable twin.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import psycopg
from django.db import OperationalError, connection

_Result = TypeVar("_Result")


def is_postgresql() -> bool:
    """Say whether the default database is PostgreSQL."""
    return connection.vendor == "postgresql"


def fetch_all(
    sql: str, params: dict[str, Any], *, replan: bool = False
) -> list[tuple[Any, ...]]:
    """Run one statement within the open transaction, if any, and return its rows.

    `replan` is for one whose best plan changes with the size of a table. Raises what
    Django raises for a database in trouble.
    """
    connection.ensure_connection()
    native: psycopg.Connection[tuple[Any, ...]] = connection.connection
    with connection.wrap_database_errors, psycopg.Cursor(native) as cursor:
        cursor.execute(sql.encode(), params, prepare=False if replan else None)
        return cursor.fetchall() if cursor.description else []


def copy_in(sql: str, content: bytes) -> None:
    """Send rows to a `COPY … FROM STDIN`, in the format that the statement names."""
    connection.ensure_connection()
    native: psycopg.Connection[tuple[Any, ...]] = connection.connection
    with (
        connection.wrap_database_errors,
        psycopg.Cursor(native) as cursor,
        cursor.copy(sql.encode()) as copy,
    ):
        copy.write(content)


def past_deadlocks(work: Callable[[], _Result]) -> _Result:
    """Do `work`, which is one transaction, again where it was chosen to end a deadlock.

    Two more times at most; within a transaction, which the deadlock has ended, never.
    """
    for _ in range(2):
        try:
            return work()
        except OperationalError as error:
            is_deadlock = isinstance(error.__cause__, psycopg.errors.DeadlockDetected)
            if not is_deadlock or connection.in_atomic_block:
                raise
    return work()
