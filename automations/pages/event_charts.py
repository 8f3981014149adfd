"""Small pictures of how often something happened, day by day; words stand beside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from contacts.segments.scopes import database_now

#: The picture of a line of the list, and the one of an event's own page.
SPARK = (96, 24)
PLOT = (600, 140)
_GAP = 4


@dataclass(frozen=True, slots=True)
class Bar:
    """A day: its place in the picture, and how often."""

    day: date
    number: int
    x: str
    y: str
    width: str
    height: str


@dataclass(frozen=True, slots=True)
class Bars:
    bars: list[Bar]
    most: int

    @property
    def begins(self) -> date:
        return self.bars[0].day

    @property
    def ends(self) -> date:
        return self.bars[-1].day

    @property
    def happened(self) -> list[Bar]:
        """Return the days on which there was something, the latest first."""
        return [bar for bar in reversed(self.bars) if bar.number]


def sparkline(numbers: Sequence[int]) -> str:
    """Return the points of a line through the days; nothing where nothing happened."""
    most = max(numbers, default=0)
    if not most:
        return ""
    width, height = SPARK
    across = width / max(len(numbers) - 1, 1)
    # Half the line's width stays free above and below.
    tall = height - 2
    return " ".join(
        f"{across * place:.1f},{height - 1 - tall * number / most:.1f}"
        for place, number in enumerate(numbers)
    )


def bars(numbers: Sequence[int]) -> Bars:
    """Return a bar for each day, today last."""
    today = database_now().date()
    most = max(*numbers, 1)
    width, height = PLOT
    across = width / len(numbers)
    return Bars(
        bars=[
            _bar(
                today - timedelta(days=len(numbers) - 1 - place),
                number,
                x=across * place + _GAP / 2,
                width=across - _GAP,
                tall=_tall(number, most, height),
            )
            for place, number in enumerate(numbers)
        ],
        most=most,
    )


def _tall(number: int, most: int, height: int) -> float:
    """Return a bar's height: once is to be seen beside a million times."""
    return max(height * number / most, 2.0) if number else 0.0


def _bar(day: date, number: int, *, x: float, width: float, tall: float) -> Bar:
    return Bar(
        day=day,
        number=number,
        x=f"{x:.1f}",
        y=f"{PLOT[1] - tall:.1f}",
        width=f"{width:.1f}",
        height=f"{tall:.1f}",
    )
