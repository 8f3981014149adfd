"""Lists of the current generation: pages by cursor, or by number where a client counts.

A cursor is the place of the last row in the order of the list. It is signed together
with the list, the project and the order that it was made for, so that one of another
list, of another project or of one's own invention is an error and never a place.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import orjson
from django.core import signing
from django.db.models import Model, Q, QuerySet

from plunk.api.errors import FieldError, Invalid, invalid
from plunk.pages.paging import Cursor, newer, older

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
#: How many rows a page by number may skip: the database reads every one of them.
MAX_SKIPPED = 100_000
_MAX_CURSOR = 1000
_NUMBER = re.compile(r"[0-9]+(?:e\+?[0-9]+)?", re.IGNORECASE | re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class Order:
    """What a list is sorted by: a column of times or of texts, then the id."""

    name: str
    column: str
    is_descending: bool
    is_time: bool = True

    @property
    def columns(self) -> tuple[str, str]:
        sign = "-" if self.is_descending else ""
        return f"{sign}{self.column}", f"{sign}id"

    def after(self, rows: QuerySet[M], value: Any, pk: UUID) -> QuerySet[M]:
        """Return what comes after the row of this value and id."""
        if self.is_time:
            step = older if self.is_descending else newer
            return step(rows, Cursor(value, pk), by=self.column)
        sign = "lt" if self.is_descending else "gt"
        # The first condition alone is a range of an index on the column.
        return rows.filter(
            Q((f"{self.column}__{sign}e", value)),
            Q((f"{self.column}__{sign}", value)) | Q((f"id__{sign}", pk)),
        )


@dataclass(frozen=True, slots=True)
class List:
    """One list of a project: its name, and the orders it can be had in.

    `orders` names the columns that `sort` may name, the default first; `times` says
    which of them hold times.
    """

    name: str
    project_id: UUID
    orders: Mapping[str, str]
    times: frozenset[str] = frozenset({"created_at", "updated_at"})

    def order(self, query: Mapping[str, str]) -> Order:
        """Read `sort` and `dir`; what is unknown is the default (newest first)."""
        name = query.get("sort", "")
        if name not in self.orders:
            name = next(iter(self.orders))
        column = self.orders[name]
        is_descending = query.get("dir", "").lower() != "asc"
        return Order(name, column, is_descending, is_time=column in self.times)

    def _signer(self, order: Order) -> signing.Signer:
        way = "desc" if order.is_descending else "asc"
        place = f"{self.name}.{self.project_id}.{order.name}.{way}"
        return signing.Signer(sep=".", salt=f"plunk.api.lists.{place}")

    def cursor_at(self, row: Any, order: Order) -> str:
        """Return the cursor after a row."""
        value = getattr(row, order.column)
        if order.is_time:
            value = (value - _EPOCH) // timedelta(microseconds=1)
        packed = base64.urlsafe_b64encode(orjson.dumps([value, row.pk.hex]))
        return self._signer(order).sign(packed.decode().rstrip("="))

    def read_cursor(self, text: str, order: Order) -> tuple[Any, UUID]:
        """Return the value and id that a cursor of this list stands for."""
        if len(text) > _MAX_CURSOR or not text.isascii():
            raise _bad_cursor()
        try:
            packed = self._signer(order).unsign(text)
        except signing.BadSignature:
            raise _bad_cursor() from None
        value, pk = orjson.loads(base64.urlsafe_b64decode(packed + "=" * 3))
        if order.is_time:
            value = _EPOCH + timedelta(microseconds=value)
        return value, UUID(pk)


def cursor_page(
    of: List,
    rows: QuerySet[M],
    *,
    query: Mapping[str, str],
    item: Callable[[M], Any],
    total: Callable[[], int | None],
    maximum: int = MAX_LIMIT,
) -> dict[str, Any]:
    """Return the page of `rows` that a query asks for, in the list's envelope.

    `total` is asked on the first page only, because it may cost more than the page;
    None is for what is too much to count. Raises Invalid for a bad `limit` or `cursor`.
    """
    limit, cursor = read_limit(query, maximum=maximum), query.get("cursor", "")
    order = of.order(query)
    if cursor:
        rows = order.after(rows, *of.read_cursor(cursor, order))
    found = list(rows.order_by(*order.columns)[: limit + 1])
    has_more = len(found) > limit
    following = of.cursor_at(found[limit - 1], order) if has_more else None
    body = envelope([item(row) for row in found[:limit]], following)
    if not cursor and (count := total() if has_more else len(found)) is not None:
        body["total"] = count
    return body


def numbered_page(
    of: List,
    rows: QuerySet[M],
    *,
    query: Mapping[str, str],
    item: Callable[[M], Any],
    total: Callable[[], int | None],
) -> dict[str, Any]:
    """Return a page by `page` and `pageSize`, counted from 1, in the same envelope.

    The cursor in it leads on without numbers. Raises Invalid for bad numbers.
    """
    number = _read_number(query, "page", default=1, maximum=10**12)
    size = read_limit(query, "pageSize")
    skipped = (number - 1) * size
    if skipped > MAX_SKIPPED:
        raise invalid(
            "page", f"Is beyond row {MAX_SKIPPED:,}: go on by cursor.", "too_big"
        )
    order = of.order(query)
    found = list(rows.order_by(*order.columns)[skipped : skipped + size + 1])
    has_more = len(found) > size
    following = of.cursor_at(found[size - 1], order) if has_more else None
    body = envelope([item(row) for row in found[:size]], following)
    body |= {"page": number, "pageSize": size}
    count = total() if has_more or not found else skipped + len(found)
    if count is not None:
        body |= {"total": count, "totalPages": -(-count // size)}
    return body


def is_numbered(query: Mapping[str, str]) -> bool:
    """Say whether a query asks for a page by its number."""
    return "page" in query or "pageSize" in query


def envelope(items: list[Any], cursor: str | None) -> dict[str, Any]:
    """Return a page under the names that the clients of both documentations read."""
    return {
        "data": items,
        "items": items,
        "hasMore": cursor is not None,
        "nextCursor": cursor,
        "cursor": cursor,
    }


def read_limit(
    query: Mapping[str, str],
    name: str = "limit",
    *,
    default: int = DEFAULT_LIMIT,
    maximum: int = MAX_LIMIT,
) -> int:
    """Return how many rows a query asks for; more than there may be is the maximum."""
    return _read_number(query, name, default=default, maximum=maximum)


def _read_number(
    query: Mapping[str, str], name: str, *, default: int, maximum: int
) -> int:
    text = query.get(name, "").strip()
    if not text:
        return default
    number = float(text) if _NUMBER.fullmatch(text) else 0.0
    if number < 1:
        raise invalid(name, "Expected a whole number from 1.", "invalid_number")
    return int(min(number, maximum))


def read_switch(query: Mapping[str, str], name: str) -> bool | None:
    """Return a `true` or `false` of a query; None where it is absent."""
    text = query.get(name, "").lower()
    if not text:
        return None
    if text not in {"true", "false"}:
        raise Invalid([FieldError(name, "Expected true or false.", "invalid_type")])
    return text == "true"


def _bad_cursor() -> Invalid:
    return invalid(
        "cursor", "Is not a cursor of this list in this order.", "invalid_cursor"
    )
