from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contacts.models import (
    ChangeKind,
    Confirmation,
    ConsentChange,
    Contact,
    Door,
    Segment,
    SegmentType,
    Suppression,
    SuppressionReason,
    Topic,
)
from contacts.topics import topics_of
from plunk.projects.models import Project, User
from tests.pages.rows import make_contact, make_email, make_occurrence

NOW = timezone.now() + timedelta(days=1)


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

    assert ">pro</span></dd>" in answer
    assert "<li>a</li><li>b</li>" in answer
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


# -- consent ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"consent_source": Door.PAGE}, "Subscribed since"),
        ({"subscribed": False, "consent_source": Door.API}, "through the API"),
        ({"confirmed_at": NOW}, "Subscribed and confirmed since"),
        ({"subscribed": False, "snoozed_until": NOW}, "Paused: gets nothing now"),
    ],
)
def test_consent_is_said_in_words(
    member: Client,
    contacts_url: str,
    project: Project,
    values: dict[str, Any],
    words: str,
) -> None:
    contact = make_contact(project, **values)

    assert words in member.get(f"{contacts_url}{contact.pk}/").content.decode()


def test_who_was_asked_to_confirm_is_waited_for(
    member: Client, contacts_url: str, project: Project
) -> None:
    contact = make_contact(project, subscribed=False)
    Confirmation.objects.create(contact=contact, project=project, expires_at=NOW)

    answer = member.get(f"{contacts_url}{contact.pk}/").content.decode()

    assert "Unconfirmed" in answer
    assert "Gets nothing until" in answer


def test_the_ledger_says_who_when_through_what_and_with_which_text(
    member: Client, contacts_url: str, project: Project, alice: User
) -> None:
    contact = make_contact(project)
    topic = Topic.objects.create(project=project, name="Offers")
    email = make_email(project, contact)
    for number, kind in enumerate(ChangeKind):
        ConsentChange.objects.create(
            project=project,
            contact=contact,
            kind=kind,
            door=Door.ONE_CLICK,
            topic=topic if "TOPIC" in kind else None,
            user=alice,
            email_id=email.pk,
            reason=f"reason {number}",
            text="<b>What I read</b>",
        )

    short = member.get(f"{contacts_url}{contact.pk}/").content.decode()
    whole = member.get(f"{contacts_url}{contact.pk}/consent/").content.decode()

    assert "All entries" in short
    for number in range(len(ChangeKind)):
        assert f"reason {number}" in whole
    assert "Left “Offers”" in whole
    assert "alice@example.com, through one click in the mail program" in whole
    assert "&lt;b&gt;What I read" in whole
    assert f"/emails/{email.pk}/" in whole


def test_a_member_lets_a_contact_join_and_leave_topics(
    member: Client, contacts_url: str, project: Project, bob: User
) -> None:
    contact = make_contact(project)
    news = Topic.objects.create(project=project, name="News")
    offers = Topic.objects.create(project=project, name="Offers", is_opt_out=False)
    unseen = Topic.objects.create(project=project, name="Unseen")

    member.post(
        f"{contacts_url}{contact.pk}/topics/",
        {"shown": [news.pk, offers.pk, "x"], "topic": [offers.pk, uuid4(), "\x00"]},
    )

    states = {state.topic: state.is_joined for state in topics_of(contact)}
    assert states == {news: False, offers: True, unseen: True}
    told = ConsentChange.objects.filter(contact=contact, user=bob)
    assert told.count() == 2
    assert {row.door for row in told} == {Door.DASHBOARD}


# -- segments --------------------------------------------------------------------------


def segment(project: Project, name: str, condition: object = None) -> Segment:
    kind = SegmentType.DYNAMIC if condition else SegmentType.STATIC
    return Segment.objects.create(
        project=project, name=name, type=kind, condition=condition
    )


def rule(field: str, operator: str, value: object = None) -> dict[str, object]:
    filter_ = {"field": field, "operator": operator, "value": value}
    return {"logic": "AND", "groups": [{"filters": [filter_]}]}


def test_segments_are_those_of_now_and_those_left(
    member: Client, contacts_url: str, project: Project
) -> None:
    contact = make_contact(project, data={"plan": "pro"})
    inside, left = segment(project, "Inside"), segment(project, "Left")
    segment(project, "Never")
    inside.memberships.create(contact=contact, exited_at=NOW)
    inside.memberships.create(contact=contact)
    left.memberships.create(contact=contact, exited_at=NOW)
    pros = segment(project, "Pros", rule("data.plan", "equals", "pro"))
    segment(project, "Others", rule("data.plan", "equals", "free"))
    segment(project, "Within", rule(f"segment.{pros.pk}", "memberOfSegment"))
    segment(project, "Broken", rule(f"segment.{uuid4()}", "memberOfSegment"))

    answer = member.get(f"{contacts_url}{contact.pk}/segments/")

    assert [each.segment.name for each in answer.context["inside"]] == [
        "Inside",
        "Pros",
        "Within",
    ]
    assert [each.segment.name for each in answer.context["left"]] == ["Left"]


def test_the_page_asks_for_the_segments_by_themselves(
    member: Client, contacts_url: str, project: Project
) -> None:
    contact = make_contact(project)

    answer = member.get(f"{contacts_url}{contact.pk}/segments/", HTTP_HX_REQUEST="true")

    assert b"<html" not in answer.content
    assert b"In none at the moment" in answer.content


@pytest.mark.parametrize("path", ["", "segments/", "consent/", "edit/"])
def test_the_page_costs_the_same_with_ten_of_each_and_sixty(
    member: Client, contacts_url: str, project: Project, path: str
) -> None:
    contact = make_contact(project)
    topic = Topic.objects.create(project=project, name="Offers")
    costs = []
    for count in (10, 50):
        for number in range(count):
            static = segment(project, f"S{number}")
            static.memberships.create(contact=contact)
            segment(project, "D", rule("data.plan", "equals", str(number)))
            Topic.objects.create(project=project, name=f"{count} {number}")
            make_occurrence(project, contact, "signed-up")
            make_email(project, contact)
            ConsentChange.objects.create(
                project=project,
                contact=contact,
                kind=ChangeKind.TOPIC_LEFT,
                door=Door.API,
                topic=topic,
            )
        url = f"{contacts_url}{contact.pk}/{path}"
        member.get(url)
        with CaptureQueriesContext(connection) as captured:
            assert member.get(url).status_code == 200
        costs.append(len(captured))

    assert costs[0] == costs[1]
    assert costs[0] <= 20


# -- mails, erasure --------------------------------------------------------------------


def test_mails_are_shown_in_a_frame_without_rights(
    member: Client, contacts_url: str, project: Project
) -> None:
    contact = make_contact(project)
    email = make_email(project, contact, subject="Your receipt")

    answer = member.get(f"{contacts_url}{contact.pk}/").content.decode()

    assert "Your receipt" in answer
    assert f'src="/projects/{project.pk}/emails/{email.pk}/html/" sandbox=""' in answer


@pytest.fixture
def admin(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def test_erasing_needs_the_address_in_writing(
    admin: Client, contacts_url: str, project: Project
) -> None:
    contact = make_contact(project, "ada@example.com")
    url = f"{contacts_url}{contact.pk}/erase/"

    assert b"cannot be undone" in admin.get(url).content
    for text in ("", "ada", "bob@example.com", "\x00"):
        assert admin.post(url, {"confirm": text}).status_code == 422
    assert Contact.objects.filter(pk=contact.pk).exists()
    admin.post(url, {"confirm": " Ada@Example.com "})

    assert not Contact.objects.filter(pk=contact.pk).exists()


def test_a_member_erases_nobody(
    member: Client, contacts_url: str, project: Project
) -> None:
    contact = make_contact(project, "ada@example.com")
    url = f"{contacts_url}{contact.pk}/erase/"

    assert member.post(url, {"confirm": contact.email}).status_code == 403
    assert Contact.objects.filter(pk=contact.pk).exists()
    assert url.encode() not in member.get(f"{contacts_url}{contact.pk}/").content
