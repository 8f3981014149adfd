"""Contacts into CSV: streamed in chunks, safe to open in a spreadsheet.

Each chunk is a statement of its own along the index of the contacts list, so that
nothing is open while a slow client reads, and everybody who was there from beginning to
end is in the file once.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from contacts.models import Contact
from contacts.sheets import Sheet, cell
from plunk.pages.paging import Cursor, older

CHUNK = 5_000
#: What says where a contact stands in the order of the file.
_PLACE = ("created_at", "id")
#: Keys with a column of their own; whatever is beyond them comes in one as JSON.
MAX_KEY_COLUMNS = 500
REST = "other_data"
#: What a contact is beside its data, in the order of the file.
FIELDS = (
    *("email", "subscribed", "id", "created_at", "updated_at", "consent_source"),
    *("consent_at", "confirmed_at", "snoozed_until"),
)
DEFAULT_FIELDS = ("email", "subscribed", "created_at")


@dataclass(frozen=True, slots=True)
class Columns:
    """What a file is to have: fields of FIELDS, then keys of the data.

    `keys` of None are all that anybody has.
    """

    fields: tuple[str, ...] = DEFAULT_FIELDS
    keys: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        unknown = set(self.fields).difference(FIELDS)
        if unknown:
            raise ValueError(f"There is no column {sorted(unknown)[0]!r:.100}.")


def stream_csv(
    rows: QuerySet[Contact], columns: Columns | None = None, *, compress: bool = False
) -> Iterator[bytes]:
    """Give out contacts as CSV (UTF-8, a header first), the newest first.

    `rows` is any question without an order; `compress` makes it gzip.
    """
    parts = _csv(rows, columns or Columns())
    return _gzip(parts) if compress else parts


def data_keys(rows: QuerySet[Contact]) -> list[str]:
    """Return every key in the data of these contacts, the first found first.

    Reads all of them, in chunks.
    """
    found: dict[str, None] = {}
    for chunk in _chunks(rows, (*_PLACE, "data")):
        for data in map(itemgetter(-1), chunk):
            if data and not found.keys() >= data.keys():
                found.update(dict.fromkeys(data))
    return list(found)


def file_name(text: str, *, at: datetime, compress: bool) -> str:
    """Return what the file of an export is called: letters, digits and hyphens."""
    bare = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60] or "contacts"
    ending = "csv.gz" if compress else "csv"
    return f"{bare}-{at.astimezone(UTC):%Y-%m-%d}.{ending}"


def _csv(rows: QuerySet[Contact], columns: Columns) -> Iterator[bytes]:
    keys = columns.keys
    has_rest = False
    if keys is None:
        found = data_keys(rows)
        keys, has_rest = tuple(found[:MAX_KEY_COLUMNS]), len(found) > MAX_KEY_COLUMNS
    sheet = Sheet()
    header = [*columns.fields, *keys, *([REST] if has_rest else [])]
    sheet.write([[cell(name) for name in header]])
    names = [*dict.fromkeys([*_PLACE, *columns.fields, "data"])]
    places = [names.index(name) for name in columns.fields]
    write = _row_writer(places, keys, has_rest=has_rest)
    for chunk in _chunks(rows, names):
        sheet.write(map(write, chunk))
        yield sheet.take()
    yield sheet.take()


def _row_writer(
    places: Sequence[int], keys: Sequence[str], *, has_rest: bool
) -> Callable[[tuple[Any, ...]], list[Any]]:
    """Return what makes cells of a row: what stands at `places`, and its data."""
    own = frozenset(keys)

    def write(row: tuple[Any, ...]) -> list[Any]:
        cells = [_field(row[place]) for place in places]
        data = row[-1] or {}
        cells += [cell(data[key]) if key in data else "" for key in keys]
        if has_rest:
            rest = {key: value for key, value in data.items() if key not in own}
            cells.append(cell(rest) if rest else "")
        return cells

    return write


def _field(value: Any) -> Any:
    if isinstance(value, datetime):
        moment = value.astimezone(UTC).replace(tzinfo=None)
        return f"{moment.isoformat(timespec='milliseconds')}Z"
    return str(value) if isinstance(value, UUID) else cell(value)


def _chunks(
    rows: QuerySet[Contact], names: Sequence[str]
) -> Iterator[list[tuple[Any, ...]]]:
    """Read values of contacts in chunks, by the index of the contacts list.

    `names` begin with _PLACE.
    """
    wanted = rows.order_by("-created_at", "-id").values_list(*names)
    cursor: Cursor | None = None
    while True:
        found = list((older(wanted, cursor) if cursor else wanted)[:CHUNK])
        if found:
            cursor = Cursor(found[-1][0], found[-1][1])
            yield found
        if len(found) < CHUNK:
            return


def _gzip(parts: Iterable[bytes]) -> Iterator[bytes]:
    # 16 above the window's size asks zlib for gzip's frame.
    packer = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    for part in parts:
        yield packer.compress(part)
    yield packer.flush()
