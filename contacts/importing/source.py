"""The pieces of a file as one text, a window of which is in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from contacts.jobs import JobError
from contacts.models import ImportPiece

#: No row is longer: what is, most likely lacks a closing quote.
MAX_ROW_CHARACTERS = 512 * 1024
WINDOW_CHARACTERS = 4 * MAX_ROW_CHARACTERS


@dataclass(slots=True)
class _Part:
    number: int
    #: The bytes of the piece before this text.
    offset: int
    text: str


class Source:
    """Reads a job's pieces from a position on; `fill` alone asks the database."""

    def __init__(self, *, job_id: UUID, count: int, piece: int, offset: int) -> None:
        self._job_id, self._count = job_id, count
        self._next, self._offset = piece, offset
        self._parts: list[_Part] = []
        self._length = 0
        #: Bytes that were used up since the beginning of this reading.
        self.used = 0

    @property
    def is_all(self) -> bool:
        """Say whether the window reaches to the end of the file."""
        return self._next >= self._count

    @property
    def text(self) -> str:
        return "".join(part.text for part in self._parts)

    @property
    def position(self) -> dict[str, int]:
        """Return where the window begins."""
        if self._parts:
            return {"piece": self._parts[0].number, "offset": self._parts[0].offset}
        return {"piece": self._next, "offset": self._offset}

    def fill(self) -> None:
        """Read pieces until the window is full or the file ends."""
        while self._length < WINDOW_CHARACTERS and not self.is_all:
            row: Any = (
                ImportPiece.objects.filter(job=self._job_id, number=self._next)
                .values_list("content", flat=True)
                .first()
            )
            if row is None:
                raise JobError("The file is not here any more. Upload it again.")
            text = bytes(row)[self._offset :].decode()
            if text:
                self._parts.append(_Part(self._next, self._offset, text))
                self._length += len(text)
            self._next, self._offset = self._next + 1, 0

    def skip(self, characters: int) -> None:
        """Use up the beginning of the window."""
        self._length -= characters
        while characters:
            part = self._parts[0]
            gone = part.text[:characters]
            size = len(gone.encode())
            self.used += size
            characters -= len(gone)
            if len(gone) == len(part.text):
                self._parts.pop(0)
            else:
                part.offset += size
                part.text = part.text[len(gone) :]
