"""What a linter says, and about which place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from transactional.language.checking import Lines

ERROR, WARNING, HINT = "error", "warning", "hint"
#: The most findings of one kind, and of all.
_MOST_ALIKE, _MOST = 20, 200
_ORDER = {ERROR: 0, WARNING: 1, HINT: 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to look at: `error`, `warning` or `hint`.

    `part` is `subject`, `preheader` or `body`; lines and columns begin at one. How many
    contacts it touches is known of some.
    """

    level: str
    code: str
    message: str
    part: str
    line: int
    column: int
    contacts: int | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """A finding whose place is still a number of characters."""

    level: str
    code: str
    message: str
    offset: int = 0
    contacts: int | None = None


def placed(part: str, source: str, notes: Iterable[Note]) -> list[Finding]:
    """Return notes about a part as findings, in the order of their places."""
    kept: list[Note] = []
    seen: Counter[str] = Counter()
    for note in notes:
        seen[note.code] += 1
        if seen[note.code] <= _MOST_ALIKE:
            kept.append(note)
    lines = Lines(source) if kept else None
    kept.sort(key=lambda note: (note.offset, _ORDER[note.level]))
    return [
        Finding(
            note.level, note.code, note.message, part, *place, contacts=note.contacts
        )
        for note in kept[:_MOST]
        if lines and (place := lines.place(min(max(note.offset, 0), len(source))))
    ]
