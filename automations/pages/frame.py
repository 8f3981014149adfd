"""What every page of a workflow begins with: the workflow, its names and its tabs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from automations.definitions import Definition, StepType, Trigger, parse
from automations.models import Workflow
from automations.wording import Names
from automations.workflows import WorkflowNotFound, active_runs, workflow_of
from contacts.models import Segment
from plunk.ids import read_id
from plunk.pages.access import ProjectRequest
from transactional.models import Template

#: The pages about a workflow, by the names of their addresses.
TABS = (
    ("workflow", "Canvas"),
    ("workflow_runs", "Runs"),
    ("workflow_versions", "Versions"),
    ("workflow_why", "Why (not)?"),
)


def found(request: ProjectRequest, workflow_id: UUID) -> Workflow:
    """Return a workflow of the open project; raises Http404."""
    try:
        return workflow_of(request.project.pk, workflow_id)
    except WorkflowNotFound as error:
        raise Http404(error.message) from error


def tabs(workflow: Workflow, open_: str) -> list[tuple[str, str, bool]]:
    """Return label, address and whether it is open, for each tab of a workflow."""
    one = [workflow.project_id, workflow.pk]
    return [(label, reverse(name, args=one), name == open_) for name, label in TABS]


def head(workflow: Workflow, open_: str) -> dict[str, Any]:
    """Return what the frame around the pages of a workflow shows."""
    return {
        "workflow": workflow,
        "tabs": tabs(workflow, open_),
        "inside": active_runs(workflow),
    }


def definition_in_force(workflow: Workflow) -> Definition:
    """Return the live version's definition, or the draft where there is none."""
    live = workflow.live
    return parse(live.definition if live else workflow.draft)


def names_of(project_id: UUID, definitions: Iterable[Definition]) -> Names:
    """Look up what definitions name by ids; two statements for all of them."""
    template_ids: set[UUID] = set()
    segment_ids: set[UUID] = set()
    for definition in definitions:
        template_ids |= {template_id for _, template_id in definition.templates()}
        segment_ids |= _segments(definition)
    templates = Template.objects.existing().filter(
        project_id=project_id, pk__in=template_ids
    )
    return Names(
        templates=dict(templates.values_list("pk", "name")) if template_ids else {},
        segments=segment_names(project_id, segment_ids),
    )


def segment_names(project_id: UUID, ids: set[UUID]) -> dict[UUID, str]:
    rows = Segment.objects.filter(project_id=project_id, pk__in=ids)
    return dict(rows.values_list("pk", "name")) if ids else {}


def _segments(definition: Definition) -> set[UUID]:
    given = [
        read_id(str(step.config.get("segmentId") or ""))
        for step in definition.steps.values()
        if step.type is StepType.SEGMENT
    ]
    return {pk for pk in (definition.trigger.segment_id, *given) if pk}


def trigger_of(document: Any) -> Trigger:
    """Return the trigger of a stored document."""
    return parse(document).trigger


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page asks before a step that changes a lot."""

    title: str
    button: str
    stay: str
    points: Sequence[str]
    back_url: str
    is_grave: bool = False


def ask(request: ProjectRequest, workflow: Workflow, question: Asked) -> HttpResponse:
    """Show a question; the answer is posted to the same address."""
    context = {"workflow": workflow, "question": question}
    return render(request, "automations/ask.html", context)


def address(workflow: Workflow, name: str) -> str:
    """Return the address of a page about a workflow."""
    return reverse(name, args=[workflow.project_id, workflow.pk])
