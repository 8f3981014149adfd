"""News from the floors below that is an event here."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from automations.tracking import record


def record_subscribed(
    *, project_id: UUID, contact_id: UUID, reason: str, **_: Any
) -> None:
    """Record a contact's opt-in under its name in both generations."""
    for event in ("contact.subscribed", "subscribe"):
        record(
            project_id=project_id,
            contact_id=contact_id,
            event=event,
            data={"reason": reason},
        )


def record_unsubscribed(
    *, project_id: UUID, contact_id: UUID, reason: str, **_: Any
) -> None:
    """Record a contact's opt-out under its name in both generations."""
    for event in ("contact.unsubscribed", "unsubscribe"):
        record(
            project_id=project_id,
            contact_id=contact_id,
            event=event,
            data={"reason": reason},
        )
