"""What a file looks like before anything of it is imported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

from contacts.addresses import AddressError, normalise
from contacts.importing.cells import (
    CONVERTERS,
    CellError,
    as_subscribed,
    as_text,
    shown,
)
from contacts.importing.mapping import Column, Target, guess_columns
from contacts.importing.rows import Chunk, Lines
from contacts.importing.source import Source
from contacts.models import Job

#: From so many rows the types are guessed.
_GUESS_ROWS = 200
SHOWN_ROWS = 8
_MAX_CELL = 80


@dataclass(frozen=True, slots=True)
class ShownCell:
    """A cell as it would be stored, or what is wrong with it."""

    text: str
    problem: str = ""
    is_empty: bool = False


@dataclass(frozen=True, slots=True)
class Preview:
    """The columns of a file, chosen or guessed, and its first rows through them."""

    header: list[str]
    columns: list[Column]
    samples: list[list[str]]
    rows: list[list[ShownCell]]

    @property
    def cells(self) -> list[list[tuple[Column, ShownCell]]]:
        """Return the rows with the column beside each cell."""
        return [list(zip(self.columns, row, strict=True)) for row in self.rows]

    @property
    def has_email(self) -> bool:
        return any(column.target is Target.EMAIL for column in self.columns)


def preview(job: Job, columns: Sequence[Column] | None = None) -> Preview:
    """Return the first rows of a draft as `columns`, by default guessed, store them."""
    header: list[str] = job.parameters["header"]
    samples = _first_rows(job, len(header))
    chosen = list(columns) if columns else guess_columns(header, samples)
    rows = [
        [_show(column, cell) for column, cell in zip(chosen, row, strict=True)]
        for row in samples[:SHOWN_ROWS]
    ]
    return Preview(header, chosen, samples, rows)


def _first_rows(job: Job, width: int) -> list[list[str]]:
    """Read the first rows, each as wide as the header."""
    given, position = job.parameters, job.position
    source = Source(
        job_id=UUID(str(job.pk)),
        count=min(given["pieces"], 1),
        piece=0,
        offset=position["offset"],
    )
    source.fill()
    lines = Lines(source, given["delimiter"], Chunk())
    found = (row for row in lines if row and "".join(row).strip())
    return [(row + [""] * width)[:width] for row in islice(found, _GUESS_ROWS)]


def _show(column: Column, cell: str) -> ShownCell:
    if column.target is Target.IGNORE or not cell.strip():
        return ShownCell(_clip(cell), is_empty=not cell.strip())
    try:
        return ShownCell(_clip(_stored(column, cell)))
    except (AddressError, CellError) as error:
        return ShownCell(_clip(cell), problem=str(error))


def _stored(column: Column, cell: str) -> str:
    if column.target is Target.EMAIL:
        return normalise(cell)
    value: Any = (
        as_subscribed(cell)
        if column.target is Target.SUBSCRIBED
        else CONVERTERS[column.type](as_text(cell))
    )
    return shown(value)


def _clip(text: str) -> str:
    return text if len(text) <= _MAX_CELL else text[: _MAX_CELL - 1] + "…"
