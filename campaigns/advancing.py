"""What happens to campaigns by itself: launched when due, finished when all is done.

A sweep looks every second. It may be late, doubled or killed anywhere: each step is a
conditional update, and the next sweep does what this one did not.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db import OperationalError, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from campaigns.errors import WrongState
from campaigns.freezing import is_stuck
from campaigns.lifecycle import send_due
from campaigns.models import (
    RUNNING,
    Campaign,
    CampaignEvent,
    CampaignState,
    EventKind,
    Run,
    RunState,
    Variant,
)
from contacts.segments.scopes import database_now
from plunk.api.errors import ApiError
from transactional import streams
from transactional.models import Email, EmailState, LooseContent, Stream, StreamState
from transactional.tallies import tallies

logger = logging.getLogger(__name__)

#: How much of the last look the rate forgets.
_FORGETS = 0.3
#: `detail.code` of the entry in the history of a campaign that had to be paused.
BROKEN_OFF = "freezing_failed"
#: How long one look deletes the mails of a campaign that becomes a draft again.
_REVERT_SECONDS = 5.0
#: How many mails of a campaign that becomes a draft again are deleted at once.
_BATCH = 5_000


def advance() -> None:
    """Do what is due: launch, sample, finish, take back.

    What is wrong with one campaign keeps no other from its turn.
    """
    launch_due()
    _sample()
    for campaign_id in _ids(Q(state=CampaignState.SENDING)):
        _carefully(break_off_if_stuck, campaign_id)
        _carefully(finish_if_done, campaign_id)
    for campaign_id in _ids(Q(revert_pending=True)):
        _carefully(revert, campaign_id)
    for stream in Stream.objects.filter(state=StreamState.CANCELLED).only("pk"):
        _carefully(streams.close_if_done, stream.pk)


def _ids(which: Q) -> list[UUID]:
    return list(Campaign.objects.filter(which).values_list("pk", flat=True))


def _carefully(step: Callable[[UUID], Any], campaign_id: UUID) -> None:
    try:
        step(campaign_id)
    except OperationalError:
        # The database is away, or somebody else had the row: the next sweep comes.
        raise
    except Exception:
        logger.exception("a step failed", extra={"campaign": str(campaign_id)})


def launch_due() -> None:
    """Launch the campaigns whose moment has come."""
    due = Q(state=CampaignState.SCHEDULED, scheduled_at__lte=Now())
    for campaign_id in _ids(due):
        _carefully(launch, campaign_id)


def launch(campaign_id: UUID) -> bool:
    """Launch a campaign that is due; return whether this did it.

    One that cannot go out becomes a draft again.
    """
    rows = Campaign.objects.select_related("project", "segment", "topic")
    campaign = rows.filter(pk=campaign_id).first()
    if campaign is None:
        return False
    try:
        send_due(campaign)
    except WrongState:
        # Somebody was faster, or has moved it to another time.
        return False
    except ApiError as error:
        _give_back(campaign, error)
        return False
    return True


@transaction.atomic
def _give_back(campaign: Campaign, error: ApiError) -> None:
    """Make a campaign a draft that could not be launched; its page says why."""
    rows = Campaign.objects.filter(
        pk=campaign.pk,
        state=CampaignState.SCHEDULED,
        scheduled_at=campaign.scheduled_at,
        version=campaign.version,
    )
    given_back = rows.update(
        state=CampaignState.DRAFT,
        scheduled_at=None,
        schedule_zone="",
        updated_at=Now(),
    )
    if not given_back:
        return
    at = campaign.scheduled_at.isoformat() if campaign.scheduled_at else ""
    CampaignEvent.objects.create(
        campaign=campaign,
        kind=EventKind.FAILED,
        detail={"code": error.code, "message": error.message[:500], "at": at},
    )
    logger.warning(
        "a campaign could not be launched",
        extra={"campaign": str(campaign.pk), "error": error.message},
    )


@transaction.atomic
def break_off_if_stuck(campaign_id: UUID) -> bool:
    """Pause a campaign whose audience nobody writes down any more; return if so.

    Its history says why. Resumed, it goes on from where that broke off.
    """
    runs = Run.objects.filter(campaign=campaign_id, state=RunState.FREEZING)
    run = runs.select_related("job").first()
    if run is None or not is_stuck(run):
        return False
    rows = Campaign.objects.filter(pk=campaign_id, state=CampaignState.SENDING)
    if not rows.update(state=CampaignState.PAUSED, updated_at=Now(), rate=0):
        return False
    streams.turn_to(campaign_id, StreamState.PAUSED)
    reason = run.job.failed_reason if run.job else ""
    CampaignEvent.objects.create(
        campaign_id=campaign_id,
        kind=EventKind.PAUSED,
        detail={
            "code": BROKEN_OFF,
            "message": reason or "Writing down who gets it was stopped.",
        },
    )
    return True


@transaction.atomic
def finish_if_done(campaign_id: UUID) -> bool:
    """End a campaign of which no mail is owed any more; return whether this did."""
    rows = Campaign.objects.select_for_update(no_key=True)
    row = rows.filter(pk=campaign_id).first()
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
    if streams.has_left(campaign_id):
        Campaign.objects.filter(pk=campaign_id).update(revert_pending=False)
        return False
    until = time.monotonic() + _REVERT_SECONDS
    while _delete_withdrawn(campaign_id) == _BATCH:
        if time.monotonic() >= until:
            return False
    return _become_draft(campaign_id)


def _delete_withdrawn(campaign_id: UUID) -> int:
    mails = Email.objects.filter(origin_id=campaign_id, state=EmailState.CANCELLED)
    ids = list(
        mails.order_by("origin_id", "state", "pk").values_list("pk", flat=True)[:_BATCH]
    )
    mails.filter(pk__in=ids).only("pk").delete()
    return len(ids)


def _has_mails(campaign_id: UUID) -> bool:
    mails = Email.objects.filter(origin_id=campaign_id)
    return bool(mails.order_by("origin_id", "state", "pk").values_list("pk")[:1])


@transaction.atomic
def _become_draft(campaign_id: UUID) -> bool:
    rows = Campaign.objects.filter(pk=campaign_id, revert_pending=True)
    # A sweep that slept through another launch must not take its mails for these.
    is_still = rows.select_for_update(no_key=True).values_list("pk").first()
    if not is_still or _has_mails(campaign_id):
        return False
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
    contents = Variant.objects.filter(campaign_id=campaign_id, content__isnull=False)
    LooseContent.objects.bulk_create(
        [
            LooseContent(content_id=pk)
            for pk in contents.values_list("content", flat=True)
        ],
        ignore_conflicts=True,
    )
    Variant.objects.filter(campaign_id=campaign_id).exclude(run=1).delete()
    Run.objects.filter(campaign_id=campaign_id).delete()
    Stream.objects.filter(pk=campaign_id).delete()
    CampaignEvent.objects.create(campaign_id=campaign_id, kind=EventKind.REVERTED)
    return True


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
        # Less, where mails went with an erased contact.
        more = max(0, sent - row.sampled_sent)
        lately = more / seconds if seconds else 0.0
        Campaign.objects.filter(pk=row.pk, sampled_at=row.sampled_at).update(
            rate=row.rate + _FORGETS * (lately - row.rate),
            sampled_at=now,
            sampled_sent=sent,
            moved_at=now if sent > row.sampled_sent else row.moved_at,
        )
