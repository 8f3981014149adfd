"""In which encoding a file is written, and what stands between its cells."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from typing import BinaryIO

DELIMITERS = ",;\t|"
_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
#: What Excel may write before the header to say what it put between the cells.
_SEPARATOR_LINE = re.compile(r"\A[\"']?sep=([,;\t|])[\"']?\r?\n?", re.IGNORECASE)
#: A cell in quotes, with what stands before it.
_QUOTED = re.compile(r"(^|[,;\t|])\"(?:[^\"]|\"\")*\"", re.MULTILINE)
_SAMPLE_ROWS = 20
_READ = 256 * 1024


def encoding_of(file: BinaryIO) -> str:
    """Return the name of a codec that reads the whole file; leaves `file` anywhere.

    A byte order mark decides, then the pattern of UTF-16's zero bytes, then whether all
    of it is UTF-8. What is none of these is read as Windows-1252.
    """
    head = file.read(_READ)
    for mark, name in _BOMS.items():
        if head.startswith(mark):
            return name
    zeros = Counter(index % 2 for index, byte in enumerate(head[:4096]) if not byte)
    half = len(head[:4096]) // 4
    if zeros[1] > half and not zeros[0]:
        return "utf-16-le"
    if zeros[0] > half and not zeros[1]:
        return "utf-16-be"
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while head:
            decoder.decode(head)
            head = file.read(_READ)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def separator_line(text: str) -> tuple[str, int]:
    """Return the delimiter that the first line names, and the line's length."""
    found = _SEPARATOR_LINE.match(text)
    return (found[1], found.end()) if found else ("", 0)


def delimiter_of(text: str) -> str:
    """Return what separates the cells at a file's beginning, counted outside quotes.

    The one that is in most rows as often as in the header; of two alike the one that is
    there more often. A comma where nothing separates anything.
    """
    lines = [line for line in _QUOTED.sub(r"\1", text).splitlines() if line.strip()]
    return max(DELIMITERS, key=lambda mark: _fitness(lines[:_SAMPLE_ROWS], mark))


def _fitness(lines: list[str], mark: str) -> tuple[float, int]:
    counts = [line.count(mark) for line in lines]
    if not counts or not counts[0]:
        return 0.0, 0
    return sum(count == counts[0] for count in counts) / len(counts), counts[0]
