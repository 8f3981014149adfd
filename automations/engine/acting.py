"""What steps do: set-wise, in the engine's transaction, under the id of the visit.

A mail is queued and a webhook's request is kept; both leave later, by workers of their
own. So everything here is rows, and a step that is taken twice finds its own.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import OperationalError, transaction

from automations.deciding import (
    CallServer,
    ChangeContact,
    ChangeSegment,
    Effect,
    SendMail,
    Values,
)
from automations.engine.journeys import Journey
from automations.webhooks.payload import Unrenderable, render
from automations.webhooks.queueing import NewCall, queue_calls
from contacts.addresses import AddressError, normalise
from contacts.ledger import Act
from contacts.merging import merge_data
from contacts.models import Door, Segment, SegmentType
from contacts.segments.membership import add_members, remove_members
from contacts.subscriptions import set_all_subscribed
from plunk.api.errors import ApiError
from plunk.projects.models import Project
from transactional.models import Template
from transactional.owing import Owed, owe

logger = logging.getLogger(__name__)

Errand = tuple[Journey, Any]


class Undone(Exception):
    """Why a step could not be taken, in words for the people of the project."""


def act(errands: Sequence[tuple[Journey, Effect]], now: datetime) -> list[Journey]:
    """Do what steps are to do; return the journeys whose step could not be taken.

    Those have been told why. What goes wrong for many at once is done for each alone,
    so that one that cannot be keeps no other from its step.
    """
    undone: list[Journey] = []
    groups: dict[Hashable, list[tuple[Journey, Effect]]] = defaultdict(list)
    for journey, effect in errands:
        groups[_kind(journey, effect)].append((journey, effect))
    for group in groups.values():
        if error := _tried(group):
            undone += _one_by_one(group, error, now)
    return undone


def _kind(journey: Journey, effect: Effect) -> Hashable:
    """Say with which others an errand may be run in one go."""
    project_id = journey.run.project_id
    match effect:
        case SendMail():
            return project_id, SendMail, effect.template_id
        case ChangeContact():
            return journey.run.version_id, ChangeContact, journey.place.step_id
        case ChangeSegment():
            return project_id, effect
        case CallServer():
            return project_id, CallServer


def _one_by_one(
    group: Sequence[tuple[Journey, Effect]], error: str, now: datetime
) -> list[Journey]:
    undone = []
    for errand in group:
        why = _tried([errand]) if len(group) > 1 else error
        if why:
            errand[0].fail(why, now)
            undone.append(errand[0])
    return undone


def _tried(group: Sequence[tuple[Journey, Effect]]) -> str:
    """Run errands of one kind, all or none; return why none could be."""
    do = _DOERS[type(group[0][1])]
    try:
        with transaction.atomic():
            do(group)
    except OperationalError:
        raise
    except (Undone, ApiError) as error:
        return str(error)
    except Exception:
        # Whatever is wrong with one step, the other runs must go on.
        run_ids = [str(journey.run.pk) for journey, _ in group[:5]]
        logger.exception("a step broke off", extra={"runs": run_ids})
        return "It broke off; the log of the server has the details."
    return ""


def _send(group: Sequence[Errand]) -> None:
    first, effect = group[0]
    rows = Template.objects.existing().filter(project=first.run.project_id)
    template = rows.filter(pk=effect.template_id).first()
    if template is None:
        raise Undone("The template of this step was deleted.")
    owe(
        project=Project.objects.get(pk=first.run.project_id),
        template=template,
        mails=[_owed(journey, effect) for journey, effect in group],
    )


def _owed(journey: Journey, effect: SendMail) -> Owed:
    context = journey.values.context
    try:
        custom = normalise(effect.custom_email) if effect.custom_email else ""
    except AddressError as error:
        raise Undone(f"“{effect.custom_email[:100]}” is no address. {error}") from error
    return Owed(
        origin_id=journey.visit_id,
        contact_id=journey.run.contact_id,
        to_email=custom or journey.values.email,
        variables={**context, "event": context} if context else {},
        is_to_another=bool(custom),
    )


def _change(group: Sequence[Errand]) -> None:
    first, effect = group[0]
    project_id = first.run.project_id
    ids = list(dict.fromkeys(journey.run.contact_id for journey, _ in group))
    if effect.updates:
        merge_data(project_id=project_id, contact_ids=ids, changes=effect.updates)
    changed: set[UUID] = set()
    if effect.subscribed is not None:
        act_ = Act(Door.WORKFLOW, "workflow", origin_id=first.run.workflow_id)
        changed = set(
            set_all_subscribed(
                project_id=project_id,
                contact_ids=ids,
                subscribed=effect.subscribed,
                act=act_,
            )
        )
    for journey, _ in group:
        _see(journey, effect, is_flipped=journey.run.contact_id in changed)


def _see(journey: Journey, effect: ChangeContact, *, is_flipped: bool) -> None:
    """Let the steps that follow see the contact as it is now."""
    values = journey.values
    data = {**values.data, **effect.updates}
    journey.values = Values(
        values.email,
        not values.subscribed if is_flipped else values.subscribed,
        {key: value for key, value in data.items() if value is not None},
        values.created_at,
        values.context,
    )


def _move(group: Sequence[Errand]) -> None:
    first, effect = group[0]
    segment = Segment.objects.filter(
        project_id=first.run.project_id, pk=effect.segment_id
    ).first()
    if segment is None:
        raise Undone("The segment of this step was deleted.")
    if segment.type != SegmentType.STATIC:
        raise Undone("The segment of this step finds its members by itself.")
    ids = [journey.run.contact_id for journey, _ in group]
    (add_members if effect.adds else remove_members)(segment, ids)


def _call(group: Sequence[Errand]) -> None:
    queue_calls([_new_call(journey, effect) for journey, effect in group])


def _new_call(journey: Journey, effect: CallServer) -> NewCall:
    run, values = journey.run, journey.values
    try:
        rendered = render(
            effect.config,
            contact={
                "email": values.email,
                "subscribed": values.subscribed,
                "data": dict(values.data),
            },
            workflow={"id": str(run.workflow_id), "name": journey.workflow.name},
            execution={"id": str(run.pk), "startedAt": run.started_at.isoformat()},
            event=dict(values.context),
        )
    except Unrenderable as error:
        raise Undone(str(error)) from error
    return NewCall(
        visit_id=journey.visit_id,
        project_id=run.project_id,
        workflow_id=run.workflow_id,
        contact_id=run.contact_id,
        method=rendered.method,
        url=rendered.url,
        headers=rendered.headers,
        body=rendered.body,
        endpoint=rendered.endpoint,
    )


_DOERS: dict[type, Callable[[Sequence[Errand]], None]] = {
    SendMail: _send,
    ChangeContact: _change,
    ChangeSegment: _move,
    CallServer: _call,
}
