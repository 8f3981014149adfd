"""What happens to campaigns by itself: launched when due, finished when all is done.

A sweep looks every second. It may be late, doubled or killed anywhere: each step is a
conditional update, and the next sweep does what this one did not.
"""

from __future__ import annotations

import logging
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from campaigns.lifecycle import has_left, send
from campaigns.models import (
    RUNNING,
    Campaign,
    CampaignEvent,
    CampaignState,
    EventKind,
    Run,
    RunState,
)
from contacts.segments.scopes import database_now
from plunk.api.errors import ApiError
from transactional import streams
from transactional.models import Email, EmailState, Stream, StreamState
from transactional.tallies import tallies

logger = logging.getLogger(__name__)

#: How much of the last look the rate forgets.
_FORGETS = 0.3
#: How many mails of a campaign that becomes a draft again are deleted at once.
_BATCH = 5_000


def advance() -> None:
    """Do what is due: launch, sample, finish, take back."""
    launch_due()
    _sample()
    for campaign in Campaign.objects.filter(state=CampaignState.SENDING):
        finish_if_done(campaign.pk)
    for campaign in Campaign.objects.filter(revert_pending=True):
        revert(campaign.pk)
    _close_streams()


def launch_due() -> int:
    """Launch the campaigns whose moment has come; return how many."""
    due = Campaign.objects.filter(
        state=CampaignState.SCHEDULED, scheduled_at__lte=Now()
    ).order_by("scheduled_at", "pk")
    launched = 0
    for campaign in due.select_related("project", "segment", "topic"):
        try:
            send(campaign, from_states=(CampaignState.SCHEDULED,))
            launched += 1
        except ApiError as error:
            _give_back(campaign, error)
    return launched


@transaction.atomic
def _give_back(campaign: Campaign, error: ApiError) -> None:
    """Make a campaign a draft that could not be launched; its page says why."""
    rows = Campaign.objects.filter(pk=campaign.pk, state=CampaignState.SCHEDULED)
    if rows.update(state=CampaignState.DRAFT, updated_at=Now()):
        CampaignEvent.objects.create(
            campaign=campaign,
            kind=EventKind.FAILED,
            detail={"code": error.code, "message": error.message[:500]},
        )
        logger.warning(
            "a campaign could not be launched",
            extra={"campaign": str(campaign.pk), "error": error.message},
        )


@transaction.atomic
def finish_if_done(campaign_id: UUID) -> bool:
    """End a campaign of which no mail is owed any more; return whether this did."""
    row = Campaign.objects.select_for_update().filter(pk=campaign_id).first()
    if row is None or row.state != CampaignState.SENDING:
        return False
    runs = Run.objects.filter(campaign=row)
    if runs.filter(state=RunState.FREEZING).exists() or streams.owes(row.pk):
        return False
    runs.filter(state=RunState.SENDING).update(state=RunState.DONE, finished_at=Now())
    streams.turn_to(row.pk, StreamState.DONE)
    Campaign.objects.filter(pk=row.pk).update(
        state=CampaignState.SENT, finished_at=Now(), updated_at=Now(), rate=0
    )
    CampaignEvent.objects.create(campaign=row, kind=EventKind.FINISHED)
    return True


def revert(campaign_id: UUID) -> bool:
    """Make a campaign a draft again of which nothing had left; return whether it is.

    Its mails are deleted in batches. Should one have left after all, it stays
    cancelled.
    """
    if streams.owes(campaign_id):
        return False
    if has_left(campaign_id):
        Campaign.objects.filter(pk=campaign_id).update(revert_pending=False)
        return False
    mails = Email.objects.filter(origin_id=campaign_id, state=EmailState.CANCELLED)
    ids = list(mails.order_by("pk").values_list("pk", flat=True)[:_BATCH])
    mails.filter(pk__in=ids).delete()
    return len(ids) < _BATCH and _become_draft(campaign_id)


@transaction.atomic
def _become_draft(campaign_id: UUID) -> bool:
    rows = Campaign.objects.filter(pk=campaign_id, revert_pending=True)
    changed = rows.update(
        state=CampaignState.DRAFT,
        revert_pending=False,
        started_at=None,
        cancelled_at=None,
        updated_at=Now(),
        version=F("version") + 1,
    )
    if not changed:
        return False
    Run.objects.filter(campaign_id=campaign_id).delete()
    Stream.objects.filter(pk=campaign_id).delete()
    CampaignEvent.objects.create(campaign_id=campaign_id, kind=EventKind.REVERTED)
    return True


def _close_streams() -> None:
    """Look no more at streams of campaigns that are cancelled and owe nothing."""
    for pk in Stream.objects.filter(state=StreamState.CANCELLED).values_list(
        "pk", flat=True
    ):
        if not streams.owes(pk):
            streams.turn_to(pk, StreamState.DONE, unless=[StreamState.OPEN])


def _sample() -> None:
    """Reckon the rate of what is being sent, once a second or so for everybody."""
    rows = list(Campaign.objects.filter(state__in=RUNNING))
    found = tallies([row.pk for row in rows]) if rows else {}
    now = database_now()
    for row in rows:
        sent = found[row.pk].sent
        seconds = (now - row.sampled_at).total_seconds() if row.sampled_at else 0.0
        if row.sampled_at and seconds < 1.0:
            continue
        lately = (sent - row.sampled_sent) / seconds if seconds else 0.0
        Campaign.objects.filter(pk=row.pk, sampled_at=row.sampled_at).update(
            rate=row.rate + _FORGETS * (lately - row.rate),
            sampled_at=now,
            sampled_sent=sent,
            moved_at=now if sent > row.sampled_sent else row.moved_at,
        )
