"""Workflows that begin by the clock: when next, and a job for everybody who does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import QuerySet

from automations.definitions import Trigger
from automations.engine.arrivals import Entry, enter
from automations.engine.versions import definition_of
from automations.models import TriggerType, Workflow
from automations.moments import read_cron, zone_of
from automations.tracking import ENGINE
from contacts import jobs
from contacts.jobs import JobError
from contacts.models import Contact, Job, JobKind, Segment
from contacts.segments.matching import members
from contacts.segments.scopes import database_now
from plunk.api.errors import ApiError
from plunk.projects.models import User
from plunk.waking import wake_on_commit

_WINDOW = 500


def next_moment(trigger: Trigger, after: datetime) -> datetime | None:
    """Return when a schedule comes next; None for any other trigger."""
    if trigger.type != TriggerType.SCHEDULE:
        return None
    cron = read_cron(str(trigger.config.get("schedule") or ""))
    zone = zone_of(str(trigger.config.get("timezone") or "UTC"))
    return cron.after(after, zone)


def set_next(workflow: Workflow) -> None:
    """Write down when a workflow's schedule comes next; its row is locked.

    A moment that has come, and whose runs have only to be begun, is not passed over.
    """
    at = None
    if workflow.enabled and workflow.live_id:
        now = database_now()
        at = next_moment(definition_of(workflow.live_id).trigger, now)
        if at and workflow.next_at and workflow.next_at <= now:
            at = workflow.next_at
    Workflow.objects.filter(pk=workflow.pk).update(next_at=at)


def begin_due(now: datetime) -> int:
    """Begin what schedules say; return how many workflows did.

    A moment that was slept through begins once, late; two sweeps begin it once.
    """
    due = Workflow.objects.filter(enabled=True, next_at__lte=now)
    return sum(_begin(pk, now) for pk in due.values_list("pk", flat=True))


@transaction.atomic
def _begin(workflow_id: UUID, now: datetime) -> bool:
    rows = Workflow.objects.filter(pk=workflow_id, enabled=True, next_at__lte=now)
    workflow = rows.select_for_update(skip_locked=True).first()
    if workflow is None or workflow.next_at is None or workflow.live_id is None:
        return False
    trigger = definition_of(workflow.live_id).trigger
    moment = workflow.next_at
    Workflow.objects.filter(pk=workflow.pk).update(next_at=next_moment(trigger, now))
    if trigger.segment_id is None:
        return False
    ask(workflow, trigger.segment_id, key=moment.isoformat(), at=now)
    return True


def ask(
    workflow: Workflow,
    segment_id: UUID,
    *,
    key: str,
    at: datetime,
    user: User | None = None,
) -> Job:
    """Ask for a job that begins runs for everybody in a segment.

    `key` tells this beginning from every other: with the same one, nobody begins twice.
    """
    return jobs.begin(
        project_id=workflow.project_id,
        kind=JobKind.ENROL,
        parameters={
            "workflow": str(workflow.pk),
            "name": workflow.name,
            "segment": str(segment_id),
            "key": key,
            "at": at.isoformat(),
        },
        user=user,
    )


class EnrolWorker:
    """Begins runs for the contacts of a segment; a worker of `contacts.jobs`."""

    def __init__(self, job: Job) -> None:
        given = job.parameters
        rows = Workflow.objects.existing().filter(pk=given["workflow"])
        self.workflow = rows.defer("draft").first()
        self.segment = Segment.objects.filter(pk=given["segment"]).first()
        self.at = datetime.fromisoformat(given["at"])
        self.entry_id = uuid5(UUID(given["workflow"]), given["key"])

    def step(self, job: Job) -> bool:
        """Begin the runs of one window of contacts; see `contacts.jobs.Worker`."""
        workflow, segment = self.workflow, self.segment
        if workflow is None or workflow.live_id is None:
            raise JobError("The workflow was deleted.")
        if segment is None:
            raise JobError("The segment was deleted.")
        if job.total is None:
            job.total = self._members(segment).order_by().count()
        ids = self._window(segment, job.position.get("after"))
        refused = self._enter(workflow, ids)
        job.done += len(ids)
        jobs.count(job, begun=len(ids) - refused, refused=refused)
        job.position = {"after": str(ids[-1])} if ids else {}
        wake_on_commit(ENGINE)
        if len(ids) == _WINDOW:
            return True
        job.total = job.done
        return False

    def _members(self, segment: Segment) -> QuerySet[Contact]:
        try:
            return members(segment, now=self.at)
        except ApiError as error:
            raise JobError(f"The segment has no meaning any more. {error}") from error

    def _window(self, segment: Segment, after: str | None) -> Sequence[UUID]:
        rows = self._members(segment)
        if after:
            rows = rows.filter(pk__gt=after)
        return list(rows.order_by("pk").values_list("pk", flat=True)[:_WINDOW])

    def _enter(self, workflow: Workflow, ids: Sequence[UUID]) -> int:
        now = database_now()
        entries = [
            Entry(workflow, pk, self.entry_id, now, None, is_by_hand=True) for pk in ids
        ]
        judged = enter(workflow.project_id, entries, now)
        return len(ids) - sum(not why for _, why in judged)
