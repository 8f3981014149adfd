"""When the last mail leaves, reckoned from what is known."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from campaigns.planning import Pace, plan, seconds_for
from contacts.segments.scopes import database_now
from plunk.ids import new_id
from plunk.projects.creating import NewProject
from plunk.projects.models import Project
from tests.campaigns.conftest import MakeCampaign
from transactional.models import Hold, HoldScope, SendingAccount, Stream
from transactional.rate import CAMPAIGN_RESERVE

DAY = 86_400


@pytest.mark.parametrize(
    ("mails", "pace", "seconds"),
    [
        (0, Pace(14), 0),
        (1400, Pace(14), 100),
        (1400, Pace(14, others=1), 200),
        (1000, Pace(10, per_day=50_000, left_today=45_000), 100),
        # What leaves in a burst is allowed again a day later.
        (100_000, Pace(14, per_day=50_000, left_today=45_000), 2 * DAY + 714),
        (45_000, Pace(10, per_day=50_000, left_today=0), DAY),
        # The day's quota allows more than the rate does.
        (DAY, Pace(1, per_day=1_000_000, left_today=0), DAY),
        (10, Pace(10, per_day=50_000, left_today=-5), 10 / (45_000 / DAY)),
    ],
)
def test_how_long_so_many_mails_take(mails: int, pace: Pace, seconds: float) -> None:
    assert seconds_for(mails, pace) == pytest.approx(seconds, rel=0.01)


@pytest.mark.parametrize(
    ("mails", "pace"),
    [
        (100_000, Pace(14, 50_000, 45_000)),
        (45_000, Pace(14, 50_000, 45_000)),
        (45_001, Pace(14, 50_000, 45_000)),
        (90_000, Pace(14, 50_000, 45_000)),
        (10_000, Pace(14, 50_000, 0)),
        (60_000, Pace(14, 50_000, 5_000, 1)),
        (200, Pace(1, 200, 180)),
        (1_000_000, Pace(50, 2_000_000, 1_500_000)),
        (3_000_000, Pace(50, 2_000_000, 100_000, 2)),
    ],
)
def test_it_takes_as_long_as_minute_by_minute(mails: int, pace: Pace) -> None:
    reckoned = seconds_for(mails, pace)

    assert reckoned == pytest.approx(simulated(mails, pace), rel=0.02, abs=300)


def simulated(mails: int, pace: Pace, step: int = 60) -> float:
    """Let mails leave as quota allows; what others used comes back evenly."""
    assert pace.per_day is not None
    assert pace.left_today is not None
    share = 1 / (pace.others + 1)
    a_day = pace.per_day * (1 - CAMPAIGN_RESERVE) * share
    allowed = min(pace.left_today * share, a_day)
    before = (a_day - allowed) / (DAY // step)
    sent, log = 0.0, list[float]()
    while sent < mails - 1e-6:
        passed = len(log) - DAY // step
        allowed += before if passed < 0 else log[passed]
        leaves = min(pace.per_second * share * step, allowed, mails - sent)
        allowed -= leaves
        sent += leaves
        log.append(leaves)
    return len(log) * step


@pytest.mark.django_db
def test_a_deadline_is_met_or_missed_by_so_much(make_campaign: MakeCampaign) -> None:
    now = database_now()
    SendingAccount.objects.create(pk=1, max_rate=10, rate=10)
    campaign = make_campaign(
        audience_count=36_000, deadline_at=now + timedelta(minutes=30)
    )

    late = plan(campaign, now=now)
    campaign.deadline_at = now + timedelta(hours=2)
    early = plan(campaign, now=now)

    assert late.lasts == timedelta(hours=1)
    assert (late.is_late, late.late_by) == (True, timedelta(minutes=30))
    assert (early.is_late, early.late_by) == (False, timedelta())


@pytest.mark.django_db
def test_it_begins_when_it_is_scheduled(make_campaign: MakeCampaign) -> None:
    now = database_now()
    SendingAccount.objects.create(pk=1, max_rate=10, rate=10)
    campaign = make_campaign(
        audience_count=10, state="SCHEDULED", scheduled_at=now + timedelta(days=3)
    )

    made = plan(campaign, now=now)

    assert made.begins_at == now + timedelta(days=3)
    assert made.ends_at == made.begins_at + timedelta(seconds=1)


@pytest.mark.django_db
def test_campaigns_of_others_take_their_part(
    make_campaign: MakeCampaign, other_project: NewProject, project: Project
) -> None:
    SendingAccount.objects.create(pk=1, max_rate=10, rate=10)
    for owner in (project, other_project.project):
        Stream.objects.create(id=new_id(), project=owner, from_domain="example.com")

    assert plan(make_campaign(audience_count=1)).pace.others == 1


@pytest.mark.django_db
def test_what_is_not_known_is_said(make_campaign: MakeCampaign) -> None:
    unknown_pace = plan(make_campaign(audience_count=10))
    SendingAccount.objects.create(
        pk=1, max_rate=10, rate=10, max_24_hours=100, quota_checked_at=Now()
    )
    unknown_number = plan(make_campaign())
    Hold.objects.create(scope=HoldScope.ACCOUNT, reason="sending paused")
    held = plan(make_campaign(audience_count=10))

    assert "how fast" in unknown_pace.problem.lower()
    assert "how many" in unknown_number.problem.lower()
    assert "sending paused" in held.problem
    assert {unknown_pace.ends_at, unknown_number.ends_at, held.ends_at} == {None}


@pytest.mark.django_db
def test_what_holds_it_is_said_in_words(
    make_campaign: MakeCampaign, project: Project
) -> None:
    SendingAccount.objects.create(pk=1, max_rate=10, rate=10)
    campaign = make_campaign(audience_count=10, from_email="a@held.example")
    Hold.objects.create(
        scope=HoldScope.DOMAIN, key="held.example", reason="DOMAIN_REFUSED"
    )
    of_domain = plan(campaign)
    of_another = plan(make_campaign(audience_count=10, from_email="a@other.example"))
    project.is_disabled = True
    project.save()
    campaign.refresh_from_db()
    disabled = plan(campaign)

    assert "takes no mail from held.example" in of_domain.problem
    assert of_another.problem == ""
    assert "disabled" in disabled.problem
