from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from contacts.models import Suppression, SuppressionReason
from plunk.projects.models import Project, User
from tests.pages.rows import make_email, make_email_event
from transactional.models import (
    Attachment,
    Email,
    EmailEventKind,
    EmailState,
    Hold,
    HoldScope,
)


@pytest.fixture
def member(client: Client, bob: User) -> Client:
    client.force_login(bob)
    return client


@pytest.fixture
def emails_url(project: Project) -> str:
    return f"/projects/{project.pk}/emails/"


def read(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def test_an_empty_list_shows_how_to_send(member: Client, emails_url: str) -> None:
    assert "/v1/send" in read(member, emails_url)


def test_the_list_shows_the_subject_as_its_recipient_reads_it(
    member: Client, emails_url: str, project: Project
) -> None:
    make_email(project, subject="Hello {{ name ?? you }}", variables={"name": "Ada"})

    assert "Hello Ada" in read(member, emails_url)


def test_the_list_keeps_to_a_status(
    member: Client, emails_url: str, project: Project
) -> None:
    make_email(project, subject="waits")
    make_email(project, subject="bounced", state=EmailState.BOUNCED)

    listed = read(member, f"{emails_url}?status=bounced")

    assert "bounced" in listed
    assert "waits" not in listed


@pytest.mark.parametrize("status", ["%00", "nonsense", "x" * 1000, "'"])
def test_an_unknown_status_shows_all(
    member: Client, emails_url: str, project: Project, status: str
) -> None:
    make_email(project, subject="waits")

    assert "waits" in read(member, f"{emails_url}?status={status}")


def test_a_poll_of_the_list_gets_rows_alone(
    member: Client, emails_url: str, project: Project
) -> None:
    make_email(project, subject="waits")

    answer = member.get(emails_url, headers={"HX-Request": "true"})

    assert b"waits" in answer.content
    assert b"<html" not in answer.content


def test_a_mail_shows_all_of_its_history(
    member: Client, emails_url: str, project: Project
) -> None:
    now = timezone.now()
    email = make_email(
        project,
        state=EmailState.DELIVERED,
        sent_at=now,
        delivered_at=now,
        message_id="ses-1",
        attempt=1,
    )
    make_email_event(email, EmailEventKind.DELIVERY, detail={"smtpResponse": "250 OK"})

    page = read(member, f"{emails_url}{email.pk}/")

    for words in ("Accepted", "Handed to Amazon SES", "ses-1", "Delivered", "250 OK"):
        assert words in page
    assert "the recipient&#x27;s server accepted it" in page


@pytest.mark.parametrize(
    ("state", "values", "words"),
    [
        (EmailState.QUEUED, {}, "It waits for its turn"),
        (EmailState.QUEUED, {"error": "Throttled"}, "It is tried again by itself"),
        (EmailState.SENDING, {}, "being handed to Amazon SES"),
        (EmailState.IN_DOUBT, {}, "at the latest until"),
        (EmailState.SENT, {}, "has not answered yet"),
        (EmailState.BOUNCED, {}, "server refused it"),
        (EmailState.COMPLAINED, {}, "marked it as spam"),
        (EmailState.FAILED, {"error": "MessageRejected"}, "It could not be sent"),
        (EmailState.SKIPPED, {"error": "The contact left."}, "The contact left."),
        (EmailState.CANCELLED, {}, "so nothing was sent"),
        (EmailState.SENT, {"possible_duplicates": 1}, "may have it twice"),
    ],
)
def test_every_state_is_explained_in_a_sentence(
    member: Client,
    emails_url: str,
    project: Project,
    state: EmailState,
    values: dict[str, Any],
    words: str,
) -> None:
    email = make_email(project, state=state, **values)

    assert words in read(member, f"{emails_url}{email.pk}/")


@pytest.mark.parametrize("kind", EmailEventKind)
def test_every_event_has_words(
    member: Client, emails_url: str, project: Project, kind: EmailEventKind
) -> None:
    email = make_email(project)
    make_email_event(email, kind, detail=None)

    read(member, f"{emails_url}{email.pk}/")
    read(member, f"/projects/{project.pk}/")


def test_a_suppressed_mail_says_since_when(
    member: Client, emails_url: str, project: Project
) -> None:
    email = make_email(project, state=EmailState.SUPPRESSED)
    Suppression.objects.create(
        project=project, email=email.to_email, reason=SuppressionReason.COMPLAINT
    )

    page = read(member, f"{emails_url}{email.pk}/")

    assert "Suppressed: this address complained on" in page


@pytest.mark.parametrize(
    ("delay", "words"),
    [
        (timedelta(milliseconds=200), "less than a second"),
        (timedelta(seconds=2), "2 seconds"),
        (timedelta(minutes=10), "10 minutes"),
        (timedelta(days=2), " on "),
    ],
)
def test_the_time_it_took_is_told(
    member: Client,
    emails_url: str,
    project: Project,
    delay: timedelta,
    words: str,
) -> None:
    email = make_email(project, state=EmailState.SENT)
    Email.objects.filter(pk=email.pk).update(sent_at=email.created_at + delay)

    assert f"took the mail {words}".replace("  ", " ") in read(
        member, f"{emails_url}{email.pk}/"
    )


def test_the_html_of_a_mail_can_do_nothing(
    member: Client, emails_url: str, project: Project
) -> None:
    email = make_email(project, body="<script>alert(1)</script><p>{{ name }}</p>")

    answer = member.get(f"{emails_url}{email.pk}/html/")

    policy = answer["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert "allow-" not in policy
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    page = read(member, f"{emails_url}{email.pk}/")
    assert 'sandbox=""' in page
    assert "<script>alert" not in page


def test_a_mail_that_nobody_can_render_has_a_page(
    member: Client, emails_url: str, project: Project
) -> None:
    email = make_email(
        project, subject="{{ n }}", body="<p>{{ n }}</p>", variables={"n": 10**40}
    )

    read(member, emails_url)
    read(member, f"{emails_url}{email.pk}/")
    read(member, f"{emails_url}{email.pk}/html/")


def test_a_held_account_is_told_on_the_overview(
    member: Client, project: Project
) -> None:
    Hold.objects.create(scope=HoldScope.ACCOUNT, reason="daily quota")

    assert "held: daily quota" in read(member, f"/projects/{project.pk}/")


def test_a_mail_on_its_way_is_looked_at_again_by_itself(
    member: Client, emails_url: str, project: Project
) -> None:
    moving = make_email(project, state=EmailState.SENT)
    at_rest = make_email(project, state=EmailState.BOUNCED)

    assert "data-poll" in read(member, f"{emails_url}{moving.pk}/")
    assert "data-poll" not in read(member, f"{emails_url}{at_rest.pk}/")


def test_files_are_listed_without_being_read(
    member: Client, emails_url: str, project: Project
) -> None:
    email = make_email(project)
    Attachment.objects.create(
        content=email.content,
        position=0,
        filename="<b>.pdf",
        content_type="application/pdf",
        data=b"x",
    )
    email.content.has_attachments = True
    email.content.save()

    assert "&lt;b&gt;.pdf" in read(member, f"{emails_url}{email.pk}/")
