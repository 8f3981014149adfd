"""What the activity feed tells about events."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db.models.functions import Now
from django.urls import reverse

from automations.models import Occurrence
from plunk.pages.activity import Activity, window
from plunk.pages.figures import Figure, counted
from plunk.pages.paging import Cursor


def occurrences(
    project_id: UUID,
    *,
    contact_id: UUID | None,
    after: Cursor | None,
    before: Cursor | None,
    limit: int,
) -> list[Activity]:
    rows = Occurrence.objects.filter(project_id=project_id)
    if contact_id is not None:
        rows = rows.filter(contact_id=contact_id)
    rows = rows.select_related("event", "contact").only(
        "project_id",
        "created_at",
        "event__name",
        "event__deleted_at",
        "contact__email",
    )
    return [
        Activity(
            at=row.created_at,
            id=row.pk,
            kind="occurrence",
            title="A deleted event" if row.event.deleted_at else row.event.name,
            url=_place(project_id, row),
            contact_id=row.contact_id,
            contact_email=row.contact.email if row.contact else "",
            icon="event",
        )
        for row in window(rows, after=after, before=before, limit=limit)
    ]


def _place(project_id: UUID, row: Occurrence) -> str:
    """Return the page that tells more."""
    if row.contact_id is None:
        return reverse("event_occurrence", args=[project_id, row.pk])
    return reverse("contact", args=[project_id, row.contact_id])


def figures(project_id: UUID) -> list[Figure]:
    recent = Occurrence.objects.filter(
        project_id=project_id, created_at__gt=Now() - timedelta(days=1)
    )
    url = reverse("events", args=[project_id])
    return [Figure("Events", counted(recent), "in the last 24 hours", url)]
