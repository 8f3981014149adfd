"""Moments on somebody's wall clock: weekdays and hours in a zone, and cron schedules.

Nothing here asks what time it is: every function is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

#: How far ahead a schedule is looked for: a 29th of February may be eight years away.
_MOST_DAYS = 366 * 8 + 2
_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_NAMES: tuple[dict[str, int], ...] = (
    {},
    {},
    {},
    {
        name: number
        for number, name in enumerate(
            "jan feb mar apr may jun jul aug sep oct nov dec".split(), 1
        )
    },
    {name: number for number, name in enumerate("sun mon tue wed thu fri sat".split())},
)
_SHORT = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


def zone_of(name: str) -> ZoneInfo:
    """Return a zone by its name in the tz database; else ValueError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("Is no time zone, such as Europe/Berlin or UTC.") from None


def moment_of(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Return when a wall clock shows a time, in UTC.

    The first of two where clocks go back; where they go forward over it, the moment at
    which they do, by as much later as is skipped.
    """
    return datetime.combine(day, at, zone).replace(fold=0).astimezone(UTC)


def _again(day: date, at: time, zone: ZoneInfo) -> datetime | None:
    """Return when a wall clock shows a time once more, where clocks go back over it."""
    later = datetime.combine(day, at, zone).replace(fold=1).astimezone(UTC)
    return later if later > moment_of(day, at, zone) else None


def next_time(
    after: datetime, *, weekday: int | None, at: time, zone: ZoneInfo
) -> datetime:
    """Return the first moment after another at which a clock shows a time.

    `weekday` is 0 for Monday; None for any day.
    """
    day = after.astimezone(zone).date()
    for ahead in range(9):
        candidate = day + timedelta(days=ahead)
        if weekday is not None and candidate.weekday() != weekday:
            continue
        moment = moment_of(candidate, at, zone)
        if moment > after:
            return moment
    raise ValueError("No such day.")


@dataclass(frozen=True, slots=True)
class Cron:
    """A schedule as crontab(5) writes it: minute, hour, day, month, weekday."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    #: Where both days are restricted, either is enough (crontab(5)).
    is_any_day: bool

    def _is_day(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        by_month = day.day in self.days
        by_week = day.isoweekday() % 7 in self.weekdays
        return (by_month or by_week) if self.is_any_day else (by_month and by_week)

    def after(self, moment: datetime, zone: ZoneInfo) -> datetime | None:
        """Return the first moment after another, by a wall clock; None if never."""
        day = moment.astimezone(zone).date()
        for ahead in range(_MOST_DAYS):
            candidate = day + timedelta(days=ahead)
            if self._is_day(candidate):
                found = [at for at in self._times(candidate, zone) if at > moment]
                if found:
                    return min(found)
        return None

    def _times(self, day: date, zone: ZoneInfo) -> Iterator[datetime]:
        is_every_hour = len(self.hours) == 24
        for hour in self.hours:
            for minute in self.minutes:
                at = time(hour, minute)
                yield moment_of(day, at, zone)
                # Every hour is every hour, also where one comes twice.
                if is_every_hour and (again := _again(day, at, zone)):
                    yield again


def read_cron(text: str) -> Cron:
    """Read a schedule of five fields, or a short name such as @daily; else ValueError.

    A field is a list of numbers, names, ranges and steps: `*/15`, `1-5`, `mon,thu`.
    """
    parts = _SHORT.get(text.strip().lower(), text).split()
    if len(parts) != len(_RANGES):
        raise ValueError(
            "Expected five fields: minute, hour, day of month, month, weekday."
        )
    minutes, hours, days, months, weekdays = (
        frozenset(_field(part, *bounds, names))
        for part, bounds, names in zip(parts, _RANGES, _NAMES, strict=True)
    )
    return Cron(
        minutes,
        hours,
        days,
        months,
        frozenset(number % 7 for number in weekdays),
        is_any_day=not parts[2].startswith("*") and not parts[4].startswith("*"),
    )


def _field(text: str, least: int, most: int, names: dict[str, int]) -> Iterator[int]:
    for part in text.lower().split(","):
        span, slash, stride = part.partition("/")
        first, dash, last = span.partition("-")
        if span == "*":
            low, high = least, most
        else:
            low = _number(first, least, most, names)
            high = _number(last, least, most, names) if dash else low
            if slash and not dash:
                high = most
        step = _number(stride, 1, most, {}) if slash else 1
        if high < low:
            raise ValueError(f"“{part}” ends before it begins.")
        yield from range(low, high + 1, step)


def _number(text: str, least: int, most: int, names: dict[str, int]) -> int:
    if text in names:
        return names[text]
    if not text.isascii() or not text.isdigit() or not least <= int(text[:4]) <= most:
        raise ValueError(f"“{text[:20]}” is not between {least} and {most}.")
    return int(text)
