"""Deleting an event with everything that was recorded of it.

Its name is free at once, and it is in no list any more. Up to MOST_AT_ONCE occurrences
go while the caller waits; more of them go in chunks, by a job.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from automations.events.stats import Total, total
from automations.events.usage import usage_of
from automations.models import Event, Occurrence
from contacts import jobs
from contacts.models import Job, JobKind
from plunk.api.errors import BadRequest, Forbidden, NotFound
from plunk.projects.models import User

#: So many occurrences are deleted while the caller waits, and in one chunk of a job.
MOST_AT_ONCE = 5_000


class EventNotFound(NotFound):
    code = "EVENT_NOT_FOUND"
    suggestion = "Events are listed at /events/names."

    def __init__(self) -> None:
        super().__init__("There is no such event.")


class EventInUse(BadRequest):
    """It is needed, or the system goes on recording it; the message says which."""

    code = "EVENT_IN_USE"
    suggestion = "Take it out of there first; what the system records stays."

    def __init__(self, reason: str) -> None:
        super().__init__(f"Cannot delete this event. {reason}")


class EventOfMails(Forbidden):
    """It belongs to a template or campaign."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """How many occurrences went, or are going, with an event; `job` removes them."""

    occurrences: Total
    job: Job | None = None


def event_named(project_id: UUID, name: str) -> Event:
    """Return a project's event of a name; raises EventNotFound."""
    rows = Event.objects.existing().filter(project_id=project_id)
    event = None if "\x00" in name else rows.filter(name=name).first()
    if event is None:
        raise EventNotFound
    return event


@transaction.atomic
def delete_event(*, event: Event, user: User | None = None) -> Deleted:
    """Delete an event and its occurrences.

    Raises EventNotFound where it is gone, EventOfMails for one that tells of a
    template's or campaign's mails, EventInUse where something names it.
    """
    # Whoever records waits here, and then finds the name free.
    rows = Event.objects.existing().filter(pk=event.pk)
    locked = rows.select_for_update().first()
    if locked is None:
        raise EventNotFound
    _refuse(locked)
    own = Occurrence.objects.filter(event=locked)
    ids = list(own.order_by("-created_at").values_list("pk", flat=True)[:_PEEK])
    if len(ids) <= MOST_AT_ONCE:
        _delete_occurrences(ids)
        locked.delete()
        return Deleted(Total(len(ids)))
    count = total(locked)
    job = jobs.begin(
        project_id=locked.project_id,
        kind=JobKind.DROP_EVENT,
        parameters={"event": str(locked.pk), "name": locked.name},
        total=count.count,
        user=user,
    )
    # No event that is recorded has a name with a space.
    rows.update(name=f"deleted {locked.pk}", deleted_at=Now(), is_heard=False)
    return Deleted(count, job)


_PEEK = MOST_AT_ONCE + 1


def _refuse(event: Event) -> None:
    usage = usage_of(event)
    if usage.can_delete:
        return
    if event.template_id or event.campaign_id:
        raise EventOfMails(f"Cannot delete this event. {usage.reason}")
    raise EventInUse(usage.reason)


class DropEventWorker:
    """Removes what was recorded of a deleted event, the newest first; a job's worker.

    Lists show the newest first: they are rid of them soon.
    """

    def __init__(self, job: Job) -> None:
        self.event_id = UUID(job.parameters["event"])

    def step(self, job: Job) -> bool:
        newest = Occurrence.objects.filter(event=self.event_id).order_by("-created_at")
        ids = list(newest.values_list("pk", flat=True)[:MOST_AT_ONCE])
        _delete_occurrences(ids)
        job.done += len(ids)
        jobs.count(job, success=len(ids))
        if ids:
            return True
        Event.objects.filter(pk=self.event_id, deleted_at__isnull=False).delete()
        return False


def _delete_occurrences(ids: list[UUID]) -> None:
    Occurrence.objects.filter(pk__in=ids).delete()
