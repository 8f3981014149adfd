"""A campaign from its launch to its end: to whom, how often, and what is counted."""

from __future__ import annotations

import pytest

from campaigns.errors import WrongState
from campaigns.lifecycle import cancel, pause, resume, send, send_again
from campaigns.models import AudienceType, CampaignState, Recipient, Run, RunKind
from contacts import jobs
from contacts.models import Contact, Suppression
from plunk.projects.models import Project
from tests.campaigns.conftest import MakeCampaign, people, work
from tests.transactional.fakes import FakeSes
from transactional.models import Email, EmailState
from transactional.ses import Answer, Outcome
from transactional.tallies import tallies

pytestmark = pytest.mark.django_db(transaction=True)


def test_everybody_who_may_get_it_gets_it_once(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 30)
    Contact.objects.filter(email="r3@example.com").update(subscribed=False)
    Suppression.objects.create(project=project, email="r4@example.com", reason="BOUNCE")
    campaign = make_campaign()

    run = send(campaign)
    work()
    work()

    campaign.refresh_from_db()
    run.refresh_from_db()
    assert campaign.state == CampaignState.SENT
    assert sorted(call["to"] for call in ses.calls) == sorted(
        f"r{number}@example.com" for number in range(30) if number not in {3, 4}
    )
    assert run.figures == {
        "named": 30,
        "taken": 28,
        "unsubscribed": 1,
        "suppressed": 1,
    }
    figures = tallies([campaign.pk])[campaign.pk]
    assert (figures.mails, figures.sent, figures.unfinished) == (28, 28, 0)


def test_a_second_click_is_too_late(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 3)
    campaign = make_campaign()
    send(campaign)

    with pytest.raises(WrongState):
        send(campaign)

    assert Run.objects.count() == 1


def test_a_pause_stops_it_and_the_rest_follows(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 10)
    campaign = make_campaign()
    send(campaign)
    pause(campaign)

    work()
    before = len(ses.calls)
    resume(campaign)
    work()

    assert (before, len(ses.calls)) == (0, 10)


def test_cancelled_before_anything_left_it_is_a_draft_again(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 10)
    campaign = make_campaign()
    send(campaign)
    while jobs.work():
        continue

    answered = cancel(campaign)
    work()

    campaign.refresh_from_db()
    assert answered.revert_pending
    assert (campaign.state, len(ses.calls)) == (CampaignState.DRAFT, 0)
    assert not Email.objects.exists()
    send(campaign)
    work()
    assert len(ses.calls) == 10


def test_cancelled_half_way_the_rest_is_withdrawn(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 10)
    campaign = make_campaign()
    send(campaign)
    while jobs.work():
        continue
    first = Email.objects.order_by("pk")[:4].values_list("pk", flat=True)
    Email.objects.filter(pk__in=list(first)).update(state=EmailState.SENT)

    cancel(campaign)
    work()

    campaign.refresh_from_db()
    figures = tallies([campaign.pk])[campaign.pk]
    assert campaign.state == CampaignState.CANCELLED
    assert (figures.mails, figures.cancelled) == (10, 6)
    assert not ses.calls


def test_what_failed_is_tried_again_in_a_run_of_its_own(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 5)
    campaign = make_campaign()
    ses.reply = lambda to: (
        Answer(Outcome.REJECTED, code="MessageRejected", message="no")
        if to == "r2@example.com"
        else Answer(Outcome.ACCEPTED, message_id=f"of-{to}")
    )
    send(campaign)
    work()
    ses.reply = None

    run = send_again(campaign, RunKind.RETRY)
    work()

    run.refresh_from_db()
    assert run.figures == {"named": 1, "taken": 1}
    assert [call["to"] for call in ses.calls].count("r2@example.com") == 2
    assert len(ses.calls) == 6
    assert Email.objects.filter(run=2).get().state == EmailState.SENT


def test_a_reminder_goes_to_those_who_did_not_open(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 5)
    campaign = make_campaign()
    send(campaign)
    work()
    Email.objects.filter(to_email="r1@example.com").update(
        opened_at="2026-01-01T00:00Z"
    )

    send_again(campaign, RunKind.REMINDER, subject="Did you see?")
    work()

    campaign.refresh_from_db()
    again = Email.objects.filter(run=2).select_related("content")
    assert campaign.state == CampaignState.SENT
    assert sorted(mail.to_email for mail in again) == [
        "r0@example.com",
        "r2@example.com",
        "r3@example.com",
        "r4@example.com",
    ]
    assert {mail.content.subject for mail in again} == {"Did you see?"}


def test_chosen_contacts_get_it_and_nobody_else(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    chosen = people(project, 5)[:2]
    campaign = make_campaign(audience_type=AudienceType.RECIPIENTS)
    Recipient.objects.bulk_create(
        [Recipient(campaign=campaign, contact=one) for one in chosen]
    )

    send(campaign)
    work()

    assert sorted(call["to"] for call in ses.calls) == [
        "r0@example.com",
        "r1@example.com",
    ]
