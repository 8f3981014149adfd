"""The `date` filter: Liquid's formats, in UTC, the same on every system.

The system's own strftime writes as many zeros as a format asks for: gigabytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Any

_DIRECTIVE = re.compile(r"%([-_0^]?)([a-zA-Z%])")
_MAX_FORMAT = 200
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_MONTHS = (
    "January February March April May June July August September October November "
    "December"
).split()
_SECONDS = re.compile(r"-?\d{1,12}(?:\.\d+)?", re.ASCII)


def write_date(value: Any, form: Any) -> str | None:
    """Return a date as a format asks for; None where it is no date or no format."""
    when = read_date(value)
    if when is None or not isinstance(form, str) or len(form) > _MAX_FORMAT:
        return None
    return _DIRECTIVE.sub(lambda match: _written(when, match[1], match[2]), form)


def read_date(value: Any) -> datetime | None:
    """Read a date: ISO 8601, as mails have it, or seconds since 1970."""
    try:
        return _read(value)
    except (ValueError, TypeError, OverflowError, OSError, IndexError):
        return None


def _read(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        when = value
    elif isinstance(value, date):
        when = datetime(value.year, value.month, value.day, tzinfo=UTC)
    elif isinstance(value, bool):
        return None
    elif isinstance(value, int | float):
        when = datetime.fromtimestamp(value, tz=UTC)
    elif isinstance(value, str) and len(value) <= 100:
        when = _read_text(value.strip())
    else:
        return None
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)


def _read_text(text: str) -> datetime:
    # Eight digits are a day of the calendar, and more are seconds.
    if _SECONDS.fullmatch(text) and len(text) != len("YYYYMMDD"):
        return datetime.fromtimestamp(float(text), tz=UTC)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return parsedate_to_datetime(text)


def _written(when: datetime, flag: str, letter: str) -> str:
    write = _LETTERS.get(letter)
    if write is None:
        return f"%{flag}{letter}"
    text = write(when)
    if flag == "^":
        return text.upper()
    if flag == "-":
        return text.lstrip("0 ") or "0"
    if flag == "_":
        bare = text.lstrip("0") or "0"
        return bare.rjust(len(text))
    return text.replace(" ", "0") if flag == "0" else text


def _ordinal(day: int) -> str:
    return "th" if 11 <= day <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def _twelve(when: datetime) -> int:
    return when.hour % 12 or 12


_LETTERS: dict[str, Callable[[datetime], str]] = {
    "a": lambda when: _DAYS[when.weekday()][:3],
    "A": lambda when: _DAYS[when.weekday()],
    "b": lambda when: _MONTHS[when.month - 1][:3],
    "h": lambda when: _MONTHS[when.month - 1][:3],
    "B": lambda when: _MONTHS[when.month - 1],
    "c": lambda when: (
        f"{_DAYS[when.weekday()][:3]} {_MONTHS[when.month - 1][:3]} {when.day:2} "
        f"{when:%H:%M:%S} {when.year}"
    ),
    "C": lambda when: f"{when.year // 100:02}",
    "d": lambda when: f"{when.day:02}",
    "D": lambda when: f"{when.month:02}/{when.day:02}/{when.year % 100:02}",
    "e": lambda when: f"{when.day:2}",
    "F": lambda when: f"{when.year:04}-{when.month:02}-{when.day:02}",
    "H": lambda when: f"{when.hour:02}",
    "I": lambda when: f"{_twelve(when):02}",
    "j": lambda when: f"{when.timetuple().tm_yday:03}",
    "k": lambda when: f"{when.hour:2}",
    "l": lambda when: f"{_twelve(when):2}",
    "L": lambda when: f"{when.microsecond // 1000:03}",
    "m": lambda when: f"{when.month:02}",
    "M": lambda when: f"{when.minute:02}",
    "n": lambda _: "\n",
    "N": lambda when: f"{when.microsecond:06}000",
    "p": lambda when: "AM" if when.hour < 12 else "PM",
    "P": lambda when: "am" if when.hour < 12 else "pm",
    "q": lambda when: _ordinal(when.day),
    "r": lambda when: (
        f"{_twelve(when):02}:{when:%M:%S} {'AM' if when.hour < 12 else 'PM'}"
    ),
    "R": lambda when: f"{when.hour:02}:{when.minute:02}",
    "s": lambda when: str(int(when.timestamp())),
    "S": lambda when: f"{when.second:02}",
    "t": lambda _: "\t",
    "T": lambda when: f"{when:%H:%M:%S}",
    "u": lambda when: str(when.isoweekday()),
    "U": lambda when: f"{when:%U}",
    "V": lambda when: f"{when:%V}",
    "w": lambda when: str(when.isoweekday() % 7),
    "W": lambda when: f"{when:%W}",
    "x": lambda when: f"{when.month:02}/{when.day:02}/{when.year % 100:02}",
    "X": lambda when: f"{when:%H:%M:%S}",
    "y": lambda when: f"{when.year % 100:02}",
    "Y": lambda when: f"{when.year:04}",
    "z": lambda _: "+0000",
    "Z": lambda _: "UTC",
    "%": lambda _: "%",
}
