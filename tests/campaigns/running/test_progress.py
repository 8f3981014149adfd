from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from campaigns.advancing import advance
from campaigns.lifecycle import cancel, pause, send
from campaigns.models import Campaign, Run
from campaigns.progress import progress, why_not_moving
from contacts import jobs
from contacts.models import Job, JobState
from plunk.api.models import Heartbeat
from plunk.projects.creating import create_project
from plunk.projects.models import Project, User
from tests.campaigns.conftest import MakeCampaign, people
from tests.campaigns.running.conftest import Launch, deliver, mail_to
from transactional import holds
from transactional.fence import FENCE, REASON
from transactional.models import (
    Email,
    EmailState,
    Hold,
    HoldScope,
    SendingAccount,
    Stream,
)

pytestmark = pytest.mark.django_db(transaction=True)


def again(campaign: Campaign) -> Campaign:
    return Campaign.objects.select_related("project").get(pk=campaign.pk)


def test_where_all_is_well_there_is_no_reason(frozen: Launch) -> None:
    campaign = frozen()

    assert why_not_moving(again(campaign)) == ""


def test_figures_rate_and_time_left(frozen: Launch) -> None:
    campaign = frozen(10)
    deliver(mail_to(campaign, "r1"))
    Email.objects.filter(pk=mail_to(campaign, "r2").pk).update(state=EmailState.FAILED)
    Campaign.objects.filter(pk=campaign.pk).update(rate=2.0)

    now = progress(again(campaign))

    assert (now.settled, now.tally.unfinished, now.percent) == (2, 8, 20)
    assert now.time_left == timedelta(seconds=4)
    assert now.time_left_in_words == "4 seconds"


def test_without_a_worker_no_speed_and_no_time_left_are_told(frozen: Launch) -> None:
    campaign = frozen(10)
    Campaign.objects.filter(pk=campaign.pk).update(rate=2.0)
    Heartbeat.objects.all().delete()

    now = progress(again(campaign))

    assert now.is_stopped
    assert (now.rate, now.time_left) == (0.0, None)
    assert now.waits_for.startswith("No worker has ever been seen")


def test_while_all_mail_is_held_no_time_left_is_told(frozen: Launch) -> None:
    campaign = frozen(10)
    Campaign.objects.filter(pk=campaign.pk).update(rate=2.0)
    Hold.objects.create(scope=HoldScope.ACCOUNT, key=FENCE, reason=REASON)

    now = progress(again(campaign))

    assert (now.is_stopped, now.time_left) == (True, None)


def test_it_is_said_how_many_are_written_down(
    project: Project, make_campaign: MakeCampaign
) -> None:
    people(project, 3)
    campaign = make_campaign()
    send(campaign)
    Job.objects.update(done=2, total=3)

    now = progress(again(campaign))

    assert (now.is_freezing, now.looked_at, now.to_look_at) == (True, 2, 3)
    assert "2 of 3 contacts" in now.waits_for
    assert now.time_left is None


def test_who_paused_it_and_when(frozen: Launch, alice: User) -> None:
    campaign = frozen()
    pause(campaign, user=alice)

    assert why_not_moving(again(campaign)).startswith(f"Paused by {alice} since ")


def test_freezing_that_failed_says_how_to_go_on(
    project: Project, make_campaign: MakeCampaign
) -> None:
    people(project, 3)
    campaign = make_campaign()
    send(campaign)
    Job.objects.update(state=JobState.FAILED, failed_reason="The segment is gone.")
    advance()

    words = why_not_moving(again(campaign))

    assert "The segment is gone" in words
    assert "Resume" in words


def _quota() -> None:
    holds.place(
        scope=HoldScope.ACCOUNT, key="", reason=holds.DAILY_QUOTA, detail="exceeded"
    )


def _credentials() -> None:
    holds.place(
        scope=HoldScope.ACCOUNT,
        key="",
        reason="InvalidClientTokenId",
        detail="The security token is invalid.",
    )


def _domain() -> None:
    holds.place(
        scope=HoldScope.DOMAIN,
        key="example.com",
        reason="MailFromDomainNotVerifiedException",
        detail="Not verified.",
    )


def _restored() -> None:
    Hold.objects.create(scope=HoldScope.ACCOUNT, key=FENCE, reason=REASON)


def _disabled() -> None:
    Project.objects.update(is_disabled=True)


def _silent() -> None:
    Heartbeat.objects.update(at=Now() - timedelta(minutes=7))


def _never() -> None:
    Heartbeat.objects.all().delete()


def _reserve() -> None:
    SendingAccount.objects.update(
        max_24_hours=1000, sent_24_hours=950, quota_checked_at=Now()
    )


def _in_doubt() -> None:
    Email.objects.update(
        state=EmailState.IN_DOUBT, due_at=Now() + timedelta(minutes=15)
    )


def _refused() -> None:
    Email.objects.update(due_at=Now() + timedelta(minutes=15), failures=1)


def _transactional() -> None:
    mail = Email.objects.order_by("pk").last()
    assert mail is not None
    Email.objects.filter(pk=mail.pk).update(lane=1, origin_id=None)


def _slowed_down() -> None:
    SendingAccount.objects.update(
        max_rate=100, rate=5, refilled_at=Now() + timedelta(seconds=30)
    )


def _standstill() -> None:
    Campaign.objects.update(moved_at=timezone.now() - timedelta(minutes=5), rate=1e6)


@pytest.mark.parametrize(
    ("happens", "words"),
    [
        (_quota, "The quota of Amazon SES for 24 hours is used up"),
        (_credentials, "(The security token is invalid). One mail tries again at "),
        (_domain, "takes no mail from example.com at the moment (Not verified)"),
        (_restored, "release_fence"),
        (_disabled, "This project is disabled"),
        (_silent, "No worker has been seen for 7 minutes"),
        (_never, "No worker has ever been seen"),
        (_reserve, "10% of the day’s quota are kept for transactional mail"),
        (_in_doubt, "Waiting for Amazon’s word on 5 mails, at the latest until "),
        (_refused, "the next try is at "),
        (_transactional, "Transactional mail goes first"),
        (_slowed_down, "5 of 100 mails a second"),
        (_standstill, "Nothing has left for 5 minutes, and no reason"),
    ],
)
def test_each_reason_has_its_sentence(
    happens: Callable[[], None], words: str, frozen: Launch
) -> None:
    campaign = frozen()

    happens()

    assert words in why_not_moving(again(campaign))


def test_others_share_the_rate(frozen: Launch, alice: User) -> None:
    campaign = frozen()
    other = create_project(name="Other", owner=alice).project
    Stream.objects.create(
        pk=other.pk, project=other, from_domain="example.org", topic=None
    )

    assert "another project is sending" in why_not_moving(again(campaign))


def test_cancelled_says_what_is_still_withdrawn(frozen: Launch) -> None:
    campaign = frozen()
    deliver(mail_to(campaign, "r1"))

    cancel(campaign)

    assert "4 mails are being withdrawn" in why_not_moving(again(campaign))


def test_a_finished_one_waits_for_nothing(sent: Launch) -> None:
    campaign = sent()

    assert why_not_moving(again(campaign)) == ""
    assert progress(again(campaign)).percent == 100


def test_a_draft_has_no_figures(make_campaign: MakeCampaign) -> None:
    now = progress(make_campaign())

    assert (now.run, now.percent, now.waits_for) == (None, 0, "")
    assert not Run.objects.exists()
    assert not jobs.is_anything_due()
