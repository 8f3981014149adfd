"""Workflows, their steps and executions as the API's current generation shows them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Sum

from automations.definitions import Definition, Step, StepType, Transition, parse
from automations.models import (
    Run,
    StepTally,
    Visit,
    Workflow,
    WorkflowVersion,
)
from automations.tallies import PARKED
from plunk.api.answers import timestamp
from transactional.models import Template

#: A run takes each step of a version once, and may be moved to another version.
MOST_VISITS = 1_000


def workflow_as_json(workflow: Workflow) -> dict[str, Any]:
    """Return a workflow as its draft says it is; `version` is the one that is live."""
    trigger = parse(workflow.draft).trigger
    return {
        "id": str(workflow.pk),
        "name": workflow.name,
        "description": workflow.description or None,
        "kind": workflow.kind,
        "enabled": workflow.enabled,
        "triggerType": str(trigger.type),
        "triggerConfig": dict(trigger.config),
        "allowReentry": workflow.allow_reentry,
        "projectId": str(workflow.project_id),
        "version": workflow.live.number if workflow.live else None,
        "hasChanges": workflow.live is None or _differs(workflow),
        "createdAt": timestamp(workflow.created_at),
        "updatedAt": timestamp(workflow.updated_at),
    }


def _differs(workflow: Workflow) -> bool:
    return workflow.live is not None and workflow.live.definition != workflow.draft


def workflows_as_json(workflows: Sequence[Workflow]) -> list[dict[str, Any]]:
    """Return workflows with how many steps and executions they have."""
    begun = begun_of(workflows)
    return [
        workflow_as_json(workflow)
        | {
            "_count": {
                "steps": len(workflow.draft["steps"]),
                "executions": begun.get(workflow.pk, 0),
            }
        }
        for workflow in workflows
    ]


def begun_of(workflows: Sequence[Workflow]) -> dict[UUID, int]:
    """Return how many runs each workflow has begun; one statement.

    Who has passed the trigger or is at it: counting runs themselves would read them.
    """
    starts = {parse(one.draft).start.id for one in workflows}
    if not starts:
        return {}
    rows = StepTally.objects.filter(
        workflow__in=[one.pk for one in workflows], step_id__in=starts
    )
    found = rows.exclude(outcome=PARKED).order_by().values_list("workflow")
    return dict(found.annotate(sum=Sum("passed")))


def workflow_in_full(workflow: Workflow) -> dict[str, Any]:
    """Return a workflow with its steps, their templates and what joins them."""
    definition = parse(workflow.draft)
    templates = _templates(workflow.project_id, dict(definition.templates()).values())
    return workflow_as_json(workflow) | {
        "steps": [
            _step_in_full(workflow, definition, step, templates)
            for step in definition.steps.values()
        ]
    }


def _templates(project_id: UUID, ids: Collection[UUID]) -> dict[UUID, str]:
    if not ids:
        return {}
    rows = Template.objects.existing().filter(project_id=project_id, pk__in=set(ids))
    return dict(rows.values_list("pk", "name"))


def _step_in_full(
    workflow: Workflow,
    definition: Definition,
    step: Step,
    templates: Mapping[UUID, str],
) -> dict[str, Any]:
    name = templates.get(step.template_id) if step.template_id else None
    template = {"id": str(step.template_id), "name": name} if name is not None else None
    return step_as_json(workflow, definition, step) | {
        "template": template,
        "outgoingTransitions": [
            transition_as_json(workflow, way) for way in definition.ways_from(step.id)
        ],
        "incomingTransitions": [
            transition_as_json(workflow, way) for way in definition.ways_to(step.id)
        ],
    }


def step_as_json(
    workflow: Workflow, definition: Definition, step: Step
) -> dict[str, Any]:
    """Return a step; the trigger's is configured by what begins the workflow."""
    is_trigger = step.type is StepType.TRIGGER
    given = definition.trigger.config if is_trigger else {}
    return {
        "id": str(step.id),
        "type": str(step.type),
        "name": step.name,
        "position": {"x": step.x, "y": step.y},
        "config": {**step.config, **given},
        "templateId": str(step.template_id) if step.template_id else None,
        "workflowId": str(workflow.pk),
        **_times(workflow),
    }


def transition_as_json(workflow: Workflow, way: Transition) -> dict[str, Any]:
    return {
        "id": str(way.id),
        "fromStepId": str(way.from_id),
        "toStepId": str(way.to_id),
        "condition": dict(way.condition) if way.condition is not None else None,
        "priority": way.priority,
        "waitOutcome": way.wait_outcome,
        "workflowId": str(workflow.pk),
        **_times(workflow),
    }


def _times(workflow: Workflow) -> dict[str, str]:
    """Return the times of the whole, because parts of a document have none."""
    return {
        "createdAt": timestamp(workflow.created_at),
        "updatedAt": timestamp(workflow.updated_at),
    }


# -- executions ------------------------------------------------------------------------


def execution_as_json(run: Run, number: int) -> dict[str, Any]:
    """Return a run; `number` is that of the version it follows."""
    moments = (run.started_at, run.arrived_at, run.completed_at)
    return {
        "id": str(run.pk),
        "workflowId": str(run.workflow_id),
        "contactId": str(run.contact_id),
        "status": run.state,
        "currentStepId": str(run.step_id) if run.step_id else None,
        "exitReason": run.exit_reason or None,
        "context": run.context,
        "error": run.error or None,
        "version": number,
        "startedAt": timestamp(run.started_at),
        "completedAt": timestamp(run.completed_at) if run.completed_at else None,
        "createdAt": timestamp(run.started_at),
        "updatedAt": timestamp(max(moment for moment in moments if moment)),
    }


def executions_as_json(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Return runs with their contact and where they are; one statement for any number.

    Their contacts are loaded by the caller.
    """
    versions = _versions({run.version_id for run in runs})
    return [
        execution_as_json(run, versions[run.version_id].number)
        | {
            "contact": {"id": str(run.contact_id), "email": run.contact.email},
            "currentStep": _step_of(versions[run.version_id], run.step_id),
        }
        for run in runs
    ]


def _versions(ids: Collection[UUID]) -> dict[UUID, WorkflowVersion]:
    return WorkflowVersion.objects.in_bulk(ids) if ids else {}


def _step_of(version: WorkflowVersion, step_id: UUID | None) -> dict[str, Any] | None:
    """Return a step of a version in a few words, as it was stored."""
    for step in version.definition["steps"] if step_id else ():
        if step["id"] == str(step_id):
            return {key: step[key] for key in ("id", "name", "type")}
    return None


def execution_in_full(run: Run) -> dict[str, Any]:
    """Return a run with its workflow and every step it took; three statements."""
    version = WorkflowVersion.objects.get(pk=run.version_id)
    (shown,) = executions_as_json([run])
    visits = Visit.objects.filter(run=run).order_by("number")[:MOST_VISITS]
    return shown | {
        "workflow": {"id": str(run.workflow_id), "name": run.workflow.name},
        "stepExecutions": [_visit(visit, version) for visit in visits],
    }


def _visit(visit: Visit, version: WorkflowVersion) -> dict[str, Any]:
    until = timestamp(visit.until_at) if visit.until_at else None
    done = timestamp(visit.completed_at) if visit.completed_at else None
    return {
        "id": str(visit.pk),
        "executionId": str(visit.run_id),
        "stepId": str(visit.step_id),
        "status": visit.state,
        "outcome": visit.outcome or None,
        "seen": visit.seen,
        "output": visit.output,
        "error": visit.error or None,
        "scheduledFor": until,
        "executeAfter": until,
        "startedAt": timestamp(visit.started_at),
        "completedAt": done,
        "step": _step_of(version, visit.step_id),
    }
