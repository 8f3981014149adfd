"""Make a key of a project, or take over one that clients already carry."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError, transaction

from plunk.projects.keys import NewKey, create_key
from plunk.projects.models import KeyKind, Project

_KINDS = {"public": KeyKind.PUBLIC, "secret": KeyKind.SECRET}


class Command(BaseCommand):
    help = "Create an API key, or import one of another installation with --value."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project_id")
        parser.add_argument("--kind", required=True, choices=sorted(_KINDS))
        parser.add_argument("--name", default="", help="What it is for.")
        parser.add_argument("--value", help="An existing key that is to keep working.")
        parser.add_argument("--json", action="store_true", help="Print JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        if len(options["name"]) > 100:
            raise CommandError("Expected a name of at most 100 characters.")
        made = _create(
            project=_project(options["project_id"]),
            kind=_KINDS[options["kind"]],
            name=options["name"],
            value=options["value"],
        )
        if options["json"]:
            answer = {"id": str(made.row.pk), "kind": made.row.kind, "key": made.value}
            self.stdout.write(json.dumps(answer))
            return
        self.stdout.write(f"Created key {made.row.pk}: {made.value}")
        if made.row.kind == KeyKind.SECRET:
            self.stdout.write("It is not shown again.")


def _project(text: str) -> Project:
    try:
        project = Project.objects.filter(pk=text).first()
    except ValidationError as error:
        raise CommandError(
            f"Expected a project's id (a UUID), not {text!r}. See: list_projects"
        ) from error
    if project is None:
        raise CommandError(f"There is no project {text}. See: manage.py list_projects")
    return project


def _create(*, project: Project, kind: KeyKind, name: str, value: str | None) -> NewKey:
    try:
        with transaction.atomic():
            return create_key(project=project, kind=kind, name=name, value=value)
    except ValueError as error:
        raise CommandError(
            f"{error} Expected 16 to 128 lower-case hexadecimal digits after it."
        ) from error
    except IntegrityError as error:
        raise CommandError("This key belongs to a project already.") from error
