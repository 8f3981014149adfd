"""How far a campaign is: what left, what is left, how fast, and for how long still."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from campaigns.models import RUNNING, Campaign, CampaignState, Run, RunState
from campaigns.waiting import span, why_waiting
from transactional.tallies import Tally, tallies

__all__ = ["Progress", "progress", "why_not_moving"]

#: Below this a rate says nothing about when the rest will have left; mails a second.
_LEAST_RATE = 0.05


@dataclass(frozen=True, slots=True)
class Progress:
    """A campaign's figures of this moment.

    `looked_at` of `to_look_at` contacts are done while the audience is being written
    down; `rate` is in mails a second, 0 where nothing leaves: what it was says nothing
    then about when the rest will have left. `waits_for` is a sentence, or empty.
    """

    campaign: Campaign
    run: Run | None
    tally: Tally
    rate: float
    waits_for: str
    #: Nothing leaves, whatever was done: no worker is seen, or all mail is held.
    is_stopped: bool = False

    @property
    def is_running(self) -> bool:
        return self.campaign.state in RUNNING

    @property
    def is_live(self) -> bool:
        """Say whether the figures still change by themselves from second to second."""
        return self.campaign.state == CampaignState.SENDING or bool(
            self.is_running is False and self.tally.unfinished
        )

    @property
    def is_freezing(self) -> bool:
        return self.run is not None and self.run.state == RunState.FREEZING

    @property
    def looked_at(self) -> int:
        return self.run.job.done if self.run and self.run.job else 0

    @property
    def to_look_at(self) -> int:
        total = self.run.job.total if self.run and self.run.job else None
        return max(total or 0, self.looked_at)

    @property
    def settled(self) -> int:
        """Return how many mails nothing more is to be done about."""
        return self.tally.mails - self.tally.unfinished

    @property
    def not_sent(self) -> int:
        """Return how many mails ended without having left, failures apart."""
        tally = self.tally
        return tally.skipped + tally.suppressed + tally.cancelled

    @property
    def percent(self) -> int:
        """Return how much is done; 100 only when all of it is."""
        if not self.tally.mails:
            return 0
        share = 100 * self.settled / self.tally.mails
        return min(99, int(share)) if self.tally.unfinished else 100

    @property
    def time_left(self) -> timedelta | None:
        """Return how long the rest takes at this rate; None where nobody can say."""
        if (
            self.campaign.state != CampaignState.SENDING
            or self.is_freezing
            or self.is_stopped
            or self.rate < _LEAST_RATE
            or not self.tally.unfinished
        ):
            return None
        return timedelta(seconds=self.tally.unfinished / self.rate)

    @property
    def time_left_in_words(self) -> str:
        return span(self.time_left) if self.time_left is not None else ""

    @property
    def rate_in_words(self) -> str:
        return f"{self.rate:.1f}" if self.rate < 10 else f"{self.rate:,.0f}"


def progress(campaign: Campaign) -> Progress:
    """Return how far a campaign is; the same few statements whatever its size.

    The campaign has its project selected.
    """
    tally = tallies([campaign.pk])[campaign.pk]
    run = last_run(campaign)
    waiting = why_waiting(campaign, run, tally)
    is_moving = campaign.state == CampaignState.SENDING and not waiting.is_stopped
    return Progress(
        campaign=campaign,
        run=run,
        tally=tally,
        rate=max(0.0, campaign.rate) if is_moving else 0.0,
        waits_for=waiting.words,
        is_stopped=waiting.is_stopped,
    )


def why_not_moving(campaign: Campaign) -> str:
    """Say in a sentence why nothing moves, or not as fast as asked, or nothing."""
    return progress(campaign).waits_for


def last_run(campaign: Campaign) -> Run | None:
    runs = Run.objects.filter(campaign=campaign).select_related("job")
    return runs.order_by("-number").first()
