"""Sweeps are sent to workers that work, and do not pile up before those that do not."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from celery import Celery
from kombu import Queue

from plunk import waking
from plunk.queues import MOST_WAITING
from plunk.running.scheduling import Scheduler

#: Queues in memory are the whole process's, in which other tests leave hints.
OFTEN, DELIVERY = f"often-{uuid4()}", f"delivery-{uuid4()}"


@pytest.fixture
def app() -> Iterator[Celery]:
    made = Celery("sweeps", broker="memory://", set_as_current=False)
    made.conf.task_queues = (Queue(OFTEN), Queue(DELIVERY))
    made.conf.task_default_queue = OFTEN
    made.conf.task_routes = {"deliver": {"queue": DELIVERY}}
    made.conf.beat_schedule = {
        "often": {"task": "sweep", "schedule": 1.0},
        "delivery": {"task": "deliver", "schedule": 1.0},
        "seldom": {"task": "forget", "schedule": 3600.0},
    }
    with made.connection_for_write() as connection:
        for queue in (OFTEN, DELIVERY):
            connection.SimpleQueue(queue).clear()
    yield made
    made.close()


def waiting(app: Celery, queue: str) -> int:
    with app.connection_for_read() as connection:
        return int(connection.SimpleQueue(queue).qsize())


def test_sweeps_do_not_pile_up_where_nobody_works(app: Celery) -> None:
    scheduler = Scheduler(app)

    for _ in range(3 * MOST_WAITING):
        for name in ("often", "delivery"):
            scheduler.apply_entry(scheduler.schedule[name], scheduler.producer)

    assert waiting(app, OFTEN) == MOST_WAITING
    assert waiting(app, DELIVERY) == MOST_WAITING
    scheduler.apply_entry(scheduler.schedule["seldom"], scheduler.producer)
    assert waiting(app, OFTEN) == MOST_WAITING + 1


def test_a_sweep_waits_for_a_worker_whatever_the_clocks_say(app: Celery) -> None:
    scheduler = Scheduler(app)
    entry = scheduler.schedule["often"]
    scheduler.apply_entry(entry, scheduler.producer)

    with app.connection_for_read() as connection:
        message = connection.SimpleQueue(OFTEN).get(timeout=2)

    assert message.headers["task"] == "sweep"
    assert message.headers["expires"] is None
    assert message.headers["eta"] is None


def test_the_product_sends_no_sweep_that_expires() -> None:
    from plunk.celery import app as product

    assert product.conf.beat_scheduler == "plunk.running.scheduling:Scheduler"
    for entry in product.conf.beat_schedule.values():
        assert "expires" not in entry.get("options", {})


def test_hints_wait_without_end_but_not_without_number(
    app: Celery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waking, "current_app", app)

    for _ in range(MOST_WAITING + 20):
        waking._send("deliver")

    assert waiting(app, DELIVERY) == MOST_WAITING
    with app.connection_for_read() as connection:
        message = connection.SimpleQueue(DELIVERY).get(timeout=2)
    assert message.headers["expires"] is None


def test_a_broker_that_is_away_ends_no_thread(
    app: Celery, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(waking, "current_app", app)
    monkeypatch.setattr(waking, "_BACKOFF_SECONDS", 0.0)
    monkeypatch.setattr(app, "producer_or_acquire", refuse)

    waking._send("deliver")
