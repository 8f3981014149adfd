"""Why a contact is in a workflow, or is not: asked by address."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from automations.explaining import why
from automations.pages.frame import found, head
from plunk.pages.access import ProjectRequest, project_page

_MOST_TEXT = 254


@require_safe
@project_page
def workflow_why(request: ProjectRequest, workflow_id: UUID) -> HttpResponse:
    workflow = found(request, workflow_id)
    text = request.GET.get("q", "").replace("\x00", "").strip()[:_MOST_TEXT]
    context = head(workflow, "workflow_why") | {
        "text": text,
        "answer": why(workflow, text) if text else None,
    }
    return render(request, "automations/why.html", context)
