"""`manage.py import_contacts` and `export_contacts`."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from contacts import jobs
from contacts.importing import worker as working
from contacts.importing.portable import PortableWriter
from contacts.importing.postgres import PostgresWriter
from contacts.models import Contact, ImportPiece, Job, JobState, Segment, SegmentType
from plunk.projects.models import Project
from tests.pages.rows import make_contact

pytestmark = pytest.mark.django_db

CONTENT = "E-mail,Joined,Notes,Age\nann@example.com,31.3.2026,x,41\nnobody,,,\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text(CONTENT)
    return path


def run(command: str, *words: object) -> str:
    output = StringIO()
    call_command(command, *map(str, words), stdout=output, stderr=output)
    return output.getvalue()


def test_a_file_is_imported_as_its_mapping_says(
    project: Project, file: Path, tmp_path: Path
) -> None:
    rejected = tmp_path / "rejected.csv"

    output = run(
        *("import_contacts", file, "--project", project.pk),
        *("--mapping", "Joined=signed_up:date", "--mapping", "Notes="),
        *("--mapping", "Age=age:number", "--unsubscribed", "--rejected", rejected),
    )

    contact = Contact.objects.get()
    assert contact.data == {"signed_up": "2026-03-31", "age": 41}
    assert not contact.subscribed
    assert "2 rows in" in output
    assert "created: 1" in output
    rows = list(csv.reader(rejected.read_text().splitlines()))
    assert [row[0] for row in rows] == ["import_row", "3"]
    assert not ImportPiece.objects.exists()


def test_a_dry_run_writes_nothing(project: Project, file: Path) -> None:
    output = run("import_contacts", file, "--project", project.pk, "--dry-run")

    assert "created: 1" in output
    assert "nothing was written" in output
    assert not Contact.objects.exists()
    assert not ImportPiece.objects.exists()


def test_the_same_file_again_goes_on_after_a_crash(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PortableWriter, "chunk_rows", 2)
    monkeypatch.setattr(PostgresWriter, "chunk_rows", 2)
    path = tmp_path / "people.csv"
    path.write_text("email\n" + "".join(f"u{n}@example.com\n" for n in range(7)))
    keep, calls = working._keep_rejected, 0

    def die(*given: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        keep(*given)

    monkeypatch.setattr(working, "_keep_rejected", die)
    with pytest.raises(KeyboardInterrupt):
        run("import_contacts", path, "--project", project.pk)
    assert Contact.objects.count() == 4
    Job.objects.update(lease_expires_at=None)

    output = run("import_contacts", path, "--project", project.pk)

    job = Job.objects.get()
    assert "it goes on" in output
    assert job.state == JobState.COMPLETED
    assert (job.counts["rows"], job.counts["created"]) == (7, 7)
    assert Contact.objects.count() == 7


def test_the_work_can_be_left_to_workers(project: Project, file: Path) -> None:
    run("import_contacts", file, "--project", project.pk, "--background")

    assert Job.objects.get().state == JobState.WAITING
    jobs.work(seconds=60)
    assert Contact.objects.exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--project", "x"], "a UUID"),
        (["--project", str(uuid4())], "no project"),
        (["--mapping", "Nope=x"], "Expected HEADER"),
        (["--mapping", "Age=age:colour"], "not colour"),
        (["--mapping", "E-mail="], "holds the address"),
        (["--subscribe-existing"], "Say why"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_kept(
    project: Project, file: Path, words: list[str], message: str
) -> None:
    given = [] if "--project" in words else ["--project", project.pk]

    with pytest.raises(CommandError, match=message):
        run("import_contacts", file, *given, *words)

    assert not ImportPiece.objects.exists()
    assert not Contact.objects.exists()


def test_a_file_that_is_not_there(project: Project) -> None:
    with pytest.raises(CommandError, match="Cannot read"):
        run("import_contacts", "/nowhere.csv", "--project", project.pk)


def test_a_segment_is_exported(project: Project, tmp_path: Path) -> None:
    ann = make_contact(project, "ann@example.com", data={"plan": "pro", "x": 1})
    make_contact(project, "bob@example.com")
    segment = Segment.objects.create(
        project=project, name="Pro", type=SegmentType.STATIC
    )
    segment.memberships.create(contact=ann)
    path = tmp_path / "out.csv"

    run(
        *("export_contacts", path, "--project", project.pk, "--segment", segment.pk),
        *("--fields", "email,subscribed", "--keys", "plan"),
    )

    assert path.read_text().splitlines() == [
        "email,subscribed,plan",
        "ann@example.com,true,pro",
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--segment", str(uuid4())], "no segment"),
        (["--segment", "x"], "a UUID"),
        (["--fields", "password"], "no column"),
    ],
)
def test_an_export_that_cannot_be_is_refused(
    project: Project, tmp_path: Path, words: list[str], message: str
) -> None:
    path = tmp_path / "out.csv"

    with pytest.raises(CommandError, match=message):
        run("export_contacts", path, "--project", project.pk, *words)

    assert not path.exists()
