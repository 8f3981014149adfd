"""How filters read what they are given, and how much they may make of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from liquid import Markup

from transactional.language.parts import TooLong
from transactional.language.values import plain

#: The most characters of a text that a filter reads or makes, and the most items.
MAX_TEXT = 2_000_000
MAX_ITEMS = 50_000
#: The most characters of all that stands in a list, and what any of it counts at least.
MAX_WEIGHT = 10_000_000
_LEAST = 8
_MARKS = re.compile("[\ufdd0\ufdd1]")
_INTEGER = re.compile(r"\s*[-+]?\d{1,15}\s*", re.ASCII)
#: Beyond, numbers are approximate.
_EXACT = 10**18

Number = int | float


class Captured(Markup):
    """What a `capture` holds: HTML that was filled in already."""

    __slots__ = ()


def text(value: Any) -> str:
    """Return a value as text; HTML that was made as such stays that."""
    if isinstance(value, Markup):
        return Markup(_MARKS.sub("", value))
    if isinstance(value, list):
        return str(fitting(", ".join(text(item) for item in value)))
    return plain(value)


def number(value: Any) -> Number:
    """Return a value as a number, as forms and imports write them; else zero."""
    if isinstance(value, bool):
        return 0
    if isinstance(value, int | float):
        return bounded(value)
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    return bounded(float(value)) if isinstance(value, str) else 0


def bounded(value: Number) -> Number:
    """Return a number that takes little room; raises ValueError for no number."""
    if isinstance(value, int) and abs(value) <= _EXACT:
        return value
    as_float = float(value)
    if as_float != as_float or abs(as_float) == float("inf"):
        raise ValueError("no number")
    return as_float


def whole(value: Any) -> int:
    return int(number(value))


def items(value: Any) -> list[Any]:
    """Return a value as a list."""
    if isinstance(value, list):
        return list(value)
    return [] if value is None or value == "" else [value]


def fitting(made: Any) -> Any:
    """Return what a filter made; raises TooLong where it is too much."""
    if isinstance(made, str) and len(made) > MAX_TEXT:
        raise TooLong(f"A filter makes a text of more than {MAX_TEXT:,} characters.")
    if isinstance(made, list):
        if len(made) > MAX_ITEMS:
            raise TooLong(f"A filter makes a list of more than {MAX_ITEMS:,} items.")
        weigh(made)
    return made


def weigh(value: Any) -> int:
    """Return about how many characters a value has; raises TooLong for too many.

    A list may name one long text many times. It takes no room until it is written or
    sorted, and then all of it at once.
    """
    weight, waiting = 0, [value]
    while waiting:
        one = waiting.pop()
        weight += _LEAST
        if isinstance(one, str):
            weight += len(one)
        elif isinstance(one, list):
            waiting.extend(one)
        elif isinstance(one, Mapping):
            waiting.extend(one)
            waiting.extend(one.values())
        if weight > MAX_WEIGHT:
            raise TooLong(f"Its lists hold more than {MAX_WEIGHT:,} characters.")
    return weight


def refuse(length: int) -> None:
    """Raise TooLong before a text gets that long."""
    if length > MAX_TEXT:
        raise TooLong(f"A filter makes a text of more than {MAX_TEXT:,} characters.")
