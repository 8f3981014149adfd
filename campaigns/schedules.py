"""Moments as people write them: a wall clock and a zone, or a time with its offset."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.utils import formats

from plunk.api.errors import invalid

#: A date, a time, and how far it is from UTC; seconds and what follows may be missing.
_MOMENT = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[Tt ]"
    r"(?P<clock>\d\d:\d\d(:\d\d(\.\d{1,9})?)?)"
    r"(?P<offset>[Zz]|[+-]\d\d:?[0-5]\d)?",
    re.ASCII,
)
#: Microseconds are as fine as the database keeps a time.
_LONGEST_CLOCK = len("00:00:00.000000")
#: Zones that are a place; the rest are old names, kept for who knows them.
_AREAS = (
    *("Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia"),
    *("Europe", "Indian", "Pacific"),
)
#: Files of the zone database that are no zones.
_NO_ZONES = {"localtime", "Factory"}


def read_moment(text: str, zone: str = "", *, field: str = "scheduledFor") -> datetime:
    """Return a moment in UTC, written with its offset or as a clock in `zone` shows it.

    An offset in the text wins over the zone. A local time that a clock change leaves
    out means as long after the change (02:30 becomes 03:30), and one that comes twice
    means the first. Raises Invalid (field `field`).
    """
    found = _MOMENT.fullmatch(text.strip())
    if found is None:
        raise invalid(
            field,
            "Expected a date and time, such as 2026-03-29T09:30:00+02:00.",
            "invalid_date",
        )
    if zone and zone not in zones():
        raise invalid(field, "There is no such time zone.", "invalid_zone")
    offset = found["offset"] or ""
    if not offset and not zone:
        raise invalid(
            field, "Say the zone, too: end in Z or an offset as +02:00.", "invalid_date"
        )
    clock = found["clock"][:_LONGEST_CLOCK]
    try:
        moment = datetime.fromisoformat(f"{found['day']}T{clock}{offset.upper()}")
        if moment.tzinfo is None:
            # Of a time that does not exist this takes the offset before the change,
            # which is the same moment, said by a clock that was not put forward.
            moment = moment.replace(tzinfo=zone_of(zone), fold=0)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise invalid(
            field, "There is no such date or time.", "invalid_date"
        ) from error


@cache
def zones() -> frozenset[str]:
    """Return the names of all zones that are understood."""
    return frozenset(available_timezones() - _NO_ZONES | {"UTC"})


def zone_of(name: str) -> ZoneInfo:
    """Return a zone by its name; UTC for none, and for one that there is no longer."""
    return ZoneInfo(name if name in zones() else "UTC")


@cache
def choices() -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """Return the zones to choose from, by area, as the choices of a select."""
    grouped: list[tuple[str, tuple[tuple[str, str], ...]]] = [
        ("Everywhere", (("UTC", "UTC"),))
    ]
    for area in _AREAS:
        own = sorted(name for name in zones() if name.startswith(f"{area}/"))
        if own:
            grouped.append((area, tuple((name, _place(name)) for name in own)))
    return tuple(grouped)


def in_words(moment: datetime, zone: str = "") -> str:
    """Say a moment as the clock of a zone shows it.

    Such as `Sunday, 29 March 2026, 03:30 (Berlin, UTC+2)`.
    """
    local = moment.astimezone(zone_of(zone))
    day = formats.date_format(local, "l, j F Y, H:i")
    offset = _offset(local)
    return f"{day} ({offset if local.tzname() == 'UTC' else _named(zone, offset)})"


def on_clock(moment: datetime, zone: str = "") -> str:
    """Return a moment as an `<input type="datetime-local">` holds it."""
    return moment.astimezone(zone_of(zone)).strftime("%Y-%m-%dT%H:%M")


def _named(zone: str, offset: str) -> str:
    return f"{_place(zone)}, {offset}"


def _place(zone: str) -> str:
    """Return `Buenos Aires, Argentina` of `America/Argentina/Buenos_Aires`."""
    _, _, place = zone.partition("/")
    parts = (place or zone).replace("_", " ").split("/")
    return ", ".join(reversed(parts))


def _offset(local: datetime) -> str:
    """Return how far a local time is from UTC, such as `UTC+5:30`."""
    seconds = int((local.utcoffset() or (local - local)).total_seconds())
    if not seconds:
        return "UTC"
    hours, rest = divmod(abs(seconds) // 60, 60)
    sign = "+" if seconds > 0 else "−"
    return f"UTC{sign}{hours}" + (f":{rest:02d}" if rest else "")
