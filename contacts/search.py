"""Contacts found by a piece of their address, however many there are.

On PostgreSQL an index of the pieces of three characters (pg_trgm) answers, and one of
beginnings for less than three. The first is made by a migration, which cannot do so
where the database's owner may not create the extension: there, all that is searched
for is looked for at the beginning.
"""

from __future__ import annotations

from threading import Event

import idna
from django.db import connection
from django.db.models import QuerySet

from contacts.models import Contact
from plunk.postgresql import is_postgresql

#: The index of pieces, and the one of beginnings that stands in for it; they are made
#: by contacts/migrations/0005_search.py and 0012_beginnings_of_addresses.py.
FRAGMENT_INDEX = "contact_email_fragment"
PREFIX_INDEX = "contact_email_prefix"
#: An address is no longer than this, nor any piece of one.
_MAX_LENGTH = 254
#: A shorter piece is in far too many addresses to be a search for what is inside them.
_MIN_INSIDE = 3
_fragment_index_seen = Event()


def search(rows: QuerySet[Contact], text: str) -> QuerySet[Contact]:
    """Keep the contacts that have `text` somewhere in their address, in any case.

    One or two characters are looked for at the beginning of the address, or of its
    domain where the first of them is an `@`. Every character stands for itself: there
    are no wildcards. Spaces around `text` do not count, and an empty one keeps all;
    what no address can contain keeps none.
    """
    fragment = _as_stored(text.strip())
    if fragment is None:
        return rows.none()
    if not fragment:
        return rows
    is_inside = len(fragment) >= _MIN_INSIDE or fragment.startswith("@")
    if is_inside and searches_inside():
        return rows.filter(email__contains=fragment)
    return rows.filter(email__startswith=fragment)


def searches_inside() -> bool:
    """Say whether the database finds a piece in the middle of an address."""
    return not is_postgresql() or has_fragment_index()


def has_fragment_index() -> bool:
    """Say whether PostgreSQL has its index of pieces, ready for use.

    Its absence is not remembered: an operator may make it while we run.
    """
    if not _fragment_index_seen.is_set() and has_index(FRAGMENT_INDEX):
        _fragment_index_seen.set()
    return _fragment_index_seen.is_set()


def has_index(name: str) -> bool:
    """Say whether PostgreSQL has an index of this name that is complete."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(%s) AND indisvalid",
            [name],
        )
        return cursor.fetchone() is not None


def _as_stored(text: str) -> str | None:
    """Write a piece the way it stands in stored addresses; None if it never does."""
    if len(text) > _MAX_LENGTH or "\x00" in text:
        return None
    if not text.isascii():
        local, at, domain = text.rpartition("@")
        try:
            text = local + at + idna.encode(domain, uts46=True).decode()
        except (idna.IDNAError, UnicodeError):
            return None
    return text.lower() if text.isascii() else None
