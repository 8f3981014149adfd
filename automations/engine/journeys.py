"""A run while the engine has it in hand: decisions in, rows to be written out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from automations.deciding import (
    Decision,
    End,
    Fact,
    Leave,
    Park,
    Place,
    SendMail,
    Stay,
    Values,
)
from automations.definitions import Definition
from automations.models import Run, RunState, Visit, VisitState, Workflow
from automations.tallies import HERE, MAILED, PARKED, Note
from plunk.ids import new_id

#: Pauses before a step that could not be taken is tried again; then the run is parked.
PAUSES = (timedelta(seconds=2), timedelta(seconds=15), timedelta(minutes=2))
_MOST_CONTEXT = 200


@dataclass
class Journey:
    """One run, its place, and everything that is to be written about it.

    `visit_id` is the id of the visit at the step it is at: what the step owes is owed
    under it, whether the visit is written already or not.
    """

    run: Run
    workflow: Workflow
    definition: Definition
    values: Values
    place: Place
    visit_id: UUID
    facts: dict[Fact, Any] = field(default_factory=dict)
    made: list[Visit] = field(default_factory=list)
    ended: list[Visit] = field(default_factory=list)
    notes: Counter[Note] = field(default_factory=Counter)
    #: Steps taken since it was last at rest.
    taken: int = 0
    is_resting: bool = False
    #: The event it waits for, by its name.
    awaited: str = ""

    def apply(self, decision: Decision, now: datetime) -> None:
        """Write a decision into the run; what it owes has been queued already."""
        match decision:
            case Stay():
                self._stay(decision, now)
            case Leave():
                self._leave(decision, now)
            case End():
                self._visited(VisitState.COMPLETED, now, seen=dict(decision.seen))
                self._end(RunState.EXITED, now)
                self.run.exit_reason = decision.reason[:200]
                self.run.is_only = self.run.is_only and decision.is_consumed
            case Park():
                self.park(decision.error, now, seen=dict(decision.seen))

    def fail(self, error: str, now: datetime) -> None:
        """Note that the step could not be taken: it is tried again, then parked."""
        if self.run.failures >= len(PAUSES):
            self.park(error, now)
            return
        self.run.due_at = now + PAUSES[self.run.failures]
        self.run.failures += 1
        self.run.error = error[:500]
        self.is_resting = True

    def park(
        self, error: str, now: datetime, *, seen: dict[str, Any] | None = None
    ) -> None:
        """Leave the run at its step until somebody resumes it."""
        self._visited(VisitState.FAILED, now, seen=seen, error=error)
        self._end(RunState.FAILED, now)
        self._note(PARKED, 1)
        self.run.error = error[:500]

    def cancel(self, reason: str, now: datetime) -> None:
        if self.place.is_waiting:
            self._visited(VisitState.SKIPPED, now)
        self._end(RunState.CANCELLED, now)
        self.run.exit_reason = reason

    def _stay(self, decision: Stay, now: datetime) -> None:
        run = self.run
        if not self.place.is_waiting:
            run.steps += 1
            self.made.append(
                Visit(
                    id=self.visit_id,
                    run_id=run.pk,
                    number=run.steps,
                    step_id=self.place.step_id,
                    state=VisitState.WAITING,
                    outcome="",
                    error="",
                    started_at=self.place.arrived_at,
                    until_at=decision.until_at,
                )
            )
        self.place = Place(
            self.place.step_id,
            self.place.arrived_at,
            is_waiting=True,
            until_at=decision.until_at,
        )
        run.state = RunState.WAITING
        run.due_at, run.until_at = decision.due_at, decision.until_at
        self.is_resting = True

    def _leave(self, decision: Leave, now: datetime) -> None:
        state = VisitState.SKIPPED if decision.skipped else VisitState.COMPLETED
        self._visited(
            state,
            now,
            outcome=decision.outcome,
            seen=dict(decision.seen),
            output={"skipped": decision.skipped} if decision.skipped else None,
        )
        self._note(decision.outcome, 1)
        if isinstance(decision.effect, SendMail):
            self._note(MAILED, 1)
        if decision.context:
            self._merge(dict(decision.context))
        step = self.definition.steps[self.place.step_id]
        way = self.definition.way(step, decision.outcome)
        if way is None:
            self._end(RunState.COMPLETED, now)
            return
        self._note(HERE, -1)
        arrived_at = decision.at or self.place.arrived_at
        self.place = Place(way.to_id, arrived_at)
        self._note(HERE, 1)
        self.visit_id = new_id()
        self.facts = {}
        self.taken += 1
        run = self.run
        run.state, run.step_id, run.arrived_at = RunState.RUNNING, way.to_id, arrived_at
        run.due_at, run.until_at, run.awaited_id = now, None, None
        run.failures, run.error = 0, ""

    def _visited(
        self,
        state: VisitState,
        now: datetime,
        *,
        outcome: str = "",
        seen: dict[str, Any] | None = None,
        output: dict[str, Any] | None = None,
        error: str = "",
    ) -> None:
        """Write how the visit at the present step ended."""
        is_new = not self.place.is_waiting
        if is_new:
            self.run.steps += 1
        visit = Visit(
            id=self.visit_id,
            run_id=self.run.pk,
            number=self.run.steps,
            step_id=self.place.step_id,
            state=state,
            outcome=outcome[:100],
            seen=seen or None,
            output=output,
            error=error[:500],
            started_at=self.place.arrived_at,
            until_at=self.place.until_at,
            completed_at=now,
        )
        (self.made if is_new else self.ended).append(visit)

    def _end(self, state: RunState, now: datetime) -> None:
        run = self.run
        run.state, run.completed_at = state, now
        run.due_at = run.until_at = run.awaited_id = None
        self._note(HERE, -1)
        self.is_resting = True

    def _merge(self, more: dict[str, Any]) -> None:
        context = {**(self.run.context or {}), **more}
        if len(context) <= _MOST_CONTEXT:
            self.run.context = context
            self.values = Values(
                self.values.email,
                self.values.subscribed,
                self.values.data,
                self.values.created_at,
                context,
            )

    def _note(self, outcome: str, number: int) -> None:
        self.notes[Note(self.run.workflow_id, self.place.step_id, outcome)] += number
