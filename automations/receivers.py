"""News from the floors below that is an event here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from automations.tracking import record


def record_subscribed(
    *, project_id: UUID, contact_ids: Sequence[UUID], reason: str, **_: Any
) -> None:
    """Record opt-ins under their name in both generations."""
    for event in ("contact.subscribed", "subscribe"):
        record(
            project_id=project_id,
            contact_ids=contact_ids,
            event=event,
            data={"reason": reason},
        )


def record_unsubscribed(
    *, project_id: UUID, contact_ids: Sequence[UUID], reason: str, **_: Any
) -> None:
    """Record opt-outs under their name in both generations."""
    for event in ("contact.unsubscribed", "unsubscribe"):
        record(
            project_id=project_id,
            contact_ids=contact_ids,
            event=event,
            data={"reason": reason},
        )
