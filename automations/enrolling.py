"""Beginning a run by hand or by the API."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction

from automations.engine.arrivals import Entry, enter
from automations.entry import Refusal
from automations.models import Run, Workflow
from automations.schedules import ask
from automations.tracking import ENGINE
from contacts.models import Contact, Job, Segment
from contacts.segments.scopes import database_now
from plunk.api.errors import BadRequest, Conflict, NotFound
from plunk.ids import new_id, new_id_text
from plunk.projects.models import User
from plunk.waking import wake_on_commit

#: Why somebody cannot begin, in words.
REFUSALS = {
    Refusal.ONCE: "The contact has been in this workflow, which allows it once.",
    Refusal.RUNNING: "The contact is just taking a step of this workflow.",
    Refusal.EXCLUDED: "The contact had an event that keeps it out of this workflow.",
    Refusal.INCOMPLETE: "The contact has not had all events that begin this workflow.",
    Refusal.TOO_OFTEN: "The contact has begun this workflow too often within an hour.",
    Refusal.OWN_MAIL: "A workflow does not begin by its own mail.",
}


class WorkflowDisabled(BadRequest):
    code = "WORKFLOW_DISABLED"
    suggestion = "Enable the workflow first."


def start(
    *, workflow: Workflow, contact_id: UUID, context: dict[str, Any] | None = None
) -> Run:
    """Begin a run for one contact, whatever the trigger is.

    Raises WorkflowDisabled, NotFound for the contact, and Conflict where the rules of
    re-entry, or the events of the trigger, keep the contact out.
    """
    if not workflow.enabled or workflow.live_id is None:
        raise WorkflowDisabled("That workflow is switched off.")
    known = Contact.objects.filter(project_id=workflow.project_id, pk=contact_id)
    if not known.exists():
        raise NotFound("There is no such contact.", code="CONTACT_NOT_FOUND")
    now = database_now()
    entry = Entry(workflow, contact_id, new_id(), now, context, is_by_hand=True)
    with transaction.atomic():
        judged = enter(workflow.project_id, [entry], now)
        wake_on_commit(ENGINE)
    if not judged:
        raise NotFound("There is no such contact.", code="CONTACT_NOT_FOUND")
    ((_, why),) = judged
    if why:
        raise Conflict(REFUSALS.get(why, "The contact cannot begin now."))
    return Run.objects.get(workflow=workflow, contact=contact_id, entry_id=entry.id)


def start_segment(*, workflow: Workflow, segment: Segment, user: User | None) -> Job:
    """Begin runs for everybody in a segment, as a job with progress."""
    if not workflow.enabled or workflow.live_id is None:
        raise WorkflowDisabled("That workflow is switched off.")
    return ask(workflow, segment.pk, key=new_id_text(), at=database_now(), user=user)
