"""What the activity feed and the overview tell about contacts."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db.models.functions import Now
from django.urls import reverse

from contacts.models import Contact
from plunk.pages.activity import Activity, window
from plunk.pages.figures import Figure, counted
from plunk.pages.paging import Cursor


def new_contacts(
    project_id: UUID,
    *,
    contact_id: UUID | None,
    after: Cursor | None,
    before: Cursor | None,
    limit: int,
) -> list[Activity]:
    rows = Contact.objects.filter(project_id=project_id).defer("data")
    if contact_id is not None:
        rows = rows.filter(pk=contact_id)
    return [
        Activity(
            at=row.created_at,
            id=row.pk,
            kind="contact",
            title="New contact",
            url=reverse("contact", args=[project_id, row.pk]),
            contact_id=row.pk,
            contact_email=row.email,
            tone="info",
            icon="people",
        )
        for row in window(rows, after=after, before=before, limit=limit)
    ]


def figures(project_id: UUID) -> list[Figure]:
    recent = Contact.objects.filter(
        project_id=project_id, created_at__gt=Now() - timedelta(days=7)
    )
    return [Figure("New contacts", counted(recent), "in the last 7 days")]
