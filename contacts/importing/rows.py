"""The next rows of a file, read, checked and put together by person."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from contacts.addresses import AddressError, normalise
from contacts.data import MAX_BYTES
from contacts.importing.cells import (
    CONVERTERS,
    CellError,
    CellType,
    as_subscribed,
    as_text,
)
from contacts.importing.mapping import Column, Target
from contacts.importing.source import MAX_ROW_CHARACTERS, Source

#: Of a rejected row, so many characters are kept.
_KEPT_CHARACTERS = 20_000
_KEPT_CELLS = 200
#: How often an import starts anew after a quote that is never closed.
MAX_MENDED = 1000

UNREADABLE = (
    f"A cell has more than {csv.field_size_limit():,} characters, or a quote is never "
    "closed."
)


@dataclass(slots=True)
class Incoming:
    """What a chunk of a file says about one person, its later rows over earlier."""

    number: int
    email: str
    data: dict[str, Any]
    subscribed: bool | None
    #: Whether any row said no, whatever a later one says.
    has_no: bool
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Rejected:
    number: int
    reason: str
    email: str
    cells: list[str]


@dataclass(slots=True)
class Chunk:
    """Rows of a file, up to which row they go, and what became of them so far."""

    people: dict[str, Incoming] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    rows: int = 0
    duplicates: int = 0
    #: The number of the last row, the header being 1.
    number: int = 0
    mended: int = 0
    #: Whether it ended within a row that has no end as far as we looked.
    is_cut: bool = False


class RowReader:
    """Reads chunks from a source by a mapping."""

    def __init__(
        self, *, columns: Sequence[Column], delimiter: str, chunk_rows: int
    ) -> None:
        self._most = chunk_rows
        self._delimiter = delimiter
        self._width = len(columns)
        self._email = next(
            i for i, column in enumerate(columns) if column.target is Target.EMAIL
        )
        self._subscribed = next(
            (i for i, it in enumerate(columns) if it.target is Target.SUBSCRIBED), None
        )
        self._data: list[tuple[int, str, Callable[[str], Any] | None]] = [
            (i, it.key, None if it.type is CellType.TEXT else CONVERTERS[it.type])
            for i, it in enumerate(columns)
            if it.target is Target.DATA
        ]

    def read(self, source: Source, before: Chunk) -> Chunk:
        """Read the chunk after `before` off the source's window, and skip it there."""
        chunk = Chunk(number=before.number)
        lines = Lines(source, self._delimiter, before)
        for row in lines:
            chunk.number += 1
            if row is None:
                chunk.rows += 1
                chunk.rejected.append(Rejected(chunk.number, UNREADABLE, "", []))
            elif any(row):
                self._take(chunk, row)
            if chunk.number - before.number >= self._most:
                break
        chunk.mended, chunk.is_cut = lines.mended, lines.is_cut
        source.skip(lines.used)
        return chunk

    def _take(self, chunk: Chunk, row: list[str]) -> None:
        if not self._cell_of_email(row).strip() and not "".join(row).strip():
            return  # such as the rows of commas that spreadsheets write at the end
        chunk.rows += 1
        try:
            person = self._person(chunk.number, row)
        except ValueError as error:
            chunk.rejected.append(
                rejected(chunk.number, str(error), row, self._cell_of_email(row))
            )
            return
        before = chunk.people.get(person.email)
        if before is not None:
            chunk.duplicates += 1
            person.data = {**before.data, **person.data}
            person.has_no |= before.has_no
            if person.subscribed is None:
                person.subscribed = before.subscribed
        chunk.people[person.email] = person

    def _cell_of_email(self, row: list[str]) -> str:
        return row[self._email] if self._email < len(row) else ""

    def _person(self, number: int, row: list[str]) -> Incoming:
        width = self._width
        if len(row) > width:
            if any(row[width:]):
                raise ValueError(f"Has {len(row)} cells where the header has {width}.")
        elif len(row) < width:
            # Spreadsheets leave out what is empty at the end of a row.
            row = row + [""] * (width - len(row))
        email = row[self._email]
        if not email.strip():
            raise ValueError("The address is missing.")
        email = normalise(email)
        subscribed = None
        if self._subscribed is not None and row[self._subscribed].strip():
            subscribed = self._read("subscribed", as_subscribed, row[self._subscribed])
        data = self._read_data(row)
        return Incoming(number, email, data, subscribed, subscribed is False, row)

    def _read_data(self, row: list[str]) -> dict[str, Any]:
        data: dict[str, Any] = {}
        size = 0
        for index, key, convert in self._data:
            cell = row[index]
            if not cell or cell.isspace():
                continue  # an empty cell leaves things as they are
            if "\x00" in cell:
                raise ValueError(f"“{key}” holds a NUL character.")
            size += len(cell)
            if cell[0] == "'":
                cell = as_text(cell)
            data[key] = cell if convert is None else self._read(key, convert, cell)
        if size > MAX_BYTES // 6 and len(orjson.dumps(data)) > MAX_BYTES:
            raise ValueError(f"Has more than {MAX_BYTES // 1024} KiB of data.")
        return data

    @staticmethod
    def _read(key: str, convert: Callable[[str], Any], cell: str) -> Any:
        try:
            return convert(cell)
        except CellError as error:
            raise ValueError(f"“{key}” {error}.") from error


def rejected(number: int, reason: str, row: list[str], email: str) -> Rejected:
    """Note a row that is not imported, as much of it as is worth keeping."""
    kept, room = [], _KEPT_CHARACTERS
    for cell in row[:_KEPT_CELLS]:
        # JSON of PostgreSQL holds no NUL.
        kept.append(cell[:room].replace("\x00", "\N{REPLACEMENT CHARACTER}"))
        room = max(0, room - len(cell))
    try:
        address = normalise(email)
    except AddressError:
        address = email.strip().lower()[:254].replace("\x00", "")
    return Rejected(number, reason[:300], address, kept)


class Lines(Iterator[list[str] | None]):
    """The rows of a source's window; None for one that cannot be read.

    After such a one it goes on with the next line, as if the quote that hid it were not
    there, so that one stray quote costs one row.
    """

    def __init__(self, source: Source, delimiter: str, before: Chunk) -> None:
        self._text = source.text
        self._is_all = source.is_all
        self._delimiter = delimiter
        self.mended = before.mended
        self.is_cut = False
        #: Up to here a row may begin: the longest one still fits behind.
        self._safe = len(self._text)
        if not self._is_all:
            self._safe -= MAX_ROW_CHARACTERS
        self._buffer = io.StringIO(self._text, newline="")
        self._reader = csv.reader(self._buffer, delimiter=delimiter)
        #: Characters of the rows given out so far.
        self.used = 0
        if before.is_cut:
            self._read_line()

    def __next__(self) -> list[str] | None:
        start = self.used
        if start >= self._safe:
            raise StopIteration
        try:
            row = next(self._reader)
        except csv.Error:
            self._go_on_behind(start)
            return None
        self.used = self._buffer.tell()
        is_cut = self.used == len(self._text) and not self._is_all
        if is_cut or self.used - start > MAX_ROW_CHARACTERS:
            self._go_on_behind(start)
            return None
        return row

    def _go_on_behind(self, start: int) -> None:
        """Go on with the line after the one that begins at `start`."""
        self.mended += 1
        if self.mended < MAX_MENDED or self._buffer.tell() <= start:
            self._buffer.seek(start)
        self._read_line()

    def _read_line(self) -> None:
        line = self._buffer.readline()
        self.is_cut = not self._is_all and not line.endswith(("\n", "\r"))
        self.used = self._buffer.tell()
        self._reader = csv.reader(self._buffer, delimiter=self._delimiter)
