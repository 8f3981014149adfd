"""Bulk mail in turns, and what stops one stream and no other."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from campaigns.advancing import advance
from campaigns.lifecycle import send
from campaigns.models import Campaign, CampaignState, Variant
from contacts import jobs
from contacts.models import Contact, Topic, TopicChoice
from plunk.projects.models import Project
from tests.campaigns.conftest import MakeCampaign, people, work
from tests.transactional.fakes import FakeSes
from transactional import claiming, composing
from transactional.claiming import Choice
from transactional.models import Domain, Email, EmailState, Hold
from transactional.ses import Answer, Outcome
from transactional.tallies import tallies

pytestmark = pytest.mark.django_db(transaction=True)


def _freeze() -> None:
    while jobs.work(seconds=60):
        continue


def _campaign_of(project: Project, count: int, domain: str) -> Campaign:
    Domain.objects.create(project=project, name=domain, verified_at="2026-01-01T00:00Z")
    people(project, count)
    campaign = Campaign.objects.create(
        project=project, name="Theirs", from_email=f"news@{domain}"
    )
    Variant.objects.create(campaign=campaign, subject="Hi", body="<p>Hi</p>")
    send(campaign)
    _freeze()
    return campaign


def test_projects_share_alike_however_many_mails_and_campaigns_each_has(
    project: Project, other_project: Any, make_campaign: MakeCampaign
) -> None:
    people(project, 30)
    for _ in range(2):
        send(make_campaign())
    _freeze()
    theirs = _campaign_of(other_project.project, 12, "other.example")

    mails = claiming.claim(Choice(limit=20))

    taken = Counter(mail.project_id for mail in mails)
    assert taken == {project.pk: 10, theirs.project_id: 10}
    assert set(Counter(mail.origin_id for mail in mails).values()) == {5, 10}


def test_a_small_campaign_is_done_while_a_large_one_goes_on(
    project: Project, other_project: Any, make_campaign: MakeCampaign
) -> None:
    people(project, 60)
    send(make_campaign())
    _freeze()
    theirs = _campaign_of(other_project.project, 4, "other.example")

    first = claiming.claim(Choice(limit=20))

    assert Counter(mail.origin_id == theirs.pk for mail in first) == {
        True: 4,
        False: 16,
    }


def test_streams_without_mail_that_is_due_keep_no_other_from_its_turn(
    project: Project, make_campaign: MakeCampaign
) -> None:
    people(project, 2)
    campaigns = [make_campaign(name=f"No. {number}") for number in range(12)]
    for campaign in campaigns:
        send(campaign)
    _freeze()
    waiting = [campaign.pk for campaign in campaigns[1:]]
    Email.objects.filter(origin_id__in=waiting).update(due_at="2100-01-01T00:00Z")

    mails = claiming.claim(Choice(limit=20))

    assert [mail.origin_id for mail in mails] == [campaigns[0].pk] * 2


def test_a_domain_that_is_refused_stops_its_campaign_and_no_other(
    project: Project, other_project: Any, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 6)
    held = make_campaign()
    send(held)
    fine = _campaign_of(other_project.project, 6, "other.example")

    def reply(to: str) -> Answer:
        raw = ses.calls[-1]["raw"].decode()
        if "other.example" in raw.split("To:")[0]:
            return Answer(Outcome.ACCEPTED, message_id=f"of-{len(ses.calls)}")
        return Answer(
            Outcome.DOMAIN_HELD, code="MailFromDomainNotVerified", message="no"
        )

    ses.reply = reply
    work()
    states = {
        campaign.pk: Campaign.objects.get(pk=campaign.pk).state
        for campaign in (held, fine)
    }
    tried = len(ses.calls)
    ses.reply = None
    Hold.objects.all().delete()
    work()

    held.refresh_from_db()
    assert states == {held.pk: CampaignState.SENDING, fine.pk: CampaignState.SENT}
    assert tried < 6 + 6
    assert held.state == CampaignState.SENT
    assert tallies([held.pk])[held.pk].sent == 6


def test_one_mail_that_cannot_be_made_fails_alone(
    project: Project,
    make_campaign: MakeCampaign,
    ses: FakeSes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    people(project, 8)
    make = composing.compose_one

    def breaks(mail: Any, *args: Any) -> Any:
        if mail.to_email == "r3@example.com":
            raise ValueError("no such thing")
        return make(mail, *args)

    monkeypatch.setattr(composing, "compose_one", breaks)
    campaign = make_campaign()
    send(campaign)

    work()

    campaign.refresh_from_db()
    figures = tallies([campaign.pk])[campaign.pk]
    assert campaign.state == CampaignState.SENT
    assert (figures.sent, figures.failed) == (7, 1)
    assert Email.objects.get(state=EmailState.FAILED).error


@pytest.mark.parametrize("is_opt_out", [True, False])
def test_who_leaves_the_topic_after_the_launch_is_not_written_to(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes, *, is_opt_out: bool
) -> None:
    topic = Topic.objects.create(project=project, name="News", is_opt_out=is_opt_out)
    contacts = people(project, 4)
    if not is_opt_out:
        TopicChoice.objects.bulk_create(
            TopicChoice(topic=topic, contact=one, is_joined=True) for one in contacts
        )
    send(make_campaign(topic=topic))
    _freeze()
    TopicChoice.objects.update_or_create(
        topic=topic, contact=contacts[1], defaults={"is_joined": False}
    )
    Contact.objects.filter(pk=contacts[2].pk).update(subscribed=False)

    advance()
    work()

    states = dict(Email.objects.values_list("to_email", "state"))
    assert {email for email, state in states.items() if state == "SKIPPED"} == {
        "r1@example.com",
        "r2@example.com",
    }
    assert len(ses.calls) == 2
