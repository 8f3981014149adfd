"""The import wizard, from a file on the disk to the file of what was not imported."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from contacts import jobs
from contacts.models import Contact, Job, JobState, Suppression
from plunk.projects.models import Project, User
from tests.browser.conftest import NARROW, Visitor, width_of
from tests.pages.rows import make_contact

pytestmark = pytest.mark.django_db(transaction=True)

_GOOD = 40
_BAD = ("nobody", "two@@example.com")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of people, with one address twice and two that are none."""
    path = tmp_path / "people.csv"
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["E-Mail", "First name", "Score", "Notes"])
        for number in range(_GOOD):
            address = f"Person{number}@Example.com"
            writer.writerow([address, f"Größe\n{number}", number, "x"])
        writer.writerow(["person1@example.com", "Again", 99, ""])
        writer.writerows([address, "Nobody", 1, ""] for address in _BAD)
    return path


def work() -> None:
    """Be the worker for as long as there is something to do."""
    jobs.work(seconds=30)


def test_the_wizard_from_upload_to_rejected_rows(
    member: Visitor, base: str, project: Project, file: Path, tmp_path: Path
) -> None:
    leaver = make_contact(project, "person2@example.com", subscribed=False)
    Suppression.objects.create(
        project=project, email="person3@example.com", reason="BOUNCE"
    )
    page = member.visit(f"{base}/contacts/")

    page.get_by_role("link", name="Import").first.click()
    if not page.url.endswith("/imports/new/"):
        page.goto(f"{member.url}{base}/imports/new/")
    page.set_input_files("input[type=file]", file)
    page.get_by_role("button", name="Upload and look at it").click()

    page.get_by_label("What becomes of Notes").select_option("ignore")
    page.get_by_label("Field for First name").fill("firstName")
    page.get_by_label("Field for First name").blur()
    preview = page.locator("#preview")
    preview.get_by_role("columnheader", name="firstName").wait_for()
    is_notes_left_out = preview.get_by_text("Notes").count() == 0
    page.get_by_role("button", name="Continue").click()

    page.get_by_role("button", name="Rehearse first").click()
    page.locator("#progress").wait_for()
    contacts_before = Contact.objects.count()
    work()
    rejected = page.get_by_role("link", name="Rejected rows")
    page.reload()
    rejected.wait_for()
    contacts_after_rehearsal = Contact.objects.count()
    page.get_by_role("button", name="Import now").click()

    page.locator("progress, .import-figures").first.wait_for()
    work()
    rejected.wait_for()
    with page.expect_download() as download:
        rejected.click()
    kept = tmp_path / "rejected.csv"
    download.value.save_as(kept)

    rows = list(csv.reader(kept.read_text(encoding="utf-8-sig").splitlines()))
    people = dict(Contact.objects.values_list("email", "data"))
    leaver.refresh_from_db()
    job = Job.objects.filter(kind="IMPORT").order_by("pk").last()
    assert job is not None
    assert job.state == JobState.COMPLETED
    assert is_notes_left_out
    assert contacts_before == contacts_after_rehearsal == 1
    assert len(people) == _GOOD
    assert people["person1@example.com"] == {"firstName": "Again", "Score": 99}
    assert people["person5@example.com"] == {"firstName": "Größe\n5", "Score": 5}
    assert leaver.subscribed is False
    assert Suppression.objects.count() == 1
    assert [row for row in rows if any(bad in row for bad in _BAD)] == rows[1:]
    assert len(rows) == 1 + len(_BAD)


def test_the_wizard_on_a_phone(
    open_window: Callable[..., Visitor],
    log_in: Callable[[Visitor, User], Visitor],
    alice: User,
    base: str,
    file: Path,
) -> None:
    page = log_in(open_window(NARROW), alice).visit(f"{base}/imports/new/")
    widths = [width_of(page)]

    page.set_input_files("input[type=file]", file)
    for name in ("Upload and look at it", "Continue", "Import now"):
        with page.expect_navigation():
            page.get_by_role("button", name=name).click()
        widths.append(width_of(page))
    work()
    page.get_by_role("link", name="Rejected rows").wait_for()
    widths.append(width_of(page))

    assert max(widths) <= NARROW["width"]
