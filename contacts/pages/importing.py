"""The import wizard: upload, columns, options and a rehearsal, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_safe

from contacts.fields_of_data import fields
from contacts.importing import (
    Column,
    MappingError,
    Options,
    Preview,
    Target,
    TooLarge,
    UploadError,
    discard,
    preview,
    save_choices,
    start,
    store_upload,
    try_out,
)
from contacts.importing.cells import CellType
from contacts.models import Job, JobKind, JobState
from contacts.pages.jobs import job_context
from plunk.pages.access import ProjectRequest, project_page
from plunk.pages.paging import page
from plunk.projects.models import Role

require_page_methods = require_http_methods(["GET", "HEAD", "POST"])

#: What a form adds to its file.
_FORM_BYTES = 64 * 1024
_MEBIBYTE = 1024 * 1024
_TARGETS = (
    (Target.DATA, "Keep as data"),
    (Target.EMAIL, "The address"),
    (Target.SUBSCRIBED, "Wants marketing mail"),
    (Target.IGNORE, "Leave out"),
)
_TYPES = (
    (CellType.TEXT, "Text"),
    (CellType.NUMBER, "Number"),
    (CellType.BOOLEAN, "Yes or no"),
    (CellType.DATE, "Date"),
    (CellType.LIST, "List"),
)


@dataclass(frozen=True, slots=True)
class ColumnRow:
    """One column of the file in the form that maps it."""

    number: int
    header: str
    samples: list[str]
    column: Column
    error: str


@require_safe
@project_page
def import_list(request: ProjectRequest) -> HttpResponse:
    rows = Job.objects.filter(project=request.project, kind=JobKind.IMPORT)
    own = rows.exclude(parameters__has_key="is_dry").select_related("user")
    found = page(own.defer("errors", "position"), cursor=request.GET.get("cursor", ""))
    return render(request, "contacts/importing/list.html", {"page": found})


@csrf_exempt  # checked by _upload, which reads the body: not before its size is known
@require_page_methods
@project_page
def import_new(request: ProjectRequest) -> HttpResponse:
    """Take a file in."""
    limit = settings.IMPORT_MAX_MB
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        length = 0
    if length > limit * _MEBIBYTE + _FORM_BYTES:
        words = f"The file has more than {limit} MB. Split it into several."
        return _upload_page(request, words, status=413)
    return _upload(request)


@csrf_protect
def _upload(request: HttpRequest) -> HttpResponse:
    member = cast("ProjectRequest", request)
    if member.method != "POST":
        return _upload_page(member)
    file = member.FILES.get("file")
    if file is None:
        return _upload_page(member, "Choose a file first.", status=422)
    try:
        job = store_upload(
            project_id=member.project.pk,
            file=cast("Any", file),
            name=str(file.name or ""),
            user=member.user,
        )
    except TooLarge as error:
        return _upload_page(member, str(error), status=413)
    except UploadError as error:
        return _upload_page(member, str(error), status=422)
    return redirect("import", member.project.pk, job.pk)


def _upload_page(
    request: ProjectRequest, error: str = "", *, status: int = 200
) -> HttpResponse:
    context = {"error": error, "limit": settings.IMPORT_MAX_MB}
    return render(request, "contacts/importing/upload.html", context, status=status)


@require_page_methods
@project_page
def import_page(request: ProjectRequest, job_id: UUID) -> HttpResponse:
    """Map the columns of a draft; of an import that was begun, show how far it is."""
    job = import_job(request, job_id)
    if job.state != JobState.DRAFT:
        return render(request, "contacts/importing/job.html", job_context(job))
    if request.method != "POST":
        return _columns_page(request, job, preview(job, _chosen(job)))
    columns = _read_columns(request.POST, len(job.parameters["header"]))
    shown = preview(job, columns)
    if "preview" in request.POST:
        return _columns_page(request, job, shown)
    try:
        save_choices(job, columns=columns)
    except MappingError as error:
        return _columns_page(request, job, shown, error=error)
    return redirect("import_options", request.project.pk, job_id)


@require_page_methods
@project_page
def import_options(request: ProjectRequest, job_id: UUID) -> HttpResponse:
    """Say how people are treated, try it out, and begin."""
    job = import_job(request, job_id)
    columns = _chosen(job)
    if job.state != JobState.DRAFT or columns is None:
        return redirect("import", request.project.pk, job_id)
    if request.method != "POST":
        options = Options.read(job.parameters.get("options", {}))
        return _options_page(request, job, options)
    options = _read_options(request)
    try:
        if "try" in request.POST:
            try_out(job, columns=columns, options=options, user=request.user)
            return redirect("import_options", request.project.pk, job_id)
        start(job, columns=columns, options=options, user=request.user)
    except MappingError as error:
        return _options_page(request, job, options, error=error)
    return redirect("import", request.project.pk, job_id)


@require_page_methods
@project_page
def import_discard(request: ProjectRequest, job_id: UUID) -> HttpResponse:
    """Ask, then throw a draft away with its file."""
    job = import_job(request, job_id)
    if job.state != JobState.DRAFT:
        return redirect("import", request.project.pk, job_id)
    if request.method != "POST":
        return render(request, "contacts/importing/discard.html", {"job": job})
    if discard(job):
        messages.success(request, f"{job.parameters['name']} was not imported.")
    return redirect("imports", request.project.pk)


def import_job(request: ProjectRequest, job_id: UUID) -> Job:
    """Return an import of the project, not a rehearsal; raise Http404."""
    job = (
        Job.objects.filter(project=request.project, kind=JobKind.IMPORT, pk=job_id)
        .select_related("user")
        .first()
    )
    if job is None or job.parameters.get("is_dry") or "header" not in job.parameters:
        raise Http404("There is no such import.")
    return job


def _chosen(job: Job) -> list[Column] | None:
    stored = job.parameters.get("columns")
    return [Column.read(column) for column in stored] if stored else None


def _columns_page(
    request: ProjectRequest,
    job: Job,
    shown: Preview,
    *,
    error: MappingError | None = None,
) -> HttpResponse:
    rows = [
        ColumnRow(
            number=number,
            header=header,
            samples=[row[number] for row in shown.samples if row[number].strip()][:3],
            column=column,
            error=str(error)
            if error and error.field == f"columns.{number}.key"
            else "",
        )
        for number, (header, column) in enumerate(
            zip(shown.header, shown.columns, strict=True)
        )
    ]
    has_place = any(row.error for row in rows)
    context = {
        "job": job,
        "rows": rows,
        "shown": shown,
        "error": "" if error is None or has_place else str(error),
        "targets": _TARGETS,
        "types": _TYPES,
        "keys": [fact.name for fact in fields(request.project.pk)][:200],
    }
    is_fragment = bool(getattr(request, "htmx", False))
    name = "preview" if is_fragment else "columns"
    # htmx swaps nothing in for an error; a fragment has none.
    status = 422 if error and not is_fragment else 200
    return render(request, f"contacts/importing/{name}.html", context, status=status)


def _read_columns(form: QueryDict, width: int) -> list[Column]:
    """Read the mapping; what is no choice leaves a column out."""
    return [
        Column(
            target=_choice(Target, form.get(f"target-{number}"), Target.IGNORE),
            key=form.get(f"key-{number}", ""),
            type=_choice(CellType, form.get(f"type-{number}"), CellType.TEXT),
        )
        for number in range(width)
    ]


def _choice(choices: Any, value: str | None, usual: Any) -> Any:
    return choices(value) if value in set(choices) else usual


def _read_options(request: ProjectRequest) -> Options:
    form = request.POST
    return Options(
        subscribe_new=form.get("subscribe_new") != "no",
        resubscribe="resubscribe" in form,
        # Suppressions are lifted by admins, as on their page.
        release_suppressed="release_suppressed" in form
        and request.membership.can(Role.ADMIN),
        reason=form.get("reason", ""),
        is_confirmed="is_confirmed" in form,
    )


def _options_page(
    request: ProjectRequest,
    job: Job,
    options: Options,
    *,
    error: MappingError | None = None,
) -> HttpResponse:
    columns = _chosen(job) or []
    rehearsal = Job.objects.filter(
        project=request.project, pk=job.parameters.get("rehearsal") or UUID(int=0)
    ).first()
    is_stale = rehearsal is not None and any(
        rehearsal.parameters.get(part) != job.parameters.get(part)
        for part in ("columns", "options")
    )
    context: dict[str, Any] = {
        "draft": job,
        "options": options,
        "error": error,
        "has_subscribed": any(it.target is Target.SUBSCRIBED for it in columns),
        "keys": [it.key for it in columns if it.target is Target.DATA],
        "may_release": request.membership.can(Role.ADMIN),
    }
    if rehearsal is not None and not is_stale:
        context |= job_context(rehearsal)
    return render(
        request,
        "contacts/importing/options.html",
        context,
        status=422 if error else 200,
    )
