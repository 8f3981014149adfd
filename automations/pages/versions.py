"""The versions of a workflow: who published them, who is on them, what they say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import OuterRef
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from automations import bulk
from automations.definitions import parse
from automations.engine.versions import definition_of
from automations.models import ACTIVE, Run, Workflow, WorkflowVersion
from automations.pages.figures import CountOf
from automations.pages.frame import Asked, address, ask, found, head, names_of
from automations.wording import trigger_in_words
from automations.wording.steps import outline
from automations.workflows import MOST_COUNTED, has_changes
from plunk.pages.access import ProjectRequest, project_page
from plunk.pages.paging import page

PAGE_SIZE = 25


def _with_people(workflow: Workflow) -> Any:
    """Return the versions of a workflow, each with how many are on it."""
    on_it = Run.objects.filter(version=OuterRef("pk"), state__in=ACTIVE)
    some = on_it.order_by().values("pk")[: MOST_COUNTED + 1]
    rows = WorkflowVersion.objects.filter(workflow=workflow)
    return rows.annotate(people=CountOf(some)).select_related("published_by")


@require_safe
@project_page
def workflow_versions(request: ProjectRequest, workflow_id: UUID) -> HttpResponse:
    workflow = found(request, workflow_id)
    listed = page(
        _with_people(workflow).defer("definition"),
        cursor=request.GET.get("cursor", ""),
        size=PAGE_SIZE,
    )
    older = Run.objects.filter(workflow=workflow, state__in=ACTIVE).exclude(
        version=workflow.live_id
    )
    context = head(workflow, "workflow_versions") | {
        "page": listed,
        "versions": listed.rows,
        "most": MOST_COUNTED,
        "has_changes": has_changes(workflow),
        "has_older": bool(workflow.live_id) and older.exists(),
    }
    return render(request, "automations/versions.html", context)


@require_safe
@project_page
def workflow_version(
    request: ProjectRequest, workflow_id: UUID, number: int
) -> HttpResponse:
    """Show a version in words, as it was published."""
    workflow = found(request, workflow_id)
    version = _with_people(workflow).filter(number=number).first()
    if version is None:
        raise Http404("There is no such version.")
    definition = parse(version.definition)
    names = names_of(request.project.pk, [definition])
    context = head(workflow, "workflow_versions") | {
        "version": version,
        "most": MOST_COUNTED,
        "trigger": trigger_in_words(definition.trigger, names),
        "steps": outline(definition, names),
    }
    return render(request, "automations/version.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def workflow_move(request: ProjectRequest, workflow_id: UUID) -> HttpResponse:
    """Ask, then take who is inside along to the newest version."""
    workflow = found(request, workflow_id)
    if workflow.live is None:
        raise Http404("Nothing has been published yet.")
    if request.method == "POST":
        done = bulk.move_all(workflow, workflow.live, user=request.user)
        if done.job is not None:
            return redirect("job", request.project.pk, done.job.pk)
        messages.success(request, _moved(workflow, workflow.live, done.count))
        return redirect("workflow_versions", request.project.pk, workflow.pk)
    question = Asked(
        title=f"Move people to version {workflow.live.number}?",
        points=[
            *_who_stays(workflow, workflow.live),
            "Whoever goes along stays at the step they are at, and goes on from there"
            " as the newest version says.",
            "A wait that has begun ends when it was to end.",
        ],
        button="Move them",
        stay="Leave them where they are",
        is_grave=False,
        back_url=address(workflow, "workflow_versions"),
    )
    return ask(request, workflow, question)


def _who_stays(workflow: Workflow, live: WorkflowVersion) -> list[str]:
    """Say who goes along, and who does not because their step is gone."""
    here = set(definition_of(live.pk).steps)
    older = _with_people(workflow).exclude(pk=live.pk).filter(people__gt=0)
    lines = []
    for version in older.defer("definition").order_by("-number")[:PAGE_SIZE]:
        steps = definition_of(version.pk).steps
        gone = [step.name for pk, step in steps.items() if pk not in here]
        people = f"{min(version.people, MOST_COUNTED):,}"
        more = " or more" if version.people > MOST_COUNTED else ""
        lines.append(
            f"Version {version.number}: {people}{more} inside."
            + (f" Who is at {_listed(gone)} finishes this version." if gone else "")
        )
    return lines or ["Everybody is on the newest version already."]


def _listed(names: Sequence[str]) -> str:
    shown = [f"“{name}”" for name in names[:5]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" or {more} more" if more else "")


def _moved(workflow: Workflow, version: WorkflowVersion, number: int) -> str:
    people = "One person is" if number == 1 else f"{number:,} people are"
    left = bulk.who_stays(workflow, version)
    stays = f" {left:,} stay: their step is not in it." if left else ""
    return f"{people} on version {version.number} now.{stays}"
