"""What a cell means: text, a number, a yes or no, a date, or a list."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

import orjson

from plunk.api.errors import ApiError
from plunk.api.strictjson import read_object

#: Beyond it not every whole number is a JSON number everywhere.
LARGEST_NUMBER = 2**53
MAX_LIST = 1000
_NO_LIST = 'is not a list such as a|b or ["a", "b"]'


class CellType(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    LIST = "list"


class CellError(ValueError):
    """Why a cell is not of its column's type; never repeats what is in it."""


#: What a spreadsheet takes for a formula, also after spaces and our own apostrophe.
RISKY = re.compile(r"'*\s*[=+\-@＝＋－＠\t\r\n]")
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,16})")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,20}(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,3})?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?"
    r"(?: ?Z| ?[+-]\d\d:?\d\d)?"
)
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
_TRUE = frozenset({"true", "yes", "y", "1", "on", "t"})
_FALSE = frozenset({"false", "no", "n", "0", "off", "f"})
#: Words that say yes or no beyond doubt, in contrast to 1 and n.
_PLAIN_WORDS = frozenset({"true", "false", "yes", "no"})
_SUBSCRIBED = _TRUE | {"subscribed", "active", "opted in", "opted-in", "opt-in"}
_UNSUBSCRIBED = _FALSE | {
    *("unsubscribed", "inactive", "opted out", "opted-out", "opt-out"),
    *("bounced", "complained", "cleaned"),
}


def as_text(cell: str) -> str:
    """Take the apostrophe off that keeps a spreadsheet from seeing a formula."""
    if cell[0] == "'" and RISKY.match(cell, 1):
        return cell[1:]
    return cell


def as_number(cell: str) -> int | float:
    trimmed = cell.strip()
    if _WHOLE.fullmatch(trimmed):
        number = int(trimmed)
        if abs(number) <= LARGEST_NUMBER:
            return number
        raise CellError("is a number beyond ±2^53")
    if _DECIMAL.fullmatch(trimmed):
        value = float(trimmed)
        if math.isfinite(value) and abs(value) <= LARGEST_NUMBER:
            return value
        raise CellError("is a number beyond ±2^53")
    raise CellError("is not a number such as 42 or 3.14")


def as_boolean(cell: str) -> bool:
    word = cell.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise CellError("is neither yes nor no")


def as_date(cell: str) -> str:
    """Return ISO 8601: a day, or a moment in UTC with milliseconds."""
    trimmed = cell.strip()
    try:
        if _DATE.fullmatch(trimmed):
            return date.fromisoformat(trimmed).isoformat()
        if dotted := _DOTTED.fullmatch(trimmed):
            return date(int(dotted[3]), int(dotted[2]), int(dotted[1])).isoformat()
        if _MOMENT.fullmatch(trimmed):
            at = datetime.fromisoformat(re.sub(r" (?=[Z+-])", "", trimmed))
            utc = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
            text = utc.replace(tzinfo=None).isoformat(timespec="milliseconds")
            return f"{text}Z"
    except (ValueError, OverflowError):
        pass  # such as the 31st of February: not a date either
    raise CellError("is not a date such as 2026-03-31 or 2026-03-31T10:00:00Z")


def as_list(cell: str) -> list[Any]:
    """Read a JSON array, or what | or ; separates."""
    trimmed = cell.strip()
    if trimmed.startswith("["):
        found = _json_list(trimmed)
    else:
        mark = "|" if "|" in trimmed else ";"
        found = [part.strip() for part in trimmed.split(mark) if part.strip()]
    if len(found) > MAX_LIST:
        raise CellError(f"has more than {MAX_LIST} elements")
    return found


def _json_list(text: str) -> list[Any]:
    try:
        # The reader of the API reads one object; its rules hold within.
        found = read_object(b'{"list":' + text.encode() + b"}")
    except ApiError as error:
        raise CellError(_NO_LIST) from error
    if found.keys() != {"list"} or not isinstance(found["list"], list):
        raise CellError(_NO_LIST)
    return found["list"]


CONVERTERS: dict[CellType, Callable[[str], Any]] = {
    CellType.TEXT: as_text,
    CellType.NUMBER: as_number,
    CellType.BOOLEAN: as_boolean,
    CellType.DATE: as_date,
    CellType.LIST: as_list,
}


def as_subscribed(cell: str) -> bool:
    word = cell.strip().lower()
    if word in _SUBSCRIBED:
        return True
    if word in _UNSUBSCRIBED:
        return False
    raise CellError("says neither yes nor no to marketing mail")


def guess(cells: Iterable[str]) -> CellType:
    """Return the narrowest type that all of these cells have; text if there are none.

    Careful where a guess loses something: 007 and 1/0 stay text.
    """
    present = [as_text(cell) for cell in cells if cell.strip()]
    if not present:
        return CellType.TEXT
    for kind, is_one in _GUESSES:
        if all(is_one(cell.strip()) for cell in present):
            return kind
    return CellType.TEXT


def _is_number(cell: str) -> bool:
    digits = cell.lstrip("-")
    has_leading_zero = digits[:1] == "0" and digits[1:2].isdigit()
    return not cell.startswith("+") and not has_leading_zero and _reads(as_number, cell)


def _is_list(cell: str) -> bool:
    return (cell.startswith("[") or "|" in cell) and _reads(as_list, cell)


def _reads(convert: Callable[[str], Any], cell: str) -> bool:
    try:
        convert(cell)
    except CellError:
        return False
    return True


_GUESSES: Sequence[tuple[CellType, Callable[[str], bool]]] = (
    (CellType.BOOLEAN, lambda cell: cell.lower() in _PLAIN_WORDS),
    (CellType.NUMBER, _is_number),
    (CellType.DATE, lambda cell: _reads(as_date, cell)),
    (CellType.LIST, _is_list),
)


def shown(value: Any) -> str:
    """Write a value as a preview or an export shows it."""
    if isinstance(value, str):
        return value
    return orjson.dumps(value).decode()
