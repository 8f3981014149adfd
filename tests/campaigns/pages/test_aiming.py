"""Whom a draft is for, as somebody chooses it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns.lifecycle import schedule
from campaigns.models import AudienceType, Campaign, Recipient
from campaigns.pages import aiming, aiming_counts
from campaigns.pages.aiming_counts import Target
from contacts.models import (
    Contact,
    Segment,
    SegmentMembership,
    SegmentType,
    Suppression,
    Topic,
)
from contacts.segments.counting import Superseded, TookTooLong
from plunk.projects.creating import NewProject
from plunk.projects.models import Project, User
from tests.campaigns.conftest import MakeCampaign, people
from tests.campaigns.pages.conftest import Shown, fresh

pytestmark = pytest.mark.django_db

Post = Callable[..., Any]
CONDITION = {
    "logic": "AND",
    "groups": [
        {"filters": [{"field": "data.plan", "operator": "equals", "value": "pro"}]}
    ],
}


@pytest.fixture
def staff(project: Project) -> Segment:
    return Segment.objects.create(
        project=project, name="Staff", type=SegmentType.STATIC
    )


@pytest.fixture
def news(project: Project) -> Topic:
    return Topic.objects.create(project=project, name="News")


def saved(post: Post, campaign: Campaign, **fields: Any) -> Campaign:
    answer = post(f"{campaign.pk}/audience/", fields)
    assert answer.status_code == 302, answer.content.decode()
    return fresh(campaign)


def counted(post: Post, campaign: Campaign, **fields: Any) -> str:
    answer = post(f"{campaign.pk}/audience/count/", fields)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


# -- saving ----------------------------------------------------------------------------
def test_a_segment_a_topic_and_who_is_left_out(
    post: Post, make_campaign: MakeCampaign, staff: Segment, news: Topic
) -> None:
    campaign = saved(
        post,
        make_campaign(),
        audience_type="SEGMENT",
        segment=str(staff.pk),
        topic=str(news.pk),
        excluded=[str(staff.pk)],
    )

    assert (campaign.audience_type, campaign.segment) == ("SEGMENT", staff)
    assert campaign.topic == news
    assert list(campaign.excluded_segments.all()) == [staff]


def test_a_filter_and_then_everyone_again(
    post: Post, make_campaign: MakeCampaign
) -> None:
    campaign = make_campaign()

    filtered = saved(
        post, campaign, audience_type="FILTERED", condition=json.dumps(CONDITION)
    )
    everyone = saved(post, campaign, audience_type="ALL", condition="left over")

    assert filtered.condition == CONDITION
    assert (everyone.audience_type, everyone.condition) == ("ALL", None)


def test_pasted_addresses_become_recipients_and_new_contacts(
    post: Post, make_campaign: MakeCampaign, project: Project
) -> None:
    people(project, 1)
    campaign = saved(
        post,
        make_campaign(),
        audience_type="RECIPIENTS",
        addresses="R0@example.com, Ada <ada@example.com>;\nr0@example.com"[:16]
        + "ada@example.com",
    )

    chosen = Recipient.objects.filter(campaign=campaign)
    assert sorted(chosen.values_list("contact__email", flat=True)) == [
        "ada@example.com",
        "r0@example.com",
    ]
    assert Contact.objects.get(email="ada@example.com").subscribed


def test_the_chosen_are_there_to_be_changed(
    shown: Shown, post: Post, make_campaign: MakeCampaign
) -> None:
    campaign = saved(
        post, make_campaign(), audience_type="RECIPIENTS", addresses="a@example.com"
    )

    assert "a@example.com</textarea>" in shown(f"{campaign.pk}/audience/")


def test_too_many_chosen_are_kept_where_nothing_is_pasted(
    shown: Shown,
    post: Post,
    make_campaign: MakeCampaign,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(aiming, "MOST_SHOWN", 1)
    campaign = saved(
        post,
        make_campaign(),
        audience_type="RECIPIENTS",
        addresses="a@example.com b@example.com",
    )

    page = shown(f"{campaign.pk}/audience/")
    saved(post, campaign, audience_type="RECIPIENTS", addresses="")

    assert "2 contacts are chosen, too many to show" in page
    assert Recipient.objects.filter(campaign=campaign).count() == 2


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "This field is required."),
        ({"audience_type": "MARTIANS"}, "Select a valid choice."),
        ({"audience_type": "SEGMENT"}, "Which segment?"),
        ({"audience_type": "SEGMENT", "segment": "x"}, "Select a valid choice."),
        ({"audience_type": "FILTERED"}, "Add at least one rule."),
        ({"audience_type": "FILTERED", "condition": "{"}, "Is no JSON object"),
        (
            {"audience_type": "FILTERED", "condition": "[" * 50_000},
            "Is no JSON object",
        ),
        ({"audience_type": "FILTERED", "condition": "{}"}, "builder-errors"),
        (
            {
                "audience_type": "FILTERED",
                "condition": '{"logic":"AND","groups":[{"filters":[{"field":"x"}]}]}',
            },
            "condition.groups.0.filters.0",
        ),
        ({"audience_type": "RECIPIENTS"}, "Paste at least one address."),
        ({"audience_type": "RECIPIENTS", "addresses": "nobody"}, "No addresses"),
        ({"audience_type": "ALL", "topic": "x"}, "Select a valid choice."),
        ({"audience_type": "ALL", "excluded": ["x"]}, "Select a valid choice."),
        ({"audience_type": "ALL", "version": "x"}, "whole number"),
        ({"audience_type": "ALL\x00"}, "Select a valid choice."),
    ],
)
def test_what_cannot_be_is_told_and_not_saved(
    fields: dict[str, Any], said: str, post: Post, make_campaign: MakeCampaign
) -> None:
    campaign = make_campaign()

    answer = post(f"{campaign.pk}/audience/", fields)

    assert answer.status_code == 200
    assert said in answer.content.decode()
    assert fresh(campaign).version == 1


def test_segments_and_topics_of_others_are_no_choice(
    post: Post, make_campaign: MakeCampaign, other_project: NewProject
) -> None:
    theirs = other_project.project
    segment = Segment.objects.create(project=theirs, name="x", type="STATIC")
    topic = Topic.objects.create(project=theirs, name="x")
    campaign = make_campaign()

    for fields in (
        {"audience_type": "SEGMENT", "segment": str(segment.pk)},
        {"audience_type": "ALL", "topic": str(topic.pk)},
        {"audience_type": "ALL", "excluded": [str(segment.pk)]},
    ):
        assert post(f"{campaign.pk}/audience/", fields).status_code == 200
    assert fresh(campaign).version == 1


def test_who_was_slower_is_told(post: Post, make_campaign: MakeCampaign) -> None:
    campaign = make_campaign(version=2)

    answer = post(f"{campaign.pk}/audience/", {"audience_type": "ALL", "version": "1"})

    assert "Somebody else has changed this campaign" in answer.content.decode()


def test_what_is_scheduled_keeps_somebody_to_go_to(
    post: Post, make_campaign: MakeCampaign
) -> None:
    campaign = schedule(make_campaign(), at=timezone.now() + timedelta(days=1))

    saved(post, campaign, audience_type="RECIPIENTS", addresses="a@example.com")

    assert fresh(campaign).state == "SCHEDULED"


# -- the live count --------------------------------------------------------------------
def test_the_count_is_of_what_stands_in_the_form(
    post: Post, make_campaign: MakeCampaign, project: Project, staff: Segment
) -> None:
    contacts = people(project, 6, data={"plan": "pro"})
    Contact.objects.filter(pk=contacts[0].pk).update(subscribed=False)
    Contact.objects.filter(pk=contacts[1].pk).update(data={})
    Suppression.objects.create(project=project, email="r2@example.com", reason="BOUNCE")
    SegmentMembership.objects.create(segment=staff, contact=contacts[3])
    campaign = make_campaign()

    everyone = counted(post, campaign, audience_type="ALL")
    pro = counted(
        post, campaign, audience_type="FILTERED", condition=json.dumps(CONDITION)
    )
    others = counted(post, campaign, audience_type="ALL", excluded=[str(staff.pk)])
    segment = counted(post, campaign, audience_type="SEGMENT", segment=str(staff.pk))

    assert 'num">4</span>' in everyone
    assert "of 6 contacts" in everyone
    assert 'num">3</span>' in pro
    assert "Contacts whose “plan” is “pro”." in pro
    assert 'num">3</span>' in others
    assert 'num">1</span>' in segment
    assert fresh(campaign).version == 1


def test_a_topic_that_one_joins_limits_the_count(
    post: Post, make_campaign: MakeCampaign, project: Project
) -> None:
    people(project, 2)
    topic = Topic.objects.create(project=project, name="Offers", is_opt_out=False)

    said = counted(post, make_campaign(), audience_type="ALL", topic=str(topic.pk))

    assert 'num">0</span>' in said


def test_of_pasted_addresses_it_says_which_are_new(
    post: Post, make_campaign: MakeCampaign, project: Project
) -> None:
    people(project, 2)
    Contact.objects.filter(email="r1@example.com").update(subscribed=False)

    said = counted(
        post,
        make_campaign(),
        audience_type="RECIPIENTS",
        addresses="r0@example.com r1@example.com new@example.com",
    )

    assert 'num">1</span>' in said
    assert "of 3 addresses is a contact who would get it" in said
    assert "1 is no contact yet" in said
    assert "new@example.com" in said
    assert not Contact.objects.filter(email="new@example.com").exists()


def test_many_pasted_addresses_are_counted_by_as_few_statements(
    make_campaign: MakeCampaign, project: Project, alice: User
) -> None:
    people(project, 20)
    campaign = make_campaign()

    def statements(count: int) -> int:
        addresses = [f"r{number}@example.com" for number in range(count)]
        target = Target(AudienceType.RECIPIENTS, addresses=addresses)
        with CaptureQueriesContext(connection) as context:
            reckoned = aiming_counts.reckon(campaign, target, user=alice)
        known = min(count, 20)
        assert (reckoned.number, reckoned.new_count) == (known, count - known)
        return len(context)

    assert statements(10) == statements(20) == statements(3_000)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TookTooLong(), "takes longer than a page should wait"),
        (Superseded(), "A newer count is under way."),
    ],
)
def test_a_count_that_does_not_end_is_answered_in_words(
    error: Exception,
    said: str,
    post: Post,
    make_campaign: MakeCampaign,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def slow(*_: Any, **__: Any) -> int:
        raise error

    monkeypatch.setattr(aiming_counts, "bounded", slow)

    assert said in counted(post, make_campaign(), audience_type="ALL")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"audience_type": "FILTERED", "condition": "{}"},
        {"audience_type": "FILTERED", "condition": "[" * 50_000},
        {"audience_type": "RECIPIENTS", "addresses": "@"},
        {"audience_type": "SEGMENT"},
    ],
)
def test_what_cannot_be_counted_is_told(
    fields: dict[str, Any], post: Post, make_campaign: MakeCampaign
) -> None:
    assert "size-figure" not in counted(post, make_campaign(), **fields)
