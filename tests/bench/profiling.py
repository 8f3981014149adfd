"""Where the time goes: the product's own functions, timed from outside.

`python -m tests.bench profile requests` runs cProfile over the WSGI application in one
thread; `profile delivery` drains the queue in this process with timers around the
functions that matter. Both make the product slower than it is: read shares, not times.
"""

from __future__ import annotations

import cProfile
import json
import os
import pstats
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pkgutil import resolve_name
from threading import Lock
from typing import Any

import django

_REQUESTS = 1500
#: Module or class, function, and what it belongs to; nested ones count in the outer.
_TIMED = (
    ("transactional.delivery", "claim", "database: claim"),
    ("transactional.delivery", "is_anything_due", "database: claim"),
    ("transactional.rate", "take", "database: permits"),
    ("transactional.rate", "give_back", "database: permits"),
    ("transactional.holds", "gate", "database: holds"),
    ("transactional.recording", "record", "database: record"),
    ("transactional.recording", "write_ahead", "database: write ahead"),
    ("transactional.recording", "put_back", "database: record"),
    ("transactional.composing", "_contents", "database: contents"),
    ("transactional.composing", "compose_one", "composing"),
    ("transactional.ses", "request", "SES: request"),
    ("transactional.lines:Lines", "turn", "SES: connections"),
)


def profile_requests() -> None:
    """Profile requests of one kind (`LOAD_…`) through the whole application."""
    from tests.bench.statements import request

    for number in range(50):
        request(f"warm-{number}")
    profile = cProfile.Profile()
    profile.enable()
    for number in range(_REQUESTS):
        request(f"profiled-{number}")
    profile.disable()
    stats = pstats.Stats(profile, stream=sys.stdout)
    print(f"{_REQUESTS} requests")
    stats.strip_dirs().sort_stats("tottime").print_stats(30)
    stats.sort_stats("cumulative").print_stats(45)


class _Timer:
    """Wall and processor time by name, over all threads."""

    def __init__(self) -> None:
        self.wall: dict[str, float] = defaultdict(float)
        self.cpu: dict[str, float] = defaultdict(float)
        self.calls: dict[str, int] = defaultdict(int)
        self._lock = Lock()

    def around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            wall, cpu = time.perf_counter(), time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
                with self._lock:
                    self.wall[name] += wall
                    self.cpu[name] += cpu
                    self.calls[name] += 1

        return timed


def profile_delivery() -> None:
    """Drain what is queued and print one line of JSON."""
    django.setup()
    from transactional import delivery

    timer = _Timer()
    for module, function, name in _TIMED:
        target = resolve_name(module)
        setattr(target, function, timer.around(name, getattr(target, function)))
    wall, cpu = time.perf_counter(), time.process_time()
    sent = 0
    while taken := delivery.drain(seconds=60):
        sent += taken
    total = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    parts = [
        [name, timer.calls[name], timer.wall[name], timer.cpu[name]]
        for name in timer.calls
    ]
    print(json.dumps({"sent": sent, **total, "parts": parts}))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "plunk.settings")
    if sys.argv[1] == "requests":
        profile_requests()
    else:
        profile_delivery()
