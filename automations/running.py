"""What people do to runs: cancel, resume what is parked, move to another version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from automations.engine.versions import definition_of
from automations.models import (
    ACTIVE,
    Run,
    RunState,
    Visit,
    VisitState,
    Workflow,
    WorkflowVersion,
)
from automations.tallies import HERE, PARKED, Note, note
from automations.tracking import ENGINE
from contacts.erasing import delete_in_chunks
from contacts.segments.scopes import database_now
from plunk.waking import wake_on_commit

#: Who is inside, and who is parked: after the step was mended, they try it again.
_MOVABLE = (*ACTIVE, RunState.FAILED)
#: How many runs one transaction changes.
_BATCH = 1_000


def cancel(run: Run, reason: str = "Cancelled") -> bool:
    """End a run that is under way or parked; return False where it had ended."""
    rows = Run.objects.filter(pk=run.pk, state__in=[*ACTIVE, RunState.FAILED])
    return bool(_cancel(rows, reason))


def cancel_all(workflow: Workflow, reason: str = "Cancelled") -> int:
    """End every run that is under way; return how many. Several transactions."""
    rows = Run.objects.filter(
        workflow=workflow, state__in=ACTIVE, started_at__lte=database_now()
    )
    total = 0
    while count := _cancel(rows, reason):
        total += count
    return total


def forget(contact_ids: Sequence[UUID]) -> None:
    """Delete the runs of contacts that are being erased, so many at a time."""
    rows = Run.objects.filter(contact__in=contact_ids)
    while _cancel(rows.filter(state__in=ACTIVE), "Erased"):
        continue
    delete_in_chunks(Visit.objects.filter(run__contact__in=contact_ids))
    delete_in_chunks(rows)


@transaction.atomic
def _cancel(rows: QuerySet[Run], reason: str) -> int:
    runs = _locked(rows)
    ids = [run.pk for run in runs]
    Visit.objects.filter(run__in=ids, state=VisitState.WAITING).update(
        state=VisitState.SKIPPED, completed_at=Now()
    )
    Run.objects.filter(pk__in=ids).update(
        state=RunState.CANCELLED,
        exit_reason=reason[:200],
        completed_at=Now(),
        due_at=None,
        until_at=None,
        awaited=None,
    )
    _note_here([run for run in runs if run.state != RunState.FAILED], -1)
    return len(runs)


@transaction.atomic
def park(run: Run, error: str) -> None:
    """Leave a run at a step that cannot be taken, until somebody looks at it."""
    rows = Run.objects.filter(pk=run.pk, state__in=ACTIVE)
    if not rows.update(
        state=RunState.FAILED, error=error[:500], completed_at=Now(), due_at=None
    ):
        return
    Visit.objects.filter(run=run.pk, state=VisitState.WAITING).update(
        state=VisitState.FAILED, error=error[:500], completed_at=Now()
    )
    step_id = _step(run)
    note(
        Counter(
            {
                Note(run.workflow_id, step_id, HERE): -1,
                Note(run.workflow_id, step_id, PARKED): 1,
            }
        )
    )


def resume(run: Run) -> bool:
    """Let a parked run try its step again; return False where it is not parked."""
    return bool(_resume(Run.objects.filter(pk=run.pk, state=RunState.FAILED)))


def resume_all(workflow: Workflow) -> int:
    """Let every parked run of a workflow try its step again; return how many."""
    # Not those that are parked again meanwhile.
    rows = Run.objects.filter(
        workflow=workflow, state=RunState.FAILED, completed_at__lte=database_now()
    )
    total = 0
    while count := _resume(rows):
        total += count
    return total


@transaction.atomic
def _resume(rows: QuerySet[Run]) -> int:
    runs = _locked(rows)
    Run.objects.filter(pk__in=[run.pk for run in runs]).update(
        state=RunState.RUNNING,
        due_at=Now(),
        failures=0,
        error="",
        completed_at=None,
    )
    _note_here(runs, 1)
    wake_on_commit(ENGINE)
    return len(runs)


@transaction.atomic
def move(workflow: Workflow, version: WorkflowVersion) -> tuple[int, int]:
    """Take who is inside to another version; return how many went, and how many stay.

    Whoever is at a step that the other version does not have, or has as another type,
    finishes the one they are on.
    """
    target = definition_of(version.pk)
    moved = 0
    others = WorkflowVersion.objects.filter(workflow=workflow).exclude(pk=version.pk)
    for pk in others.values_list("pk", flat=True):
        steps = definition_of(pk).steps
        shared = [
            step_id
            for step_id, step in target.steps.items()
            if step_id in steps and steps[step_id].type is step.type
        ]
        rows = Run.objects.filter(version=pk, state__in=_MOVABLE, step_id__in=shared)
        # What they wait for may be called otherwise now.
        waiting = rows.filter(state=RunState.WAITING, awaited__isnull=False)
        waiting.update(due_at=Now())
        moved += rows.update(version=version)
    wake_on_commit(ENGINE)
    left = Run.objects.filter(workflow=workflow, state__in=ACTIVE)
    return moved, left.exclude(version=version).count()


def _locked(rows: QuerySet[Run]) -> list[Run]:
    """Lock a batch of runs, in the order of their ids, as by everybody."""
    return list(rows.order_by("pk").select_for_update(of=("self",))[:_BATCH])


def _note_here(runs: Sequence[Run], number: int) -> None:
    notes: Counter[Note] = Counter()
    for run in runs:
        notes[Note(run.workflow_id, _step(run), HERE)] += number
    note(notes)


def _step(run: Run) -> UUID:
    return run.step_id or definition_of(run.version_id).start.id
