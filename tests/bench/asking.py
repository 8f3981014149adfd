"""Ask a seeded database for pages and counts, within this process.

Run as `python -m tests.bench.asking ROUNDS` with the installation's environment; prints
one line of JSON. Requests go through Django's test client: all of the product's
middleware, views and templates, and no network.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import django

_WARM_UP = 3
#: How many plans are kept of a case: the slowest statements of its slowest round.
_PLANS = 3


@dataclass
class Asked:
    """What one case came to, in milliseconds."""

    name: str
    goal_ms: int
    best: float
    p50: float
    p95: float
    statements: int
    database_ms: float
    plans: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Statement:
    sql: str
    params: Any
    ms: float


def main(rounds: int) -> None:
    """Measure every case and print what it came to, with the sizes of the tables."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "plunk.settings")
    django.setup()
    from plunk.running.preparing import prepare
    from tests.bench.questions import Asker
    from tests.bench.sizes import sizes

    prepare()
    asker = Asker.enter()
    asked = [
        asdict(asked(name, goal, ask, rounds)) for name, goal, ask in asker.cases()
    ]
    print(json.dumps({"asked": asked, "sizes": sizes()}))


def asked(name: str, goal: int, ask: Callable[[int], None], rounds: int) -> Asked:
    for number in range(_WARM_UP):
        ask(number)
    rows = []
    for number in range(_WARM_UP, _WARM_UP + rounds):
        began = time.perf_counter()
        ask(number)
        rows.append(((time.perf_counter() - began) * 1000, number))
    rows.sort()
    took = [ms for ms, _ in rows]
    with _listening() as statements:
        ask(rows[-1][1])
    slowest = sorted(statements, key=lambda it: it.ms, reverse=True)[:_PLANS]
    return Asked(
        name=name,
        goal_ms=goal,
        best=took[0],
        p50=took[len(took) // 2],
        p95=took[min(len(took) - 1, len(took) * 95 // 100)],
        statements=len(statements),
        database_ms=sum(statement.ms for statement in statements),
        plans=[_plan(statement) for statement in slowest],
    )


@contextmanager
def _listening() -> Iterator[list[Statement]]:
    """Collect the statements of the block, with the time that each took."""
    from django.db import connection

    heard: list[Statement] = []

    def listen(
        execute: Any, sql: str, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        began = time.perf_counter()
        answer = execute(sql, params, many, context)
        heard.append(Statement(sql, params, (time.perf_counter() - began) * 1000))
        return answer

    with connection.execute_wrapper(listen):
        yield heard


def _plan(statement: Statement) -> str:
    """Return the statement, shortened, and how the database went about it."""
    from django.db import connection

    head = f"-- {statement.ms:.1f} ms\n{statement.sql[:4000]}\n"
    if not statement.sql.lstrip("( \n").upper().startswith(("SELECT", "WITH")):
        return head
    explain = (
        "EXPLAIN (ANALYZE, BUFFERS)"
        if connection.vendor == "postgresql"
        else "EXPLAIN QUERY PLAN"
    )
    with connection.cursor() as cursor:
        cursor.execute(f"{explain} {statement.sql}", statement.params)
        lines = [str(row[-1]) for row in cursor.fetchall()]
    return head + "\n".join(lines)


if __name__ == "__main__":
    main(int(sys.argv[1]))
