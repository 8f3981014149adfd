"""When a campaign's last mail leaves, as things stand, and whether that is in time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from campaigns.models import EDITABLE, Campaign, CampaignState
from campaigns.waiting import DISABLED, why_held
from contacts.addresses import domain_of
from contacts.segments.scopes import database_now
from transactional import rate
from transactional.models import SendingAccount, Stream, StreamState
from transactional.tallies import tallies

_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Pace:
    """What may leave: mails a second, and a day where that is limited.

    `left_today` is what the day's quota still allows campaigns; None where it is
    unlimited or unknown. `others` is how many other projects send campaigns now.
    """

    per_second: float
    per_day: float | None = None
    left_today: float | None = None
    others: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """When mails leave if nothing changes.

    `ends_at` is None where nobody can say: nothing may leave at all, or the number of
    mails is not known. `problem` says why, in a sentence.
    """

    mails: int | None
    pace: Pace
    begins_at: datetime
    ends_at: datetime | None = None
    deadline_at: datetime | None = None
    problem: str = ""

    @property
    def lasts(self) -> timedelta | None:
        return self.ends_at - self.begins_at if self.ends_at else None

    @property
    def is_late(self) -> bool:
        """Say whether the deadline is missed, as far as that is known."""
        return bool(
            self.deadline_at and self.ends_at and self.ends_at > self.deadline_at
        )

    @property
    def late_by(self) -> timedelta:
        if not (self.is_late and self.ends_at and self.deadline_at):
            return timedelta()
        return self.ends_at - self.deadline_at

    @property
    def takes_days(self) -> bool:
        """Say whether the day's quota, and not the rate, decides how long it takes."""
        left = self.pace.left_today
        return left is not None and self.mails is not None and self.mails > left


def plan(campaign: Campaign, *, now: datetime | None = None) -> Plan:
    """Reckon a campaign's end from the account's pace and what else is waiting.

    A draft is reckoned from now or from its schedule, by the audience as it was last
    counted; one that runs by what is left of it.
    """
    now = now or database_now()
    begins_at = now
    if campaign.state in EDITABLE:
        mails = campaign.audience_count
        if campaign.state == CampaignState.SCHEDULED and campaign.scheduled_at:
            begins_at = max(now, campaign.scheduled_at)
    else:
        mails = tallies([campaign.pk])[campaign.pk].unfinished
    pace = _pace(campaign, begins_at, now)
    problem = _problem(campaign, mails, pace)
    seconds = None if problem or mails is None else seconds_for(mails, pace)
    return Plan(
        mails=mails,
        pace=pace,
        begins_at=begins_at,
        ends_at=None if seconds is None else _after(begins_at, seconds),
        deadline_at=campaign.deadline_at,
        problem=problem,
    )


def seconds_for(mails: int, pace: Pace) -> float:
    """Return how long so many mails take.

    The day's quota rolls: what left at a moment is allowed again 24 hours later, and
    what others used before comes back some time within the next 24, evenly as far as
    anybody knows. So each 24 hours go like the first ones: what is left goes at the
    rate, then what comes back, as it comes.
    """
    share = 1 / (pace.others + 1)
    fastest = max(pace.per_second * share, 1e-9)
    if pace.left_today is None or pace.per_day is None:
        return mails / fastest
    # Campaigns leave a part of each day to transactional mail.
    a_day = max(pace.per_day * (1 - rate.CAMPAIGN_RESERVE) * share, 1e-9)
    if mails <= 0 or fastest * _DAY <= a_day:
        return max(mails, 0) / fastest
    left = min(max(pace.left_today, 0.0) * share, a_day)
    days = max(0, math.ceil(mails / a_day) - 1)
    rest = mails - days * a_day
    comes_back = (rest - left) / (a_day - left) * _DAY if rest > left else 0.0
    return days * _DAY + max(rest / fastest, comes_back)


def _after(moment: datetime, seconds: float) -> datetime:
    """Return a moment so much later, within the years that can be written."""
    return moment + timedelta(seconds=min(seconds, 100 * 366 * _DAY))


def _pace(campaign: Campaign, begins_at: datetime, now: datetime) -> Pace:
    others = (
        Stream.objects.filter(state=StreamState.OPEN)
        .exclude(project_id=campaign.project_id)
        .values("project_id")
        .distinct()
        .count()
    )
    account = SendingAccount.objects.filter(pk=1).first()
    budget = rate.budget()
    if account is None or budget is None:
        return Pace(0.0, others=others)
    per_day, left = account.max_24_hours, budget.left_today
    if per_day is None or left is None:
        return Pace(budget.max_rate, others=others)
    if (begins_at - now).total_seconds() > _DAY:
        # By then, what left today is forgotten.
        left = per_day
    for_campaigns = max(0.0, left - per_day * rate.CAMPAIGN_RESERVE)
    return Pace(budget.max_rate, per_day, for_campaigns, others)


def _problem(campaign: Campaign, mails: int | None, pace: Pace) -> str:
    if mails is None:
        return "How many would get it is not known yet."
    if campaign.project.is_disabled:
        return DISABLED
    domain = domain_of(campaign.from_email or campaign.project.from_email)
    # The day's quota comes back by itself, and is reckoned with.
    if held := why_held(domain, but_quota=True):
        return held
    if pace.per_second <= 0:
        return "How fast Amazon SES takes mail is not known yet."
    if campaign.state == CampaignState.PAUSED:
        return "It is paused."
    return ""
