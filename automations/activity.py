"""What the activity feed tells about events, and of one contact about workflows."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db.models.functions import Now
from django.urls import reverse

from automations.models import Occurrence, Run, RunState
from automations.pages.runs import LABELS, TONES
from plunk.pages.activity import OVERLAP, Activity, window
from plunk.pages.figures import Figure, counted
from plunk.pages.paging import Cursor, first_spelling, older


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


def runs(
    project_id: UUID,
    *,
    contact_id: UUID | None,
    after: Cursor | None,
    before: Cursor | None,
    limit: int,
) -> list[Activity]:
    """Tell when a contact went into which workflow, and what has become of it since.

    Of one contact only, by an index that is there anyway: of a whole project, a line
    for each run would bury the events and mails that it consists of. A run is told at
    the moment of what began it, which is seconds before its row.
    """
    if contact_id is None:
        return []
    rows = Run.objects.filter(
        contact=contact_id, project=project_id, workflow__deleted_at=None
    )
    if after is not None:
        rows = rows.filter(started_at__gte=first_spelling(after.at - OVERLAP))
    if before is not None:
        rows = older(rows, before, by="started_at")
    rows = rows.select_related("workflow", "contact").only(
        "state", "started_at", "error", "workflow__name", "contact__email"
    )
    return [
        Activity(
            at=row.started_at,
            id=row.pk,
            kind="run",
            title=f"Went into “{row.workflow.name}”",
            detail=row.error if row.state == RunState.FAILED else "",
            url=reverse("run", args=[project_id, row.workflow_id, row.pk]),
            contact_id=contact_id,
            contact_email=row.contact.email,
            tone=TONES[RunState(row.state)],
            icon="workflow",
            badge=LABELS[RunState(row.state)],
        )
        for row in rows.order_by("-started_at", "-id")[:limit]
    ]


def figures(project_id: UUID) -> list[Figure]:
    recent = Occurrence.objects.filter(
        project_id=project_id, created_at__gt=Now() - timedelta(days=1)
    )
    url = reverse("events", args=[project_id])
    return [Figure("Events", counted(recent), "in the last 24 hours", url)]
