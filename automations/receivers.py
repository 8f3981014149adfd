"""News from the floors below that is an event here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from automations.events import defining
from automations.events.mails import record_news
from automations.models import Listener, Moves
from automations.tracking import record
from contacts.models import Segment
from contacts.segments.naming import entry_event, exit_event
from transactional.models import Template
from transactional.signals import News


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
    _record_move(Moves.ENTRY, entry_event(segment), segment, contact_ids)


def record_exited(*, segment: Segment, contact_ids: Sequence[UUID], **_: Any) -> None:
    """Record who went out of a tracked segment."""
    _record_move(Moves.EXIT, exit_event(segment), segment, contact_ids)


def _record_move(
    moves: Moves, event: str, segment: Segment, contact_ids: Sequence[UUID]
) -> None:
    record(
        project_id=segment.project_id,
        contact_ids=contact_ids,
        event=event,
        data={"segmentId": str(segment.pk), "segmentName": segment.name},
        # By the segment itself: with another name, its events have another one, too.
        is_heard=Listener.objects.filter(segment=segment, moves=moves).exists(),
    )


def record_mails(*, news: Sequence[News], **_: Any) -> None:
    """Record what became of mails."""
    record_news(news)


def define_events(*, template: Template, is_new: bool, **_: Any) -> None:
    """Keep the events that tell of a template's mails, under its name."""
    if is_new:
        defining.define(template.project_id, template.name, template_id=template.pk)
    else:
        defining.rename(template)


def abandon_events(*, template_ids: Sequence[UUID], **_: Any) -> None:
    """Let go of the events of deleted templates."""
    defining.abandon(template_ids)
