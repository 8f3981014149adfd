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

DAY = 86_400


@pytest.mark.parametrize(
    ("mails", "pace", "seconds"),
    [
        (0, Pace(14), 0),
        (1400, Pace(14), 100),
        (1400, Pace(14, others=1), 200),
        (1000, Pace(10, per_day=50_000, left_today=45_000), 100),
        # What today allows at once, and the rest over the days that follow.
        (145_000, Pace(10, per_day=50_000, left_today=10_000), 1000 + 3 * DAY),
        (45_000, Pace(10, per_day=50_000, left_today=0), DAY),
        # The day's quota allows more than the rate does.
        (DAY, Pace(1, per_day=1_000_000, left_today=0), DAY),
        (10, Pace(10, per_day=50_000, left_today=-5), 10 / (45_000 / DAY)),
    ],
)
def test_how_long_so_many_mails_take(mails: int, pace: Pace, seconds: float) -> None:
    assert seconds_for(mails, pace) == pytest.approx(seconds, rel=0.01)


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
