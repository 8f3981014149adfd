"""Identifiers: UUID version 7, which sort by the time they were made."""

from __future__ import annotations

import re
import uuid

import uuid_utils
from uuid_utils.compat import uuid7


def new_id() -> uuid.UUID:
    """Return a new UUIDv7 (RFC 9562)."""
    return uuid7()


def new_id_text() -> str:
    """Return a new UUIDv7 as text, for statements that take a hundred thousand."""
    return str(uuid_utils.uuid7())


_WRITTEN = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)


def read_id(text: str) -> uuid.UUID | None:
    """Read an id in its usual spelling, in any case; None for anything else."""
    return uuid.UUID(text) if _WRITTEN.fullmatch(text) else None
