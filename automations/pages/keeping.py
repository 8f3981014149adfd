"""A workflow is switched on or off, duplicated, emptied, or deleted."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from automations import bulk, dropping, workflows
from automations.models import Workflow
from automations.pages.frame import Asked, address, ask, found, head
from automations.workflows import MOST_COUNTED, active_runs
from plunk.api.errors import ApiError
from plunk.pages.access import ProjectRequest, project_page


@require_POST
@project_page
def workflow_duplicate(request: ProjectRequest, workflow_id: UUID) -> HttpResponse:
    copy = workflows.duplicate(workflow=found(request, workflow_id))
    messages.success(request, f"This is a copy: “{copy.name}”. It is switched off.")
    return redirect("workflow", request.project.pk, copy.pk)


@require_POST
@project_page
def workflow_switch(request: ProjectRequest, workflow_id: UUID) -> HttpResponse:
    """Switch a workflow on or off; what keeps it from going on is said."""
    workflow = found(request, workflow_id)
    try:
        if request.POST.get("enabled") == "yes":
            workflows.enable(workflow=workflow, user=request.user)
            messages.success(request, "It is on: whoever fits goes in from now on.")
        else:
            workflows.disable(workflow=workflow)
            messages.success(
                request, "It is off: nobody goes in. Who is inside goes on."
            )
    except workflows.Unfinished as error:
        first = error.problems[0].message
        more = len(error.problems) - 1
        rest = f" And {more} more." if more else ""
        messages.error(request, f"It cannot go on yet. {first}{rest}")
        return redirect("workflow", request.project.pk, workflow.pk)
    return redirect(_back(request, workflow))


def _back(request: ProjectRequest, workflow: Workflow) -> str:
    """Return the page of the workflow on which the button was."""
    name = request.POST.get("back", "")
    if name not in ("workflow_runs", "workflow_versions", "workflow_why"):
        name = "workflow"
    return address(workflow, name)


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def workflow_delete(request: ProjectRequest, workflow_id: UUID) -> HttpResponse:
    """Ask, then delete; that people are inside, who end with it, is asked as well."""
    workflow = found(request, workflow_id)
    if request.method == "POST":
        ends_runs = request.POST.get("people") == "end"
        try:
            dropping.delete(workflow=workflow, user=request.user, ends_runs=ends_runs)
        except ApiError as error:
            messages.error(request, error.message)
            return redirect("workflow_delete", request.project.pk, workflow.pk)
        messages.success(request, f"“{workflow.name}” is deleted.")
        return redirect("workflows", request.project.pk)
    return render(request, "automations/delete.html", head(workflow, ""))


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def workflow_cancel_all(request: ProjectRequest, workflow_id: UUID) -> HttpResponse:
    """Ask, then end the runs of everybody inside."""
    workflow = found(request, workflow_id)
    if request.method == "POST":
        done = bulk.cancel_all(workflow, user=request.user)
        if done.job is not None:
            return redirect("job", request.project.pk, done.job.pk)
        messages.success(
            request, f"{_runs(done.count)} cancelled. Nobody is inside now."
        )
        return redirect("workflow_runs", request.project.pk, workflow.pk)
    question = Asked(
        title=f"Cancel everybody in “{workflow.name}”?",
        points=[
            people_end(active_runs(workflow)),
            "Mails that have been written already still go out.",
            "Whoever is cancelled counts as having been in. This cannot be undone.",
        ],
        button="Cancel all of them",
        stay="Let them go on",
        is_grave=True,
        back_url=address(workflow, "workflow_runs"),
    )
    return ask(request, workflow, question)


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def workflow_resume_all(request: ProjectRequest, workflow_id: UUID) -> HttpResponse:
    """Ask, then let everybody who is parked try their step again."""
    workflow = found(request, workflow_id)
    if request.method == "POST":
        done = bulk.resume_all(workflow, user=request.user)
        if done.job is not None:
            return redirect("job", request.project.pk, done.job.pk)
        messages.success(request, f"{_runs(done.count)} on the way again.")
        return redirect("workflow_runs", request.project.pk, workflow.pk)
    question = Asked(
        title=f"Resume everybody parked in “{workflow.name}”?",
        points=[
            "Each of them tries the step once more at which it was parked.",
            "Do this once what was wrong is mended: otherwise they are parked again,"
            " after three tries.",
            "What their earlier steps did is not done again.",
        ],
        button="Resume all of them",
        stay="Leave them parked",
        is_grave=False,
        back_url=address(workflow, "workflow_runs"),
    )
    return ask(request, workflow, question)


def people_end(number: int) -> str:
    """Say how many are inside, counted as far as is worth it, and end there."""
    if number > MOST_COUNTED:
        return f"More than {MOST_COUNTED:,} people are inside; all end where they are."
    if number == 1:
        return "One person is inside, and ends where they are."
    return f"{number:,} people are inside; each ends where they are."


def _runs(number: int) -> str:
    return "One run is" if number == 1 else f"{number:,} runs are"
