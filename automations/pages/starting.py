"""A new workflow; and a workflow begun by hand for one contact or a segment."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from automations import enrolling, workflows
from automations.beginnings import BEGINNINGS, begin_with, beginning_of
from automations.definitions import Trigger
from automations.models import TriggerType, Workflow
from automations.pages.frame import found, head
from contacts.addresses import AddressError, normalise
from contacts.models import Contact, Segment
from contacts.segments.matching import members
from plunk.api.errors import ApiError, Invalid
from plunk.ids import read_id
from plunk.pages.access import ProjectRequest, project_page

_MOST_SEGMENTS = 200
#: Who is in a segment is counted up to here.
_MOST_COUNTED = 10_000
_UNTITLED = "Untitled workflow"


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def workflow_new(request: ProjectRequest) -> HttpResponse:
    """Offer what to begin with; make it, and go on to its canvas."""
    given = request.POST
    context: dict[str, Any] = {
        "name": " ".join(given.get("name", "").replace("\x00", "").split()),
        "event": given.get("event", "").replace("\x00", "").strip(),
        "trigger": given.get("trigger", TriggerType.EVENT.value),
        "error": "",
        "beginnings": BEGINNINGS,
        "triggers": [
            (TriggerType.EVENT, "An event", "Your app tells that something happened."),
            (TriggerType.SEGMENT_ENTRY, "A segment", "Somebody begins to match it."),
            (TriggerType.SCHEDULE, "A schedule", "Every Monday at nine, say."),
            (TriggerType.MANUAL, "By hand", "You, or your app, begin it."),
        ],
    }
    if request.method == "POST":
        try:
            made = _made(request, context["name"], context["event"])
        except Invalid as error:
            context["error"] = error.errors[0].message
        else:
            return redirect("workflow", request.project.pk, made.pk)
    return render(request, "automations/new.html", context)


def _made(request: ProjectRequest, name: str, event: str) -> Workflow:
    """Make what was asked for; raises Http404 for a beginning that there is not."""
    slug = request.POST.get("start", "")
    if slug:
        one = beginning_of(slug)
        if one is None:
            raise Http404("There is no such beginning.")
        return begin_with(
            one, project_id=request.project.pk, user=request.user, name=name
        )
    kind = request.POST.get("trigger", "")
    if kind not in TriggerType.values:
        raise Http404("There is no such trigger.")
    is_event = kind == TriggerType.EVENT and event
    return workflows.create(
        project_id=request.project.pk,
        name=name or _UNTITLED,
        trigger=Trigger(TriggerType(kind), {"eventName": event} if is_event else {}),
        user=request.user,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def workflow_start(request: ProjectRequest, workflow_id: UUID) -> HttpResponse:
    """Ask for whom it is to begin, then for consent to that, then begin it."""
    workflow = found(request, workflow_id)
    given = request.POST if request.method == "POST" else request.GET
    segments = Segment.objects.filter(project=request.project).order_by("name", "id")
    context = head(workflow, "") | {
        "email": given.get("email", "").strip()[:254],
        "segments": list(segments.defer("condition")[:_MOST_SEGMENTS]),
        "error": "",
        "error_of": "",
    }
    if request.method != "POST":
        return render(request, "automations/start.html", context)
    is_segment = request.POST.get("whom") == "segment"
    context["error_of"] = "segment" if is_segment else "email"
    try:
        if is_segment:
            return _start_segment(request, workflow)
        return _start_one(request, workflow)
    except ApiError as error:
        context["error"] = error.message
    return render(request, "automations/start.html", context)


def _start_one(request: ProjectRequest, workflow: Workflow) -> HttpResponse:
    run = enrolling.start(
        workflow=workflow, contact_id=_contact(request, request.POST.get("email", ""))
    )
    messages.success(request, "It has begun. This page follows it.")
    return redirect("run", request.project.pk, workflow.pk, run.pk)


def _contact(request: ProjectRequest, text: str) -> UUID:
    try:
        address = normalise(text)
    except AddressError as error:
        raise _said(f"“{text.strip()[:100]}” is no e-mail address.") from error
    rows = Contact.objects.filter(project=request.project, email=address)
    contact_id = rows.values_list("pk", flat=True).first()
    if contact_id is None:
        raise _said(f"Nobody with the address {address} is among your contacts.")
    return contact_id


def _start_segment(request: ProjectRequest, workflow: Workflow) -> HttpResponse:
    pk = read_id(request.POST.get("segment", ""))
    rows = Segment.objects.filter(project=request.project)
    segment = rows.filter(pk=pk).first() if pk else None
    if segment is None:
        raise _said("Choose a segment.")
    if request.POST.get("confirm") == "yes":
        job = enrolling.start_segment(
            workflow=workflow, segment=segment, user=request.user
        )
        return redirect("job", request.project.pk, job.pk)
    if not workflow.enabled:
        raise enrolling.WorkflowDisabled("That workflow is switched off.")
    number = members(segment).order_by()[: _MOST_COUNTED + 1].count()
    context = head(workflow, "") | {
        "segment": segment,
        "number": number,
        "is_more": number > _MOST_COUNTED,
        "most": _MOST_COUNTED,
    }
    return render(request, "automations/start_segment.html", context)


def _said(message: str) -> ApiError:
    """Return an answer to somebody who filled in a form."""
    return ApiError(message)
