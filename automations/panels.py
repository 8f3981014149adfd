"""The runs of a contact, on the contact's page."""

from __future__ import annotations

from uuid import UUID

from automations.models import Run, Workflow
from automations.pages.runs import shown
from contacts.panels import Panel
from contacts.segments.scopes import database_now

_SHOWN = 8


def runs(project_id: UUID, contact_id: UUID) -> Panel | None:
    """Show the newest runs; nothing in a project that has no workflows."""
    rows = list(
        Run.objects.filter(
            contact=contact_id, project=project_id, workflow__deleted_at=None
        )
        .select_related("workflow", "version", "awaited")
        .defer("context", "version__definition", "workflow__draft")
        .order_by("-started_at", "-id")[: _SHOWN + 1]
    )
    if not rows and not Workflow.objects.existing().filter(project=project_id).exists():
        return None
    context = {
        "runs": shown(rows[:_SHOWN], database_now()),
        "has_more": len(rows) > _SHOWN,
    }
    return Panel("Automations", "automations/contact_runs.html", context)
