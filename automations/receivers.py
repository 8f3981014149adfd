"""News from the floors below that is an event here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from automations.tracking import record
from contacts.models import Segment
from contacts.segments.naming import entry_event, exit_event


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


def record_entered(*, segment: Segment, contact_ids: Sequence[UUID], **_: Any) -> None:
    """Record who came into a tracked segment."""
    _record_move(entry_event(segment), segment, contact_ids)


def record_exited(*, segment: Segment, contact_ids: Sequence[UUID], **_: Any) -> None:
    """Record who went out of a tracked segment."""
    _record_move(exit_event(segment), segment, contact_ids)


def _record_move(event: str, segment: Segment, contact_ids: Sequence[UUID]) -> None:
    record(
        project_id=segment.project_id,
        contact_ids=contact_ids,
        event=event,
        data={"segmentId": str(segment.pk), "segmentName": segment.name},
    )
