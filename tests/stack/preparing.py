"""Make tables and a project, in one process because each start costs seconds.

Run as `python -m tests.stack.preparing SENDER` with the installation's environment;
prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import sys

import django


def main(sender: str) -> None:
    """Prepare the installation, and make what a first visitor would."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "plunk.settings")
    django.setup()
    from django.db.models.functions import Now

    from plunk.projects.creating import create_project
    from plunk.projects.models import User
    from plunk.running.preparing import prepare
    from transactional.models import Domain

    prepare()
    owner = User.objects.create_user("alice@example.com", None)
    made = create_project(name="Harness", owner=owner)
    # Verified by hand: no mail leaves the machine.
    Domain.objects.create(
        project=made.project, name=sender.rpartition("@")[2], verified_at=Now()
    )
    answer = {"project_id": str(made.project.pk), "secret_key": made.secret.value}
    sys.stdout.write(f"{json.dumps(answer)}\n")


if __name__ == "__main__":
    main(sys.argv[1])
