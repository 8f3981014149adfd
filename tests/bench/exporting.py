"""Contacts of PostgreSQL out into a file, and a bare COPY of them."""

from __future__ import annotations

import re
import time
from pathlib import Path

import psycopg

from tests.bench.place import NAME
from tests.bench.table import print_table
from tests.stack.installation import Installation, installation
from tests.stack.processes import Ports, Session, cpu_seconds

# An import makes ten thousand contacts in one moment; so does this.
_FILL = """
INSERT INTO contacts_contact (id, project_id, email, data, created_at, updated_at)
SELECT
  gen_random_uuid(), %s, 'reader' || i || '@example.org',
  jsonb_build_object(
    'first_name', 'First' || i %% 5000, 'last_name', 'Last ' || i %% 50000,
    'plan', (ARRAY['free', 'pro', 'team'])[1 + i %% 3], 'city', 'Zürich',
    'age', 18 + i %% 70, 'signed_up', '2026-01-01'
  ),
  now() - make_interval(secs => i / 10000), now()
FROM generate_series(1, %s) AS i
"""
_BARE = """
COPY (
  SELECT email, subscribed, created_at, data->>'first_name', data->>'last_name',
    data->>'plan', data->>'city', data->>'age', data->>'signed_up'
  FROM contacts_contact ORDER BY created_at DESC, id DESC
) TO STDOUT (FORMAT csv)
"""
_HEAD = ("what", "rows/s", "seconds", "MiB", "CPU s", "peak MiB")


def measure(*, rows: int, ports: Ports) -> None:
    """Export everybody once bare and three times by the product; print the times."""
    with installation(NAME, ports=ports, environ={}) as it:
        it.database.rows(_FILL, [it.project_id, rows])
        it.database.rows("VACUUM ANALYZE contacts_contact")
        lines = [_bare(it, rows)]
        lines += [
            _product(it, rows, "every key", "export.csv"),
            _product(it, rows, "chosen keys", "export.csv", "--keys", "plan,city"),
            _product(it, rows, "every key, gzip", "export.csv.gz"),
        ]
        print(f"\n{rows:,} contacts with six keys; the command starts within its time")
        print_table(_HEAD, lines)


def _bare(it: Installation, rows: int) -> list[object]:
    path = it.folder / "bare.csv"
    began = time.monotonic()
    with (
        psycopg.connect(it.database.url) as connection,
        path.open("wb") as file,
        connection.cursor() as cursor,
        cursor.copy(_BARE) as copy,
    ):
        file.writelines(copy)
    return _line("bare COPY", rows, time.monotonic() - began, path, None, None)


def _product(
    it: Installation, rows: int, what: str, name: str, *words: str
) -> list[object]:
    path = it.folder / name
    command = ["manage.py", "export_contacts", str(path), "--project", it.project_id]
    began = time.monotonic()
    session = it.start(f"export-{what}", *command, *words)
    peak = cpu = 0.0
    while session.is_alive:
        peak = max(peak, _peak_mib(session))
        cpu = max(cpu, cpu_seconds(session.process.pid))
        time.sleep(0.1)
    seconds = time.monotonic() - began
    if session.process.returncode:
        raise SystemExit(session.tail())
    return _line(what, rows, seconds, path, cpu, peak)


def _line(
    what: str,
    rows: int,
    seconds: float,
    path: Path,
    cpu: float | None,
    peak: float | None,
) -> list[object]:
    size = path.stat().st_size / 1024 / 1024
    return [what, rows / seconds, seconds, size, cpu, peak]


def _peak_mib(session: Session) -> float:
    try:
        status = Path(f"/proc/{session.process.pid}/status").read_text()
    except OSError:
        return 0.0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0
