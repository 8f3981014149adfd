"""What people do to runs: cancel, resume what is parked, move to another version.

To one of them, or to so many as one transaction takes; to all runs of a workflow,
however many, see `automations.bulk`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from automations.definitions import Definition
from automations.engine.versions import definition_of
from automations.models import (
    ACTIVE,
    Run,
    RunState,
    Visit,
    VisitState,
    WorkflowVersion,
)
from automations.tallies import HERE, PARKED, Note, note
from automations.tracking import ENGINE
from contacts.erasing import delete_in_chunks
from plunk.pages.paging import last_spelling
from plunk.waking import wake_on_commit

#: Who is inside, and who is parked: after the step was mended, they try it again.
MOVABLE = (*ACTIVE, RunState.FAILED)
#: How many runs one transaction changes.
BATCH = 1_000


def cancel(run: Run, reason: str = "Cancelled") -> bool:
    """End a run that is under way or parked; return False where it had ended."""
    rows = Run.objects.filter(pk=run.pk, state__in=[*ACTIVE, RunState.FAILED])
    return bool(_cancel(rows, reason))


def cancel_some(run_ids: Collection[UUID], reason: str = "Cancelled") -> int:
    """End those of up to BATCH runs that are under way; return how many were."""
    return _cancel(Run.objects.filter(pk__in=run_ids, state__in=ACTIVE), reason)


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


def resume_some(run_ids: Collection[UUID], parked_until: datetime) -> int:
    """Let those of up to BATCH runs try again that were parked; return how many.

    Not those that were parked, once more maybe, after `parked_until`.
    """
    rows = Run.objects.filter(pk__in=run_ids, state=RunState.FAILED)
    return _resume(rows.filter(completed_at__lte=last_spelling(parked_until)))


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
def move_some(run_ids: Collection[UUID], version: WorkflowVersion) -> int:
    """Take those of up to BATCH runs to a newer version that can go; return how many.

    Whoever is at a step that it does not have, or has as another type, stays.
    """
    rows = Run.objects.filter(pk__in=run_ids, state__in=MOVABLE)
    target = definition_of(version.pk)
    going = [
        run
        for run in _locked(rows.filter(version__number__lt=version.number))
        if _is_shared(definition_of(run.version_id), target, _step(run))
    ]
    # What they wait for may be called otherwise now.
    waiting = [run.pk for run in going if run.awaited_id is not None]
    Run.objects.filter(pk__in=waiting, state=RunState.WAITING).update(due_at=Now())
    Run.objects.filter(pk__in=[run.pk for run in going]).update(version=version)
    wake_on_commit(ENGINE)
    return len(going)


def _is_shared(source: Definition, target: Definition, step_id: UUID) -> bool:
    here, there = source.steps.get(step_id), target.steps.get(step_id)
    return here is not None and there is not None and here.type is there.type


def _locked(rows: QuerySet[Run]) -> list[Run]:
    """Lock a batch of runs, in the order of their ids, as by everybody."""
    # Without what came along with them, which nobody here looks at.
    few = rows.only("state", "step_id", "version_id", "workflow_id", "awaited_id")
    return list(few.order_by("pk").select_for_update(of=("self",))[:BATCH])


def _note_here(runs: Sequence[Run], number: int) -> None:
    notes: Counter[Note] = Counter()
    for run in runs:
        notes[Note(run.workflow_id, _step(run), HERE)] += number
    note(notes)


def _step(run: Run) -> UUID:
    return run.step_id or definition_of(run.version_id).start.id
