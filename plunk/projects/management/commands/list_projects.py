"""Show which projects there are, whose they are and by which keys they are reached."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import Prefetch

from plunk.projects.keys import display
from plunk.projects.models import ApiKey, Membership, Project, Role


class Command(BaseCommand):
    help = "List all projects with their owners and usable keys."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        projects = [_row(project) for project in _projects()]
        if options["json"]:
            self.stdout.write(json.dumps(projects))
            return
        for project in projects:
            self.stdout.write(f"{project['id']}  {project['name']}")
            self.stdout.write(
                f"    owned by {', '.join(project['owners']) or 'nobody'}"
            )
            for key in project["keys"]:
                self.stdout.write(f"    {key['id']}  {key['key']}  {key['name']}")
        if not projects:
            self.stdout.write("There are no projects. See: manage.py create_project")


def _projects() -> list[Project]:
    owners = Membership.objects.filter(role=Role.OWNER).select_related("user")
    return list(
        Project.objects.order_by("created_at", "pk").prefetch_related(
            Prefetch("memberships", owners.order_by("created_at", "pk")),
            Prefetch("api_keys", ApiKey.objects.usable().order_by("created_at", "pk")),
        )
    )


def _row(project: Project) -> dict[str, Any]:
    return {
        "id": str(project.pk),
        "name": project.name,
        "owners": [member.user.email for member in project.memberships.all()],
        "keys": [
            {"id": str(key.pk), "key": display(key), "name": key.name}
            for key in project.api_keys.all()
        ],
    }
