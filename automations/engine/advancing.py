"""Runs that are due go on, many at a time, until each of them has to wait.

A batch is one transaction: its runs are locked while they are in hand and nobody else
takes them. A worker that is killed leaves them as they were, due.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from automations.deciding import (
    MAX_STEPS_AT_ONCE,
    Decision,
    Effect,
    Fact,
    Leave,
    Missing,
    Place,
    Stay,
    Values,
    decide,
)
from automations.engine import acting, facts, writing
from automations.engine.journeys import Journey
from automations.engine.versions import definition_of
from automations.models import (
    ACTIVE,
    Run,
    RunState,
    Visit,
    VisitState,
    Workflow,
    WorkflowKind,
)
from contacts.models import Contact
from plunk.ids import new_id
from plunk.projects.models import Project

#: How many runs are taken at once.
BATCH = 500
PROJECT_DISABLED = "Project disabled"
WORKFLOW_DELETED = "The workflow was deleted"


@transaction.atomic
def advance_due(now: datetime, *, limit: int = BATCH) -> int:
    """Let a batch of due runs go on; return how many were taken."""
    rows = Run.objects.filter(state__in=ACTIVE, due_at__lte=now)
    ordered = rows.order_by("due_at", "pk").select_for_update(skip_locked=True)
    runs = list(ordered[:limit])
    if runs:
        journeys = _journeys(runs)
        _cancel_abandoned(journeys, now)
        _go_on(journeys, now)
        writing.write(journeys)
    return len(runs)


def _journeys(runs: Sequence[Run]) -> list[Journey]:
    contacts = Contact.objects.in_bulk([run.contact_id for run in runs])
    workflows = Workflow.objects.defer("draft").in_bulk(
        {run.workflow_id for run in runs}
    )
    waiting = _open_visits(runs)
    return [
        _journey(run, contacts[run.contact_id], workflows[run.workflow_id], waiting)
        for run in runs
    ]


def _open_visits(runs: Sequence[Run]) -> dict[UUID, Visit]:
    """Return the visits at which runs wait, by the ids of the runs."""
    visits = Visit.objects.filter(
        run__in=[run.pk for run in runs if run.steps], state=VisitState.WAITING
    )
    return {visit.run_id: visit for visit in visits}


def _journey(
    run: Run, contact: Contact, workflow: Workflow, waiting: dict[UUID, Visit]
) -> Journey:
    definition = definition_of(run.version_id)
    visit = waiting.get(run.pk)
    step_id = run.step_id or definition.start.id
    run.step_id = step_id
    return Journey(
        run=run,
        workflow=workflow,
        definition=definition,
        values=Values(
            contact.email,
            contact.subscribed,
            contact.data or {},
            contact.created_at,
            run.context or {},
        ),
        place=Place(
            step_id,
            run.arrived_at,
            is_waiting=visit is not None,
            until_at=run.until_at,
        ),
        # One id for the visit, so that what a step owes is owed once (`acting`).
        visit_id=visit.pk if visit else new_id(),
    )


def _cancel_abandoned(journeys: Sequence[Journey], now: datetime) -> None:
    """End runs that nobody may take any further, whatever is due."""
    disabled = set(
        Project.objects.filter(
            pk__in={journey.run.project_id for journey in journeys}, is_disabled=True
        ).values_list("pk", flat=True)
    )
    for journey in journeys:
        if journey.workflow.deleted_at is not None:
            # Its rows are being removed by a job (`automations.bulk`).
            journey.cancel(WORKFLOW_DELETED, now)
        elif journey.run.project_id in disabled:
            journey.cancel(PROJECT_DISABLED, now)


def _go_on(journeys: Sequence[Journey], now: datetime) -> None:
    """Take steps, all runs together, until each waits, ends or may take no more."""
    going = [journey for journey in journeys if not journey.is_resting]
    while going:
        decided = _decided(going, now)
        errands: list[tuple[Journey, Effect]] = [
            (journey, decision.effect)
            for journey, decision in decided
            if isinstance(decision, Leave) and decision.effect is not None
        ]
        undone = {id(journey) for journey in acting.act(errands, now)}
        for journey, decision in decided:
            if id(journey) not in undone:
                journey.apply(decision, now)
        for journey in going:
            if not journey.is_resting and journey.taken >= MAX_STEPS_AT_ONCE:
                journey.park(
                    f"It took {MAX_STEPS_AT_ONCE} steps without waiting: a circle.", now
                )
        going = [journey for journey in going if not journey.is_resting]
    _name_awaited(journeys)


def _decided(
    journeys: Sequence[Journey], now: datetime
) -> list[tuple[Journey, Decision]]:
    """Decide for each run, looking up together what decisions depend on."""
    decided: list[tuple[Journey, Decision]] = []
    open_ones = list(journeys)
    while open_ones:
        asked: list[tuple[Journey, Fact]] = []
        for journey in open_ones:
            try:
                decided.append((journey, _decide(journey, now)))
            except Missing as missing:
                asked.append((journey, missing.fact))
        lost = {id(journey) for journey in facts.look_up(asked, now)}
        open_ones = [journey for journey, _ in asked if id(journey) not in lost]
    return decided


def _decide(journey: Journey, now: datetime) -> Decision:
    decision = decide(
        journey.definition,
        journey.place,
        journey.values,
        journey.facts,
        now,
        is_action=journey.workflow.kind == WorkflowKind.ACTION,
    )
    journey.awaited = decision.awaited if isinstance(decision, Stay) else ""
    return decision


def _name_awaited(journeys: Sequence[Journey]) -> None:
    """Write down which event each waiting run waits for, by its id."""
    waiting = [journey for journey in journeys if journey.awaited]
    ids = facts.event_ids(
        {(journey.run.project_id, journey.awaited) for journey in waiting}
    )
    for journey in journeys:
        run = journey.run
        is_waiting = journey.awaited and run.state == RunState.WAITING
        run.awaited_id = (
            ids.get((run.project_id, journey.awaited)) if is_waiting else None
        )
