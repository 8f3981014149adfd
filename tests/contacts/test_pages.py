from __future__ import annotations

import pytest
from django.test import Client

from contacts.models import Suppression, SuppressionReason
from plunk.projects.models import Project, User
from tests.pages.rows import make_contact, make_occurrence


@pytest.fixture
def member(client: Client, bob: User) -> Client:
    client.force_login(bob)
    return client


@pytest.fixture
def contacts_url(project: Project) -> str:
    return f"/projects/{project.pk}/contacts/"


def test_a_contact_shows_its_data_and_history(
    member: Client, contacts_url: str, project: Project
) -> None:
    contact = make_contact(
        project,
        "ada@example.com",
        data={"plan": "pro", "tags": ["a", "b"], "none": None},
    )
    make_occurrence(project, contact, "signed-up")

    answer = member.get(f"{contacts_url}{contact.pk}/").content.decode()

    assert "<dd>pro</dd>" in answer
    assert "[&quot;a&quot;, &quot;b&quot;]" in answer
    assert "signed-up" in answer


@pytest.mark.parametrize("data", [None, [], "text", 5, {}, {"n": 10**40, "": ""}])
def test_data_of_any_shape_has_a_page(
    member: Client, contacts_url: str, project: Project, data: object
) -> None:
    contact = make_contact(project, data=data)

    assert member.get(f"{contacts_url}{contact.pk}/").status_code == 200


def test_a_suppressed_address_says_why(
    member: Client, contacts_url: str, project: Project
) -> None:
    contact = make_contact(project, "ada@example.com")
    Suppression.objects.create(
        project=project, email=contact.email, reason=SuppressionReason.COMPLAINT
    )

    answer = member.get(f"{contacts_url}{contact.pk}/")

    assert b"marked a mail as spam" in answer.content


def test_unsubscribing_asks_first_and_is_then_in_the_history(
    member: Client, contacts_url: str, project: Project
) -> None:
    contact = make_contact(project)
    url = f"{contacts_url}{contact.pk}/subscription/"

    member.get(url)
    contact.refresh_from_db()
    assert contact.subscribed
    member.post(url, {"subscribed": "no"})

    contact.refresh_from_db()
    assert not contact.subscribed


@pytest.mark.parametrize("word", ["", "maybe", "true"])
def test_only_a_clear_yes_subscribes(
    member: Client, contacts_url: str, project: Project, word: str
) -> None:
    contact = make_contact(project, subscribed=False)

    member.post(f"{contacts_url}{contact.pk}/subscription/", {"subscribed": word})

    contact.refresh_from_db()
    assert not contact.subscribed
