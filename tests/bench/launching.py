"""Campaigns of a benchmark, launched as a member or the API launches them.

Run as `python -m tests.bench.launching JSON` with the installation's environment;
prints one line of JSON. `do` says what: `project` (another one, with its own verified
domain), `launch` (`fields` of the campaign, `subject` and `body`; `hold` pauses it in
the same transaction, so that it is written down but not sent), `resume`, `pause`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import django

from tests.stack.installation import Installation
from tests.stack.processes import python, run


def ask(it: Installation, **told: Any) -> dict[str, Any]:
    """Have something done in a process of the installation; return its answer."""
    command = python("-m", "tests.bench.launching", json.dumps(told))
    output = run(*command, environ=it.environ, seconds=300)
    answer: dict[str, Any] = json.loads(output.splitlines()[-1])
    return answer


def launch(it: Installation, *, project_id: str = "", **told: Any) -> str:
    """Launch a campaign; return its id."""
    answer = ask(it, do="launch", project=project_id or it.project_id, **told)
    return str(answer["campaign"])


def wait_until_frozen(it: Installation, campaign: str, *, seconds: float) -> None:
    """Wait until every mail of a campaign is written down."""
    deadline = time.monotonic() + seconds
    while not frozen_at(it, campaign):
        if time.monotonic() > deadline:
            raise SystemExit("the campaign is not written down in time")
        time.sleep(0.1)


def frozen_at(it: Installation, campaign: str) -> Any:
    """Return when the last of a campaign's mails was written down, None before that."""
    return it.database.value(
        "SELECT frozen_at FROM campaigns_run WHERE campaign_id = %s", [campaign]
    )


def main(told: dict[str, Any]) -> None:
    """Do what is told and print what it came to."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "plunk.settings")
    django.setup()
    done = {"project": _project, "launch": _launch, "pause": _turn, "resume": _turn}
    print(json.dumps(done[told["do"]](told)))
    # The hint that wakes workers is sent by a thread.
    time.sleep(0.3)


def _project(told: dict[str, Any]) -> dict[str, str]:
    from django.db.models.functions import Now

    from plunk.projects.creating import create_project
    from plunk.projects.models import User
    from transactional.models import Domain

    owner = User.objects.get(email="alice@example.com")
    project = create_project(name=told["name"], owner=owner).project
    domain = told["sender"].rpartition("@")[2]
    Domain.objects.create(project=project, name=domain, verified_at=Now())
    return {"project": str(project.pk)}


def _launch(told: dict[str, Any]) -> dict[str, str]:
    from django.db import transaction

    from campaigns.lifecycle import pause, send
    from campaigns.models import Campaign, Variant
    from plunk.projects.models import Project

    project = Project.objects.get(pk=told["project"])
    fields = dict(told.get("fields", {}))
    excluded = fields.pop("excluded", [])
    said = {"subject": told["subject"], "body": told["body"], "style": "HTML"}
    with transaction.atomic():
        campaign = Campaign.objects.create(project=project, name="Bench", **fields)
        campaign.excluded_segments.set(excluded)
        Variant.objects.create(campaign=campaign, **said)
        send(campaign)
        if told.get("hold"):
            pause(campaign)
    return {"campaign": str(campaign.pk)}


def _turn(told: dict[str, Any]) -> dict[str, str]:
    from campaigns.lifecycle import pause, resume
    from campaigns.models import Campaign

    campaign = Campaign.objects.get(pk=told["campaign"])
    (resume if told["do"] == "resume" else pause)(campaign)
    return {"campaign": str(campaign.pk)}


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
