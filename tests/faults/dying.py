"""A worker that dies at an exact point: the windows that random kills seldom hit.

`python -m tests.faults.dying POINT PERCENT CELERY-ARGUMENTS…` patches one function of
the product from outside and runs Celery in this process. Of its pool's processes, the
one that comes to the point ends there as SIGKILL would end it, so often in a hundred.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from typing import Any

import django

#: Where it dies: module, function, and whether before or after the function's work.
POINTS: dict[str, tuple[str, str, bool]] = {
    "after-claim": ("transactional.delivery", "claim", True),
    "before-ses": ("transactional.ses", "request", False),
    "after-ses": ("transactional.ses", "read_answer", True),
    "before-record": ("transactional.recording", "record", False),
    "after-record": ("transactional.recording", "record", True),
}
#: The same while it is written down who gets a campaign.
FREEZING_POINTS: dict[str, tuple[str, str, bool]] = {
    "before-chunk": ("campaigns.freezing", "_write_postgresql", False),
    "inside-chunk": ("campaigns.freezing", "_write_postgresql", True),
    "after-chunk": ("contacts.jobs", "_chunk", True),
}
#: The same around a batch of the engine, which is one transaction: of what has arrived,
#: and of runs that are due.
ENGINE_POINTS: dict[str, tuple[str, str, bool]] = {
    "arrivals-claimed": ("automations.engine.arrivals", "_told", True),
    "arrivals-before-commit": ("automations.engine.arrivals", "_enter", True),
    "arrivals-after-commit": ("automations.engine.arrivals", "take", True),
    "runs-claimed": ("automations.engine.advancing", "_journeys", True),
    "runs-before-commit": ("automations.engine.writing", "write", True),
    "runs-after-commit": ("automations.engine.advancing", "advance_due", True),
}
#: The same around the call of a webhook.
CALL_POINTS: dict[str, tuple[str, str, bool]] = {
    "call-claimed": ("automations.webhooks.calling", "claim", True),
    "call-made": ("automations.webhooks.calling", "_call", True),
    "call-recorded": ("automations.webhooks.calling", "record", True),
}
#: How many contacts a chunk then looks at, so that there are many of them.
_WINDOW = 500
#: How long the job of a process that died waits; a minute in production.
_JOB_LEASE = timedelta(seconds=2)
#: The point that only one mail has, every time: composing it.
POISON = "poison"
_POISONED = ("transactional.composing", "compose_one", False)
_ALL = POINTS | FREEZING_POINTS | ENGINE_POINTS | CALL_POINTS


def main(point: str, percent: float) -> None:
    """Patch, and become a worker."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "plunk.settings")
    django.setup()
    if point in FREEZING_POINTS:
        _freeze_in_small_chunks()
    module, name, is_after = _ALL.get(point, _POISONED)
    target = import_module(module)
    function = getattr(target, name)
    deadly = (
        _poisoned(function)
        if point == POISON
        else _deadly(function, percent, is_after=is_after)
    )
    setattr(target, name, deadly)
    from plunk.celery import app

    app.worker_main(sys.argv[3:])


def _freeze_in_small_chunks() -> None:
    for module, name, value in (
        ("campaigns.freezing", "_WINDOW", _WINDOW),
        ("contacts.jobs", "LEASE", _JOB_LEASE),
    ):
        setattr(import_module(module), name, value)


def _deadly(
    function: Callable[..., Any], percent: float, *, is_after: bool
) -> Callable[..., Any]:
    def work(*args: Any, **kwargs: Any) -> Any:
        # Seeded for each process by itself: forks share their parent's dice.
        is_last = random.SystemRandom().random() * 100 < percent
        if is_last and not is_after:
            os._exit(137)
        result = function(*args, **kwargs)
        # An empty claim holds nothing that could be lost.
        if is_last and result not in ([], 0):
            os._exit(137)
        return result

    return work


def _poisoned(function: Callable[..., Any]) -> Callable[..., Any]:
    def work(mail: Any, *args: Any) -> Any:
        if mail.to_email.startswith(POISON):
            os._exit(137)
        return function(mail, *args)

    return work


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
