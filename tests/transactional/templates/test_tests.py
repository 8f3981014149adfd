"""Test mails: to members only, real, and nobody's consent is touched."""

from __future__ import annotations

from email import message_from_bytes
from email.message import Message
from typing import Any

import pytest
from django.test import Client

from contacts.models import Contact, Suppression
from plunk.projects.creating import NewProject
from plunk.projects.models import Membership, Project, User
from tests.conftest import NOBODY
from tests.pages.rows import make_contact
from tests.transactional.fakes import FakeSes
from tests.transactional.templates.conftest import Write
from transactional.delivery import drain
from transactional.models import Email, EmailState, Source, Template

pytestmark = pytest.mark.django_db

#: A worker sees what is committed.
of_its_own = pytest.mark.django_db(transaction=True)

DRAFT = {
    "subject": "Hi {{ firstName ?? there }}",
    "preheader": "Psst",
    "body": "<p>Hello {{ firstName ?? you }}</p>",
    "style": "PLUNK",
    "kind": "MARKETING",
}


@pytest.fixture
def member(client: Client, bob: User) -> Client:
    client.force_login(bob)
    return client


@pytest.fixture
def url(project: Project) -> str:
    return f"/projects/{project.pk}/templates/test/"


def body_of(message: Message) -> str:
    parts = [part for part in message.walk() if not part.is_multipart()]
    raw: list[Any] = [part.get_payload(decode=True) for part in parts]
    return b"".join(raw).decode()


@of_its_own
def test_a_test_is_a_real_mail_to_a_member(
    member: Client, url: str, project: Project, bob: User, ses: FakeSes
) -> None:
    ann = make_contact(project, "ann@example.com", data={"firstName": "Ann"})

    response = member.post(
        url, DRAFT | {"to": [str(bob.pk)], "contact": str(ann.pk), "from_name": "Tea"}
    )
    drain()

    email = Email.objects.get()
    assert response.json() == {"sent": [{"email": str(email.pk), "to": bob.email}]}
    assert (email.source, email.kind, email.state) == (
        Source.TEST,
        "MARKETING",
        EmailState.SENT,
    )
    message = message_from_bytes(ses.calls[0]["raw"])
    assert message["Subject"] == "[Test] Hi Ann"
    assert message["To"] == bob.email
    assert message["From"].startswith("Tea <")
    assert "Hello Ann" in body_of(message)
    own = Contact.objects.get(email=bob.email)
    assert str(ann.pk) not in body_of(message)
    assert message["List-Unsubscribe"]
    assert own.subscribed is False
    assert not own.data


def test_somebody_who_left_is_not_brought_back(
    member: Client, url: str, project: Project, bob: User
) -> None:
    make_contact(project, bob.email, subscribed=False)

    assert member.post(url, DRAFT | {"to": [str(bob.pk)]}).status_code == 200
    assert Contact.objects.get().subscribed is False


@of_its_own
def test_a_suppressed_member_gets_none(
    member: Client, url: str, project: Project, bob: User, ses: FakeSes
) -> None:
    Suppression.objects.create(project=project, email=bob.email, reason="BOUNCE")

    member.post(url, DRAFT | {"to": [str(bob.pk)]})
    drain()

    assert Email.objects.get().state == EmailState.SUPPRESSED
    assert ses.calls == []


@of_its_own
def test_what_is_known_of_the_member_is_not_mixed_in(
    member: Client, url: str, project: Project, bob: User, ses: FakeSes
) -> None:
    make_contact(project, bob.email, data={"firstName": "Bob"})
    ann = make_contact(project, "ann@example.com")

    member.post(url, DRAFT | {"to": [str(bob.pk)], "contact": str(ann.pk)})
    drain()

    assert message_from_bytes(ses.calls[0]["raw"])["Subject"] == "[Test] Hi there"


def test_of_the_readers_data_only_what_is_named_is_kept(
    member: Client, url: str, project: Project, bob: User
) -> None:
    ann = make_contact(
        project, "ann@example.com", data={"firstName": "Ann", "secret": "x"}
    )

    member.post(url, DRAFT | {"to": [str(bob.pk)], "contact": str(ann.pk)})

    assert Email.objects.get().variables == {"firstName": "Ann"}


def test_several_members_get_one_each(
    member: Client, url: str, alice: User, bob: User
) -> None:
    to = [str(alice.pk), str(bob.pk), str(bob.pk)]

    response = member.post(url, DRAFT | {"to": to})

    assert {one["to"] for one in response.json()["sent"]} == {alice.email, bob.email}


def test_strangers_get_none(
    member: Client, url: str, bob: User, charlie: User, other_project: NewProject
) -> None:
    for to in ([str(charlie.pk)], [str(bob.pk), str(charlie.pk)], [NOBODY], ["x"], []):
        response = member.post(url, DRAFT | {"to": to})
        assert response.status_code == 422
        assert [one["field"] for one in response.json()["errors"]] == ["to"]
    Membership.objects.filter(user=bob).delete()
    assert member.post(url, DRAFT | {"to": [str(bob.pk)]}).status_code == 404
    assert not Email.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subject", "x" * 999),
        ("subject", "a\r\nBcc: x@example.com"),
        ("body", ""),
        ("body", "\x00"),
        ("kind", "SPAM"),
        ("style", "PDF"),
        ("from_email", "nobody"),
        ("from_name", "a\r\nBcc: x@example.com"),
        ("reply_to", "x@"),
        ("contact", NOBODY),
        ("template", NOBODY),
        ("template", "x"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_what_is_wrong_is_named(
    member: Client, url: str, bob: User, field: str, value: str
) -> None:
    response = member.post(url, DRAFT | {"to": [str(bob.pk)], field: value})

    assert response.status_code == 422
    assert [one["field"] for one in response.json()["errors"]] == [field]
    assert not Email.objects.exists()


def test_a_sender_must_be_verified(
    member: Client, url: str, bob: User, settings: Any
) -> None:
    settings.REQUIRES_VERIFIED_DOMAIN = True
    to = {"to": [str(bob.pk)]}

    for given in ({"from_email": "a@elsewhere.example"}, {}):
        response = member.post(url, DRAFT | to | given)
        assert response.status_code == 422
        assert "from" in response.json()["errors"][0]["field"]


def test_a_test_of_a_template_is_no_use_of_it(
    member: Client, url: str, bob: User, template: Template
) -> None:
    to = {"to": [str(bob.pk)], "template": str(template.pk)}

    assert member.post(url, DRAFT | to).status_code == 200
    assert Email.objects.get().template_id is None


def test_the_project_says_where_answers_go(
    member: Client, url: str, bob: User, write: Write
) -> None:
    Project.objects.update(reply_to="project@example.com", from_email="p@example.com")
    to = {"to": [str(bob.pk)]}

    member.post(url, DRAFT | to)
    member.post(url, DRAFT | to | {"reply_to": "me@example.com"})

    first, second = Email.objects.order_by("pk")
    assert (first.reply_to, first.from_email) == (
        "project@example.com",
        "p@example.com",
    )
    assert second.reply_to == "me@example.com"


def test_a_disabled_project_sends_none(member: Client, url: str, bob: User) -> None:
    Project.objects.update(is_disabled=True)

    assert member.post(url, DRAFT | {"to": [str(bob.pk)]}).status_code == 403
    assert not Email.objects.exists()


def test_tests_have_a_limit(
    member: Client,
    url: str,
    bob: User,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.API_RATE_LIMIT_PER_MINUTE = 1000
    monkeypatch.setattr("transactional.testing.MOST_A_MINUTE", 2)
    to = {"to": [str(bob.pk)]}

    answers = [member.post(url, DRAFT | to) for _ in range(3)]

    assert [one.status_code for one in answers] == [200, 200, 429]
    assert int(answers[2]["Retry-After"]) >= 1
    assert Email.objects.count() == 2
