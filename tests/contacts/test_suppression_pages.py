from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contacts.models import (
    ChangeKind,
    ConsentChange,
    Door,
    Suppression,
    SuppressionReason,
)
from contacts.suppressions import forget_addresses
from plunk.projects.creating import NewProject
from plunk.projects.models import Project, User
from tests.pages.rows import make_contact


@pytest.fixture
def member(client: Client, bob: User) -> Client:
    client.force_login(bob)
    return client


@pytest.fixture
def admin(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


@pytest.fixture
def url(project: Project) -> str:
    return f"/projects/{project.pk}/suppressions/"


def suppressed(
    project: Project,
    email: str,
    reason: str = SuppressionReason.BOUNCE,
    *,
    source: str = "",
) -> Suppression:
    return Suppression.objects.create(
        project=project, email=email, reason=reason, source=source
    )


def shown(client: Client, url: str, **query: str) -> list[str]:
    answer = client.get(url, query)
    assert answer.status_code == 200
    return [line.row.email for line in answer.context["lines"]]


# -- the list --------------------------------------------------------------------------


def test_an_empty_list_says_how_addresses_come_there(member: Client, url: str) -> None:
    assert b"marks a mail as spam" in member.get(url).content


def test_the_list_is_searched_and_filtered(
    member: Client, url: str, project: Project, other_project: NewProject
) -> None:
    suppressed(project, "ada@example.com", source="feedback-17")
    suppressed(project, "ben@example.com", SuppressionReason.COMPLAINT)
    old = suppressed(project, "old@example.org", SuppressionReason.MANUAL)
    Suppression.objects.filter(pk=old.pk).update(
        created_at=timezone.now() - timedelta(days=20)
    )
    suppressed(other_project.project, "ada@elsewhere.example")

    assert shown(member, url) == [
        "ben@example.com",
        "ada@example.com",
        "old@example.org",
    ]
    assert shown(member, url, q="DA@ex") == ["ada@example.com"]
    assert shown(member, url, q="Feedback") == ["ada@example.com"]
    assert shown(member, url, reason="complaint") == ["ben@example.com"]
    assert len(shown(member, url, days="7")) == 2
    assert len(shown(member, url, days="30", q="example")) == 3


@pytest.mark.parametrize("text", ["\x00", "%", "_", "\\", "x" * 10_000, "\ud7ff"])
def test_a_strange_search_finds_nothing(
    member: Client, url: str, project: Project, text: str
) -> None:
    suppressed(project, "ada@example.com")

    assert shown(member, url, q=text) == []


@pytest.mark.parametrize(
    "query", [{"reason": "x"}, {"days": "x"}, {"days": "9" * 99}, {"cursor": "x"}]
)
def test_what_makes_no_sense_does_not_count(
    member: Client, url: str, project: Project, query: dict[str, str]
) -> None:
    suppressed(project, "ada@example.com")

    assert shown(member, url, **query) == ["ada@example.com"]


def test_the_list_pages_within_its_filters(
    member: Client, url: str, project: Project
) -> None:
    for number in range(51):
        suppressed(project, f"a+{number}@example.com")

    answer = member.get(url, {"q": "a+", "reason": "bounce"})

    assert b"q=a%2B&amp;reason=bounce&amp;cursor=" in answer.content


def test_the_list_costs_the_same_with_ten_rows_and_sixty(
    member: Client, url: str, project: Project
) -> None:
    costs = []
    for count in (10, 50):
        for _ in range(count):
            suppressed(project, f"{uuid4()}@example.com")
        member.get(url)
        with CaptureQueriesContext(connection) as captured:
            member.get(f"{url}?q=example", HTTP_HX_REQUEST="true")
        costs.append(len(captured))

    assert costs[0] == costs[1] <= 5


def test_what_is_left_of_an_erased_address_is_not_found_by_its_letters(
    member: Client, url: str, project: Project
) -> None:
    suppressed(project, "ada@example.com")
    forget_addresses(project.pk, ["ada@example.com"])

    page = member.get(url).content.decode()

    assert "An erased contact" in page
    assert "erased:" not in page
    assert shown(member, url, q="e") == []


# -- adding ----------------------------------------------------------------------------


def test_an_admin_suppresses_addresses_by_hand(
    admin: Client, url: str, project: Project, alice: User
) -> None:
    contact = make_contact(project, "ada@example.com")
    suppressed(project, "known@example.com", SuppressionReason.COMPLAINT)

    admin.post(
        f"{url}new/",
        {
            "emails": " Ada@Example.com\r\nben@example.com, known@example.com\r\n\r\n",
            "reason": "asked us on the phone",
        },
    )

    rows = {row.email: row for row in Suppression.objects.all()}
    assert rows.keys() == {"ada@example.com", "ben@example.com", "known@example.com"}
    assert rows["ada@example.com"].reason == SuppressionReason.MANUAL
    assert rows["known@example.com"].reason == SuppressionReason.COMPLAINT
    assert "asked us on the phone" in rows["ben@example.com"].source
    told = ConsentChange.objects.get(contact=contact)
    assert (told.kind, told.door, told.user) == (
        ChangeKind.SUPPRESSED,
        Door.DASHBOARD,
        alice,
    )


@pytest.mark.parametrize(
    ("emails", "reason"),
    [
        ("", "why"),
        ("ada@example.com", ""),
        ("ada@example.com", "x" * 151),
        ("ada@example.com", "a\nb"),
        ("ada@example.com\nnobody", "why"),
        ("<script>alert(1)</script>", "why"),
        ("\x00", "why"),
        ("\n".join(f"a{number}@example.com" for number in range(1001)), "why"),
        ("x" * 300_001, "why"),
    ],
)
def test_a_wrong_form_suppresses_nobody_and_keeps_what_was_typed(
    admin: Client, url: str, project: Project, emails: str, reason: str
) -> None:
    answer = admin.post(f"{url}new/", {"emails": emails, "reason": reason})

    assert answer.status_code == 422
    assert answer.context["form"].errors
    assert b"<script>alert" not in answer.content
    assert not Suppression.objects.exists()


# -- releasing -------------------------------------------------------------------------


@pytest.mark.parametrize("reason", SuppressionReason)
def test_a_suppression_says_why_and_what_the_risk_is(
    admin: Client, url: str, project: Project, reason: SuppressionReason
) -> None:
    row = suppressed(project, "ada@example.com", reason, source="feedback-17")
    contact = make_contact(project, "ada@example.com")

    page = admin.get(f"{url}{row.pk}/").content.decode()

    assert "feedback-17" in page
    assert "Remove the suppression" in page
    assert f"/contacts/{contact.pk}/" in page


def test_an_admin_releases_an_address_with_a_reason(
    admin: Client, url: str, project: Project, alice: User
) -> None:
    row = suppressed(project, "ada@example.com")
    contact = make_contact(project, "ada@example.com")

    for reason in ("", " ", "x" * 251, "a\x00"):
        answer = admin.post(f"{url}{row.pk}/", {"reason": reason})
        assert answer.status_code == 422
    assert Suppression.objects.exists()
    admin.post(f"{url}{row.pk}/", {"reason": "the mailbox works again"})

    assert not Suppression.objects.exists()
    told = ConsentChange.objects.get(contact=contact)
    assert (told.kind, told.reason, told.user) == (
        ChangeKind.RELEASED,
        "the mailbox works again",
        alice,
    )


def test_what_is_left_of_an_erased_address_can_be_released(
    admin: Client, url: str, project: Project
) -> None:
    suppressed(project, "ada@example.com")
    forget_addresses(project.pk, ["ada@example.com"])
    row = Suppression.objects.get()

    assert "erased:" not in admin.get(f"{url}{row.pk}/").content.decode()
    admin.post(f"{url}{row.pk}/", {"reason": "a new owner of the mailbox"})

    assert not Suppression.objects.exists()


def test_a_member_sees_and_changes_nothing(
    member: Client, url: str, project: Project
) -> None:
    row = suppressed(project, "ada@example.com")

    assert (
        b"An admin of the project can remove it"
        in member.get(f"{url}{row.pk}/").content
    )
    assert b"/suppressions/new/" not in member.get(url).content
    assert member.post(f"{url}{row.pk}/", {"reason": "why"}).status_code == 403
    assert member.get(f"{url}new/").status_code == 403
    assert Suppression.objects.exists()


def test_a_suppressed_contact_leads_to_its_suppression(
    member: Client, url: str, project: Project
) -> None:
    row = suppressed(project, "ada@example.com")
    contact = make_contact(project, "ada@example.com")

    page = member.get(f"/projects/{project.pk}/contacts/{contact.pk}/").content

    assert f"{url}{row.pk}/".encode() in page
