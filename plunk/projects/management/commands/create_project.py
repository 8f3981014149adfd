"""Make a project and print its keys, the only time the secret one is readable."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from plunk.projects.creating import create_project
from plunk.projects.models import Project, User


class Command(BaseCommand):
    help = "Create a project with one public and one secret key."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument(
            "--owner", required=True, metavar="EMAIL", help="A user that exists."
        )
        parser.add_argument("--json", action="store_true", help="Print JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        name = _name(options["name"])
        owner = User.objects.filter(email=options["owner"].strip().lower()).first()
        if owner is None:
            raise CommandError(
                f"There is no user {options['owner']}. "
                f"Make it first: manage.py create_user {options['owner']}"
            )
        made = create_project(name=name, owner=owner)
        answer = {
            "id": str(made.project.pk),
            "name": made.project.name,
            "owner": owner.email,
            "public_key": made.public.value,
            "secret_key": made.secret.value,
        }
        if options["json"]:
            self.stdout.write(json.dumps(answer))
            return
        self.stdout.write(f"Created project {answer['name']} ({answer['id']}).")
        self.stdout.write(f"Public key: {answer['public_key']}")
        self.stdout.write(f"Secret key: {answer['secret_key']}")
        self.stdout.write("The secret key is not shown again.")


def _name(text: str) -> str:
    name = text.strip()
    try:
        Project(name=name).clean_fields()
    except ValidationError as error:
        raise CommandError(
            f"Expected a name of 1 to 100 characters: {' '.join(error.messages)}"
        ) from error
    return name
