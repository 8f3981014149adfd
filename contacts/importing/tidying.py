"""What imports leave behind goes: files at their end, rejected rows in a month."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from contacts import jobs
from contacts.models import (
    ImportPiece,
    ImportSeen,
    Job,
    JobKind,
    JobState,
    RejectedRow,
)

DRAFT_LIFE = timedelta(days=1)
REJECTED_LIFE = timedelta(days=30)
_ENDED = [JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED]
_BATCH = 5000


def tidy() -> None:
    """Remove what nothing needs any more, in batches; the file of a draft in a day."""
    imports = Job.objects.filter(kind=JobKind.IMPORT)
    for draft in imports.filter(
        state=JobState.DRAFT, created_at__lte=Now() - DRAFT_LIFE
    ):
        discard(draft)
    ended = imports.filter(state__in=_ENDED)
    for pk in ended.filter(Exists(ImportPiece.objects.filter(job=OuterRef("pk")))):
        forget_file(pk.pk)
    for pk in ended.filter(Exists(ImportSeen.objects.filter(job=OuterRef("pk")))):
        _delete_all(ImportSeen.objects.filter(job=pk.pk))
    old = ended.filter(finished_at__lte=Now() - REJECTED_LIFE)
    for pk in old.filter(Exists(RejectedRow.objects.filter(job=OuterRef("pk")))):
        _delete_all(RejectedRow.objects.filter(job=pk.pk))


def discard(job: Job) -> bool:
    """End an import or a draft, and forget its file; return False if it had ended."""
    end_rehearsal(job)
    is_cancelled = jobs.cancel(job)
    if is_cancelled:
        forget_file(job.pk)
    return is_cancelled


def end_rehearsal(job: Job) -> None:
    """End the rehearsal of a draft, if one is going on: it reads the draft's file."""
    rehearsal = job.parameters.get("rehearsal")
    if rehearsal:
        for row in Job.objects.filter(pk=rehearsal, project=job.project_id):
            jobs.cancel(row)


def forget_file(job_id: UUID) -> None:
    """Remove the file of an import that has ended."""
    ImportPiece.objects.filter(job=job_id).delete()


def _delete_all(rows: QuerySet[Any, Any]) -> None:
    """Delete rows in batches, so that no statement takes long."""
    while True:
        batch = list(rows.order_by("pk").values_list("pk", flat=True)[:_BATCH])
        if not batch:
            return
        rows.filter(pk__in=batch).delete()
