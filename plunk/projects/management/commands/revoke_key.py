"""Refuse a key from now on."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from plunk.projects.keys import KEY_PATTERN, digest, display, revoke_key
from plunk.projects.models import ApiKey


class Command(BaseCommand):
    help = "Revoke an API key, named by its id or by itself."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("key", help="The key's id (see list_projects) or value.")

    def handle(self, *args: Any, **options: Any) -> None:
        key = _find(options["key"].strip())
        if not revoke_key(key=key):
            raise CommandError(f"{display(key)} had been revoked before.")
        self.stdout.write(f"Revoked {display(key)} of {key.project}.")


def _find(text: str) -> ApiKey:
    wanted = {"digest": digest(text)} if KEY_PATTERN.fullmatch(text) else {"pk": text}
    try:
        key = ApiKey.objects.select_related("project").filter(**wanted).first()
    except ValidationError as error:
        # Not repeated: it may be a key with a slip of the keyboard.
        raise CommandError(
            "Expected a key's id (a UUID) or a key (pk_0123… or sk_0123…)."
        ) from error
    if key is None:
        raise CommandError("There is no such key. See: manage.py list_projects")
    return key
