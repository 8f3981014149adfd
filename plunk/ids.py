"""Identifiers: UUID version 7, which sort by the time they were made."""

from __future__ import annotations

import uuid

import uuid_utils
from uuid_utils.compat import uuid7


def new_id() -> uuid.UUID:
    """Return a new UUIDv7 (RFC 9562)."""
    return uuid7()


def new_id_text() -> str:
    """Return a new UUIDv7 as text, for statements that take a hundred thousand."""
    return str(uuid_utils.uuid7())
