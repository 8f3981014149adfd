"""Workflows, wherever the API of the current generation is served."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, re_path

from automations.api import executions, steps, workflows

_ONE = r"^workflows/(?P<workflow_id>[^/]+)"
_WAY = rf"{_ONE}/transitions/(?P<transition_id>[^/]+)"

urlpatterns: list[URLPattern | URLResolver] = [
    re_path(r"^workflows/?$", workflows.Workflows.as_view(), name="api_workflows"),
    re_path(
        r"^workflows/fields/?$",
        workflows.FieldList.as_view(),
        name="api_workflow_fields",
    ),
    re_path(
        r"^workflows/bulk-update/?$",
        workflows.BulkUpdate.as_view(),
        name="api_workflows_bulk",
    ),
    re_path(rf"{_ONE}/?$", workflows.OneWorkflow.as_view(), name="api_workflow"),
    re_path(
        rf"{_ONE}/duplicate/?$",
        workflows.Duplicate.as_view(),
        name="api_workflow_duplicate",
    ),
    re_path(rf"{_ONE}/steps/?$", steps.Steps.as_view(), name="api_workflow_steps"),
    re_path(
        rf"{_ONE}/steps/(?P<step_id>[^/]+)/?$",
        steps.OneStep.as_view(),
        name="api_workflow_step",
    ),
    re_path(
        rf"{_ONE}/transitions/?$",
        steps.Transitions.as_view(),
        name="api_workflow_transitions",
    ),
    re_path(
        rf"{_WAY}/?$", steps.OneTransition.as_view(), name="api_workflow_transition"
    ),
    re_path(
        rf"{_WAY}/insert-step/?$",
        steps.InsertStep.as_view(),
        name="api_workflow_insert_step",
    ),
    re_path(
        rf"{_ONE}/executions/?$",
        executions.Executions.as_view(),
        name="api_executions",
    ),
    re_path(
        rf"{_ONE}/executions/cancel-all/?$",
        executions.CancelAll.as_view(),
        name="api_executions_cancel",
    ),
    re_path(
        rf"{_ONE}/executions/(?P<execution_id>[^/]+)/?$",
        executions.OneExecution.as_view(),
        name="api_execution",
    ),
]
