"""The wizard, the page of a job and the export, as a member uses them."""

from __future__ import annotations

import gzip
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from contacts import jobs
from contacts.models import Contact, ImportPiece, Job, JobKind, JobState
from plunk.projects.models import Project, User
from tests.contacts.importing.files import finished, imported, stored
from tests.pages.rows import make_contact

pytestmark = pytest.mark.django_db

CONTENT = "email,Plan,notes\nann@example.com,pro,x\nnonsense,free,\n"


@pytest.fixture
def member(client: Client, bob: User) -> Client:
    client.force_login(bob)
    return client


@pytest.fixture
def owner(alice: User, project: Project) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def url(name: str, project: Project, job: Job | None = None) -> str:
    return reverse(name, args=[project.pk, job.pk] if job else [project.pk])


def upload(member: Client, project: Project, raw: bytes, name: str = "p.csv") -> Any:
    file = SimpleUploadedFile(name, raw)
    return member.post(url("import_new", project), {"file": file})


def mapped(*columns: tuple[str, str, str]) -> dict[str, str]:
    form: dict[str, str] = {}
    for number, (target, key, kind) in enumerate(columns):
        form |= {
            f"target-{number}": target,
            f"key-{number}": key,
            f"type-{number}": kind,
        }
    return form


COLUMNS = mapped(("email", "", ""), ("data", "plan", "text"), ("ignore", "", ""))


def test_a_file_goes_all_the_way(member: Client, project: Project) -> None:
    answer = upload(member, project, CONTENT.encode(), "../people.csv")
    job = Job.objects.get()
    assert answer["Location"] == url("import", project, job)

    page = member.get(answer["Location"]).content.decode()
    assert "people.csv" in page
    assert "pro" in page

    answer = member.post(url("import", project, job), COLUMNS)
    assert answer["Location"] == url("import_options", project, job)

    answer = member.post(answer["Location"], {"try": "1", "subscribe_new": "yes"})
    dry = Job.objects.exclude(pk=job.pk).get()
    finished(dry)
    page = member.get(answer["Location"]).content.decode()
    assert "1 row would be rejected" in page
    assert not Contact.objects.exists()

    answer = member.post(
        url("import_options", project, job), {"start": "1", "subscribe_new": "no"}
    )
    assert answer["Location"] == url("import", project, job)
    assert b"Waiting" in member.get(answer["Location"]).content

    finished(job)
    page = member.get(answer["Location"]).content.decode()
    assert f"?import={job.pk}" in page
    assert "Is not an e-mail address" in page
    contact = Contact.objects.get()
    assert (contact.email, contact.data) == ("ann@example.com", {"plan": "pro"})
    assert not contact.subscribed
    assert b"people.csv" in member.get(url("imports", project)).content


def test_the_rejected_rows_are_a_file(member: Client, project: Project) -> None:
    job = imported(project, 'email,note\n=cmd@x,"=1+1"\n')

    answer = member.get(url("job_rejected", project, job))

    text = b"".join(answer).decode()
    assert answer["Content-Disposition"].startswith("attachment")
    head, row = text.splitlines()
    assert head == "import_row,import_problem,email,note"
    assert row.startswith("2,Is not an e-mail address")
    assert row.endswith(",'=cmd@x,'=1+1")


def test_the_rejected_rows_mended_are_imported(
    member: Client, project: Project
) -> None:
    job = imported(project, "email,age,note\nann@example,-5,x\n")
    text = b"".join(member.get(url("job_rejected", project, job))).decode()

    again = imported(project, text.replace("ann@example,", "ann@example.com,"))

    assert again.counts["created"] == 1
    assert Contact.objects.get().data == {"age": -5, "note": "x"}


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "empty"),
        (b"PK\x03\x04" + bytes(99), "Excel"),
        (b"ann@example.com,Ann\n", "holds an address"),
    ],
)
def test_a_file_that_is_none_is_answered_in_words(
    member: Client, project: Project, raw: bytes, words: str
) -> None:
    answer = upload(member, project, raw)

    assert answer.status_code == 422
    # Django takes an empty file for none.
    assert words in answer.content.decode() or b"Choose a file" in answer.content
    assert not Job.objects.exists()


def test_no_file_is_answered_in_words(member: Client, project: Project) -> None:
    answer = member.post(url("import_new", project), {"file": "text"})

    assert answer.status_code == 422
    assert b"Choose a file first." in answer.content


def test_a_file_over_the_limit_is_refused(
    member: Client, project: Project, settings: Any
) -> None:
    """F1: by its length before anything is read, and by what it unpacks to."""
    settings.IMPORT_MAX_MB = 1
    bomb = gzip.compress(b"email\n" + b"a" * 2_000_000)

    refused = [
        upload(member, project, b"email\n" + b"a" * 2_000_000),
        upload(member, project, bomb),
    ]

    assert [answer.status_code for answer in refused] == [413, 413]
    assert not Job.objects.exists()
    assert not ImportPiece.objects.exists()


def test_an_upload_needs_the_token_of_the_form(alice: User, project: Project) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)

    answer = upload(client, project, CONTENT.encode())

    assert answer.status_code == 403
    assert not Job.objects.exists()
    page = client.get(url("import_new", project)).content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert token is not None
    good = client.post(
        url("import_new", project),
        {
            "file": SimpleUploadedFile("p.csv", CONTENT.encode()),
            "csrfmiddlewaretoken": token[1],
        },
    )
    assert good.status_code == 302


def test_ten_thousand_parts_are_refused(member: Client, project: Project) -> None:
    """F1."""
    part = '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    body = part * 10_000 + "--x--\r\n"

    answer = member.post(
        url("import_new", project),
        body.encode(),
        content_type="multipart/form-data; boundary=x",
    )

    assert answer.status_code == 400


def test_what_is_wrong_with_the_columns_is_said(
    member: Client, project: Project
) -> None:
    job = stored(project, CONTENT)
    wrong = [
        (mapped(("ignore", "", ""), ("data", "a", "text"), ("ignore", "", "")), "addr"),
        (mapped(("email", "", ""), ("data", "a", "text"), ("data", "a", "")), "Two"),
        (mapped(("email", "", ""), ("data", "", "text"), ("ignore", "", "")), "Name"),
        (mapped(("email", "", ""), ("data", "id", ""), ("ignore", "", "")), "system"),
        (mapped(("data", "x\x00", ""), ("email", "", "x"), ("x", "", "")), "control"),
        ({}, "address"),
    ]

    for form, words in wrong:
        answer = member.post(url("import", project, job), form)
        assert answer.status_code == 422
        assert words in answer.content.decode()
    job.refresh_from_db()
    assert "columns" not in job.parameters


def test_the_preview_shows_the_chosen_types(member: Client, project: Project) -> None:
    job = stored(project, CONTENT)
    form = mapped(("email", "", ""), ("data", "plan", "number"), ("ignore", "", ""))

    answer = member.post(
        url("import", project, job), form | {"preview": "1"}, HTTP_HX_REQUEST="true"
    )

    page = answer.content.decode()
    assert "is not a number" in page
    assert "Is not an e-mail address" in page
    assert "<html" not in page


def test_only_an_admin_lifts_suppressions(
    member: Client, owner: Client, project: Project
) -> None:
    form = {"start": "1", "release_suppressed": "on", "reason": "Mended."}
    for client, is_lifted in ((member, False), (owner, True)):
        job = stored(project, CONTENT)
        client.post(url("import", project, job), COLUMNS)

        client.post(url("import_options", project, job), form)

        job.refresh_from_db()
        assert job.parameters["options"]["release_suppressed"] is is_lifted


def test_an_exception_needs_a_reason(owner: Client, project: Project) -> None:
    job = stored(project, CONTENT)
    owner.post(url("import", project, job), COLUMNS)

    answer = owner.post(url("import_options", project, job), {"resubscribe": "on"})

    assert answer.status_code == 422
    assert b"Say why" in answer.content
    job.refresh_from_db()
    assert job.state == JobState.DRAFT


def test_a_poll_ends_with_the_job(member: Client, project: Project) -> None:
    job = imported(project, CONTENT)

    answer = member.get(url("job_progress", project, job))

    assert answer["HX-Refresh"] == "true"
    assert b"data-poll" not in answer.content


def test_cancelling_asks_first_and_forgets_the_file(
    member: Client, project: Project
) -> None:
    job = stored(project, CONTENT)
    Job.objects.filter(pk=job.pk).update(state=JobState.WAITING)

    assert member.get(url("job_cancel", project, job)).status_code == 200
    job.refresh_from_db()
    assert job.state == JobState.WAITING
    member.post(url("job_cancel", project, job))

    job.refresh_from_db()
    assert job.state == JobState.CANCELLED
    assert not ImportPiece.objects.exists()


def test_a_draft_can_be_thrown_away(member: Client, project: Project) -> None:
    job = stored(project, CONTENT)

    member.get(url("import_discard", project, job))
    assert ImportPiece.objects.exists()
    member.post(url("import_discard", project, job))

    assert not ImportPiece.objects.exists()
    assert member.get(url("import", project, job)).status_code == 200


def test_the_page_of_another_kind_of_job(member: Client, project: Project) -> None:
    contact = make_contact(project)
    job = jobs.begin(
        project_id=project.pk,
        kind=JobKind.UNSUBSCRIBE,
        parameters={"ids": [str(contact.pk)]},
        total=1,
    )

    page = member.get(url("job", project, job)).content.decode()

    assert "Unsubscribe contacts" in page
    assert url("job_progress", project, job) in page
    assert member.get(url("import", project, job)).status_code == 404


@pytest.mark.parametrize("count", [10, 20])
def test_the_history_asks_a_constant_number_of_questions(
    member: Client, project: Project, django_assert_max_num_queries: Any, count: int
) -> None:
    for _ in range(count):
        stored(project, CONTENT)

    with django_assert_max_num_queries(8):
        answer = member.get(url("imports", project))

    assert answer.content.count(b"row-link") == count


def test_an_export_is_narrowed_as_the_list_is(member: Client, project: Project) -> None:
    make_contact(project, "ann@example.com", data={"plan": "pro"})
    make_contact(project, "bob@example.com", subscribed=False)
    where = url("contacts_export", project)

    everything = member.get(where, {"download": "1"})
    some = member.get(
        where, {"download": "1", "state": "subscribed", "field": "email", "gzip": "1"}
    )

    assert b"bob@example.com" in b"".join(everything)
    assert everything["Content-Disposition"].startswith(
        'attachment; filename="acme-contacts-'
    )
    text = gzip.decompress(b"".join(some)).decode()
    assert text == "email,plan\r\nann@example.com,pro\r\n"


def test_an_export_of_chosen_columns(member: Client, project: Project) -> None:
    make_contact(project, "ann@example.com", data={"plan": "pro", "x": 1})

    answer = member.get(
        url("contacts_export", project),
        {
            "download": "1",
            "keys": "chosen",
            "key": ["x", "x", "\x00", "none"],
            "field": ["email", "password"],
        },
    )

    assert b"".join(answer) == b"email,x,none\r\nann@example.com,1,\r\n"
    assert b"Every field" in member.get(url("contacts_export", project)).content


def test_the_export_page_offers_no_more_keys_than_a_file_has_columns(
    member: Client, project: Project
) -> None:
    for number in range(3):
        keys = {f"key-{number}-{place:03}": 1 for place in range(200)}
        make_contact(project, f"c{number}@example.com", data=keys)

    page = member.get(f"/projects/{project.pk}/contacts/export/").content.decode()

    assert page.count('name="key"') == 500
