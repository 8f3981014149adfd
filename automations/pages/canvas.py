"""The canvas on which a workflow is drawn: the page, and what its script asks for."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from uuid import UUID

from django.http import HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from automations import bulk, workflows
from automations.checking import problems_in
from automations.definitions import Definition, parse
from automations.models import Workflow, WorkflowVersion
from automations.pages.canvas_choices import choices
from automations.pages.frame import found, tabs
from automations.tallies import tallies
from plunk.api import strictjson
from plunk.api.errors import ApiError, Invalid, invalid
from plunk.pages.access import ProjectRequest, View, project_page

_Kind = TypeVar("_Kind")
_Answer = Callable[[ProjectRequest, Workflow], dict[str, Any]]


@require_safe
@project_page
def workflow_canvas(request: ProjectRequest, workflow_id: UUID) -> HttpResponse:
    """Show the draft, ready to be changed."""
    workflow = found(request, workflow_id)
    definition = parse(workflow.draft)
    config = {
        "urls": _urls(workflow),
        "token": get_token(request),
        "icons": static("icons.svg"),
        "document": workflow.draft,
        "settings": {"name": workflow.name, "allowReentry": workflow.allow_reentry},
        "problems": _problems(workflow, definition),
        "counts": _counts(workflow),
        "state": _state(workflow),
        "choices": choices(request.project.pk, definition),
    }
    context = {
        "workflow": workflow,
        "config": config,
        "tabs": tabs(workflow, "workflow"),
    }
    return render(request, "automations/canvas.html", context)


def answering(view: _Answer) -> View:
    """Open a view to members' scripts: it returns what is answered as JSON.

    What it raises is answered in words, with the status that the API has for it.
    """

    @project_page
    @wraps(view)
    def answered(request: ProjectRequest, workflow_id: UUID) -> HttpResponse:
        try:
            return JsonResponse(view(request, found(request, workflow_id)))
        except workflows.Unfinished as error:
            problems = [problem.as_json() for problem in error.problems]
            words = "Some steps are not finished yet."
            return JsonResponse({"message": words, "problems": problems}, status=422)
        except workflows.StaleDraft as error:
            words = "Somebody else has changed this automation in the meantime."
            answer = {"message": words, "revision": error.revision}
            return JsonResponse(answer, status=409)
        except Invalid as error:
            wrong = [one.as_dict() for one in error.errors]
            answer = {"message": error.message, "errors": wrong}
            return JsonResponse(answer, status=422)
        except ApiError as error:
            return JsonResponse({"message": error.message}, status=error.status)

    return answered


@require_POST
@answering
def workflow_save(request: ProjectRequest, workflow: Workflow) -> dict[str, Any]:
    """Save the draft as it is on the canvas; it may be unfinished.

    With it go the name, and whether contacts may go in again, if they were changed.
    """
    body = strictjson.read_object(request.body)
    saved = workflows.save_draft(
        workflow=workflow,
        document=body.get("document"),
        expected_revision=_revision(body),
        name=_given(body, "name", str),
        allow_reentry=_given(body, "allowReentry", bool),
    )
    found = _problems(saved, parse(saved.draft))
    return {"problems": found, **_state(saved)}


@require_POST
@answering
def workflow_publish(request: ProjectRequest, workflow: Workflow) -> dict[str, Any]:
    """Make the draft that the visitor has seen the live version."""
    body = strictjson.read_object(request.body)
    if workflow.revision != _revision(body):
        raise workflows.StaleDraft(workflow.revision)
    version = workflows.publish(workflow=workflow, user=request.user)
    if body.get("moveRuns") is True:
        bulk.move_all(workflow, version, user=request.user)
    return _state(found(request, workflow.pk))


@require_POST
@answering
def workflow_enable(request: ProjectRequest, workflow: Workflow) -> dict[str, Any]:
    return _state(workflows.enable(workflow=workflow, user=request.user))


@require_POST
@answering
def workflow_disable(_request: ProjectRequest, workflow: Workflow) -> dict[str, Any]:
    return _state(workflows.disable(workflow=workflow))


@require_safe
@answering
def workflow_counts(_request: ProjectRequest, workflow: Workflow) -> dict[str, Any]:
    """Answer the poll: how many are at each step, and how many left it by which way."""
    return {"counts": _counts(workflow), **_state(workflow)}


def _revision(body: dict[str, Any]) -> int:
    revision = body.get("revision")
    if isinstance(revision, int) and not isinstance(revision, bool):
        return revision
    # What names none has seen none, so that it never is the newest.
    return 0


def _given(body: dict[str, Any], name: str, kind: type[_Kind]) -> _Kind | None:
    """Return a value of a kind, None if it is not there; raises Invalid."""
    value = body.get(name)
    if value is None or isinstance(value, kind):
        return value
    raise invalid(name, f"Expected {kind.__name__}.", "invalid_type")


def _problems(workflow: Workflow, definition: Definition) -> list[dict[str, Any]]:
    found = problems_in(workflow.project_id, definition)
    return [problem.as_json() for problem in found]


def _counts(workflow: Workflow) -> dict[str, dict[str, int]]:
    return {str(step): numbers for step, numbers in tallies(workflow.pk).items()}


def _state(workflow: Workflow) -> dict[str, Any]:
    """Return what the head of the canvas tells of a workflow."""
    return {
        "revision": workflow.revision,
        "enabled": workflow.enabled,
        "hasChanges": workflows.has_changes(workflow),
        "live": _version(workflow.live_id),
        "inside": workflows.active_runs(workflow),
    }


def _version(version_id: UUID | None) -> dict[str, Any] | None:
    if version_id is None:
        return None
    rows = WorkflowVersion.objects.filter(pk=version_id)
    version = rows.values("number", "created_at", "published_by__email").first()
    if version is None:
        return None
    return {
        "number": version["number"],
        "at": version["created_at"].isoformat(),
        "by": version["published_by__email"],
    }


def _urls(workflow: Workflow) -> dict[str, str]:
    one = [workflow.project_id, workflow.pk]
    names = ("save", "publish", "enable", "disable", "counts")
    urls = {name: reverse(f"workflow_{name}", args=one) for name in names}
    urls["templates"] = reverse("templates", args=[workflow.project_id])
    return urls
