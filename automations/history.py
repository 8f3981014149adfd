"""What a contact did, and what it set off, as the classic API tells it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from automations.api.actions import classic_action
from automations.api.events import classic_event
from automations.models import Occurrence, Run, Workflow, WorkflowKind
from plunk.api.answers import timestamp


def triggers(project_id: UUID, contact_id: UUID, limit: int) -> list[dict[str, Any]]:
    """Return the newest events of a contact, and the actions that they set off."""
    told = [*_events(project_id, contact_id, limit), *_actions(contact_id, limit)]
    told.sort(key=lambda one: (one["createdAt"], one["id"]), reverse=True)
    return told[:limit]


def _events(project_id: UUID, contact_id: UUID, limit: int) -> list[dict[str, Any]]:
    rows = Occurrence.objects.filter(project_id=project_id, contact_id=contact_id)
    rows = rows.select_related("event").defer("data")
    return [
        {
            "id": str(row.pk),
            "contactId": str(contact_id),
            "eventId": str(row.event_id),
            "actionId": None,
            "createdAt": timestamp(row.created_at),
            "updatedAt": timestamp(row.created_at),
            "event": classic_event(row.event),
            "action": None,
        }
        for row in rows.order_by("-created_at", "-id")[:limit]
    ]


def _actions(contact_id: UUID, limit: int) -> list[dict[str, Any]]:
    """Return the newest runs of actions; a contact has been in only so many."""
    rows = Run.objects.filter(
        contact=contact_id,
        workflow__kind=WorkflowKind.ACTION,
        workflow__deleted_at=None,
    )
    runs = list(rows.defer("context").order_by("-started_at", "-id")[:limit])
    actions = Workflow.objects.in_bulk({run.workflow_id for run in runs})
    shown = {pk: classic_action(action) for pk, action in actions.items()}
    return [
        {
            "id": str(run.pk),
            "contactId": str(contact_id),
            "eventId": None,
            "actionId": str(run.workflow_id),
            "createdAt": timestamp(run.started_at),
            "updatedAt": timestamp(run.completed_at or run.started_at),
            "event": None,
            "action": shown.get(run.workflow_id),
        }
        for run in runs
    ]
