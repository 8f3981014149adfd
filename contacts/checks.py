"""What an operator is told about the database that contacts are kept in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core import checks
from django.db import DEFAULT_DB_ALIAS

from contacts.search import FRAGMENT_INDEX, PREFIX_INDEX, has_index
from plunk.postgresql import is_postgresql


def check_search(
    *, databases: Sequence[str] | None = None, **_: Any
) -> list[checks.CheckMessage]:
    """Say where addresses are found by their beginnings only, and what helps.

    Runs where a database may be asked, such as `migrate` and `check --database`.
    """
    if DEFAULT_DB_ALIAS not in (databases or ()) or not is_postgresql():
        return []
    # Before the first migration neither is there, and nothing is wrong.
    if has_index(FRAGMENT_INDEX) or not has_index(PREFIX_INDEX):
        return []
    return [
        checks.Warning(
            "Contacts are found by the beginning of their address only, because the "
            "PostgreSQL extension pg_trgm is not there.",
            hint="Let a superuser run CREATE EXTENSION pg_trgm in this database, then "
            f"CREATE INDEX CONCURRENTLY {FRAGMENT_INDEX} ON contacts_contact USING "
            "gin (email gin_trgm_ops). Nothing has to be restarted.",
            id="contacts.W001",
        )
    ]
