from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from contacts.models import Contact
from plunk.logs import redact
from plunk.projects.models import Project, User
from tests.transactional.mails import make_email
from transactional.activity import email_events
from transactional.explaining import explain
from transactional.feedback import Feedback, apply_feedback
from transactional.models import Email, EmailEventKind

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
K = EmailEventKind

pytestmark = pytest.mark.django_db


def happen(email: Email, kind: EmailEventKind, seconds: int, **detail: str) -> None:
    apply_feedback(
        batch=[
            Feedback(
                kind=kind,
                email_id=email.pk,
                attempt=1,
                message_id="ses-1",
                at=NOON + timedelta(seconds=seconds),
                recipients=(email.to_email,),
                detail=dict(detail),
                key=f"{kind} {seconds}",
            )
        ]
    )
    email.refresh_from_db()


@pytest.fixture
def email(project: Project) -> Email:
    email = make_email(project)
    happen(email, K.DELIVERY, 0)
    happen(email, K.OPEN, 60, userAgent="Mozilla/5.0")
    return email


def test_a_mail_that_only_machines_looked_at_is_not_said_to_be_opened(
    email: Email,
) -> None:
    words = explain(email, list(email.events.all()), None)

    assert words.endswith("So far only machines have looked at it.")

    happen(email, K.OPEN, 90, userAgent="Thunderbird")
    assert "It was opened on" in explain(email, list(email.events.all()), None)


def test_whose_open_it_was_is_said_wherever_it_is_told(
    client: Client, alice: User, project: Project, email: Email
) -> None:
    happen(email, K.CLICK, 120, link="https://x.example", userAgent="curl/8")
    client.force_login(alice)
    said = [
        "Opened by a machine (Apple&#x27;s privacy proxy)",
        "Link clicked by a machine (a program, not a browser)",
    ]

    page = client.get(reverse("email", args=[project.pk, email.pk])).content.decode()
    feed = email_events(project.pk, contact_id=None, after=None, before=None, limit=9)

    assert all(words in page for words in [*said, "and 1 by machines"])
    titles = {entry.title.replace("'", "&#x27;") for entry in feed}
    assert titles >= set(said)


def test_a_machines_click_puts_nobody_in_a_segment(email: Email) -> None:
    opened = Contact.objects.filter(emails__opened_at__isnull=False)
    assert not opened.exists()

    happen(email, K.OPEN, 90, userAgent="Thunderbird")
    assert opened.exists()


def test_tokens_stay_out_of_the_log() -> None:
    line = redact("GET /t/c/aToken?u=https://x.example /t/o/aToken.gif")

    assert "aToken" not in line
    assert "x.example" not in line
