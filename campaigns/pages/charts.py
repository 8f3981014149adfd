"""A chart of deeds over time: lines of an SVG without words, and the same as a table.

The picture is stretched to the width there is, so that every word stands beside it in
HTML, where it can be read, copied and heard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any

WIDTH = 600
HEIGHT = 180
_SERIES = (("delivered", "Delivered"), ("opened", "Opened"), ("clicked", "Clicked"))
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Line:
    """One series: the points of a polyline, and what it comes to in the end."""

    name: str
    label: str
    points: str
    total: int


@dataclass(frozen=True, slots=True)
class Chart:
    """How many mails were delivered, opened and clicked up to each moment."""

    lines: list[Line]
    #: The rows of the table: a moment, and what happened until the next.
    rows: list[tuple[str, int, int, int, int]]
    most: int
    begins: str
    middle: str
    ends: str
    step: str


def chart_of(found: dict[str, Any]) -> Chart | None:
    """Make the chart of a report's `over_time`; None where nothing has left yet."""
    if not found:
        return None
    start, step = int(found["start"]), int(found["step_seconds"])
    sums = {name: list(accumulate(found[name])) for name, _ in _SERIES}
    number = len(found["sent"])
    most = max(sum(found["sent"]), *(values[-1] for values in sums.values()), 1)
    lines = [
        Line(name, label, _points(sums[name], most), sums[name][-1])
        for name, label in _SERIES
    ]
    moments = [_clock(start + step * slot, step) for slot in range(number + 1)]
    rows = [
        (
            moments[slot],
            found["sent"][slot],
            *(found[name][slot] for name, _ in _SERIES),
        )
        for slot in range(number)
    ]
    return Chart(
        lines=lines,
        rows=[row for row in rows if any(row[1:])],
        most=most,
        begins=moments[0],
        middle=moments[number // 2] if number > 1 else "",
        ends=moments[number],
        step=_length(step),
    )


def _points(values: Sequence[int], most: int) -> str:
    """Return a polyline that begins at nothing and rises step by step."""
    across = WIDTH / len(values)
    points = [(0.0, float(HEIGHT))]
    points += [
        (across * (slot + 1), HEIGHT - HEIGHT * value / most)
        for slot, value in enumerate(values)
    ]
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _clock(seconds: int, step: int) -> str:
    at = datetime.fromtimestamp(seconds, UTC)
    return at.strftime("%d %b" if step >= _DAY else "%d %b, %H:%M")


def _length(step: int) -> str:
    length = timedelta(seconds=step)
    if length < timedelta(hours=1):
        number, unit = step // 60, "minute"
    elif length < timedelta(days=1):
        number, unit = step // 3600, "hour"
    else:
        number, unit = step // _DAY, "day"
    return unit if number == 1 else f"{number} {unit}s"
