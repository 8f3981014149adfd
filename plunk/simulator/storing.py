"""Accepting a mail: one transaction that keeps it and what is to be reported of it."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID, uuid4

import orjson
from django.conf import settings
from django.db import transaction
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from plunk.simulator import feedback
from plunk.simulator.envelopes import notification
from plunk.simulator.events import Event, detail_of, events_of
from plunk.simulator.mail import Mail, decoded, read_headers
from plunk.simulator.models import PendingFeedback, SimulatedMessage

PROJECT_TAG = "plunk_project"
_WORST_FIRST = ("Complaint", "Bounce", "Delivery", "Send")


def accept(*, mail: Mail, has_feedback: bool, delay_seconds: float = 0) -> str:
    """Keep a mail and its feedback; return the message id.

    Both are in one transaction, so that no accepted mail stays without feedback.
    """
    message_id = _new_message_id()
    headers = read_headers(mail.raw)
    events = events_of(mail=mail, headers=headers, message_id=message_id)
    message = SimulatedMessage(
        message_id=message_id,
        project_id=_project_of(mail),
        sender=decoded(headers.get("From") or mail.sender)[:320],
        recipients=mail.recipients,
        subject=decoded(headers.get("Subject"))[:998],
        tags=mail.tags,
        configuration_set=mail.configuration_set,
        raw=mail.raw,
        outcome=_outcome(events) if has_feedback else "Send",
    )
    with transaction.atomic():
        message.save(force_insert=True)
        if has_feedback:
            _remember(message_id, events, due_at=feedback.later(delay_seconds))
            transaction.on_commit(feedback.wake)
    return message_id


class NotCounted(Exception):
    """The mail's configuration set reports neither opens nor clicks."""


def counts(message: SimulatedMessage) -> bool:
    """Say whether SES would have counted the opens and clicks of a mail."""
    silent = settings.SES_CONFIGURATION_SET_NO_TRACKING
    is_silent = silent and message.configuration_set == silent
    return not is_silent or silent == settings.AWS_SES_CONFIGURATION_SET


def report(
    *, message: SimulatedMessage, kind: str, detail: dict[str, Any] | None = None
) -> None:
    """Report one more event of a kept mail: an open, a click, a late complaint.

    `detail` replaces members of the event's own object. Raises KeyError for a kind that
    the simulator does not know, and NotCounted where SES would not have noticed.
    """
    if kind in ("Open", "Click") and not counts(message):
        raise NotCounted
    mail = Mail(
        raw=bytes(message.raw),
        sender=message.sender,
        recipients=message.recipients,
        tags=message.tags,
        configuration_set=message.configuration_set,
    )
    sent = events_of(
        mail=mail, headers=read_headers(mail.raw), message_id=message.message_id
    )[0]
    said = detail_of(kind, message.recipients[0]) | (detail or {})
    event = Event(
        kind,
        {"eventType": kind, "mail": sent.message["mail"], kind.lower(): said},
    )
    with transaction.atomic():
        _remember(message.message_id, [event], due_at=Now())
        SimulatedMessage.objects.filter(pk=message.pk).update(outcome=kind)
        transaction.on_commit(feedback.wake)


def _outcome(events: list[Event]) -> str:
    """Return what a reader should know first: of several recipients, the worst.

    An out-of-office answer comes as a bounce that is not for good; the mail arrived.
    """
    kinds = {event.kind for event in events if not _is_passing(event)}
    return next(kind for kind in _WORST_FIRST if kind in kinds)


def _is_passing(event: Event) -> bool:
    bounce = event.message.get("bounce", {})
    return bool(bounce) and bounce.get("bounceType") != "Permanent"


def _remember(message_id: str, events: list[Event], *, due_at: Combinable) -> None:
    PendingFeedback.objects.bulk_create(
        PendingFeedback(
            message_id=message_id,
            kind=event.kind,
            envelope=notification(message=orjson.dumps(event.message).decode()),
            due_at=due_at,
        )
        for event in events
    )


def _new_message_id() -> str:
    """Return an id of the shape SES gives in us-east-1: the time, then chance."""
    return f"0100{time.time_ns() // 1_000_000:012x}-{uuid4()}-000000"


def _project_of(mail: Mail) -> UUID | None:
    try:
        return UUID(mail.tags.get(PROJECT_TAG, ""))
    except ValueError:
        return None
