from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from automations.models import Occurrence
from plunk.pages.activity import feed
from plunk.pages.feeds import POLL_SIZE
from plunk.pages.paging import Cursor
from plunk.projects.creating import NewProject
from plunk.projects.models import Project, User
from tests.pages.rows import (
    make_contact,
    make_email,
    make_email_event,
    make_occurrence,
)
from transactional.models import Email, EmailEventKind, EmailState


def test_the_feed_tells_of_all_apps_with_the_newest_first(project: Project) -> None:
    contact = make_contact(project)
    make_occurrence(project, contact, "signed-up")
    email = make_email(project, contact)
    make_email_event(email, EmailEventKind.DELIVERY)

    rows = feed(project.pk, limit=10)

    assert {row.kind for row in rows} == {
        "contact",
        "occurrence",
        "email",
        "email-event",
    }
    assert [(row.at, row.id) for row in rows] == sorted(
        ((row.at, row.id) for row in rows), reverse=True
    )


def test_the_feed_of_a_contact_is_about_nobody_else(project: Project) -> None:
    ada, grace = make_contact(project), make_contact(project)
    for contact in (ada, grace):
        make_email_event(make_email(project, contact), EmailEventKind.OPEN)
        make_occurrence(project, contact, "signed-up")

    rows = feed(project.pk, contact_id=ada.pk, limit=20)

    assert len(rows) == 4
    assert {row.contact_id for row in rows} == {ada.pk}


def test_a_project_sees_nothing_of_another(
    project: Project, other_project: NewProject
) -> None:
    make_email(other_project.project)

    assert feed(project.pk, limit=10) == []


def test_history_goes_on_without_gap_or_repetition(project: Project) -> None:
    contact = make_contact(project)
    for number in range(9):
        make_occurrence(project, contact, f"event-{number % 2}")
        make_email(project, contact)

    seen = []
    before = None
    while rows := feed(project.pk, before=before, limit=4):
        seen += [row.key for row in rows]
        before = Cursor(rows[-1].at, rows[-1].id)

    assert len(seen) == len(set(seen)) == 19


def test_a_row_that_was_committed_late_is_still_found(project: Project) -> None:
    contact = make_contact(project)
    newest = make_occurrence(project, contact, "signed-up")
    late = make_occurrence(project, contact, "late")
    newest.refresh_from_db()
    Occurrence.objects.filter(pk=late.pk).update(
        created_at=newest.created_at - timedelta(seconds=5)
    )

    rows = feed(project.pk, after=Cursor(newest.created_at, newest.pk), limit=10)

    assert "late" in {row.title for row in rows}


@pytest.fixture
def page(client: Client, project: Project, alice: User) -> Client:
    client.force_login(alice)
    return client


def test_a_poll_brings_what_is_new_and_where_to_go_on(
    page: Client, project: Project
) -> None:
    contact = make_contact(project)
    contact.refresh_from_db()
    make_occurrence(project, contact, "signed-up")
    url = f"/projects/{project.pk}/activity/"

    answer = page.get(
        url, {"after": str(Cursor(contact.created_at, contact.pk))}, HTTP_HX_REQUEST="1"
    )

    assert b"signed-up" in answer.content
    assert b'hx-swap-oob="true"' in answer.content
    assert b"<html" not in answer.content


def test_a_mail_that_went_on_has_another_version_of_its_line(project: Project) -> None:
    email = make_email(project)
    before = next(row for row in feed(project.pk, limit=5) if row.kind == "email")
    Email.objects.filter(pk=email.pk).update(state=EmailState.SENT)

    after = next(row for row in feed(project.pk, limit=5) if row.kind == "email")

    assert before.key == after.key
    assert before.version != after.version


def test_a_poll_that_cannot_bring_everything_says_so(
    page: Client, project: Project
) -> None:
    contact = make_contact(project)
    contact.refresh_from_db()
    start = Cursor(contact.created_at - timedelta(hours=1), contact.pk)
    for _ in range(POLL_SIZE + 1):
        make_occurrence(project, contact, "signed-up")

    answer = page.get(f"/projects/{project.pk}/activity/", {"after": str(start)})

    assert b"More happened than fits here" in answer.content


def test_what_came_from_outside_is_shown_as_text(
    page: Client, project: Project
) -> None:
    bad = "<script>alert(1)</script>"
    contact = make_contact(project, f"{bad}@example.com", data={bad: bad})
    make_occurrence(project, contact, bad)
    email = make_email(
        project, contact, subject=bad, headers={"X-Bad": bad}, from_name=bad
    )
    make_email_event(email, EmailEventKind.CLICK, detail={"link": "javascript:x()"})

    for path in (
        "",
        "activity/",
        "contacts/",
        f"contacts/{contact.pk}/",
        "emails/",
        f"emails/{email.pk}/",
    ):
        answer = page.get(f"/projects/{project.pk}/{path}")
        assert bad.encode() not in answer.content
        assert b'href="javascript:' not in answer.content


def test_first_steps_are_shown_until_there_is_a_mail(
    page: Client, project: Project
) -> None:
    url = f"/projects/{project.pk}/"

    assert b"First steps" in page.get(url).content
    make_email(project)
    assert b"First steps" not in page.get(url).content


def test_figures_are_renewed_and_first_steps_go_away_by_themselves(
    page: Client, project: Project
) -> None:
    make_email(project)

    answer = page.get(f"/projects/{project.pk}/", headers={"HX-Request": "true"})

    assert b'id="overview-figures" hx-swap-oob="true"' in answer.content
    assert b'id="first-steps" hidden' in answer.content
    assert b"<html" not in answer.content
