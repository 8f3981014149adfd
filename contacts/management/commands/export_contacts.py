"""Write a project's contacts, or those of a segment, into a CSV file."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet

from contacts.exporting import DEFAULT_FIELDS, FIELDS, Columns, stream_csv
from contacts.models import Contact, Segment
from contacts.segments.matching import members
from plunk.projects.models import Project


class Command(BaseCommand):
    help = "Export contacts as CSV, gzip where the file's name ends with .gz."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="- is the standard output.")
        parser.add_argument("--project", required=True, help="The project's id.")
        parser.add_argument("--segment", help="The id of a segment: only its members.")
        parser.add_argument(
            "--fields",
            default=",".join(DEFAULT_FIELDS),
            help=f"Some of: {','.join(FIELDS)}.",
        )
        parser.add_argument(
            "--keys", help="Keys of the data, with commas between; default: all."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            columns = Columns(_names(options["fields"]), _keys(options["keys"]))
        except ValueError as error:
            raise CommandError(str(error)) from error
        rows = _rows(options["project"], options["segment"])
        parts = stream_csv(rows, columns, compress=path.suffix == ".gz")
        if str(path) == "-":
            sys.stdout.buffer.writelines(parts)
            return
        try:
            size = _write(path, parts)
        except OSError as error:
            raise CommandError(f"Cannot write {path}: {error}") from error
        self.stdout.write(f"{path}: {size:,} bytes")


def _write(path: Path, parts: Iterator[bytes]) -> int:
    with path.open("wb") as file:
        file.writelines(parts)
        return file.tell()


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _keys(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else _names(text)


def _rows(project: str, segment: str | None) -> QuerySet[Contact]:
    found = Project.objects.filter(pk=_id(project, "project")).first()
    if found is None:
        raise CommandError(
            f"There is no project {project}. See: manage.py list_projects"
        )
    if segment is None:
        return Contact.objects.filter(project=found)
    chosen = Segment.objects.filter(project=found, pk=_id(segment, "segment")).first()
    if chosen is None:
        raise CommandError(f"The project has no segment {segment}.")
    return members(chosen)


def _id(text: str, what: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise CommandError(f"Expected a {what}'s id (a UUID), not {text!r}.") from error
