"""Clocks on walls, read minute by minute: no arithmetic with offsets, no cron parser.

The interpreter's calendar. It shares nothing with `automations.moments`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_MINUTE = timedelta(minutes=1)
_DAYS_BEFORE, _DAYS_AFTER = 2, 12
EVERY_DAY = frozenset(range(7))


class Wall:
    """What a clock in a zone shows in the weeks around a moment."""

    def __init__(self, zone: str, around: datetime) -> None:
        place = ZoneInfo(zone)
        self.first: dict[datetime, datetime] = {}
        self.again: dict[datetime, datetime] = {}
        moment = around.replace(second=0, microsecond=0) - timedelta(days=_DAYS_BEFORE)
        end = around + timedelta(days=_DAYS_AFTER)
        while moment < end:
            shown = moment.astimezone(place).replace(tzinfo=None)
            # Where it shows a time twice, the first counts.
            if self.first.setdefault(shown, moment) != moment:
                self.again[shown] = moment
            moment += _MINUTE
        self.days = self._days()

    def moment(self, shown: datetime) -> datetime:
        """Return when it shows a time, or would: a skipped one comes later by as much.

        Half past two, of an hour that is skipped at two, is half an hour after two.
        """
        minutes = 0
        while shown - minutes * _MINUTE not in self.first:
            minutes += 1
        return self.first[shown - minutes * _MINUTE] + minutes * _MINUTE

    def _days(self) -> list[datetime]:
        """Return the midnights of all days that are shown from end to end."""
        first = min(self.first).replace(hour=0, minute=0)
        number = (max(self.first) - first).days
        return [first + timedelta(days=n) for n in range(1, number)]


@lru_cache(maxsize=64)
def wall(zone: str, around: datetime) -> Wall:
    return Wall(zone, around)


@dataclass(frozen=True)
class Timetable:
    """A schedule: its text for the product, and what it says for the interpreter."""

    text: str
    minutes: Collection[int]
    hours: Collection[int]
    #: 0 is Monday.
    weekdays: Collection[int] = EVERY_DAY

    def moments(self, zone: str, after: datetime, until: datetime) -> list[datetime]:
        """Return when it comes, once each, after a moment and not after another."""
        clock = wall(zone, after)
        shown = [
            day + timedelta(hours=hour, minutes=minute)
            for day in clock.days
            if day.weekday() in self.weekdays
            for hour in self.hours
            for minute in self.minutes
        ]
        found = {clock.moment(one) for one in shown}
        if len(self.hours) == 24:
            # Every hour, also the one that comes twice.
            found |= {clock.again[one] for one in shown if one in clock.again}
        return sorted(at.astimezone(UTC) for at in found if after < at <= until)


def next_shown(
    zone: str, around: datetime, after: datetime, at: str, weekday: int | None
) -> datetime:
    """Return the first moment after another at which a clock shows a time of day."""
    clock = wall(zone, around)
    hour, minute = (int(part) for part in at.split(":"))
    found = (
        clock.moment(day + timedelta(hours=hour, minutes=minute))
        for day in clock.days
        if weekday in (None, day.weekday())
    )
    return min(moment for moment in found if moment > after)
