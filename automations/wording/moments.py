"""Moments and lengths of time as people say them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from automations.moments import read_cron

#: Within so many days a weekday says enough.
_NEAR = timedelta(days=6)
DAYS = (
    *("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
)
_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def clock(at: datetime) -> str:
    """Say a moment exactly, to the second."""
    return at.astimezone(UTC).strftime("%d %b %Y, %H:%M:%S UTC")


def soon(at: datetime, now: datetime) -> str:
    """Say a moment that is near by its weekday: “Tue 10:00 UTC”."""
    near = abs(at - now) < _NEAR
    form = "%a %H:%M UTC" if near else "%d %b %Y, %H:%M UTC"
    return at.astimezone(UTC).strftime(form)


def span(seconds: float) -> str:
    """Say a length of time in its largest unit, or two: “1 day and 2 hours”."""
    rest = max(0, round(seconds))
    parts = []
    for size, name in _UNITS:
        number, rest = divmod(rest, size)
        if number:
            parts.append(f"{number:,} {name}{'' if number == 1 else 's'}")
    return " and ".join(parts[:2]) or "0 seconds"


def left(until: datetime, now: datetime) -> str:
    """Say how long it still takes: “in 2 hours”, or that it is due."""
    seconds = (until - now).total_seconds()
    return f"in {span(seconds)}" if seconds >= 1 else "any moment now"


def cron_in_words(schedule: str) -> str:
    """Say a schedule of five fields; one that is not plain is told as it is written."""
    parts = schedule.split()
    try:
        read_cron(schedule)
    except ValueError:
        parts = []
    if len(parts) != 5:
        return f"by the schedule “{schedule[:80]}”"
    minute, hour, day, month, weekday = parts
    at = _time(hour, minute)
    if (day, month, weekday) == ("*", "*", "*"):
        return _within_day(minute, hour, at) or f"by the schedule “{schedule}”"
    if at and (day, month) == ("*", "*") and (names := _weekdays(weekday)):
        return f"every {names} at {at}"
    if at and (month, weekday) == ("*", "*") and day.isdecimal():
        return f"on day {day} of every month at {at}"
    return f"by the schedule “{schedule}”"


def _within_day(minute: str, hour: str, at: str) -> str:
    if at:
        return f"every day at {at}"
    if hour != "*":
        return ""
    if minute.isdecimal():
        return f"every hour, {span(int(minute) * 60)} past" if int(minute) else "hourly"
    if minute == "*":
        return "every minute"
    stride = minute.removeprefix("*/")
    return f"every {span(int(stride) * 60)}" if stride.isdecimal() else ""


def _time(hour: str, minute: str) -> str:
    if not (hour.isdecimal() and minute.isdecimal()):
        return ""
    return f"{int(hour):02}:{int(minute):02}"


def _weekdays(field: str) -> str:
    if field == "1-5":
        return "working day"
    names = field.lower().split(",")
    short = [name[:3].lower() for name in DAYS]
    numbers = []
    for name in names:
        if name in short:
            numbers.append(short.index(name))
        elif name.isdecimal() and int(name) <= 7:
            numbers.append((int(name) - 1) % 7)
        else:
            return ""
    return " and ".join(DAYS[number] for number in numbers)
