"""Defaults of a project's mail, and its senders."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from plunk.projects.creating import NewProject
from plunk.projects.models import Membership, Project, Role, User
from transactional.models import Domain, SenderAddress
from transactional.senders import SenderChoice, choices

pytestmark = pytest.mark.django_db

DEFAULTS = {
    "from_name": "Acme",
    "from_email": "hello@acme.example",
    "reply_to": "help@acme.example",
    "postal_address": "Acme Ltd., 1 Main Street, Springfield",
}


@pytest.fixture
def owner(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def base(project: Project, settings: Settings) -> str:
    settings.REQUIRES_VERIFIED_DOMAIN = True
    return f"/projects/{project.pk}/settings/"


@pytest.fixture
def sender(project: Project) -> SenderAddress:
    return SenderAddress.objects.create(
        project=project, email="news@acme.example", name="News"
    )


def test_the_defaults_are_saved_and_nothing_else(
    owner: Client, base: str, project: Project
) -> None:
    answer = owner.post(
        f"{base}sending/", DEFAULTS | {"name": "Other", "is_disabled": "on"}
    )

    project.refresh_from_db()
    assert answer.status_code == 302
    assert {name: getattr(project, name) for name in DEFAULTS} == DEFAULTS
    assert (project.name, project.is_disabled) == ("Acme", False)


@pytest.mark.parametrize(
    "address",
    [
        "grüße@example.com",
        '"a\x0bb"@example.com',
        "a@[127.0.0.1]",
        "a@localhost",
        "a@b@example.com",
        "a@example.com\nBcc: b@example.com",
        "a\x00@example.com",
        "x" * 300 + "@example.com",
    ],
)
@pytest.mark.parametrize("field", ["from_email", "reply_to"])
def test_an_address_that_no_header_holds_is_not_saved(
    owner: Client, base: str, project: Project, address: str, field: str
) -> None:
    answer = owner.post(f"{base}sending/", DEFAULTS | {field: address})

    project.refresh_from_db()
    assert answer.status_code == 200
    assert project.from_name == ""


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Hello@EXAMPLE.com", "hello@example.com"),
        ("hallo@müller.de", "hallo@xn--mller-kva.de"),
        ("o'neil+x@mail.example.com", "o'neil+x@mail.example.com"),
        (" a@example.com ", "a@example.com"),
        ("", ""),
    ],
)
def test_an_address_is_spelt_as_domains_are(
    owner: Client, base: str, project: Project, typed: str, kept: str
) -> None:
    owner.post(f"{base}sending/", DEFAULTS | {"from_email": typed})

    project.refresh_from_db()
    assert project.from_email == kept


@pytest.mark.parametrize("field", ["from_name", "postal_address"])
def test_a_line_break_is_refused(
    owner: Client, base: str, project: Project, field: str
) -> None:
    owner.post(f"{base}sending/", DEFAULTS | {field: "a\r\nBcc: b@example.com"})

    project.refresh_from_db()
    assert project.from_email == ""


def test_a_member_sees_the_defaults_and_cannot_change_them(
    base: str, bob: User, project: Project
) -> None:
    client = Client()
    client.force_login(bob)

    assert b"owner or admin" in client.get(f"{base}sending/").content
    assert client.post(f"{base}sending/", DEFAULTS).status_code == 403


def test_a_sender_is_added_changed_made_default_and_removed(
    owner: Client, base: str, project: Project
) -> None:
    owner.post(
        f"{base}senders/new/",
        {"email": "News@acme.example", "name": "News", "reply_to": ""},
    )
    sender = SenderAddress.objects.get()
    owner.post(f"{base}senders/{sender.pk}/default/")
    project.refresh_from_db()
    default = (project.from_email, project.from_name)
    owner.post(
        f"{base}senders/{sender.pk}/",
        {"email": "letters@acme.example", "name": "Letters", "reply_to": "r@x.example"},
    )
    project.refresh_from_db()
    sender.refresh_from_db()

    assert default == ("news@acme.example", "News")
    assert (project.from_email, project.from_name) == (
        "letters@acme.example",
        "Letters",
    )
    assert sender.reply_to == "r@x.example"
    owner.post(f"{base}senders/{sender.pk}/remove/")
    project.refresh_from_db()
    assert not SenderAddress.objects.exists()
    assert project.from_email == "letters@acme.example"


def test_a_sender_is_there_once(
    owner: Client, base: str, sender: SenderAddress, project: Project
) -> None:
    other = SenderAddress.objects.create(project=project, email="b@acme.example")

    again = owner.post(f"{base}senders/new/", {"email": "NEWS@acme.example"})
    onto = owner.post(f"{base}senders/{other.pk}/", {"email": sender.email})

    assert b"is one of the senders already" in again.content
    assert b"is one of the senders already" in onto.content
    assert SenderAddress.objects.count() == 2


def test_members_cannot_arrange_senders(
    base: str, sender: SenderAddress, bob: User
) -> None:
    client = Client()
    client.force_login(bob)
    paths = ["new/", f"{sender.pk}/", f"{sender.pk}/default/", f"{sender.pk}/remove/"]

    answers = [client.post(f"{base}senders/{path}") for path in paths]
    Membership.objects.filter(user=bob).update(role=Role.ADMIN)

    assert {answer.status_code for answer in answers} == {403}
    assert client.post(f"{base}senders/{sender.pk}/remove/").status_code == 302


def test_each_sender_says_how_its_domain_stands(
    owner: Client, base: str, project: Project, sender: SenderAddress
) -> None:
    SenderAddress.objects.create(project=project, email="a@gmail.com")
    SenderAddress.objects.create(project=project, email="a@pending.example")
    SenderAddress.objects.create(project=project, email="a@nowhere.example")
    Domain.objects.create(project=project, name="acme.example", verified_at=Now())
    Domain.objects.create(project=project, name="pending.example", checked_at=Now())

    shown = owner.get(f"{base}sending/").content.decode()

    for words in (
        "Verified",
        "Waiting for DNS",
        "Domain not added",
        "public mail service",
    ):
        assert words in shown


def test_a_default_without_its_domain_is_told(
    owner: Client, base: str, project: Project
) -> None:
    Project.objects.filter(pk=project.pk).update(from_email="a@gone.example")

    shown = owner.get(f"{base}sending/").content.decode()

    assert "gone.example is none of the project&#x27;s domains" in shown


def test_senders_cost_the_same_for_many(
    owner: Client, base: str, project: Project
) -> None:
    counts = []
    owner.get(f"{base}sending/")
    for start in (0, 10):
        for number in range(start, start + 10):
            SenderAddress.objects.create(
                project=project, email=f"a{number}@d{number}.example"
            )
            Domain.objects.create(project=project, name=f"d{number}.example")
        with CaptureQueriesContext(connection) as queries:
            assert b"a9@d9.example" in owner.get(f"{base}sending/").content
        counts.append(len(queries))

    assert counts[0] == counts[1]


def test_choices_begin_with_the_default_and_say_what_works(
    project: Project,
    sender: SenderAddress,
    other_project: NewProject,
    settings: Settings,
) -> None:
    settings.REQUIRES_VERIFIED_DOMAIN = True
    SenderAddress.objects.create(
        project=project, email="b@other.example", reply_to="r@acme.example"
    )
    SenderAddress.objects.create(project=other_project.project, email="x@acme.example")
    Domain.objects.create(project=project, name="acme.example", verified_at=Now())
    Project.objects.filter(pk=project.pk).update(
        from_email="hello@acme.example", from_name="Acme"
    )

    found = choices(project.pk)

    assert found == [
        SenderChoice("hello@acme.example", "Acme", "", is_usable=True),
        SenderChoice("b@other.example", "", "r@acme.example", is_usable=False),
        SenderChoice("news@acme.example", "News", "", is_usable=True),
    ]


def test_every_sender_works_where_mail_stays_local(
    project: Project, sender: SenderAddress, settings: Settings
) -> None:
    settings.REQUIRES_VERIFIED_DOMAIN = False

    assert [choice.is_usable for choice in choices(project.pk)] == [True]
    assert choices(uuid4()) == []


def test_choices_cost_three_statements(
    project: Project, sender: SenderAddress, settings: Settings
) -> None:
    settings.REQUIRES_VERIFIED_DOMAIN = True

    with CaptureQueriesContext(connection) as queries:
        choices(project.pk)

    assert len(queries) == 3
