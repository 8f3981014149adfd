"""What a contact did, as the classic API tells it with the contact."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from automations.api.events import classic_event
from automations.models import Occurrence
from plunk.api.answers import timestamp


def triggers(project_id: UUID, contact_id: UUID, limit: int) -> list[dict[str, Any]]:
    """Return the newest events of a contact."""
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
