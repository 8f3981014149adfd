"""What can be done with a campaign, and when: each step changes the state once.

Every step is a conditional update of the state within a transaction. Of two clicks, two
schedulers or two workers, one gets through and the other learns that it was too late.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Max, Q
from django.db.models.functions import Now

from campaigns import again, audience
from campaigns.errors import CampaignNotFound, NobodyToSendTo, WrongState
from campaigns.freezing import is_stuck
from campaigns.models import (
    EDITABLE,
    RUNNING,
    Campaign,
    CampaignEvent,
    CampaignState,
    EventKind,
    Run,
    RunKind,
    RunState,
    Variant,
)
from campaigns.readiness import check_ready
from campaigns.variants import variant_of
from contacts import jobs
from contacts.addresses import domain_of
from contacts.models import JobKind
from contacts.segments.scopes import database_now
from plunk.api.errors import invalid
from plunk.projects.models import User
from plunk.waking import wake_on_commit
from transactional import streams
from transactional.models import StreamState
from transactional.senders import Sender

__all__ = [
    "archive",
    "campaign_of",
    "cancel",
    "check_ready",
    "pause",
    "resume",
    "schedule",
    "send",
    "send_again",
    "send_due",
    "unarchive",
    "unschedule",
]

#: What lies so little in the past was meant to be now: clocks differ, and mails of
#: requests take their time.
_NOW_WITHIN = timedelta(minutes=5)
_LATEST = timedelta(days=366 * 2)


def campaign_of(project_id: UUID, campaign_id: UUID) -> Campaign:
    """Return a campaign of a project; raises CampaignNotFound."""
    found = (
        Campaign.objects.select_related("segment", "topic", "project")
        .filter(project_id=project_id, pk=campaign_id)
        .first()
    )
    if found is None:
        raise CampaignNotFound
    return found


# -- before it goes --------------------------------------------------------------------


@transaction.atomic
def schedule(
    campaign: Campaign, *, at: datetime, zone: str = "", user: User | None = None
) -> Campaign:
    """Have a campaign launched at a moment; again changes the moment.

    Raises WrongState, Invalid (field `scheduledFor`) for a moment that is past or years
    away, and NotReady and the sender's errors as `send` does.
    """
    now = database_now()
    if at < now - _NOW_WITHIN:
        raise invalid("scheduledFor", "Is in the past.", "invalid_date")
    if at > now + _LATEST:
        raise invalid("scheduledFor", "Is more than two years away.", "invalid_date")
    campaign = _turn(
        campaign,
        Q(state__in=EDITABLE),
        CampaignState.SCHEDULED,
        "Only a draft or a scheduled campaign can be scheduled.",
        scheduled_at=at,
        schedule_zone=zone,
        archived_at=None,
    )
    check_ready(campaign)
    _note(campaign, EventKind.SCHEDULED, user, at=at.isoformat(), zone=zone)
    return _fresh(campaign)


@transaction.atomic
def unschedule(campaign: Campaign, *, user: User | None = None) -> Campaign:
    """Make a scheduled campaign a draft again. Raises WrongState."""
    _turn(
        campaign,
        Q(state=CampaignState.SCHEDULED),
        CampaignState.DRAFT,
        "Only a scheduled campaign can be taken off the schedule.",
        scheduled_at=None,
        schedule_zone="",
    )
    _note(campaign, EventKind.UNSCHEDULED, user)
    return _fresh(campaign)


# -- the launch ------------------------------------------------------------------------


def send(campaign: Campaign, *, user: User | None = None) -> Run:
    """Launch a campaign now. Raises WrongState where somebody was faster, and what
    `check_ready` raises.
    """
    return _launch(campaign, Q(state__in=EDITABLE), user)


def send_due(campaign: Campaign) -> Run:
    """Launch a campaign whose moment has come, as `send` does.

    Raises WrongState where it was launched, moved or taken off the schedule meanwhile.
    """
    is_due = Q(state=CampaignState.SCHEDULED, scheduled_at__lte=Now())
    return _launch(campaign, is_due, None)


@transaction.atomic
def _launch(campaign: Campaign, condition: Q, user: User | None) -> Run:
    campaign = _turn(
        campaign,
        condition,
        CampaignState.SENDING,
        "The campaign has already been sent.",
        started_at=Now(),
        finished_at=None,
        cancelled_at=None,
        archived_at=None,
        moved_at=Now(),
        sampled_at=None,
        sampled_sent=0,
        rate=0.0,
    )
    sender = check_ready(campaign)
    said = audience.words(campaign)[:1000]
    Campaign.objects.filter(pk=campaign.pk).update(audience_words=said)
    return _begin_run(campaign, RunKind.FIRST, sender, user)


@transaction.atomic
def send_again(
    campaign: Campaign, kind: RunKind, *, subject: str = "", user: User | None = None
) -> Run:
    """Send a finished campaign again, to those whose mail failed or who did not open.

    `subject` replaces the first one. Raises WrongState where the campaign is not
    finished, NobodyToSendTo where there is nobody left, and what `check_ready` raises.
    """
    finished = (CampaignState.SENT, CampaignState.CANCELLED)
    campaign = _turn(
        campaign,
        Q(state__in=finished),
        CampaignState.SENDING,
        "Only a campaign that has ended can be sent again.",
        finished_at=None,
        cancelled_at=None,
        archived_at=None,
        moved_at=Now(),
    )
    if campaign.revert_pending:
        raise WrongState("The campaign is just becoming a draft again.")
    if streams.owes(campaign.pk):
        # Opened again, its stream would let them go.
        raise WrongState(
            "What was cancelled is still being withdrawn: try again in a moment."
        )
    sender = check_ready(campaign, needs_audience=False)
    if not again.is_anybody_left(campaign.pk, kind):
        raise NobodyToSendTo(
            "No mail of this campaign has failed."
            if kind is RunKind.RETRY
            else "Everybody who got this campaign has opened it."
        )
    run = _begin_run(campaign, kind, sender, user)
    if subject:
        first = variant_of(campaign, 1)
        Variant.objects.create(
            campaign=campaign,
            run=run.number,
            subject=subject,
            preheader=first.preheader,
            body=first.body,
            style=first.style,
        )
    return run


def _begin_run(
    campaign: Campaign, kind: RunKind, sender: Sender, user: User | None
) -> Run:
    """Begin the next run of a campaign whose row this transaction has turned."""
    last = Run.objects.filter(campaign=campaign).aggregate(last=Max("number"))["last"]
    run = Run.objects.create(
        campaign=campaign,
        number=(last or 0) + 1,
        kind=kind,
        from_email=sender.email,
        from_name=sender.name,
        reply_to=campaign.reply_to or campaign.project.reply_to,
        user=user,
    )
    freeze(run, position={})
    streams.open_stream(
        stream_id=campaign.pk,
        project_id=campaign.project_id,
        from_domain=domain_of(sender.email),
        topic_id=campaign.topic_id,
    )
    _note(campaign, EventKind.LAUNCHED, user, run=run.number, run_kind=kind.value)
    return run


def freeze(run: Run, *, position: dict[str, Any]) -> None:
    """Have a run's audience written down, from a position onwards."""
    job = jobs.begin(
        project_id=run.campaign.project_id,
        kind=JobKind.FREEZE,
        parameters={"run": str(run.pk)},
        user=run.user,
    )
    if position:
        type(job).objects.filter(pk=job.pk).update(position=position)
    Run.objects.filter(pk=run.pk).update(job=job)


# -- while it goes ---------------------------------------------------------------------


@transaction.atomic
def pause(campaign: Campaign, *, user: User | None = None) -> Campaign:
    """Let no further mail of a campaign begin. Raises WrongState.

    When this returns, what leaves after the commit was in a worker's hands before.
    """
    _turn(
        campaign,
        Q(state=CampaignState.SENDING),
        CampaignState.PAUSED,
        "Only a campaign that is being sent can be paused.",
    )
    streams.turn_to(campaign.pk, StreamState.PAUSED)
    _note(campaign, EventKind.PAUSED, user)
    return _fresh(campaign)


@transaction.atomic
def resume(campaign: Campaign, *, user: User | None = None) -> Campaign:
    """Go on with a paused campaign, to exactly the rest. Raises WrongState."""
    _turn(
        campaign,
        Q(state=CampaignState.PAUSED),
        CampaignState.SENDING,
        "Only a paused campaign can go on.",
        moved_at=Now(),
    )
    streams.turn_to(campaign.pk, StreamState.OPEN)
    _freeze_on(campaign)
    _note(campaign, EventKind.RESUMED, user)
    wake_on_commit("transactional.tasks.deliver")
    return _fresh(campaign)


def _freeze_on(campaign: Campaign) -> None:
    """Have freezing go on from where it broke off, if it did."""
    runs = Run.objects.select_related("job", "user", "campaign")
    run = runs.filter(campaign=campaign, state=RunState.FREEZING).first()
    if run is None or not is_stuck(run):
        return
    if run.job is None:
        # From the beginning: the mails are there already, the figures would be twice.
        Run.objects.filter(pk=run.pk).update(figures={})
    freeze(run, position=run.job.position if run.job else {})


@transaction.atomic
def cancel(campaign: Campaign, *, user: User | None = None) -> Campaign:
    """Cancel what has not left. Raises WrongState.

    A scheduled campaign is a draft again. Of one that is being sent, what is queued is
    withdrawn in the background; where nothing has left at all, it becomes a draft once
    that is done (`revert_pending`). Again is no error while that goes on.
    """
    row = _locked(campaign)
    if row.state == CampaignState.SCHEDULED:
        return unschedule(campaign, user=user)
    if row.state == CampaignState.CANCELLED and row.revert_pending:
        return _fresh(campaign)
    _turn(
        campaign,
        Q(state__in=RUNNING),
        CampaignState.CANCELLED,
        "Only a scheduled campaign or one that is being sent can be cancelled.",
        cancelled_at=Now(),
    )
    streams.turn_to(campaign.pk, StreamState.CANCELLED)
    for run in Run.objects.filter(
        campaign=campaign, state__in=[RunState.FREEZING, RunState.SENDING]
    ).select_related("job"):
        if run.job is not None:
            # A chunk may take long. It finds its run cancelled, and leaves nothing.
            jobs.cancel(run.job, waits=False)
    Run.objects.filter(
        campaign=campaign, state__in=[RunState.FREEZING, RunState.SENDING]
    ).update(state=RunState.CANCELLED, finished_at=Now())
    if not streams.has_left(campaign.pk):
        Campaign.objects.filter(pk=campaign.pk).update(revert_pending=True)
    _note(campaign, EventKind.CANCELLED, user)
    wake_on_commit("transactional.tasks.withdraw")
    return _fresh(campaign)


# -- afterwards ------------------------------------------------------------------------


@transaction.atomic
def archive(campaign: Campaign, *, user: User | None = None) -> Campaign:
    """Put a campaign away; again is a no-op. Raises WrongState if it is under way."""
    if _locked(campaign).state in (CampaignState.SCHEDULED, *RUNNING):
        raise WrongState("A campaign that is under way cannot be archived.")
    rows = Campaign.objects.filter(pk=campaign.pk, archived_at=None)
    if rows.update(archived_at=Now()):
        _note(campaign, EventKind.ARCHIVED, user)
    return _fresh(campaign)


@transaction.atomic
def unarchive(campaign: Campaign, *, user: User | None = None) -> Campaign:
    """Take a campaign out of the archive; again is a no-op."""
    rows = Campaign.objects.filter(pk=campaign.pk, archived_at__isnull=False)
    if rows.update(archived_at=None):
        _note(campaign, EventKind.UNARCHIVED, user)
    return _fresh(campaign)


# -- each step -------------------------------------------------------------------------


def _turn(
    campaign: Campaign,
    before: Q,
    after: CampaignState,
    refusal: str,
    **changes: Any,
) -> Campaign:
    """Change the state where `before` is the case; raises WrongState otherwise.

    Returns the campaign as it is then. Nobody else changes it until the commit.
    """
    rows = Campaign.objects.filter(before, pk=campaign.pk)
    if not rows.update(state=after, updated_at=Now(), **changes):
        raise WrongState(refusal)
    return _fresh(campaign)


def _locked(campaign: Campaign) -> Campaign:
    """Return the row as it is now, which nobody else changes until the commit."""
    # Not the key: a chunk that writes its last line of history would wait for us, and
    # we for its job.
    rows = Campaign.objects.select_for_update(no_key=True)
    row = rows.filter(pk=campaign.pk).first()
    if row is None:
        raise CampaignNotFound
    return row


def _note(
    campaign: Campaign, kind: EventKind, user: User | None, **detail: Any
) -> None:
    CampaignEvent.objects.create(
        campaign_id=campaign.pk, kind=kind, user=user, detail=detail
    )


def _fresh(campaign: Campaign) -> Campaign:
    return campaign_of(campaign.project_id, campaign.pk)
