from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery
from redis import Redis

from tests.running.processes import running

REDIS_URL = os.environ.get("REDIS_URL", "")
pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(not REDIS_URL, reason="prefork workers need Redis"),
]


@pytest.fixture
def queue() -> Iterator[str]:
    name = f"drained-{uuid.uuid4()}"
    yield name
    with Redis.from_url(REDIS_URL) as client:
        client.delete(*client.keys(f"*{name}*"), name)


def _celery(*options: str) -> list[str]:
    return [
        *[sys.executable, "-m", "celery", "--app", "tests.running.drained", "worker"],
        *["--concurrency", "2", "--without-gossip", "--without-mingle", *options],
    ]


def _send(queue: str, notes: list[Path]) -> None:
    with Celery(broker=REDIS_URL, set_as_current=False) as app:
        for path in notes:
            app.send_task("drain", [str(path)], queue=queue)


def _lines(notes: list[Path]) -> list[str]:
    return [line for it in notes if it.exists() for line in it.read_text().split()]


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_a_worker_told_to_stop_lets_its_tasks_finish(
    pool: str, queue: str, tmp_path: Path
) -> None:
    notes, log = [tmp_path / "a", tmp_path / "b"], tmp_path / "log"

    command = _celery("--pool", pool)
    with running(*command, log=log, REDIS_URL=REDIS_URL, QUEUE=queue) as worker:
        _send(queue, notes)
        worker.until(lambda: _lines(notes) == ["begun"] * 2)
        code = worker.stop()
        left = worker.left()

    assert code == 0
    assert sorted(_lines(notes)) == ["begun", "begun", "finished", "finished"]
    assert left == []
