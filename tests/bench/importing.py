"""A file of contacts into PostgreSQL: the product, and a bare COPY and upsert of it."""

from __future__ import annotations

import csv
import random
import re
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from tests.bench.memory import Peak
from tests.bench.place import NAME
from tests.bench.table import print_table
from tests.stack.installation import Installation, installation
from tests.stack.processes import (
    DidNotStart,
    Ports,
    Session,
    cpu_seconds,
    python,
    run,
)

_PLANS = ("free", "pro", "team", "enterprise")
_CITIES = ("Berlin", "Graz", "Zürich", "Łódź", "Paris", "Lagos", "Osaka", "Lima")
_HEADER = ["email", "first_name", "last_name", "plan", "city", "age", "signed_up"]

# The least that puts this file into the product's own table.
_RAW = """
CREATE TEMPORARY TABLE raw (
  email text, first_name text, last_name text, plan text, city text, age text,
  signed_up text
)
"""
_UPSERT = """
INSERT INTO contacts_contact AS c (id, project_id, email, data)
SELECT
  gen_random_uuid(), %s, lower(trim(email)),
  jsonb_build_object(
    'first_name', first_name, 'last_name', last_name, 'plan', plan, 'city', city,
    'age', age::int, 'signed_up', signed_up
  )
FROM raw
ON CONFLICT (project_id, email) DO UPDATE SET
  data = COALESCE(c.data, '{}'::jsonb) || excluded.data, updated_at = now()
"""
_HEAD = ("contacts", "what", "rows/s", "seconds", "PG CPU s", "this/bare", "peak MiB")


@dataclass(frozen=True, slots=True)
class Run:
    """What one way of importing came to."""

    what: str
    seconds: float
    cpu: float
    peak_mib: float | None = None


def write_file(path: Path, *, rows: int, plan: int) -> None:
    """Write a file of so many people; `plan` shifts what differs between two of it."""
    dice = random.Random(1)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(_HEADER)
        for number in range(rows):
            writer.writerow(
                [
                    f"Reader.{number}@mail{number % 997}.example.com",
                    f"First{dice.randrange(5000)}",
                    f"Last {dice.randrange(50_000)}",
                    _PLANS[(number + plan) % len(_PLANS)],
                    _CITIES[dice.randrange(len(_CITIES))],
                    dice.randrange(18, 90),
                    f"20{dice.randrange(10, 26)}-0{dice.randrange(1, 9)}-1{number % 9}",
                ]
            )


def measure(*, rows: int, kills: int, rounds: int, ports: Ports) -> None:
    """Import a file into an empty table and again into the full one; print both."""
    with installation(NAME, ports=ports, environ={}) as it:
        files = [it.folder / "first.csv", it.folder / "second.csv"]
        for plan, file in enumerate(files):
            write_file(file, rows=rows, plan=plan)
        beat = it.start_beat()
        size = files[0].stat().st_size / 1024 / 1024
        print(f"\n{rows:,} rows, {size:.0f} MiB; the second file changes each contact")
        if kills:
            _with_kills(it, beat, files[0], rows=rows, kills=kills)
            return
        lines: list[list[object]] = []
        for _ in range(rounds):
            bare = [_bare(it, file, is_first=not i) for i, file in enumerate(files)]
            done = [
                _product(it, beat, file, rows=rows, is_first=not number)
                for number, file in enumerate(files)
            ]
            for state, one, other in zip(
                ("none yet", "all there"), bare, done, strict=True
            ):
                lines += [_line(state, rows, one, one), _line(state, rows, other, one)]
        print_table(_HEAD, lines)


def _line(state: str, rows: int, it: Run, bare: Run) -> list[object]:
    return [
        state,
        it.what,
        rows / it.seconds,
        it.seconds,
        it.cpu,
        None if it is bare else bare.seconds / it.seconds,
        it.peak_mib,
    ]


def _empty(it: Installation) -> None:
    it.database.rows("TRUNCATE contacts_contact CASCADE")
    it.database.rows("CHECKPOINT")


def _bare(it: Installation, file: Path, *, is_first: bool) -> Run:
    if is_first:
        _empty(it)
    connection = it.database.connection
    backend = it.database.value("SELECT pg_backend_pid()")
    cpu_before = cpu_seconds(backend)
    began = time.monotonic()
    with connection.transaction():
        connection.execute(_RAW)
        with (
            file.open("rb") as source,
            connection.cursor() as cursor,
            cursor.copy("COPY raw FROM STDIN (FORMAT csv, HEADER)") as copy,
        ):
            while part := source.read(1 << 20):
                copy.write(part)
        connection.execute(_UPSERT.encode(), [it.project_id])
        connection.execute("DROP TABLE raw")
    seconds = time.monotonic() - began
    return Run("bare", seconds, cpu_seconds(backend) - cpu_before)


def _product(
    it: Installation, beat: Session, file: Path, *, rows: int, is_first: bool
) -> Run:
    if is_first:
        _empty(it)
    with it.start_worker(f"worker-{uuid4().hex[:6]}", children=1) as worker:
        peak = Peak(worker)
        job = _begin(it, file)
        while not _has_ended(it, job):
            _alive(worker, beat)
            time.sleep(0.1)
        cpu = it.database.cpu_seconds() or 0.0
        peak.stop()
    seconds = it.database.value(
        "SELECT extract(epoch FROM finished_at - started_at) FROM contacts_job"
        " WHERE id = %s",
        [job],
    )
    _check(it, job, rows=rows, is_first=is_first)
    return Run("product", float(seconds), cpu, peak.mib)


def _with_kills(
    it: Installation, beat: Session, file: Path, *, rows: int, kills: int
) -> None:
    """Kill the worker on the way, as often as asked; the totals must be exact."""
    _empty(it)
    job = _begin(it, file)
    began = time.monotonic()
    for kill in range(1, kills + 1):
        with it.start_worker(f"killed-{kill}", children=1) as worker:
            goal = rows * kill // (kills + 1)
            while _rows(it, job) < goal:
                _alive(worker, beat)
                time.sleep(0.02)
            worker.kill()
        print(f"killed after {_rows(it, job):,} rows, {time.monotonic() - began:.0f} s")
    with it.start_worker("last", children=1) as worker:
        while not _has_ended(it, job):
            _alive(worker, beat)
            time.sleep(0.2)
    _check(it, job, rows=rows, is_first=True)
    print(f"done after {time.monotonic() - began:.0f} s, leases included")


def _begin(it: Installation, file: Path) -> str:
    """Keep a file and leave its import to the workers; return the job's id."""
    words = ["manage.py", "import_contacts", str(file), "--background"]
    words += ["--project", it.project_id]
    output = run(*python(*words), environ=it.environ, seconds=600)
    found = re.search(r"Import ([0-9a-f-]{36})", output)
    if found is None:
        raise DidNotStart(output)
    return found[1]


def _has_ended(it: Installation, job: str) -> bool:
    state, reason = it.database.rows(
        "SELECT state, failed_reason FROM contacts_job WHERE id = %s", [job]
    )[0]
    if state in {"FAILED", "CANCELLED"}:
        raise SystemExit(f"the import failed: {reason}")
    return bool(state == "COMPLETED")


def _rows(it: Installation, job: str) -> int:
    return int(
        it.database.value(
            "SELECT COALESCE((counts->>'rows')::bigint, 0) FROM contacts_job"
            " WHERE id = %s",
            [job],
        )
    )


def _check(it: Installation, job: str, *, rows: int, is_first: bool) -> None:
    """Stop where a total is not exact or a contact is there twice."""
    counts = it.database.value("SELECT counts FROM contacts_job WHERE id = %s", [job])
    figures = {name: figure for name, figure in counts.items() if figure}
    expected = {"rows": rows, "created" if is_first else "updated": rows}
    people, addresses = it.database.rows(
        "SELECT count(*), count(DISTINCT email) FROM contacts_contact"
    )[0]
    left = it.database.value("SELECT count(*) FROM contacts_importpiece")
    if figures != expected or (people, addresses, left) != (rows, rows, 0):
        raise SystemExit(f"not exact: {figures}, {people}, {addresses}, {left}")
    print(f"totals exact: {figures}; {people:,} contacts, no address twice")


def _alive(*sessions: Session) -> None:
    for session in sessions:
        if not session.is_alive:
            raise SystemExit(f"{session.name} ended\n{session.tail()}")
