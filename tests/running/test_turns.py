from __future__ import annotations

from django.conf import settings
from kombu.utils.scheduling import cycle_by_name

from plunk.running.turns import FirstThenTurns


def _served(waiting: dict[str, int], rounds: int) -> list[str]:
    cycle = FirstThenTurns()
    cycle.update(queue.name for queue in settings.CELERY_TASK_QUEUES)
    served = []
    for _ in range(rounds):
        queue = next(it for it in cycle.consume(3) if waiting.get(it))
        waiting[queue] -= 1
        served.append(cycle.rotate(queue))
    return served


def test_jobs_are_done_while_mail_goes_out_without_end() -> None:
    served = _served({"delivery": 100, "jobs": 100}, rounds=10)
    assert served.count("jobs") == served.count("delivery") == 5


def test_short_tasks_go_before_both() -> None:
    served = _served({"celery": 3, "delivery": 9, "jobs": 9}, rounds=6)
    assert served == ["celery", "celery", "celery", "delivery", "jobs", "delivery"]


def test_who_is_alone_is_served_all_the_time() -> None:
    assert _served({"delivery": 3}, rounds=3) == ["delivery"] * 3


def test_workers_use_it() -> None:
    name = f"{FirstThenTurns.__module__}:{FirstThenTurns.__qualname__}"
    assert cycle_by_name(name).__name__ == FirstThenTurns.__name__
    transport = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    assert not settings.REDIS_URL or transport["queue_order_strategy"] == name
