"""What is to be written of a chunk of people, and what became of it.

Both databases do the same: `postgres.py` sends a chunk as one COPY and two statements,
`portable.py` does it with the ORM.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from contacts.importing.mapping import Options
from contacts.importing.rows import Incoming
from plunk.postgresql import is_postgresql

TOO_BIG = "With this row, the contact would have more than 256 KiB of data."


@dataclass(frozen=True, slots=True)
class Order:
    """How one import treats people, the same for all its chunks."""

    project_id: UUID
    job_id: UUID
    options: Options
    #: Whether new contacts are asked to confirm before they count as subscribed.
    asks: bool
    #: Whether new ones count as having confirmed.
    confirms: bool


@dataclass(slots=True)
class Outcome:
    """What became of the people of a chunk; a dry run says what would."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    #: People whom an earlier chunk had met.
    duplicates: int = 0
    #: Addresses whose contact would have too much data.
    too_big: list[str] = field(default_factory=list)
    #: Contacts who are to be asked to confirm.
    to_ask: list[UUID] = field(default_factory=list)
    to_subscribe: list[UUID] = field(default_factory=list)
    to_unsubscribe: list[UUID] = field(default_factory=list)


class Writer(Protocol):
    """Writes chunks of up to `chunk_rows` rows for one database."""

    chunk_rows: int

    def prepare(self, people: dict[str, Incoming]) -> Any:
        """Do what needs no database, in whatever thread."""

    def write(self, order: Order, people: dict[str, Incoming], ready: Any) -> Outcome:
        """Write a chunk within the open transaction, all but flips of consent."""

    def try_out(self, order: Order, people: dict[str, Incoming], ready: Any) -> Outcome:
        """Say what `write` would do; only remembers whom it has met."""


def writer() -> Writer:
    """Return the writer for the installation's database."""
    if is_postgresql():
        from contacts.importing.postgres import PostgresWriter

        return PostgresWriter()
    from contacts.importing.portable import PortableWriter

    return PortableWriter()
