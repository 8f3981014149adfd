"""Statements that only PostgreSQL understands, sent without the ORM between.

A cursor of psycopg's own binds on the server and prepares what it sees often: a third
of the time of the same statement through Django's. Each caller has a portable twin.
"""

from __future__ import annotations

from typing import Any

import psycopg
from django.db import connection


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
