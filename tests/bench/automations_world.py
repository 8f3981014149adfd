"""Workflows of a benchmark, and what is asked of the product within one process.

Run as `python -m tests.bench.automations_world WORD ARGUMENT` with the installation's
environment; prints one line of JSON. `make` makes workflows that are switched on (the
argument: how many listen), `track` puts requests that tell of an event through the
application (its name), `idle` lets the engine turn with nothing to do (its rounds).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from uuid import UUID

import django

from tests.bench.bodies import letter

#: What the sets of runs are called that become due.
SETS = ("one", "two", "bound", "half", "most")
#: Events by how many workflows listen to them: none, some and all.
NOBODY, SOME, ALL = "heard-by-nobody", "heard-by-some", "heard-by-all"
LISTENING = 20


def main(word: str, argument: str) -> None:
    """Do what is told and print what it came to."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "plunk.settings")
    django.setup()
    told: dict[str, Callable[[str], Any]] = {
        "make": _make,
        "track": _track,
        "idle": _idle,
    }
    print(json.dumps(told[word](argument)))


def _make(number: str) -> dict[str, dict[str, str]]:
    """Make the listening workflows, and one for each set of runs; return the sets."""
    from plunk.projects.models import Project
    from transactional.models import MailKind, SavedBy
    from transactional.templates import create

    project = Project.objects.get()
    written = {
        "name": "Letter",
        "subject": "News",
        "body": letter(),
        "kind": MailKind.TRANSACTIONAL,
        "from_email": "news@example.com",
    }
    template = create(project_id=project.pk, written=written, saved_by=SavedBy.API)
    for place in range(int(number)):
        _listen(project, place)
    return {name: _way(project, template, name) for name in ("far", *SETS)}


def _listen(project: Any, place: int) -> None:
    from automations.definitions import Trigger
    from automations.models import TriggerType
    from tests.automations.building import live, step

    names = [f"own-{place}", ALL, *([SOME] if place < LISTENING else [])]
    trigger = Trigger(TriggerType.EVENTS, {"eventNames": names, "mode": "ANY"})
    delay = step("DELAY", amount=30, unit="days")
    live(project, trigger, delay, step("EXIT"), name=f"Listener {place}")


def _way(project: Any, template: Any, name: str) -> dict[str, str]:
    """A delay, a condition on data, a contact changed or a mail, and a delay again."""
    from automations.definitions import Trigger
    from automations.engine.versions import definition_of
    from automations.models import TriggerType
    from tests.automations.building import live, step

    first = step("DELAY", amount=1, unit="days")
    asks = step("CONDITION", field="data.plan", operator="equals", value="pro")
    change = step("UPDATE_CONTACT", updates={"stage": "customer"})
    mail = step("SEND_EMAIL", template=template)
    last = step("DELAY", amount=30, unit="days")
    steps = {"first": first, "asks": asks, "change": change, "mail": mail, "last": last}
    ways = [
        *((first, asks, ""), (asks, change, "yes"), (asks, mail, "no")),
        *((change, last, ""), (mail, last, "")),
    ]
    workflow = live(
        project,
        Trigger(TriggerType.MANUAL, {}),
        *steps.values(),
        ways=ways,
        name=name,
    )
    start = definition_of(UUID(str(workflow.live_id))).start.id
    return {
        "project": str(project.pk),
        "workflow": str(workflow.pk),
        "version": str(workflow.live_id),
        "start": str(start),
        **{key: str(it.id) for key, it in steps.items()},
    }


def _track(rounds: str) -> dict[str, Any]:
    from tests.bench.asking import asked
    from tests.bench.statements import request

    name = os.environ["BENCH_EVENT"]
    found = asked(name, 0, lambda number: request(f"{name}{number}"), int(rounds))
    return asdict(found)


def _idle(rounds: str) -> dict[str, Any]:
    from automations.engine import turns
    from contacts.segments.scopes import database_now
    from tests.bench.asking import asked

    def turn(_: int) -> None:
        if turns.step(database_now()):
            raise SystemExit("the engine had something to do")

    return asdict(asked("idle turn", 1, turn, int(rounds)))


if __name__ == "__main__":
    main(*sys.argv[1:3])
