"""Deleting workflows: gone at once for everybody, and their rows as they can.

With up to MOST_AT_ONCE runs, everything goes while the caller waits. One with more is
marked: it is in no list, has no page, hears nothing, and whoever is inside takes no
other step. A job removes its runs in batches, then the workflow itself.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models.functions import Now

from automations import listening
from automations.bulk import MOST_AT_ONCE
from automations.models import ACTIVE, Run, Workflow
from automations.workflows import HasRuns, WorkflowNotFound
from contacts import jobs
from contacts.models import Job, JobKind, JobState
from plunk.pages.paging import Cursor, older
from plunk.projects.models import User

#: How many runs one transaction of a job deletes, each with its visits.
_BATCH = 1_000
_ID = Run._meta.pk
#: By statements of their own: nothing of what goes is looked at.
_FORGET = (
    "DELETE FROM automations_visit WHERE run_id IN ({ids})",
    "DELETE FROM automations_run WHERE id IN ({ids})",
)


def delete(
    *, workflow: Workflow, user: User | None = None, ends_runs: bool = False
) -> None:
    """Delete a workflow; raises HasRuns while one is inside, unless `ends_runs`."""
    delete_many(workflow.project_id, [workflow.pk], user=user, ends_runs=ends_runs)


@transaction.atomic
def delete_many(
    project_id: UUID,
    workflow_ids: Collection[UUID],
    *,
    user: User | None = None,
    ends_runs: bool = False,
) -> int:
    """Delete a project's workflows, all or none; return how many.

    Raises WorkflowNotFound where one is not there, HasRuns where somebody is in one,
    unless that `ends_runs`.
    """
    wanted = set(workflow_ids)
    rows = Workflow.objects.existing().filter(project_id=project_id, pk__in=wanted)
    found = list(rows.order_by("pk").select_for_update())
    if len(found) != len(wanted):
        raise WorkflowNotFound
    left = MOST_AT_ONCE
    for workflow in found:
        if not ends_runs and _is_anybody_inside(workflow):
            raise HasRuns(f"Somebody is inside “{workflow.name}”.")
        ids = _runs_of(workflow, left + 1)
        if len(ids) <= left:
            left -= len(ids)
            _forget(ids)
            _remove(workflow)
        else:
            _hide(workflow, user)
    return len(found)


def _is_anybody_inside(workflow: Workflow) -> bool:
    return Run.objects.filter(workflow=workflow, state__in=ACTIVE).exists()


def _runs_of(workflow: Workflow, most: int) -> list[UUID]:
    rows = Run.objects.filter(workflow=workflow).order_by("-started_at", "-id")
    return list(rows.values_list("pk", flat=True)[:most])


def _hide(workflow: Workflow, user: User | None) -> None:
    """Take a workflow out of everybody's sight, and ask for the job that removes it."""
    Workflow.objects.filter(pk=workflow.pk).update(
        enabled=False, live=None, next_at=None, deleted_at=Now(), updated_at=Now()
    )
    listening.forget(workflow)
    _begin(workflow, user)


def _begin(workflow: Workflow, user: User | None) -> None:
    jobs.begin(
        project_id=workflow.project_id,
        kind=JobKind.DROP_FLOW,
        parameters={"workflow": str(workflow.pk), "name": workflow.name},
        user=user,
    )


def _remove(workflow: Workflow) -> None:
    """Delete a workflow without runs; whoever begins one in this moment is refused."""
    Workflow.objects.filter(pk=workflow.pk).update(enabled=False, live=None)
    listening.forget(workflow)
    workflow.delete()


def _forget(run_ids: Sequence[UUID]) -> None:
    """Delete runs with their visits."""
    if not run_ids:
        return
    # Locked in the order of their ids, as by everybody.
    rows = Run.objects.filter(pk__in=run_ids).order_by("pk").select_for_update()
    ids = [
        _ID.get_db_prep_value(pk, connection)
        for pk in rows.values_list("pk", flat=True)
    ]
    if not ids:
        return
    marks = ", ".join(["%s"] * len(ids))
    with connection.cursor() as cursor:
        for sql in _FORGET:
            cursor.execute(sql.format(ids=marks), ids)


def resume_dropping() -> int:
    """Ask again for the removal of deleted workflows that no job works on any more.

    Return how many. A job ends early where the database broke it off again and again.
    """
    begun = 0
    for workflow in Workflow.objects.filter(deleted_at__isnull=False).defer("draft"):
        unfinished = Job.objects.filter(
            project=workflow.project_id,
            kind=JobKind.DROP_FLOW,
            state__in=[JobState.WAITING, JobState.ACTIVE],
            parameters__workflow=str(workflow.pk),
        )
        if not unfinished.exists():
            _begin(workflow, None)
            begun += 1
    return begun


class DropFlowWorker:
    """Removes what became of a deleted workflow, the newest runs first; a job's worker.

    The place in the list is kept, so that a batch does not look through all that was
    deleted before it; at the end it looks once more from the top.
    """

    def __init__(self, job: Job) -> None:
        rows = Workflow.objects.filter(deleted_at__isnull=False)
        self.workflow = rows.filter(pk=job.parameters["workflow"]).first()

    def step(self, job: Job) -> bool:
        """Delete the runs of one batch; see `contacts.jobs.Worker`."""
        workflow = self.workflow
        if workflow is None:
            return False
        if job.total is None:
            job.total = Run.objects.filter(workflow=workflow).order_by().count()
        found = self._batch(workflow, job.position.get("after", ""))
        _forget([pk for _, pk in found])
        job.done += len(found)
        jobs.count(job, success=len(found))
        if found:
            job.position = {"after": str(Cursor(*found[-1]))}
            return True
        if job.position:
            job.position = {}
            return True
        job.total = job.done
        # Who is about to begin a run waits for this row, and does not find it then.
        if Workflow.objects.select_for_update().filter(pk=workflow.pk).exists():
            if Run.objects.filter(workflow=workflow).exists():
                return True
            _remove(workflow)
        return False

    def _batch(self, workflow: Workflow, after: str) -> list[tuple[Any, UUID]]:
        rows = Run.objects.filter(workflow=workflow)
        place = Cursor.read(after)
        if place is not None:
            rows = older(rows, place, by="started_at")
        newest = rows.order_by("-started_at", "-id").values_list("started_at", "id")
        return list(newest[:_BATCH])
