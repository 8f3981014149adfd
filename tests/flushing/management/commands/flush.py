"""Empty the tables between two tests that commit, in a hundredth of the usual time.

Django truncates every table: on PostgreSQL a new file for each of them and each of
their indexes, half a second even where two tables had a row. Here only the tables that
have rows are emptied, and what Django makes anew after each flush (content types and
permissions, the same for ever) stays.
"""

from __future__ import annotations

from typing import Any

from django.core.management.commands.flush import Command as DjangoFlush
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

#: Made once by `migrate`; nothing but a migration changes them.
_KEPT = {"django_migrations", "django_content_type", "auth_permission"}
#: Emptying may write rows itself (the triggers of the tallies do), and again.
_MOST_ROUNDS = 5


class Command(DjangoFlush):
    def handle(self, **options: Any) -> None:
        connection = connections[options["database"]]
        if options["interactive"] or options.get("reset_sequences", True):
            super().handle(**options)
        else:
            empty(connection)


def empty(connection: BaseDatabaseWrapper) -> None:
    """Delete every row of every table but the kept ones."""
    is_postgres = connection.vendor == "postgresql"
    tables = sorted(set(connection.introspection.django_table_names()) - _KEPT)
    with (
        connection.constraint_checks_disabled(),
        transaction.atomic(connection.alias),
        connection.cursor() as cursor,
    ):
        if is_postgres:
            _own(cursor, tables)
        for _ in range(_MOST_ROUNDS):
            full = _with_rows(cursor, tables)
            for table in full:
                cursor.execute(f'DELETE FROM "{table}"')
            if not full:
                return
    raise RuntimeError(f"These tables are filled as they are emptied: {full}.")


def _own(cursor: CursorWrapper, tables: list[str]) -> None:
    """Wait for whoever still writes, as TRUNCATE would; look at no foreign key."""
    names = ", ".join(f'"{table}"' for table in tables)
    cursor.execute(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE")
    cursor.execute("SET LOCAL session_replication_role = replica")


def _with_rows(cursor: CursorWrapper, tables: list[str]) -> list[str]:
    """Return the tables that have a row, by one statement."""
    cursor.execute(
        " UNION ALL ".join(
            f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM \"{table}\")"
            for table in tables
        )
    )
    return [name for (name,) in cursor.fetchall()]
