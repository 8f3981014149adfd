"""Stretches of time that a chart is made of."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Func, IntegerField
from django.db.models.sql.compiler import SQLCompiler

#: Lengths that people count in, in seconds: minutes, hours, days, weeks.
STEPS = (
    *(60, 120, 300, 600, 900, 1800),
    *(3600, 2 * 3600, 3 * 3600, 6 * 3600, 12 * 3600),
    *(86_400, 2 * 86_400, 7 * 86_400, 28 * 86_400),
)
#: A chart is easier to read with no more columns than this.
MOST = 60


def step_for(length: timedelta) -> int:
    """Return the shortest step of which MOST cover a stretch of time; in seconds."""
    seconds = length.total_seconds()
    return next((step for step in STEPS if seconds / step < MOST - 1), STEPS[-1])


class Slot(Func):
    """The number of the step in which a moment lies; steps count from `start`.

    `start` is in seconds since 1970. Nothing is rounded up, also before `start`.
    """

    output_field = IntegerField()

    def __init__(self, column: str, *, start: int, step: int) -> None:
        super().__init__(column, start=start, step=step)

    def as_postgresql(
        self, compiler: SQLCompiler, connection: Any, **extra: Any
    ) -> Any:
        template = (
            "floor((extract(epoch FROM %(expressions)s) - %(start)s) / %(step)s)::int"
        )
        return self.as_sql(compiler, connection, template=template, **extra)

    def as_sqlite(self, compiler: SQLCompiler, connection: Any, **extra: Any) -> Any:
        # Whole numbers are cut, not rounded down: so a step is added and taken off.
        template = (
            "((CAST(strftime('%%%%s', %(expressions)s) AS INTEGER) - %(start)s"
            " + %(step)s) / %(step)s - 1)"
        )
        return self.as_sql(compiler, connection, template=template, **extra)
