"""Migrate, collect static files and make what has to be there before serving."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from plunk.running.preparing import NotReady, prepare, wait_for_database


class Command(BaseCommand):
    help = "Prepare database and files for this version; safe to run again and twice."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--wait",
            type=float,
            default=60.0,
            metavar="SECONDS",
            help="How long the database may take to answer (default: 60).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            wait_for_database(seconds=options["wait"])
            prepare()
        except NotReady as error:
            raise CommandError(str(error)) from error
        self.stdout.write("Prepared: the database and the static files are up to date.")
