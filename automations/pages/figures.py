"""How many went through each workflow of a list, from figures that are kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import IntegerField, OuterRef, Subquery, Sum

from automations.definitions import Definition, Outcome
from automations.models import Run, RunState, StepTally, Workflow
from automations.tallies import HERE, MAILED

#: Parked runs are counted up to here.
MOST_PARKED = 1_000


class CountOf(Subquery):
    """The number of rows of a subquery that ends after so many."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one workflow; `over` are those who went in and are not inside any more.

    `mails` are those that were written, by steps of any version.
    """

    inside: int = 0
    over: int = 0
    mails: int = 0
    parked: int = 0


def figures_of(
    workflows: Sequence[Workflow], definitions: Mapping[UUID, Definition]
) -> dict[UUID, Figures]:
    """Return the figures of workflows; two statements for any number of them."""
    tallies = _tallies([one.pk for one in workflows])
    parked = _parked([one.pk for one in workflows])
    return {
        one.pk: _sum(definitions[one.pk], tallies[one.pk], parked.get(one.pk, 0))
        for one in workflows
    }


def _sum(
    definition: Definition, rows: Mapping[tuple[UUID, str], int], parked: int
) -> Figures:
    inside = sum(passed for (_, outcome), passed in rows.items() if outcome == HERE)
    begun = rows.get((definition.start.id, Outcome.NEXT), 0)
    mails = sum(passed for (_, outcome), passed in rows.items() if outcome == MAILED)
    over = max(0, begun - max(0, inside) - parked)
    return Figures(max(0, inside), over, mails, parked)


def _tallies(ids: Sequence[UUID]) -> dict[UUID, dict[tuple[UUID, str], int]]:
    rows = StepTally.objects.filter(workflow__in=ids).order_by()
    found: dict[UUID, dict[tuple[UUID, str], int]] = defaultdict(dict)
    grouped = rows.values_list("workflow", "step_id", "outcome")
    for workflow_id, step_id, outcome, passed in grouped.annotate(sum=Sum("passed")):
        found[workflow_id][step_id, outcome] = passed
    return found


def _parked(ids: Sequence[UUID]) -> dict[UUID, int]:
    runs = Run.objects.filter(workflow=OuterRef("pk"), state=RunState.FAILED)
    some = runs.order_by().values("pk")[: MOST_PARKED + 1]
    rows = Workflow.objects.filter(pk__in=ids).order_by()
    counted = rows.annotate(parked=CountOf(some)).values_list("pk", "parked")
    return dict(counted) if ids else {}
