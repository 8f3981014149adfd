"""`python -m tests.bench audience`: seeded databases side by side."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.bench.seeding import bench_environment
from tests.bench.table import print_table
from tests.stack.processes import python, run

#: Tables and indexes smaller than this, in bytes, everywhere, are not worth a line.
_WORTH_A_LINE = 4 * 1024 * 1024
_LIMIT_SECONDS = 1800.0


def measure(*, places: list[dict[str, str]], rounds: int, plans: Path | None) -> None:
    """Ask every database the same and print what each answer took."""
    found = {_name(place): _asked(place, rounds) for place in places}
    print(f"\n{rounds} rounds, milliseconds in the server (Django's test client)")
    _print_times(found)
    print("\nMiB of tables with all of theirs, and of each index")
    _print_sizes(found)
    path = plans or Path(tempfile.gettempdir()) / "plunk-bench-plans.txt"
    path.write_text(_plans(found))
    print(f"\nPlans of the slowest statements: {path}")


def _name(place: dict[str, str]) -> str:
    if url := place.get("DATABASE_URL"):
        return urlsplit(url).path.strip("/")
    return f"SQLite {Path(place['DATA_DIR']).name}"


def _asked(place: dict[str, str], rounds: int) -> dict[str, Any]:
    output = run(
        *python("-m", "tests.bench.asking", str(rounds)),
        environ=bench_environment(place),
        seconds=_LIMIT_SECONDS,
    )
    answer: dict[str, Any] = json.loads(output.splitlines()[-1])
    return answer


def _print_times(found: dict[str, dict[str, Any]]) -> None:
    head = ["what", "goal, p95"]
    for name in found:
        head += [f"{name} best", "p50", "p95", "of it SQL", "statements"]
    ratio = len(found) == 2
    columns = [answer["asked"] for answer in found.values()]
    rows = []
    for cases in zip(*columns, strict=True):
        row: list[object] = [cases[0]["name"], f"< {cases[0]['goal_ms']}"]
        for case in cases:
            row += [case["best"], case["p50"], case["p95"]]
            row += [case["database_ms"], case["statements"]]
        rows.append([*row, cases[1]["best"] / cases[0]["best"]] if ratio else row)
    print_table([*head, "second/first"] if ratio else head, rows)


def _print_sizes(found: dict[str, dict[str, Any]]) -> None:
    lines: dict[tuple[str, str], dict[str, int]] = {}
    for name, answer in found.items():
        for size in answer["sizes"]:
            key = (size["table"], size["index"])
            lines.setdefault(key, {})[name] = size["bytes"]
    print_table(
        ["table", "index", *found],
        [
            [table, index, *(_mebibytes(sizes.get(name)) for name in found)]
            for (table, index), sizes in sorted(lines.items())
            if max(sizes.values()) >= _WORTH_A_LINE
        ],
    )


def _mebibytes(size: int | None) -> float | None:
    return None if size is None else size / 2**20


def _plans(found: dict[str, dict[str, Any]]) -> str:
    return "\n\n".join(
        f"== {name}: {case['name']} ==\n" + "\n\n".join(case["plans"])
        for name, answer in found.items()
        for case in answer["asked"]
    )
