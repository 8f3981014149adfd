"""Import contacts from a file on this machine, and go on where an earlier run died."""

from __future__ import annotations

import hashlib
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, BinaryIO, cast

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from contacts import jobs
from contacts.importing import (
    Column,
    MappingError,
    Options,
    Target,
    UploadError,
    discard,
    preview,
    start,
    store_upload,
    try_out,
)
from contacts.importing.cells import CellType
from contacts.importing.progress import Progress, progress
from contacts.importing.rejects import rejected_csv
from contacts.models import Job, JobKind, JobState
from plunk.projects.models import Project

_TARGETS = {"email": Target.EMAIL, "subscribed": Target.SUBSCRIBED, "": Target.IGNORE}
_POLL_SECONDS = 0.5
_MAPPING_HELP = (
    "What becomes of a column: HEADER=email, HEADER=subscribed, HEADER=key, "
    "HEADER=key:number (text, number, boolean, date, list), HEADER= to leave it out."
)


class Command(BaseCommand):
    help = (
        "Import contacts from a CSV, TSV or gzip file. Run it again with the same file "
        "after a crash and it goes on where it stopped."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--project", required=True, help="The project's id.")
        parser.add_argument(
            "--mapping", action="append", default=[], metavar="A=B", help=_MAPPING_HELP
        )
        parser.add_argument("--dry-run", action="store_true", help="Only count.")
        parser.add_argument(
            "--unsubscribed",
            action="store_true",
            help="New contacts are not subscribed where the file does not say.",
        )
        parser.add_argument(
            "--subscribe-existing",
            action="store_true",
            help="Subscribe people again who unsubscribed, where the file says yes.",
        )
        parser.add_argument(
            "--release-suppressed",
            action="store_true",
            help="Lift the suppression of the file's addresses.",
        )
        parser.add_argument("--reason", default="", help="Why; the ledger keeps it.")
        parser.add_argument(
            "--confirmed",
            action="store_true",
            help="They confirmed elsewhere: with double opt-in they are not asked.",
        )
        parser.add_argument(
            "--rejected", type=Path, help="Write the rows that were refused there."
        )
        parser.add_argument(
            "--background",
            action="store_true",
            help="Leave the work to the workers and return at once.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project = _project(options["project"])
        try:
            with options["file"].open("rb") as file:
                job = self._job(project, file, options)
        except OSError as error:
            raise CommandError(f"Cannot read {options['file']}: {error}") from error
        except (UploadError, MappingError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Import {job.pk}")
        if not options["background"]:
            self._follow(job)
            self._report(job, options["rejected"])

    def _job(self, project: Project, file: BinaryIO, given: dict[str, Any]) -> Job:
        if not given["dry_run"]:
            unfinished = _unfinished(project, file)
            if unfinished is not None:
                self.stdout.write("This file's import was not finished; it goes on.")
                return unfinished
        name = cast("Path", given["file"]).name
        draft = store_upload(project_id=project.pk, file=file, name=name)
        for note in draft.parameters["notes"]:
            self.stderr.write(note)
        options = Options(
            subscribe_new=not given["unsubscribed"],
            resubscribe=given["subscribe_existing"],
            release_suppressed=given["release_suppressed"],
            reason=given["reason"],
            is_confirmed=given["confirmed"],
        )
        try:
            columns = _mapped(draft, given["mapping"])
            if given["dry_run"]:
                return try_out(draft, columns=columns, options=options)
            start(draft, columns=columns, options=options)
        except MappingError:
            discard(draft)
            raise
        draft.refresh_from_db()
        return draft

    def _follow(self, job: Job) -> None:
        """Work on the job, or watch a worker do it, and say how far it is."""
        began, width = time.monotonic(), 0
        while True:
            jobs.work(seconds=1, only=job.pk)
            job.refresh_from_db()
            now = progress(job)
            line = _line(now, time.monotonic() - began)
            self.stdout.write(f"\r{line.ljust(width)}", ending="")
            self.stdout.flush()
            width = len(line)
            if now.is_over:
                self.stdout.write("")
                return
            if job.lease_expires_at is not None:
                time.sleep(_POLL_SECONDS)

    def _report(self, job: Job, rejected: Path | None) -> None:
        for name, figure in job.counts.items():
            if figure or name in {"rows", "created", "updated"}:
                self.stdout.write(f"{name.rjust(14)}: {figure:,}")
        if rejected is not None:
            with rejected.open("wb") as file:
                file.writelines(rejected_csv(job))
        if job.parameters.get("is_dry"):
            source = Job.objects.filter(pk=job.parameters["source"]).first()
            if source is not None:
                discard(source)
            self.stdout.write("This was a dry run; nothing was written.")
        if job.state != JobState.COMPLETED:
            raise CommandError(job.failed_reason or "The import was cancelled.")


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


def _unfinished(project: Project, file: BinaryIO) -> Job | None:
    """Return the import of this very file that was begun and has not ended."""
    digest = hashlib.file_digest(cast("Any", file), "sha256").hexdigest()
    return (
        Job.objects.filter(
            project=project,
            kind=JobKind.IMPORT,
            state__in=[JobState.WAITING, JobState.ACTIVE],
            parameters__digest=digest,
        )
        .exclude(parameters__has_key="is_dry")
        .order_by("-created_at", "-pk")
        .first()
    )


def _mapped(job: Job, mapping: list[str]) -> list[Column]:
    """Return the guessed columns, those that `mapping` names as it says."""
    header: list[str] = job.parameters["header"]
    columns = preview(job).columns
    for entry in mapping:
        name, sign, target = entry.rpartition("=")
        if not sign or name not in header:
            raise MappingError(
                "mapping",
                f"Expected HEADER=TARGET with one of: {', '.join(header)}; not {entry}",
            )
        columns[header.index(name)] = _column(target)
    return columns


def _column(target: str) -> Column:
    if target in _TARGETS:
        return Column(_TARGETS[target])
    key, _, kind = target.partition(":")
    try:
        return Column(Target.DATA, key, CellType(kind or "text"))
    except ValueError as error:
        kinds = ", ".join(CellType)
        raise MappingError("mapping", f"A column is {kinds}; not {kind}.") from error


def _line(now: Progress, seconds: float) -> str:
    rows = f"{now.rows:,} rows"
    if now.is_over:
        return f"{rows} in {seconds:.0f} s"
    left = f", {now.remaining} left" if now.remaining else ""
    return f"{now.percent:3d} %  {rows}, {now.rate:,.0f} a second{left}"
