"""How far a job on many contacts is, and an end to it."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from contacts import jobs
from contacts.importing import Target, discard
from contacts.importing.progress import progress
from contacts.importing.rejects import rejected_csv
from contacts.job_words import words_of
from contacts.models import Job, JobKind, JobState, RejectedRow
from plunk.pages.access import ProjectRequest, project_page

_SHOWN_REJECTED = 20
_TONES = {
    JobState.COMPLETED: "good",
    JobState.FAILED: "bad",
    JobState.ACTIVE: "info",
    JobState.WAITING: "info",
}
#: What an import's figures are called, in the order they are shown in.
_FIGURES = (
    ("created", "New contacts"),
    ("updated", "Changed"),
    ("unchanged", "Unchanged"),
    ("duplicates", "Repeated rows"),
    ("rejected", "Rejected"),
)
#: Those that are shown only where there are any.
_RARE_FIGURES = (
    ("unsubscribed", "Unsubscribed"),
    ("subscribed", "Subscribed again"),
    ("asked", "Asked to confirm"),
    ("released", "Suppressions lifted"),
)


@require_safe
@project_page
def job_page(request: ProjectRequest, job_id: UUID) -> HttpResponse:
    job = _job(request, job_id)
    if job.kind == JobKind.IMPORT:
        own = job.parameters.get("source") or job.pk
        return redirect("import", request.project.pk, own)
    context = job_context(job)
    return render(request, "contacts/importing/job.html", context)


@require_safe
@project_page
def job_progress(request: ProjectRequest, job_id: UUID) -> HttpResponse:
    """Answer the poll of a progress bar; a job that has ended reloads its page."""
    job = _job(request, job_id)
    context = job_context(job)
    response = render(request, "contacts/importing/progress.html", context)
    if context["now"].is_over:
        response["HX-Refresh"] = "true"
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def job_cancel(request: ProjectRequest, job_id: UUID) -> HttpResponse:
    """Ask, then end a job after the chunk in hand."""
    job = _job(request, job_id)
    is_over = job.state in {JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED}
    can_be_cancelled = words_of(job).can_be_cancelled
    if is_over or job.state == JobState.DRAFT or not can_be_cancelled:
        return redirect("job", request.project.pk, job_id)
    if request.method != "POST":
        context = job_context(job)
        return render(request, "contacts/importing/cancel.html", context)
    end = discard if job.kind == JobKind.IMPORT else jobs.cancel
    if end(job):
        messages.success(request, "It is cancelled. What was done stays done.")
    return redirect("job", request.project.pk, job_id)


@require_safe
@project_page
def job_rejected(request: ProjectRequest, job_id: UUID) -> HttpResponse:
    """Stream the rows that were not imported."""
    job = _job(request, job_id)
    if job.kind != JobKind.IMPORT or "header" not in job.parameters:
        raise Http404("There is no such import.")
    response = StreamingHttpResponse(rejected_csv(job), content_type="text/csv")
    response["Content-Disposition"] = (
        f'attachment; filename="rejected-{job.pk.hex[-8:]}.csv"'
    )
    return cast("HttpResponse", response)


def job_context(job: Job) -> dict[str, Any]:
    """Return what the page and the fragment about a job show."""
    is_import = job.kind == JobKind.IMPORT
    words = words_of(job)
    figures = [
        (name, label, job.counts.get(name, 0))
        for name, label in (_FIGURES if is_import else words.figures)
    ]
    if is_import:
        figures += [
            (name, label, job.counts[name])
            for name, label in _RARE_FIGURES
            if job.counts.get(name)
        ]
    now = progress(job)
    rejected = job.counts.get("rejected", 0) if is_import else 0
    return {
        "job": job,
        "now": now,
        "words": words,
        "unit": words.unit[0 if now.rows == 1 else 1],
        "figures": figures,
        "is_import": is_import,
        "is_dry": bool(job.parameters.get("is_dry")),
        "tone": _TONES.get(JobState(job.state), "neutral"),
        "rejected": rejected,
        "data_columns": [
            column
            for column in job.parameters.get("columns", ())
            if column["target"] == Target.DATA
        ]
        if is_import
        else [],
        "rejected_rows": list(
            RejectedRow.objects.filter(job=job).order_by("number")[:_SHOWN_REJECTED]
        )
        if rejected and now.is_over
        else [],
        "progress_url": reverse("job_progress", args=[job.project_id, job.pk]),
    }


def _job(request: ProjectRequest, job_id: UUID) -> Job:
    job = (
        Job.objects.filter(project=request.project, pk=job_id)
        .select_related("user")
        .first()
    )
    if job is None:
        raise Http404("There is no such job.")
    return job
