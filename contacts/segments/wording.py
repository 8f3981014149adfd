"""Words for values, times and windows, as explanations of a filter use them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from contacts.segments.tree import Filter
from contacts.segments.vocabulary import Operator

#: The longest piece of a value that a sentence repeats.
_MAX_SPOKEN = 80

COMPARED = {
    Operator.EQUALS: "is",
    Operator.NOT_EQUALS: "is not",
    Operator.CONTAINS: "contains",
    Operator.NOT_CONTAINS: "does not contain",
    Operator.GREATER: "comes after",
    Operator.LESS: "comes before",
    Operator.AT_LEAST: "is, or comes after,",
    Operator.AT_MOST: "is, or comes before,",
}


def spoken(value: Any) -> str:
    """Return a value as people read it: text in quotation marks."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:,}" if abs(value) < 1e15 else str(value)
    if not isinstance(value, str):
        return _cut(json.dumps(value, ensure_ascii=False))
    return f"“{_cut(value)}”"


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_SPOKEN else f"{text[: _MAX_SPOKEN - 1]}…"


def length(filter_: Filter) -> str:
    """Return how long a filter's window is: “7 days”."""
    unit = str(filter_.unit)
    return f"1 {unit[:-1]}" if filter_.value == 1 else f"{filter_.value:,} {unit}"


def lately(filter_: Filter) -> str:
    """Return when a filter's window is: “in the last 7 days”."""
    return f"in the last {length(filter_)}"


def times(number: int) -> str:
    return "once" if number == 1 else f"{number:,} times"


def clock(at: datetime) -> str:
    """Return a moment in UTC, to the minute: “3 May 2026, 12:00 UTC”."""
    at = at.astimezone(UTC)
    return f"{at.day} {at:%B %Y, %H:%M} UTC"
