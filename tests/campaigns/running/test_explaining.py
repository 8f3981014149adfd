from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from campaigns.explaining import why
from campaigns.lifecycle import campaign_of, cancel
from campaigns.models import AudienceType, Campaign, Recipient
from contacts.ledger import Act
from contacts.models import (
    Contact,
    Door,
    Segment,
    SegmentMembership,
    SegmentType,
    Suppression,
    Topic,
    TopicChoice,
)
from contacts.subscriptions import set_subscribed
from plunk.projects.models import Project
from tests.campaigns.conftest import MakeCampaign, work
from tests.campaigns.running.conftest import Launch, deliver, mail_to
from tests.transactional.fakes import FakeSes
from transactional.models import Email, EmailEvent, EmailEventKind, EmailState

pytestmark = pytest.mark.django_db(transaction=True)

ANN = "ann@example.com"
PRO: dict[str, Any] = {
    "logic": "AND",
    "groups": [
        {"filters": [{"field": "data.plan", "operator": "equals", "value": "pro"}]}
    ],
}


@pytest.fixture
def ann(project: Project) -> Contact:
    return Contact.objects.create(project=project, email=ANN, data={"plan": "free"})


def asked(campaign: Campaign, who: str = ANN) -> str:
    return why(campaign_of(campaign.project_id, campaign.pk), who).sentence


# -- who has a mail --------------------------------------------------------------------
def test_who_got_it_and_clicked(ann: Contact, sent: Launch) -> None:
    campaign = sent(0)
    deliver(mail_to(campaign, "ann"), opened_at=Now(), clicked_at=Now())

    answer = why(campaign, " Ann@Example.com ")

    assert answer.sentence.startswith(f"{ANN} got it at ")
    assert "and clicked a link at " in answer.sentence
    assert answer.tone == "good"
    assert len(answer.evidence) == 5


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"state": "SENT", "sent_at": Now()}, "has not said yet that it took it"),
        (
            {"state": "DELIVERED", "delivered_at": Now(), "opened_at": Now()},
            "and opened it at ",
        ),
        (
            {"state": "DELIVERED", "delivered_at": Now(), "machine_opens": 1},
            "only machines have looked at it",
        ),
        ({"state": "DELIVERED", "delivered_at": Now()}, "has not opened it"),
        ({"state": "COMPLAINED", "complained_at": Now()}, "marked it as spam at "),
        (
            {"state": "FAILED", "error": "Message rejected."},
            "sending failed because message rejected.",
        ),
        ({"state": "SENDING"}, "is getting it at this moment"),
        ({"state": "IN_DOUBT", "due_at": Now()}, "Amazon’s answer was lost"),
        ({"state": "SUPPRESSED"}, "the address was suppressed at that moment"),
    ],
)
def test_each_end_has_its_sentence(
    columns: dict[str, Any], words: str, ann: Contact, frozen: Launch
) -> None:
    campaign = frozen(0)
    Email.objects.filter(origin_id=campaign.pk).update(**columns)

    assert words in asked(campaign)


def test_who_bounced_and_why(ann: Contact, sent: Launch) -> None:
    campaign = sent(0)
    mail = mail_to(campaign, "ann")
    Email.objects.update(state=EmailState.BOUNCED, bounced_at=Now())
    EmailEvent.objects.create(
        project_id=mail.project_id,
        email=mail,
        kind=EmailEventKind.BOUNCE,
        at=Now(),
        key="b",
        detail={"diagnosticCode": "550 no such user"},
    )

    assert "it bounced at " in asked(campaign)
    assert "550 no such user" in asked(campaign)


def test_who_waits_knows_their_place(ann: Contact, frozen: Launch) -> None:
    campaign = frozen(4)

    number = asked(campaign, "ann@example.com")

    assert "number " in number
    assert "in the queue" in number


def test_skipped_at_the_moment_of_sending(
    ann: Contact, frozen: Launch, ses: FakeSes
) -> None:
    campaign = frozen(0)
    set_subscribed(
        project_id=ann.project_id,
        contact_id=ann.pk,
        subscribed=False,
        act=Act(Door.ONE_CLICK),
    )
    work()

    words = asked(campaign)

    assert "skipped at the moment of sending because the contact is unsubscribed" in (
        words
    )
    assert "one click in the mail program" in words


def test_cancelled_before_their_turn(ann: Contact, frozen: Launch) -> None:
    campaign = frozen(3)
    deliver(mail_to(campaign, "r1"))
    cancel(campaign)
    work()

    assert "was cancelled before this mail’s turn" in asked(campaign)


# -- who has none ----------------------------------------------------------------------
def test_who_is_not_in_the_project(sent: Launch) -> None:
    assert "nobody with this address is in the project" in asked(sent(1))


def test_what_is_no_address(sent: Launch) -> None:
    assert asked(sent(1), "nonsense") == "“nonsense” is no e-mail address."


def test_not_sent_yet(ann: Contact, make_campaign: MakeCampaign) -> None:
    assert "has not been sent yet" in asked(make_campaign())


def test_who_came_after_the_launch(sent: Launch, project: Project) -> None:
    campaign = sent(1)
    Contact.objects.create(project=project, email=ANN)
    Contact.objects.filter(email=ANN).update(created_at=Now() + timedelta(seconds=5))

    assert "after the launch" in asked(campaign)


def _unsubscribed(ann: Contact, _campaign: dict[str, Any]) -> None:
    set_subscribed(
        project_id=ann.project_id,
        contact_id=ann.pk,
        subscribed=False,
        act=Act(Door.PAGE),
    )


def _suppressed(ann: Contact, _campaign: dict[str, Any]) -> None:
    Suppression.objects.create(project=ann.project, email=ANN, reason="COMPLAINT")


def _left_the_topic(ann: Contact, campaign: dict[str, Any]) -> None:
    topic = Topic.objects.create(project=ann.project, name="News")
    TopicChoice.objects.create(topic=topic, contact=ann, is_joined=False)
    campaign["topic"] = topic


def _never_joined(ann: Contact, campaign: dict[str, Any]) -> None:
    campaign["topic"] = Topic.objects.create(
        project=ann.project, name="News", is_opt_out=False
    )


def _filtered(_ann: Contact, campaign: dict[str, Any]) -> None:
    campaign |= {"audience_type": AudienceType.FILTERED, "condition": PRO}


def _segment(ann: Contact, campaign: dict[str, Any]) -> None:
    campaign["audience_type"] = AudienceType.SEGMENT
    campaign["segment"] = Segment.objects.create(
        project=ann.project, name="Pros", type=SegmentType.DYNAMIC, condition=PRO
    )


def _static(ann: Contact, campaign: dict[str, Any]) -> None:
    campaign["audience_type"] = AudienceType.SEGMENT
    campaign["segment"] = Segment.objects.create(
        project=ann.project, name="Staff", type=SegmentType.STATIC
    )


@pytest.mark.parametrize(
    ("happens", "words"),
    [
        (_unsubscribed, "is unsubscribed, since "),
        (_suppressed, "the person marked a mail as spam"),
        (_left_the_topic, "left the topic “News” at "),
        (_never_joined, "never joined the topic “News”"),
        (_filtered, "is not in its filter, which asks for contacts whose “plan”"),
        (_segment, "is not in the segment “Pros”, which asks for contacts whose"),
        (_static, "is not in the segment “Staff”"),
    ],
)
def test_each_reason_to_be_left_out(
    happens: Callable[[Contact, dict[str, Any]], None],
    words: str,
    ann: Contact,
    sent: Launch,
) -> None:
    fields: dict[str, Any] = {}
    happens(ann, fields)

    campaign = sent(2, **fields)

    assert words in asked(campaign)


def test_excluded_by_a_segment(
    ann: Contact, project: Project, make_campaign: MakeCampaign, frozen: Launch
) -> None:
    staff = Segment.objects.create(
        project=project, name="Staff", type=SegmentType.STATIC
    )
    SegmentMembership.objects.create(segment=staff, contact=ann)
    campaign = frozen(2)
    campaign.excluded_segments.add(staff)
    Email.objects.filter(contact=ann).delete()

    assert "is in the segment “Staff”, which was left out" in asked(campaign)


def test_not_among_the_chosen(ann: Contact, project: Project, frozen: Launch) -> None:
    campaign = frozen(2)
    Campaign.objects.update(audience_type=AudienceType.RECIPIENTS)
    Recipient.objects.create(
        campaign=campaign, contact=Contact.objects.get(email="r1@example.com")
    )
    Email.objects.filter(contact=ann).delete()

    assert "is not among the contacts that were chosen for it" in asked(campaign)


def test_what_has_changed_since(ann: Contact, project: Project, sent: Launch) -> None:
    _unsubscribed(ann, {})
    campaign = sent(2)
    set_subscribed(
        project_id=ann.project_id,
        contact_id=ann.pk,
        subscribed=True,
        act=Act(Door.PAGE),
    )

    answer = why(campaign_of(project.pk, campaign.pk), ANN)

    assert "has changed since the launch" in answer.sentence
    assert any(line.startswith("Unsubscribed: ") for line in answer.evidence)
