"""Pages of a table in an order that an index keeps, by place and without counting.

The order is nearly always (created_at, id), newest first.
"""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from django.db.models import DateTimeField, Model, Q, QuerySet, Value
from django.db.models.sql.compiler import SQLCompiler

PAGE_SIZE = 50
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: 64 bits of microseconds since 1970, 128 bits of id.
_PACKING = struct.Struct(">q16s")
#: Moments outside of this are nobody's row: years 1970 to 9999.
_LATEST = 253_402_300_799_000_000

M = TypeVar("M", bound=Model)


class Placed(Protocol):
    """Anything that has a place in the order."""

    @property
    def at(self) -> datetime: ...
    @property
    def id(self) -> UUID: ...


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """A place in a list: everything after it is older."""

    at: datetime
    id: UUID

    def __str__(self) -> str:
        micros = (self.at - _EPOCH) // timedelta(microseconds=1)
        packed = _PACKING.pack(micros, self.id.bytes)
        return base64.urlsafe_b64encode(packed).decode()

    @classmethod
    def read(cls, text: str) -> Cursor | None:
        """Read a cursor back; None for anything that never was one."""
        if len(text) != 32 or not text.isascii():
            return None
        try:
            micros, raw = _PACKING.unpack(base64.b64decode(text, b"-_", validate=True))
        except (binascii.Error, struct.error, ValueError):
            return None
        if not 0 <= micros <= _LATEST:
            return None
        return cls(_EPOCH + timedelta(microseconds=micros), UUID(bytes=raw))


class _Spelling(Value):
    """A moment in the first or last of the spellings that SQLite may have of it.

    SQLite compares text: its own clock writes three decimals, Django writes six or
    none, and "…05" is less than "…05.000", which is less than "…05.000000".
    """

    def __init__(self, at: datetime, precisions: tuple[str, ...]) -> None:
        super().__init__(at, output_field=DateTimeField())
        self.precisions = precisions

    def as_sqlite(
        self, compiler: SQLCompiler, connection: Any, **extra: Any
    ) -> tuple[str, tuple[str | int, ...]]:
        at = self.value.astimezone(UTC).replace(tzinfo=None)
        spellings = [at.isoformat(" ", precision) for precision in self.precisions]
        exact = [text for text in spellings if datetime.fromisoformat(text) == at]
        return "%s", (exact[0],)


def first_spelling(at: datetime) -> _Spelling:
    """Return a moment for `column >=` and `column <`, however the column spells it."""
    return _Spelling(at, ("seconds", "milliseconds", "microseconds"))


def last_spelling(at: datetime) -> _Spelling:
    """Return a moment for `column <=` and `column >`, however the column spells it."""
    return _Spelling(at, ("microseconds",))


def older(rows: QuerySet[M], cursor: Cursor, *, by: str = "created_at") -> QuerySet[M]:
    """Return the rows after `cursor` in a list that has the newest first.

    `by` is the column of times that the list is sorted by.
    """
    # The first condition alone is a range of the index on (…, -created_at, -id).
    return rows.filter(
        Q((f"{by}__lte", last_spelling(cursor.at))),
        Q((f"{by}__lt", first_spelling(cursor.at))) | Q(id__lt=cursor.id),
    ).exclude(id=cursor.id)


def newer(rows: QuerySet[M], cursor: Cursor, *, by: str = "created_at") -> QuerySet[M]:
    """Return the rows after `cursor` in a list that has the oldest first."""
    return rows.filter(
        Q((f"{by}__gte", first_spelling(cursor.at))),
        Q((f"{by}__gt", last_spelling(cursor.at))) | Q(id__gt=cursor.id),
    ).exclude(id=cursor.id)


def down_to(rows: QuerySet[M], cursor: Cursor) -> QuerySet[M]:
    """Return the rows of a list, newest first, that are not after `cursor`."""
    return rows.filter(
        Q(created_at__gte=first_spelling(cursor.at)),
        Q(created_at__gt=last_spelling(cursor.at)) | Q(id__gte=cursor.id),
    )


def up_to(rows: QuerySet[M], cursor: Cursor) -> QuerySet[M]:
    """Return the rows of a list, oldest first, that are not after `cursor`."""
    return rows.filter(
        Q(created_at__lte=last_spelling(cursor.at)),
        Q(created_at__lt=first_spelling(cursor.at)) | Q(id__lte=cursor.id),
    )


def since(rows: QuerySet[M], at: datetime) -> QuerySet[M]:
    """Return the rows that were inserted at `at` or later."""
    return rows.filter(created_at__gte=first_spelling(at))


class Order(Protocol):
    """What a list is sorted by."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Return what `order_by` takes; together unique within the list."""

    def place(self, row: Any) -> str:
        """Return the cursor of a row."""

    def after(self, rows: QuerySet[M], cursor: str) -> QuerySet[M] | None:
        """Return the rows after a cursor; None for what never was one."""


@dataclass(frozen=True, slots=True)
class ByTime:
    """The order of a column of times, then of the id."""

    column: str = "created_at"
    is_descending: bool = True

    @property
    def columns(self) -> tuple[str, ...]:
        sign = "-" if self.is_descending else ""
        return f"{sign}{self.column}", f"{sign}id"

    def place(self, row: Any) -> str:
        return str(Cursor(getattr(row, self.column), row.pk))

    def after(self, rows: QuerySet[M], cursor: str) -> QuerySet[M] | None:
        start = Cursor.read(cursor)
        if start is None:
            return None
        return (older if self.is_descending else newer)(rows, start, by=self.column)


#: No column that is sorted by holds longer texts.
_MAX_TEXT = 255


@dataclass(frozen=True, slots=True)
class ByText:
    """The order of a column whose texts are unique within the list."""

    column: str
    is_descending: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        return (f"{'-' if self.is_descending else ''}{self.column}",)

    def place(self, row: Any) -> str:
        text: str = getattr(row, self.column)
        return base64.urlsafe_b64encode(text.encode()).decode()

    def after(self, rows: QuerySet[M], cursor: str) -> QuerySet[M] | None:
        try:
            text = base64.b64decode(cursor, b"-_", validate=True).decode()
        except ValueError:
            return None
        if not text or len(text) > _MAX_TEXT or "\x00" in text:
            return None
        beyond = "lt" if self.is_descending else "gt"
        return rows.filter((f"{self.column}__{beyond}", text))


NEWEST_FIRST = ByTime()


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    rows: list[M]
    next: str | None
    is_first: bool


def page(
    rows: QuerySet[M],
    *,
    cursor: str,
    size: int = PAGE_SIZE,
    order: Order = NEWEST_FIRST,
) -> Page[M]:
    """Return the page of `rows` that begins after `cursor`; the first if it is broken.

    One statement; the row beyond the page says whether there is a next one.
    """
    rest = order.after(rows, cursor) if cursor else None
    start = rows if rest is None else rest
    found = list(start.order_by(*order.columns)[: size + 1])
    return Page(
        rows=found[:size],
        next=order.place(found[size - 1]) if len(found) > size else None,
        is_first=rest is None,
    )
