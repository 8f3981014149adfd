"""Why a campaign does not move, or moves slower than it could, in one sentence.

The reasons are gone through from the one that stops everything to the one that only
slows this campaign down; the first that applies is the answer. Nothing here counts
mails: figures come from tallies, and what is looked up is a row or the front of an
index.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import F
from django.db.models.functions import Now

from campaigns.advancing import BROKEN_OFF
from campaigns.freezing import is_stuck
from campaigns.models import (
    Campaign,
    CampaignEvent,
    CampaignState,
    EventKind,
    Run,
    RunState,
)
from contacts.addresses import domain_of
from contacts.segments.scopes import database_now
from plunk.api.models import Heartbeat
from transactional import holds, rate
from transactional.fence import FENCE
from transactional.models import (
    Email,
    EmailState,
    Hold,
    HoldScope,
    Lane,
    Stream,
    StreamState,
)
from transactional.tallies import Tally

#: A worker that is busy with a long chunk is silent for this long at most.
_SILENT = timedelta(seconds=60)
#: Nothing has left for so long: something is wrong even if nothing is known to be.
_STANDSTILL = timedelta(seconds=60)
#: Slower than this share of the installation's rate is worth a word.
_SLOW = 0.9
DISABLED = "This project is disabled: its mails wait until it is enabled again."
#: Mails of which the latest moment is looked up, not more.
_LOOKED_AT = 1_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a campaign waits, in a sentence; `is_stopped` where nothing leaves at all."""

    words: str = ""
    is_stopped: bool = False


def why_waiting(campaign: Campaign, run: Run | None, tally: Tally) -> Waiting:
    """Return why nothing moves, or not as fast as it could; empty where all is well.

    `run` is the last one, with its job. An ended campaign has no reason.
    """
    if campaign.state == CampaignState.PAUSED:
        return Waiting(_paused(campaign))
    if campaign.state == CampaignState.CANCELLED:
        return Waiting(_cancelled(tally))
    if campaign.state != CampaignState.SENDING:
        return Waiting()
    now = database_now()
    stopped = _stopped(campaign, run, now)
    if stopped:
        return Waiting(stopped, is_stopped=True)
    if run is not None and run.state == RunState.FREEZING:
        return Waiting(_freezing(run))
    return Waiting(_reserve(tally) or _of_its_mails(campaign, tally, now))


def _stopped(campaign: Campaign, run: Run | None, now: datetime) -> str:
    if campaign.project.is_disabled:
        return DISABLED
    domain = domain_of(run.from_email if run else campaign.from_email)
    return _no_worker(now) or why_held(domain)


def _paused(campaign: Campaign) -> str:
    events = CampaignEvent.objects.filter(campaign=campaign, kind=EventKind.PAUSED)
    event = events.select_related("user").order_by("-created_at", "-id").first()
    if event is None:
        return "It is paused. Resume it to go on with exactly the rest."
    if event.detail.get("code") == BROKEN_OFF:
        reason = str(event.detail.get("message", "")).rstrip(".")
        return (
            f"Writing down who gets it broke off ({reason}), so it was paused. Resume"
            " it to go on from there."
        )
    who = f" by {event.user}" if event.user else ""
    return f"Paused{who} since {clock(event.created_at)}: no further mail begins."


def _cancelled(tally: Tally) -> str:
    if tally.queued:
        return (
            f"Cancelled: {tally.queued:,} mails are being withdrawn. None of them"
            " leaves."
        )
    if tally.sending + tally.in_doubt:
        return (
            f"Cancelled: {mails(tally.sending + tally.in_doubt)} had been begun, and"
            " what became of them is not yet known."
        )
    return ""


def _no_worker(now: datetime) -> str:
    row = Heartbeat.objects.filter(name="worker").values_list(F("at")).first()
    if row is None:
        return "No worker has ever been seen: nothing is sent until one is started."
    silent: timedelta = now - row[0]
    if silent < _SILENT:
        return ""
    return f"No worker has been seen for {span(silent)}: nothing is sent until one is."


# -- what holds all mail, or all of a domain -------------------------------------------
def why_held(domain: str, *, but_quota: bool = False) -> str:
    """Say what holds all mail, or the mail of a domain; empty where nothing does.

    `but_quota` takes no notice of a quota for 24 hours that is used up.
    """
    found = list(Hold.objects.filter(key__in=["", FENCE, domain]).order_by("pk"))
    account = [
        hold
        for hold in found
        if hold.scope == HoldScope.ACCOUNT
        and not (but_quota and hold.reason == holds.DAILY_QUOTA)
    ]
    for hold in account:
        if hold.key == FENCE:
            return (
                "The database was restored or copied, so all mail is held: somebody has"
                " to look through it and run “manage.py release_fence”."
            )
    if account:
        return _account_held(account[0])
    for hold in found:
        if hold.scope == HoldScope.DOMAIN and hold.key == domain:
            return (
                f"Amazon SES takes no mail from {domain} at the moment ({_said(hold)})."
                f" {_next_try(hold)}"
            )
    return ""


def _account_held(hold: Hold) -> str:
    if hold.reason == holds.DAILY_QUOTA:
        return (
            "The quota of Amazon SES for 24 hours is used up; it comes back little by"
            f" little. {_next_try(hold)}"
        )
    return (
        f"Amazon SES takes no mail of this account at the moment ({_said(hold)})."
        f" {_next_try(hold)}"
    )


def _said(hold: Hold) -> str:
    return (hold.detail or hold.reason).rstrip(". ")


def _next_try(hold: Hold) -> str:
    if hold.probe_at is None:
        return "It waits until somebody releases it."
    return f"One mail tries again at {clock(hold.probe_at)}; nothing is lost."


# -- the campaign's own ----------------------------------------------------------------
def _freezing(run: Run) -> str:
    if is_stuck(run):
        return "Writing down who gets it was stopped; in a moment it will be paused."
    job = run.job
    done = job.done if job else 0
    if job is None or not job.total:
        return "Who gets it is just being written down; the first mails leave with it."
    return (
        f"Who gets it is still being written down: {done:,} of {job.total:,} contacts."
        " What is written down leaves already."
    )


def _reserve(tally: Tally) -> str:
    budget = rate.budget()
    if not tally.queued or budget is None or budget.campaigns_may_send:
        return ""
    share = f"{rate.CAMPAIGN_RESERVE:.0%}"
    return (
        f"The last {share} of the day’s quota are kept for transactional mail; this"
        " campaign goes on as quota comes back."
    )


def _of_its_mails(campaign: Campaign, tally: Tally, now: datetime) -> str:
    if tally.in_doubt and not tally.queued + tally.sending:
        return _in_doubt(campaign, tally)
    if not tally.queued:
        return ""
    later = _not_before(campaign, now)
    if later:
        return later
    return _others(campaign) or _throttled() or _standstill(campaign, now)


def _in_doubt(campaign: Campaign, tally: Tally) -> str:
    rows = Email.objects.filter(origin_id=campaign.pk, state=EmailState.IN_DOUBT)
    rows = rows.order_by("origin_id", "state", "pk")
    latest = max(rows.values_list("due_at", flat=True)[:_LOOKED_AT], default=None)
    until = f", at the latest until {clock(latest)}" if latest else ""
    return f"Waiting for Amazon’s word on {mails(tally.in_doubt)}{until}."


def _not_before(campaign: Campaign, now: datetime) -> str:
    """Say when the rest is tried again, if none of it is due before."""
    rows = Email.objects.filter(origin_id=campaign.pk, state=EmailState.QUEUED)
    rows = rows.order_by("origin_id", "state", "pk")
    dues = list(rows.values_list("due_at", flat=True)[:_LOOKED_AT])
    if len(dues) == _LOOKED_AT or not dues or min(dues) <= now:
        return ""
    return (
        f"Amazon SES refused {mails(len(dues))} for the moment; the next try is at"
        f" {clock(min(dues))}."
    )


def _others(campaign: Campaign) -> str:
    budget = rate.budget()
    if budget is None or campaign.rate >= _SLOW * budget.rate:
        return ""
    urgent = Email.objects.filter(
        state=EmailState.QUEUED, due_at__lte=Now(), lane__lt=Lane.CAMPAIGN
    )
    if urgent.order_by("lane", "due_at", "pk").values_list("pk")[:1]:
        return "Transactional mail goes first, and there is some at the moment."
    streams = Stream.objects.filter(state=StreamState.OPEN).exclude(pk=campaign.pk)
    projects = set(streams.values_list("project_id", flat=True)[:_LOOKED_AT])
    others = len(projects - {campaign.project_id})
    if others:
        words = "another project is" if others == 1 else f"{others:,} projects are"
        return f"It is sharing the sending rate: {words} sending campaigns, too."
    if projects:
        return "It is sharing the sending rate with another campaign of this project."
    return ""


def _throttled() -> str:
    budget = rate.budget()
    if budget is None or budget.rate >= _SLOW * budget.max_rate:
        return ""
    return (
        "Amazon SES has asked us to slow down: we are back to"
        f" {budget.rate:.3g} of {budget.max_rate:.3g} mails a second."
    )


def _standstill(campaign: Campaign, now: datetime) -> str:
    if campaign.moved_at is None or now - campaign.moved_at < _STANDSTILL:
        return ""
    return (
        f"Nothing has left for {span(now - campaign.moved_at)}, and no reason for it is"
        " known: the workers’ log says more."
    )


# -- words -----------------------------------------------------------------------------
def mails(number: int) -> str:
    return "1 mail" if number == 1 else f"{number:,} mails"


def clock(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%d %b %Y, %H:%M UTC")


def span(length: timedelta) -> str:
    """Say how long something takes, in its largest unit or two: `2 h 5 min`."""
    seconds = max(0, round(length.total_seconds()))
    if seconds < 60:
        return "1 second" if seconds == 1 else f"{seconds} seconds"
    minutes = round(seconds / 60)
    if minutes < 60:
        return "1 minute" if minutes == 1 else f"{minutes} minutes"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{round(hours / 24)} days"
