"""Campaigns as the API shows them, any number of them in the same few statements."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet, prefetch_related_objects

from campaigns.models import (
    EDITABLE,
    Campaign,
    CampaignState,
    Run,
    Variant,
)
from contacts.api.segments import segment_as_json
from plunk.api.answers import timestamp
from transactional.tallies import Tally, tallies

_SHARES = {
    "openRate": "opened",
    "clickRate": "clicked",
    "bounceRate": "bounced",
    "deliveryRate": "delivered",
    "complaintRate": "complained",
    "unsubscribeRate": "unsubscribed",
}


def campaigns_of(project_id: UUID) -> QuerySet[Campaign]:
    """Return a project's campaigns, with what each of them is shown with."""
    rows = Campaign.objects.filter(project_id=project_id)
    return rows.select_related("segment", "project")


def campaign_as_json(campaign: Campaign) -> dict[str, Any]:
    (shown,) = campaigns_as_json([campaign])
    return shown


def campaigns_as_json(campaigns: Sequence[Campaign]) -> list[dict[str, Any]]:
    """Return campaigns with their words and figures; four statements or five."""
    if not campaigns:
        return []
    prefetch_related_objects(campaigns, "excluded_segments")
    said = _said([campaign.pk for campaign in campaigns])
    figures = figures_of(campaigns)
    totals = totals_of(campaigns)
    return [
        _campaign(
            campaign, said[campaign.pk], figures[campaign.pk], totals[campaign.pk]
        )
        for campaign in campaigns
    ]


def _said(ids: Collection[UUID]) -> dict[UUID, Variant]:
    """Return what each campaign says to those whom it was first for."""
    found = {pk: Variant() for pk in ids}
    rows = Variant.objects.filter(campaign__in=ids, run=1, position=0)
    return found | {row.campaign_id: row for row in rows}


def figures_of(campaigns: Sequence[Campaign]) -> dict[UUID, Tally]:
    """Return what became of the mails of each; drafts have none, nor are asked for."""
    launched = [one.pk for one in campaigns if one.state not in EDITABLE]
    found = dict.fromkeys((one.pk for one in campaigns), Tally())
    return found | (tallies(launched) if launched else {})


def totals_of(campaigns: Sequence[Campaign]) -> dict[UUID, int | None]:
    """Return how many contacts each campaign is for.

    Of a draft that is how many its audience had when it was last counted, None where it
    never was; of a launched one, for how many its first run was written down.
    """
    totals = {one.pk: one.audience_count for one in campaigns}
    launched = [one.pk for one in campaigns if one.state not in EDITABLE]
    if launched:
        rows = Run.objects.filter(campaign__in=launched, number=1)
        for pk, figures, frozen_at in rows.values_list(
            "campaign_id", "figures", "frozen_at"
        ):
            if frozen_at or totals[pk] is None:
                totals[pk] = figures.get("taken", 0)
    return totals


def _campaign(
    campaign: Campaign, said: Variant, figures: Tally, total: int | None
) -> dict[str, Any]:
    is_sent = campaign.state == CampaignState.SENT
    return {
        "id": str(campaign.pk),
        "name": campaign.name,
        "description": campaign.description or None,
        "status": campaign.state,
        "subject": said.subject,
        "preheader": said.preheader or None,
        "body": said.body,
        "style": said.style,
        "from": campaign.from_email or None,
        "fromName": campaign.from_name or None,
        "replyTo": campaign.reply_to or None,
        "type": campaign.kind,
        "tracking": campaign.tracks,
        **_audience(campaign),
        "scheduledFor": _moment(campaign.scheduled_at),
        "timezone": campaign.schedule_zone or None,
        "deadline": _moment(campaign.deadline_at),
        "totalRecipients": total,
        "sentCount": figures.sent,
        "deliveredCount": figures.delivered,
        "openedCount": figures.opened,
        "clickedCount": figures.clicked,
        "bouncedCount": figures.bounced,
        "complainedCount": figures.complained,
        "unsubscribedCount": figures.unsubscribed,
        "failedCount": figures.failed,
        "revertPending": campaign.revert_pending,
        "archived": campaign.archived_at is not None,
        "version": campaign.version,
        "projectId": str(campaign.project_id),
        "startedAt": _moment(campaign.started_at),
        "sentAt": _moment(campaign.finished_at) if is_sent else None,
        "cancelledAt": _moment(campaign.cancelled_at),
        "createdAt": timestamp(campaign.created_at),
        "updatedAt": timestamp(campaign.updated_at),
    }


def _audience(campaign: Campaign) -> dict[str, Any]:
    segment = campaign.segment
    excluded = [str(one.pk) for one in campaign.excluded_segments.all()]
    return {
        "audienceType": campaign.audience_type,
        "audienceCondition": campaign.condition,
        "segmentId": str(segment.pk) if segment else None,
        "segment": segment_as_json(segment) if segment else None,
        "topicId": str(campaign.topic_id) if campaign.topic_id else None,
        "excludedSegmentIds": sorted(excluded),
    }


def _moment(moment: Any) -> str | None:
    return timestamp(moment) if moment else None


def stats_as_json(campaign: Campaign) -> dict[str, Any]:
    """Return what became of a campaign; rates are percent of what was sent."""
    figures = figures_of([campaign])[campaign.pk]
    total = totals_of([campaign])[campaign.pk]
    shares = {
        name: _percent(getattr(figures, column), figures.sent)
        for name, column in _SHARES.items()
    }
    return {
        "totalRecipients": total,
        "sentCount": figures.sent,
        "deliveredCount": figures.delivered,
        "openedCount": figures.opened,
        "clickedCount": figures.clicked,
        "bouncedCount": figures.bounced,
        "complainedCount": figures.complained,
        "unsubscribedCount": figures.unsubscribed,
        **shares,
        "queuedCount": figures.queued,
        "sendingCount": figures.sending,
        "inDoubtCount": figures.in_doubt,
        "failedCount": figures.failed,
        "skippedCount": figures.skipped,
        "suppressedCount": figures.suppressed,
        "cancelledCount": figures.cancelled,
        "machineOpenedCount": figures.machine_opened,
        "machineClickedCount": figures.machine_clicked,
        "possibleDuplicateCount": figures.possible_duplicates,
    }


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole else 0.0
