"""CSV that is safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any

from contacts.importing.cells import RISKY
from plunk.api.strictjson import write


class Sheet:
    """Writes rows of CSV (RFC 4180, UTF-8) into memory, to be sent as they fill up."""

    def __init__(self) -> None:
        self._buffer = io.StringIO()
        self._writer = csv.writer(self._buffer)

    def write(self, rows: Iterable[Iterable[Any]]) -> None:
        """Write rows of safe cells (`cell`)."""
        self._writer.writerows(rows)

    def take(self) -> bytes:
        """Return what was written since the last time."""
        content = self._buffer.getvalue().encode("utf-8", "replace")
        self._buffer.seek(0)
        self._buffer.truncate()
        return content


def cell(value: Any) -> Any:
    """Return what stands in a cell for a value.

    A text that a spreadsheet would take for a formula gets an apostrophe before it
    (OWASP, CSV injection); so does one that looks as if it had got one, so that an
    import takes away exactly what was added. Numbers stay numbers.
    """
    if isinstance(value, str):
        if value[:1].isalnum():
            return value  # nearly all of them, without the pattern
        return f"'{value}" if RISKY.match(value) else value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return value
    return write(value).decode()
