"""What people do to all runs of a workflow: at once where they are few, else by a job.

A job goes through the runs by their place in an index, a batch to a transaction, and
keeps the place with it: whoever is killed on the way goes on there. A run may change
its state behind the place; so a job goes round until a whole round changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet, Sum

from automations import running
from automations.models import (
    ACTIVE,
    Run,
    RunState,
    StepTally,
    Workflow,
    WorkflowVersion,
)
from automations.tallies import HERE
from contacts import jobs
from contacts.jobs import JobError
from contacts.models import Job, JobKind
from contacts.segments.scopes import database_now
from plunk.pages.paging import Cursor, last_spelling, older
from plunk.projects.models import User

#: So many runs are changed while the caller waits; more of them by a job.
MOST_AT_ONCE = 1_000
#: How many who stay on their version are counted.
_MOST_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class Done:
    """How many runs were changed; with a `job`, more than MOST_AT_ONCE are to be."""

    count: int
    job: Job | None = None


def cancel_all(workflow: Workflow, *, user: User | None = None) -> Done:
    """End every run that is under way."""
    ids = _few(workflow, *ACTIVE)
    if len(ids) <= MOST_AT_ONCE:
        return Done(running.cancel_some(ids))
    job = _begin(workflow, JobKind.CANCEL_RUNS, user)
    return Done(inside(workflow), job)


def resume_all(workflow: Workflow, *, user: User | None = None) -> Done:
    """Let every parked run try its step again."""
    ids = _few(workflow, RunState.FAILED)
    if len(ids) <= MOST_AT_ONCE:
        return Done(running.resume_some(ids, database_now()))
    job = _begin(workflow, JobKind.RESUME_RUNS, user)
    return Done(len(ids), job)


def move_all(
    workflow: Workflow, version: WorkflowVersion, *, user: User | None = None
) -> Done:
    """Take who is inside or parked along to a version, as far as their step is in it.

    Whoever is on a newer one meanwhile stays there.
    """
    rows = _older(workflow, version, *running.MOVABLE)
    ids = list(rows.values_list("pk", flat=True)[: MOST_AT_ONCE + 1])
    if len(ids) <= MOST_AT_ONCE:
        return Done(running.move_some(ids, version))
    job = _begin(workflow, JobKind.MOVE_RUNS, user, version=str(version.pk))
    return Done(len(ids), job)


def who_stays(workflow: Workflow, version: WorkflowVersion) -> int:
    """Count who is inside on an older version, up to 10,001."""
    rows = _older(workflow, version, *ACTIVE)
    return rows.order_by()[: _MOST_COUNTED + 1].count()


def inside(workflow: Workflow) -> int:
    """Return how many are inside, from the figures that are kept (`tallies`)."""
    rows = StepTally.objects.filter(workflow=workflow, outcome=HERE)
    return max(0, rows.aggregate(sum=Sum("passed"))["sum"] or 0)


def _few(workflow: Workflow, *states: RunState) -> list[UUID]:
    """Return the ids of the runs in some states, at most one more than MOST_AT_ONCE."""
    rows = Run.objects.filter(workflow=workflow, state__in=states).order_by()
    return list(rows.values_list("pk", flat=True)[: MOST_AT_ONCE + 1])


def _older(
    workflow: Workflow, version: WorkflowVersion, *states: RunState
) -> QuerySet[Run]:
    """Return the runs in some states on versions before one."""
    versions = WorkflowVersion.objects.filter(
        workflow=workflow, number__lt=version.number
    )
    # By their ids, because of the index that has versions and states.
    ids = list(versions.values_list("pk", flat=True))
    return Run.objects.filter(version__in=ids, state__in=states)


def _begin(
    workflow: Workflow, kind: JobKind, user: User | None, **parameters: str
) -> Job:
    return jobs.begin(
        project_id=workflow.project_id,
        kind=kind,
        parameters={
            "workflow": str(workflow.pk),
            "name": workflow.name,
            **parameters,
        },
        user=user,
    )


# -- the workers -----------------------------------------------------------------------


class RunsWorker:
    """Goes through the runs that a workflow had when the job was asked for."""

    #: Through which states, one after the other.
    states: ClassVar[Sequence[RunState]]

    def __init__(self, job: Job) -> None:
        rows = Workflow.objects.existing().filter(pk=job.parameters["workflow"])
        self.workflow = rows.defer("draft").first()

    def step(self, job: Job) -> bool:
        """Change the runs of one batch; see `contacts.jobs.Worker`."""
        if self.workflow is None:
            raise JobError("The workflow was deleted.")
        if job.total is None:
            job.total = self.count(job, self.workflow)
        place: dict[str, Any] = {"state": 0, "after": "", "changed": 0, **job.position}
        found = self._batch(job, self.workflow, place)
        changed = self.change(job, [pk for _, pk in found]) if found else 0
        job.done += changed
        jobs.count(job, success=changed)
        place["changed"] += changed
        if len(found) == running.BATCH:
            place["after"] = str(Cursor(*found[-1]))
        else:
            place |= {"state": place["state"] + 1, "after": ""}
        job.position = place
        if place["state"] < len(self.states):
            return True
        job.position = {}
        if place["changed"]:
            return True
        job.total = job.done
        return False

    def _batch(
        self, job: Job, workflow: Workflow, place: dict[str, Any]
    ) -> list[tuple[Any, UUID]]:
        """Return (started_at, id) of the next runs in the state that it is at."""
        rows = Run.objects.filter(
            workflow=workflow,
            state=self.states[place["state"]],
            started_at__lte=last_spelling(job.created_at),
        )
        after = Cursor.read(place["after"])
        if after is not None:
            rows = older(rows, after, by="started_at")
        newest = rows.order_by("-started_at", "-id").values_list("started_at", "id")
        return list(newest[: running.BATCH])

    def count(self, job: Job, workflow: Workflow) -> int:
        """Return how many there are to change."""
        rows = Run.objects.filter(workflow=workflow, state__in=self.states)
        return rows.order_by().count()

    def change(self, job: Job, ids: Sequence[UUID]) -> int:
        """Change those runs of a batch that are to be changed; return how many."""
        raise NotImplementedError


class CancelWorker(RunsWorker):
    """Ends every run that is under way."""

    states = ACTIVE

    def change(self, job: Job, ids: Sequence[UUID]) -> int:
        return running.cancel_some(ids)


class ResumeWorker(RunsWorker):
    """Lets every run try again that was parked when the job was asked for."""

    states = (RunState.FAILED,)

    def change(self, job: Job, ids: Sequence[UUID]) -> int:
        return running.resume_some(ids, job.created_at)


class MoveWorker(RunsWorker):
    """Takes runs along to a version."""

    states = running.MOVABLE

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        rows = WorkflowVersion.objects.filter(pk=job.parameters["version"])
        self.version = rows.first()

    def count(self, job: Job, workflow: Workflow) -> int:
        rows = _older(workflow, self._version(), *self.states)
        return rows.order_by().count()

    def change(self, job: Job, ids: Sequence[UUID]) -> int:
        return running.move_some(ids, self._version())

    def _version(self) -> WorkflowVersion:
        if self.version is None:
            raise JobError("The version was deleted.")
        return self.version
