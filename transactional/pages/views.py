"""The pages about a project's mails."""

from __future__ import annotations

import json
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from contacts.models import Suppression
from plunk.pages.access import ProjectRequest, project_page
from plunk.pages.paging import page
from transactional.explaining import (
    STATE_TONES,
    content_of,
    explain,
    history,
    subject_of,
    variables_of,
)
from transactional.models import (
    UNFINISHED,
    Attachment,
    Email,
    EmailEvent,
    EmailState,
)
from transactional.origins import origins

#: A mail's history is shown up to here; a newsletter's clicks could go on for ever.
HISTORY_LIMIT = 200
#: States of which the next is near: their page looks for it by itself.
MOVING = (*UNFINISHED, EmailState.SENT)
#: Nothing of a mail runs, loads frames, sends forms or reaches this site's cookies.
FRAME_POLICY = (
    "sandbox; default-src 'none'; img-src data: https:; style-src 'unsafe-inline';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


@require_safe
@project_page
def email_list(request: ProjectRequest) -> HttpResponse:
    """List mails; a poll gets the rows alone."""
    state = request.GET.get("status", "").upper()
    rows: QuerySet[Email] = Email.objects.filter(project=request.project)
    if state in EmailState:
        rows = rows.filter(state=state)
    else:
        state = ""
    rows = rows.select_related("content", "contact").defer(
        "content__body", "content__text", "headers"
    )
    found = page(rows, cursor=request.GET.get("cursor", ""))
    context = {
        "page": found,
        "mails": [
            (row, subject_of(row), STATE_TONES[EmailState(row.state)])
            for row in found.rows
        ],
        "state": state,
        "states": EmailState.choices,
    }
    is_poll = bool(getattr(request, "htmx", False))
    name = "rows" if is_poll else "list"
    return render(request, f"transactional/email_{name}.html", context)


@require_safe
@project_page
def email_page(request: ProjectRequest, email_id: UUID) -> HttpResponse:
    """Show one mail: what became of it, its envelope and its content."""
    email = email_of(request, email_id)
    events = list(
        EmailEvent.objects.filter(email=email).order_by("at", "id")[:HISTORY_LIMIT]
    )
    suppression = None
    if email.state == EmailState.SUPPRESSED:
        suppression = Suppression.objects.filter(
            project=request.project, email=email.to_email
        ).first()
    context = {
        "email": email,
        "tone": STATE_TONES[EmailState(email.state)],
        "steps": history(email, events),
        "is_moving": email.state in MOVING,
        "sentence": explain(email, events, suppression),
        "content": content_of(email),
        "origin": next(iter(origins(request.project.pk, [email]).values()), None),
        "variables": _indented(variables_of(email)),
        "attachments": Attachment.objects.filter(content_id=email.content_id)
        .defer("data")
        .order_by("position"),
    }
    return render(request, "transactional/email_detail.html", context)


@require_safe
@xframe_options_sameorigin
@project_page
def email_html(request: ProjectRequest, email_id: UUID) -> HttpResponse:
    """Show a mail's HTML by itself, in a sandbox also when it is opened directly."""
    response = HttpResponse(content_of(email_of(request, email_id)).html)
    response["Content-Security-Policy"] = FRAME_POLICY
    response["X-Content-Type-Options"] = "nosniff"
    return response


def email_of(request: ProjectRequest, email_id: UUID) -> Email:
    """Return a mail of the page's project with all it is made of, or answer 404."""
    email = (
        Email.objects.select_related(
            "content", "contact", "template", "compiled", "project"
        )
        .filter(project=request.project, pk=email_id)
        .first()
    )
    if email is None:
        raise Http404("There is no such mail.")
    return email


def _indented(variables: object) -> str:
    if not variables:
        return ""
    return json.dumps(variables, indent=2, ensure_ascii=False)
