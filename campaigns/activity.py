"""What the activity feed tells about campaigns."""

from __future__ import annotations

from uuid import UUID

from django.urls import reverse

from campaigns.models import CampaignEvent, EventKind
from plunk.pages.activity import Activity, window
from plunk.pages.paging import Cursor

#: What is news: how each is said, in which tone, with which picture.
_TOLD: dict[str, tuple[str, str, str]] = {
    EventKind.SCHEDULED: ("Campaign “{}” was scheduled", "info", "clock"),
    EventKind.UNSCHEDULED: ("Campaign “{}” was unscheduled", "neutral", "clock"),
    EventKind.LAUNCHED: ("Campaign “{}” is going out", "info", "campaign"),
    EventKind.PAUSED: ("Campaign “{}” was paused", "warn", "campaign"),
    EventKind.RESUMED: ("Campaign “{}” goes on", "info", "campaign"),
    EventKind.CANCELLED: ("Campaign “{}” was cancelled", "warn", "cross"),
    EventKind.FINISHED: ("Campaign “{}” was sent", "good", "check"),
    EventKind.FAILED: ("Campaign “{}” could not go out", "bad", "warning"),
}


def campaigns(
    project_id: UUID,
    *,
    contact_id: UUID | None,
    after: Cursor | None,
    before: Cursor | None,
    limit: int,
) -> list[Activity]:
    """Tell when campaigns were scheduled, sent and stopped; none of it of a contact."""
    if contact_id is not None:
        return []
    rows = (
        CampaignEvent.objects.filter(campaign__project_id=project_id, kind__in=_TOLD)
        .select_related("campaign")
        .only("kind", "detail", "created_at", "campaign__name", "campaign__project_id")
    )
    return [_told(row) for row in window(rows, after=after, before=before, limit=limit)]


def _told(row: CampaignEvent) -> Activity:
    words, tone, icon = _TOLD[row.kind]
    return Activity(
        at=row.created_at,
        id=row.pk,
        kind="campaign",
        title=words.format(row.campaign.name),
        detail=str(row.detail.get("message", "")),
        url=reverse("campaign", args=[row.campaign.project_id, row.campaign_id]),
        tone=tone,
        icon=icon,
    )
