"""Pictures of every page around workflows, with real data and with none.

    python -m tests.screenshots.automations FOLDER [WORD …]

does with the pages of automations what `tests.screenshots.campaigns` does with those of
campaigns: an installation of its own, each page on a desk and on a phone, by day and by
night, into FOLDER.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django


def addresses(seeded: Any) -> Iterator[tuple[str, str]]:
    """Yield the name and the path of each page."""
    root = f"/projects/{seeded.project.pk}"
    yield "none", f"/projects/{seeded.empty.pk}/workflows/"
    yield "list", f"{root}/workflows/"
    yield "list-search", f"{root}/workflows/?q=nowhere"
    yield "new", f"{root}/workflows/new/"
    for name in ("webhooks", "events"):
        yield f"{name}-none", f"/projects/{seeded.empty.pk}/{name}/"
        yield name, f"{root}/{name}/"
    yield "endpoints", f"{root}/webhooks/endpoints/"
    yield "call", f"{root}/webhooks/calls/{seeded.call.pk}/"
    for name, event in seeded.events.items():
        yield f"event-{name}", f"{root}/events/{event.pk}/"
        yield f"event-{name}-delete", f"{root}/events/{event.pk}/delete/"
    for name, workflow in seeded.workflows.items():
        one = f"{root}/workflows/{workflow.pk}/"
        yield f"canvas-{name}", one
        parts = ["runs/", "versions/", "why/"]
        if name == "welcome":
            parts += ["runs/?q=nobody@", "why/?q=lin.0@example.org", "delete/", "move/"]
            parts += ["why/?q=grace.1@gmail.com", "start/", "cancel-all/"]
            parts += ["resume-all/", "versions/1/"]
        for part in parts:
            said = part.replace("?q=", "-").replace("/", "")
            yield f"{name}-{said}", one + part
    for name, run in seeded.runs.items():
        yield f"run-{name}", f"{root}/workflows/{run.workflow_id}/runs/{run.pk}/"
    yield "contact", f"{root}/contacts/{seeded.runs['done'].contact_id}/"


def main(folder: Path, words: list[str]) -> None:
    from django.core.management import call_command
    from pytest_django.live_server_helper import LiveServer

    from tests.screenshots.campaigns import take
    from tests.screenshots.workflows import seed

    folder.mkdir(parents=True, exist_ok=True)
    call_command("migrate", verbosity=0)
    seeded = seed()
    pages = [
        (name, path)
        for name, path in addresses(seeded)
        if not words or any(word in name for word in words)
    ]
    server = LiveServer("localhost")
    try:
        take(server.url, seeded.session, pages, folder)
    finally:
        server.stop()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="plunk-pictures-") as place:
        for chosen in ("DATABASE_URL", "REDIS_URL"):
            os.environ.pop(chosen, None)
        os.environ["DATA_DIR"] = place
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
        django.setup()
        main(Path(sys.argv[1]), sys.argv[2:])
