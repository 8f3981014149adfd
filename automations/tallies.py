"""How many runs are at a step, and how many left it by which outcome.

The engine writes notes, a row for each step and outcome of a batch; a sweep folds them
into one. Their sum is always exact, and no two transactions wait for one row.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Sum

from automations.models import StepTally

#: Outcomes that no step has: how many runs are at it now, how often one was parked, and
#: how many mails it wrote, whoever was taken past it left out.
HERE = "@here"
PARKED = "@parked"
MAILED = "@mailed"
_MOST_FOLDED = 5_000


class Note(NamedTuple):
    workflow_id: UUID
    step_id: UUID
    outcome: str


def note(notes: Counter[Note]) -> None:
    """Keep what happened at steps, in the transaction in which it happened."""
    StepTally.objects.bulk_create(
        StepTally(
            workflow_id=key.workflow_id,
            step_id=key.step_id,
            outcome=key.outcome,
            passed=number,
        )
        for key, number in notes.items()
        if number
    )


def tallies(workflow_id: UUID) -> dict[UUID, dict[str, int]]:
    """Return the figures of a workflow's steps, by step and outcome; one statement."""
    rows = StepTally.objects.filter(workflow=workflow_id).order_by()
    found: dict[UUID, dict[str, int]] = defaultdict(dict)
    for step_id, outcome, passed in rows.values_list("step_id", "outcome").annotate(
        sum=Sum("passed")
    ):
        found[step_id][outcome] = passed
    return dict(found)


def fold() -> int:
    """Make one note of several about the same; return how many were folded."""
    several = (
        StepTally.objects.order_by()
        .values_list("workflow", "step_id", "outcome")
        .annotate(rows=Count("pk"))
        .filter(rows__gt=1)[:_MOST_FOLDED]
    )
    return sum(
        _fold(Note(workflow_id, step_id, outcome))
        for workflow_id, step_id, outcome, _ in several
    )


@transaction.atomic
def _fold(key: Note) -> int:
    rows = StepTally.objects.filter(
        workflow=key.workflow_id, step_id=key.step_id, outcome=key.outcome
    )
    # Two sweeps at once take different ones.
    taken = rows.select_for_update(skip_locked=True).values_list("pk", "passed")
    ids, figures = zip(*taken, strict=True) if taken else ((), ())
    if len(ids) < 2:
        return 0
    StepTally.objects.filter(pk__in=ids).delete()
    note(Counter({key: sum(figures)}))
    return len(ids)
