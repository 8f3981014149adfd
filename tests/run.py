"""Run every test the way the project is run: embedded always, full where it can be.

Started by `make test`. Needs the standard library only; arguments go on to pytest.

    TEST_DATABASE_URL   PostgreSQL, default postgres://postgres@127.0.0.1:5432/postgres
    TEST_REDIS_URL      Redis, default redis://127.0.0.1:6379/15
    REQUIRE_SERVICES=1  makes it a failure when one of them does not answer
    TEST_PROCESSES      how many processes share the tests; one more than
                        there are cores, since tests also wait, and at most eight
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
POSTGRES = os.environ.get(
    "TEST_DATABASE_URL", "postgres://postgres@127.0.0.1:5432/postgres"
)
REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/15")
PROCESSES = str(min(8, (os.cpu_count() or 1) + 1))
#: What chooses the way to run; a developer's own must not reach the tests.
_CHOOSES = ("DATABASE_URL", "REDIS_URL", "DATA_DIR", "PORT", "APP_URI", "API_URI")


@dataclass(frozen=True)
class Outcome:
    """What one run of the tests came to."""

    name: str
    passed: int
    failed: int
    skipped: int
    code: int

    @property
    def is_green(self) -> bool:
        return self.code == 0 and self.failed == 0 and self.passed > 0

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.name} – {self.passed} passed, {self.failed} failed{skipped}"


def main(arguments: list[str]) -> int:
    """Run all that can be run, say in words what that was; 0 if all of it passed."""
    missing = unreachable()
    # What is asked once is asked where the database is the stricter one.
    once = {} if missing else {"TEST_ONCE": "later"}
    outcomes = [run("SQLite (embedded)", once, arguments)]
    if not missing:
        services = {"DATABASE_URL": POSTGRES, "REDIS_URL": REDIS}
        outcomes.append(run(f"{postgres()} + {redis()}", services, arguments))
    print(f"\nCovered: {'; '.join(map(str, outcomes))}.")
    is_required = os.environ.get("REQUIRE_SERVICES", "") not in ("", "0")
    if missing:
        print(f"Not covered: PostgreSQL + Redis, because {missing}.")
        if is_required:
            print("REQUIRE_SERVICES is set, so this counts as a failure.")
    failed = sum(it.failed for it in outcomes) + (is_required and bool(missing))
    # A run that broke off without a failing test is one failure all the same.
    failed += sum(not it.is_green and not it.failed for it in outcomes)
    print(f"{sum(it.passed for it in outcomes)} passed, {failed} failed")
    return 1 if failed else 0


def run(name: str, services: dict[str, str], arguments: list[str]) -> Outcome:
    """Run pytest once against `services`."""
    print(f"\n== {name} ==", flush=True)
    environ = {key: it for key, it in os.environ.items() if key not in _CHOOSES}
    with tempfile.TemporaryDirectory(prefix="plunk-tests-") as folder:
        report = Path(folder) / "report.xml"
        done = subprocess.run(
            [
                *[sys.executable, "-m", "pytest", "--quiet", "--create-db"],
                *["-p", "no:cacheprovider", f"--junit-xml={report}"],
                *["-n", os.environ.get("TEST_PROCESSES", PROCESSES), *arguments],
            ],
            cwd=ROOT,
            env={**environ, **services, "DATA_DIR": f"{folder}/data"},
            stdin=subprocess.DEVNULL,
            check=False,
        )
        return _outcome(name, report, done.returncode)


def _outcome(name: str, report: Path, code: int) -> Outcome:
    if not report.exists():
        return Outcome(name, passed=0, failed=0, skipped=0, code=code or 1)
    suites = list(ET.parse(report).getroot().iter("testsuite"))

    def total(attribute: str) -> int:
        return sum(int(suite.get(attribute, "0")) for suite in suites)

    failed, skipped = total("failures") + total("errors"), total("skipped")
    passed = max(0, total("tests") - failed - skipped)
    return Outcome(name, passed=passed, failed=failed, skipped=skipped, code=code)


def unreachable() -> str:
    """Say which service does not answer; empty if both do."""
    silent = [
        f"{name} does not answer at {place}"
        for name, url, port in (("PostgreSQL", POSTGRES, 5432), ("Redis", REDIS, 6379))
        if not _answers(place := _place(url, port))
    ]
    return " and ".join(silent)


def _place(url: str, default_port: int) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname or '127.0.0.1'}:{parts.port or default_port}"


def _answers(place: str) -> bool:
    host, _, port = place.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=2):
            return True
    except OSError:
        return False


def postgres() -> str:
    """Return PostgreSQL's name and major version."""
    import psycopg

    with psycopg.connect(POSTGRES, connect_timeout=3) as connection:
        return f"PostgreSQL {connection.info.server_version // 10_000}"


def redis() -> str:
    """Return Redis's name and major version."""
    from redis import Redis

    with Redis.from_url(REDIS, socket_timeout=3) as client:
        version = str(client.info("server")["redis_version"])
    return f"Redis {version.partition('.')[0]}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
