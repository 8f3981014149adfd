"""`python -m tests.bench automations`: events that arrive, runs that wait and go on."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from typing import Any

from celery import Celery

from tests.bench import bodies, sink
from tests.bench.automations_runs import (
    Way,
    check,
    lateness,
    left,
    make_runs,
    number_people,
    write_bound,
)
from tests.bench.automations_world import ALL, LISTENING, NOBODY, SOME
from tests.bench.place import NAME
from tests.bench.readers import make_contacts
from tests.bench.table import print_table
from tests.stack.installation import Installation, installation
from tests.stack.processes import (
    Ports,
    Session,
    is_answered,
    python,
    run,
    wait_until,
)

_SETTINGS = {
    "API_RATE_LIMIT_PER_MINUTE": 100_000_000,
    # Mails are written down, and their sending has a benchmark of its own.
    "EMAIL_RATE_LIMIT_PER_SECOND": 1,
}
_ADVANCE = "automations.tasks.advance"
_LIMIT_SECONDS = 900.0
_YEAR = 365 * 86_400.0
#: For how long runs become due, and at which shares of the measured rate.
_STRETCH = 30.0
_SHARES = (("half", 0.5), ("most", 0.8))
_ROUNDS = 200


@dataclass(frozen=True, slots=True)
class Speed:
    """What one way of advancing runs came to."""

    what: str
    rate: float
    worker_ms: float | None
    database_ms: float | None


def measure(
    *, contacts: int, waiting: int, due: int, workflows: int, ports: Ports
) -> None:
    """Measure tracking, idle turns, advancing and lateness, and print them."""
    with installation(NAME, ports=ports, environ=_SETTINGS) as it:
        _start_sink(it)
        make_contacts(it, contacts, data={})
        number_people(it)
        made = _world(it, "make", workflows)
        ways = {name: Way(ids) for name, ids in made.items()}
        _track(it, workflows)
        _idle(it, ways["far"], waiting)
        it.start_beat()
        speeds = [_advanced(it, ways[name], due, number) for name, number in _PROCESSES]
        speeds.append(_bound(it, ways["bound"], due))
        _print_speeds(due, speeds)
        _late(it, ways, speeds[1].rate, most=contacts)


_PROCESSES = (("one", 1), ("two", 2))


def _world(it: Installation, word: str, argument: object, **environ: str) -> Any:
    command = python("-m", "tests.bench.automations_world", word, str(argument))
    output = run(*command, environ=it.environ | environ, seconds=_LIMIT_SECONDS)
    return json.loads(output.splitlines()[-1])


def _start_sink(it: Installation) -> None:
    port = it.ports.take()
    url = f"http://127.0.0.1:{port}"
    server = it.start("sink", "-m", "tests.bench.sink", str(port))
    wait_until(lambda: is_answered(url), seconds=20, session=server)
    sink.set_delay(url, 0)
    it.environ["AWS_ENDPOINT_URL"] = url


# -- events ----------------------------------------------------------------------------


def _track(it: Installation, workflows: int) -> None:
    rows: list[list[object]] = []
    cases = ((NOBODY, 0), (SOME, min(LISTENING, workflows)), (ALL, workflows))
    for event, listening in cases:
        load = {
            "LOAD_BODY": bodies.track_body().replace("signed-up", event),
            "LOAD_PATH": "/v1/track",
            "LOAD_KEY": it.secret_key,
        }
        found = _world(it, "track", _ROUNDS, BENCH_EVENT=event, **load)
        statements = _statements(it, load)
        rows.append([listening, statements, found["best"], found["p50"], found["p95"]])
    nobody = float(str(rows[0][3]))
    for row in rows:
        row.append(float(str(row[3])) / nobody)
    print(f"\nPOST /v1/track with {workflows} workflows switched on; milliseconds")
    print_table(("listening", "statements", "best", "p50", "p95", "to nobody"), rows)
    if len({row[1] for row in rows}) > 1:
        raise SystemExit("statements grow with the workflows that listen")
    # What has arrived is not what is measured next.
    it.database.rows("DELETE FROM automations_arrival")
    it.database.rows("VACUUM (ANALYZE) automations_arrival")


def _statements(it: Installation, load: dict[str, str]) -> float:
    command = python("-m", "tests.bench.statements")
    output = run(*command, environ=it.environ | load)
    return float(json.loads(output.strip().splitlines()[-1])["statements"])


# -- nothing to do ---------------------------------------------------------------------


def _idle(it: Installation, way: Way, waiting: int) -> None:
    rows: list[list[object]] = []
    for number in (0, waiting):
        if number:
            make_runs(it, way, number, after=_YEAR, apart=0.1)
            it.database.rows("VACUUM (ANALYZE)")
        found = _world(it, "idle", _ROUNDS)
        claims = [plan for plan in found["plans"] if "FOR UPDATE" in plan]
        rows.append(
            [
                *(number, found["best"], found["p50"], found["p95"]),
                *(found["statements"], _sum(claims, r"Execution Time: ([\d.]+)")),
                _sum(_tops(claims), r"shared hit=(\d+)"),
            ]
        )
        if any("Seq Scan on automations_run" in plan for plan in claims) and number:
            raise SystemExit("\n\n".join(["a claim reads all runs", *claims]))
    print("\nA turn of the engine with nothing due; milliseconds")
    print_table(_IDLE_HEAD, rows)


_IDLE_HEAD = (
    *("runs that wait", "best", "p50", "p95", "statements"),
    *("both claims, executing", "pages"),
)


def _tops(plans: list[str]) -> list[str]:
    """Return the plans up to their first word on pages, which is on all of them."""
    return [
        plan[: found.end()]
        for plan in plans
        if (found := re.search(r"Buffers: [^\n]*", plan))
    ]


def _sum(plans: list[str], figure: str) -> float:
    return sum(float(found) for plan in plans for found in re.findall(figure, plan))


# -- runs that are due -----------------------------------------------------------------


def _wait(it: Installation, way: Way, worker: Session) -> None:
    deadline = time.monotonic() + _LIMIT_SECONDS
    while left(it, way):
        if time.monotonic() > deadline or not worker.is_alive:
            raise SystemExit(f"the runs do not go on\n{worker.tail()}")
        time.sleep(0.05)


def _advanced(it: Installation, way: Way, count: int, processes: int) -> Speed:
    """Let workers advance runs that have all become due."""
    worker = it.start_worker("worker", children=processes)
    _warm_up(it, worker)
    make_runs(it, way, count, after=-1)
    cpu, database_cpu = worker.cpu_seconds(), it.database.cpu_seconds() or 0.0
    began = time.monotonic()
    Celery(broker=it.redis.url).send_task(_ADVANCE, ignore_result=True)
    _wait(it, way, worker)
    seconds = time.monotonic() - began
    database_ms = ((it.database.cpu_seconds() or 0.0) - database_cpu) * 1000 / count
    worker_ms = (worker.cpu_seconds() - cpu) * 1000 / count
    worker.kill()
    check(it, way, count)
    what = f"engine, {processes} {'process' if processes == 1 else 'processes'}"
    return Speed(what, count / seconds, worker_ms, database_ms)


def _warm_up(it: Installation, worker: Session) -> None:
    """Wait until the worker has begun to take what beat sends."""
    wait_until(lambda: len(it.database.backends()) > 0, seconds=60, session=worker)
    time.sleep(3)


def _bound(it: Installation, way: Way, count: int) -> Speed:
    make_runs(it, way, count, after=-1)
    seconds, cpu = write_bound(it, way, count)
    check(it, way, count)
    database_ms = None if cpu is None else cpu * 1000 / count
    return Speed("bare statements", count / seconds, None, database_ms)


def _print_speeds(count: int, speeds: list[Speed]) -> None:
    bound = speeds[-1].rate
    print(f"\n{count:,} runs due in the same minute, three steps each")
    print_table(
        ("what", "runs/s", "worker CPU ms", "PG CPU ms", "to the bound"),
        [
            [
                *(it.what, it.rate, it.worker_ms, it.database_ms),
                it.rate / bound if it is not speeds[-1] else None,
            ]
            for it in speeds
        ],
    )


# -- how late --------------------------------------------------------------------------


def _late(it: Installation, ways: dict[str, Way], rate: float, *, most: int) -> None:
    worker = it.start_worker("worker", children=2)
    _warm_up(it, worker)
    rows: list[list[object]] = []
    for name, share in _SHARES:
        count = min(most, round(rate * share * _STRETCH))
        # So long ahead that all are there when the first becomes due.
        ahead = 5 + count / 2_000
        make_runs(it, ways[name], count, after=ahead, apart=_STRETCH / count)
        _wait(it, ways[name], worker)
        check(it, ways[name], count)
        p50, p95, latest = lateness(it, ways[name])
        rows.append([f"{share:.0%}", count / _STRETCH, p50, p95, latest])
    worker.kill()
    print(f"\nRuns that become due evenly for {_STRETCH:g} s; late by seconds")
    print_table(("of the rate", "runs/s", "p50", "p95", "latest"), rows)
