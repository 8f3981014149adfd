"""Whom an import made."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from contacts.models import Contact, Job
from plunk.pages.paging import since


def made_by(rows: QuerySet[Contact], import_id: UUID) -> QuerySet[Contact]:
    """Return those of some contacts whom an import made.

    The time it took bounds them, so that the index of the contacts list finds them and
    none of their own is kept for every contact there is.
    """
    job = Job.objects.filter(pk=import_id).values_list("started_at", "finished_at")
    began, ended = job.first() or (None, None)
    if began is None:
        return rows.none()
    rows = since(rows.filter(import_id=import_id), began)
    return rows if ended is None else rows.filter(created_at__lte=ended)
