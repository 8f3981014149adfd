from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import psycopg
import pytest

from tests.running.processes import (
    Running,
    answers,
    environment,
    free_port,
    manage,
    running,
)

pytestmark = pytest.mark.services

ENTRYPOINT = str(Path("docker/entrypoint.sh").resolve())
ROLES = ("web", "worker", "beat", "smtp")


def test_each_role_starts_in_its_container_and_stops_in_time(
    full: dict[str, str], tmp_path: Path
) -> None:
    port = free_port()
    chosen = {**full, "PORT": str(port), "PLUNK_HOME": str(Path.cwd())}
    logs = {role: tmp_path / role for role in (*ROLES, "migrate")}

    with running(ENTRYPOINT, "migrate", log=logs["migrate"], **chosen) as migrate:
        assert migrate.ended() == 0, migrate.printed()
    with (
        running(ENTRYPOINT, "web", log=logs["web"], **chosen) as web,
        running(ENTRYPOINT, "worker", log=logs["worker"], **chosen) as worker,
        running(ENTRYPOINT, "beat", log=logs["beat"], **chosen) as beat,
        running(ENTRYPOINT, "smtp", log=logs["smtp"], **chosen) as smtp,
    ):
        url = f"http://127.0.0.1:{port}/ready"
        web.until(lambda: answers(url))
        smtp.until(lambda: "taking mail by SMTP" in smtp.printed())
        healthy = subprocess.run(
            [ENTRYPOINT, "healthy"], env=environment(**chosen), check=False
        )
        roles = (web, worker, beat, smtp)
        codes = [it.stop() for it in roles]
        left = [it.left() for it in roles]

    assert healthy.returncode == 0
    assert codes == [0, 0, 0, 0], {role: it.read_text() for role, it in logs.items()}
    assert left == [[], [], [], []]


def test_a_container_whose_web_process_is_gone_is_not_healthy() -> None:
    done = subprocess.run(
        [ENTRYPOINT, "healthy"],
        env=environment(PORT=free_port(), PLUNK_HOME=Path.cwd()),
        stderr=subprocess.DEVNULL,
        check=False,
    )

    assert done.returncode != 0


def test_one_command_runs_and_stops_all_roles(
    full: dict[str, str], tmp_path: Path
) -> None:
    port, log = free_port(), tmp_path / "log"

    with running(*manage("run"), log=log, PORT=port, **full) as it:
        url = f"http://127.0.0.1:{port}/ready"
        it.until(lambda: answers(url))
        code = it.stop(signal.SIGINT)
        left = it.left()

    assert code == 0, it.printed()
    assert left == []


def test_all_roles_stop_when_one_dies(full: dict[str, str], tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"

    with running(*manage("run"), log=log, PORT=port, **full) as it:
        url = f"http://127.0.0.1:{port}/health"
        it.until(lambda: answers(url))
        os.kill(_child(it, "beat"), signal.SIGKILL)
        code = it.ended()
        left = it.left()

    assert code == 1
    assert "The beat process ended by itself" in it.printed()
    assert left == []


def test_roles_stop_when_their_supervisor_is_killed(
    full: dict[str, str], tmp_path: Path
) -> None:
    port, log = free_port(), tmp_path / "log"

    with running(*manage("run"), log=log, PORT=port, **full) as it:
        url = f"http://127.0.0.1:{port}/health"
        it.until(lambda: answers(url))
        it.head.kill()
        it.ended()
        it.until(lambda: not it.left())


def test_two_that_migrate_at_once_do_not_disturb_each_other(
    full: dict[str, str], tmp_path: Path
) -> None:
    logs = [tmp_path / "one", tmp_path / "two"]

    with (
        running(*manage("prepare"), log=logs[0], **full) as one,
        running(*manage("prepare"), log=logs[1], **full) as two,
    ):
        codes = [one.ended(), two.ended()]

    assert codes == [0, 0], [it.read_text() for it in logs]
    with psycopg.connect(full["DATABASE_URL"]) as connection:
        cursor = connection.execute("SELECT count(*) FROM django_cache")
        assert cursor.fetchone() == (0,)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (
            {"DATABASE_URL": "postgres://postgres@127.0.0.1:1/plunk"},
            "The database did not answer within 1 seconds",
        ),
        ({}, "The database was not migrated within 1 seconds"),
        ({"JWT_SECRET": ""}, "Set JWT_SECRET"),
    ],
)
def test_a_role_that_cannot_start_says_why(
    full: dict[str, str], tmp_path: Path, changed: dict[str, str], expected: str
) -> None:
    log = tmp_path / "log"
    command = manage("run", "--only", "worker", "--wait", "1")

    with running(*command, log=log, **{**full, **changed}) as it:
        code = it.ended()

    assert code == 1
    assert expected in it.printed()
    assert "Traceback" not in it.printed()


def _child(session: Running, word: str) -> int:
    for pid in session.left():
        if word in Path(f"/proc/{pid}/cmdline").read_text().split("\0"):
            return pid
    raise AssertionError(f"No process runs {word}.")
