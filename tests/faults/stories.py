"""What became of each entry of a workflow: what clients told, compared with the rows.

What must have happened is worked out from the events alone, by their own moments; what
did happen is in runs, visits, mails, contacts, tallies and calls.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.faults.asking import ask
from tests.faults.plant import Plant
from tests.faults.receiver import Receiver
from tests.faults.trackers import Track
from tests.faults.workflow import (
    CONFIRMATION,
    CONFIRMED,
    DELAY_SECONDS,
    ENTRY,
    INSIDE,
    MAILS,
    PATIENCE_SECONDS,
    REASON,
    Made,
    path,
)

#: Moments are kept to the microsecond.
_EXACT = timedelta(milliseconds=1)
#: Beyond this, a wait begins when the engine sees it and no more at what led to it.
_LATE = timedelta(minutes=1)
_LEAST = {
    "delay": timedelta(seconds=DELAY_SECONDS),
    "waits": timedelta(seconds=PATIENCE_SECONDS),
}
#: How the product counts the mails that a step wrote.
_MAILED = "@mailed"
_MOST_TOLD = 10


@dataclass(frozen=True, slots=True)
class Visit:
    """A row of a visit, with the name of its step."""

    id: str
    number: int
    name: str
    state: str
    outcome: str
    started_at: datetime
    until_at: datetime | None
    completed_at: datetime | None

    @property
    def ends_at(self) -> datetime | None:
        """Return until when it waits; None where it does not, or has not looked yet.

        A wait that was over when the engine came to it has not noted its end.
        """
        least = _LEAST.get(self.name)
        if least is None or self.until_at is not None or self.completed_at is None:
            return self.until_at
        return max(self.started_at, self.completed_at - _LATE) + least

    @property
    def is_too_early(self) -> bool:
        """Say whether it waited for less than it was told to."""
        least, end = _LEAST.get(self.name), self.ends_at
        if least is None or end is None or self.completed_at is None:
            return False
        is_short = end - self.started_at < least - _EXACT
        return is_short or (self.outcome != "EVENT" and self.completed_at < end)

    @property
    def late_seconds(self) -> float:
        """Return how long it was over before the engine saw it."""
        end = self.ends_at
        if end is None or self.completed_at is None or self.outcome == "EVENT":
            return 0.0
        return (self.completed_at - end).total_seconds()


@dataclass(frozen=True, slots=True)
class Run:
    """A run with its visits, and what its own event said."""

    visits: list[Visit]
    id: str
    state: str
    reason: str
    contact_id: str
    #: The number that the client gave the event; None where no event began it.
    entry: int | None
    plan: str
    began_at: datetime | None

    def visit(self, name: str) -> Visit | None:
        return next((one for one in self.visits if one.name == name), None)


@dataclass
class Stories:
    """All that one workflow came to."""

    plant: Plant
    made: Made
    accepted: list[Track]
    receiver: Receiver | None = None
    #: What is odd, run by run.
    odd: list[dict[str, Any]] = field(default_factory=list)

    def compare(self) -> dict[str, Any]:
        """Return what must be zero, and then what is worth to be known."""
        runs = self._runs()
        confirmations = self._confirmations()
        paths = {run.id: self._path(run, confirmations[run.contact_id]) for run in runs}
        visits = [visit for run in runs for visit in run.visits]
        figures = {
            **self._entries(runs),
            "runs_astray": sum(self._is_astray(run, paths[run.id]) for run in runs),
            "runs_stuck": sum(run.state in {"RUNNING", "WAITING"} for run in runs),
            "runs_parked": sum(run.state == "FAILED" for run in runs),
            "too_early": sum(visit.is_too_early for visit in visits),
            "mails_off": self._mails_off(runs),
            "contacts_off": self._contacts_off(runs, paths),
            "tallies_off": self._tallies_off(runs),
            "arrivals_left": self._value("SELECT count(*) FROM automations_arrival"),
        }
        if self.receiver is not None:
            figures |= self._calls(runs, self.receiver)
        return figures | {
            "runs": len(runs),
            "visits": len(visits),
            "ends_of_waits": dict(
                Counter(visit.outcome for visit in visits if visit.name == "waits")
            ),
            "latest_seconds": round(
                max((visit.late_seconds for visit in visits), default=0), 1
            ),
        }

    # -- what must have happened -------------------------------------------------------

    def _entries(self, runs: list[Run]) -> dict[str, int]:
        """Compare what was accepted with what is kept, and that with the runs."""
        kept = {name: self._occurrences(name) for name in (ENTRY, CONFIRMATION)}
        begun = Counter(run.entry for run in runs if run.entry is not None)
        lost = sum(track.number not in kept[track.event] for track in self.accepted)
        return {
            "events_lost": lost,
            "events_doubled": sum((n.total() - len(n)) for n in kept.values()),
            "runs_lost": len(kept[ENTRY].keys() - begun.keys()),
            "runs_doubled": begun.total() - len(begun),
            "runs_of_nothing": sum(run.entry is None for run in runs),
            "entries": len(kept[ENTRY]),
        }

    def _path(self, run: Run, moments: list[datetime]) -> list[tuple[str, str]]:
        """Return the steps that a run's events prescribe."""
        waits = run.visit("waits")
        is_confirmed = waits is not None and any(
            waits.started_at < at and (waits.ends_at is None or at <= waits.ends_at)
            for at in moments
        )
        return path(
            is_pro=run.plan == "pro",
            is_confirmed=is_confirmed,
            has_call=self.made.has_call,
        )

    def _is_astray(self, run: Run, prescribed: list[tuple[str, str]]) -> bool:
        taken = [(visit.name, visit.outcome) for visit in run.visits]
        delay, waits = run.visit("delay"), run.visit("waits")
        is_right = (
            taken == prescribed
            and (run.state, run.reason) == ("EXITED", REASON)
            and all(visit.state == "COMPLETED" for visit in run.visits)
            and [one.number for one in run.visits] == list(range(1, len(taken) + 1))
            and (delay is None or delay.started_at == run.began_at)
            and (waits is None or delay is None or waits.started_at == delay.until_at)
        )
        if not is_right and len(self.odd) < _MOST_TOLD:
            self.odd.append(
                {
                    "run": run.id,
                    "entry": run.entry,
                    "state": run.state,
                    "reason": run.reason,
                    "plan": run.plan,
                    "taken": taken,
                    "prescribed": prescribed,
                    "began": str(run.began_at),
                    "visits": [str(visit) for visit in run.visits],
                }
            )
        return not is_right

    # -- what did happen ---------------------------------------------------------------

    def _mails_off(self, runs: list[Run]) -> int:
        """Count steps of mails without exactly one mail, and mails without a step."""
        owed = {
            visit.id: run.contact_id
            for run in runs
            for visit in run.visits
            if visit.name in MAILS
        }
        rows = self.plant.it.database.rows(
            "SELECT origin_id::text, contact_id::text FROM transactional_email"
            " WHERE source = 'WORKFLOW'"
        )
        count: Counter[str] = Counter(origin for origin, _ in rows)
        is_off = [
            *(count[pk] != 1 for pk in owed),
            *(origin not in owed for origin in count),
            *(owed.get(origin, contact) != contact for origin, contact in rows),
        ]
        return sum(is_off)

    def _contacts_off(
        self, runs: list[Run], paths: dict[str, list[tuple[str, str]]]
    ) -> int:
        wanted: dict[str, dict[str, Any]] = {}
        for run in runs:
            data = wanted.setdefault(run.contact_id, {"plan": run.plan, **INSIDE})
            if ("confirmed", "") in paths[run.id]:
                data |= CONFIRMED
        rows = self.plant.it.database.rows(
            "SELECT id::text, subscribed, data::text FROM contacts_contact"
        )
        found = {pk: json.loads(data) for pk, is_in, data in rows if is_in}
        return sum(found.get(pk) != wanted.get(pk) for pk in found.keys() | wanted)

    def _tallies_off(self, runs: list[Run]) -> int:
        """Count figures of steps and of the workflow that the rows do not bear out."""
        rows = self.plant.it.database.rows(
            "SELECT step_id::text, outcome, sum(passed)::int"
            " FROM automations_steptally WHERE workflow_id = %s GROUP BY 1, 2",
            [self.made.id],
        )
        # Nobody is at a step any more, and none was parked: what is not 0 is off.
        said = {(self.made.names[pk], how): n for pk, how, n in rows if n}
        passed = Counter(
            (visit.name, visit.outcome)
            for run in runs
            for visit in run.visits
            if visit.name != "exit"
        )
        listed = ask(self.plant, "GET", "/workflows")["data"]
        shown = next(one for one in listed if one["id"] == self.made.id)
        # Nobody was taken past a mail, so each of these steps wrote one.
        passed |= {(name, _MAILED): passed[name, ""] for name in MAILS}
        said["", "runs"], passed["", "runs"] = shown["_count"]["executions"], len(runs)
        off = {k for k in said.keys() | passed if said.get(k) != passed.get(k)}
        self.odd += [
            {"step": k, "tallied": said.get(k, 0), "counted": passed[k]}
            for k in sorted(off)
        ]
        return len(off)

    def _calls(self, runs: list[Run], receiver: Receiver) -> dict[str, int]:
        """Compare the calls that were received with those that steps owe."""
        rows = self.plant.it.database.rows(
            "SELECT visit_id::text, id::text, state, attempt,"
            " (SELECT count(*) FROM automations_webhookattempt WHERE call_id = c.id)"
            " FROM automations_webhookcall c"
        )
        calls = {visit_id: row for visit_id, *row in rows}
        owed = {run.id: visit.id for run in runs if (visit := run.visit("call"))}
        ids = {run_id: calls.get(pk, [""])[0] for run_id, pk in owed.items()}
        received = receiver.ids
        interrupted = self._value(
            "SELECT count(*) FROM automations_webhookattempt WHERE status IS NULL"
        )
        return {
            "calls_lost": sum(pk not in received[run] for run, pk in ids.items()),
            "calls_under_other_ids": sum(
                set(found) != {ids.get(run)} for run, found in received.items() if found
            ),
            "calls_off": len(rows)
            - len(calls)
            + len(calls.keys() ^ set(owed.values()))
            + sum((state, n) != ("DELIVERED", at) for _, _, state, at, n in rows),
            "calls_received": receiver.calls,
            "calls_repeated": receiver.calls - len(received),
            "calls_interrupted": interrupted,
        }

    # -- rows --------------------------------------------------------------------------

    def _value(self, statement: str) -> int:
        return int(self.plant.it.database.value(statement))

    def _occurrences(self, event: str) -> Counter[int]:
        rows = self.plant.it.database.rows(
            "SELECT (o.data->>'number')::int FROM automations_occurrence o"
            " JOIN automations_event e ON e.id = o.event_id WHERE e.name = %s",
            [event],
        )
        return Counter(number for (number,) in rows)

    def _confirmations(self) -> dict[str, list[datetime]]:
        found: dict[str, list[datetime]] = defaultdict(list)
        for contact_id, at in self.plant.it.database.rows(
            "SELECT o.contact_id::text, o.created_at FROM automations_occurrence o"
            " JOIN automations_event e ON e.id = o.event_id WHERE e.name = %s",
            [CONFIRMATION],
        ):
            found[contact_id].append(at)
        return found

    def _runs(self) -> list[Run]:
        database = self.plant.it.database
        visits: dict[str, list[Visit]] = defaultdict(list)
        for run_id, pk, number, step_id, *more in database.rows(
            "SELECT run_id::text, id::text, number, step_id::text, state, outcome,"
            " started_at, until_at, completed_at FROM automations_visit"
            " ORDER BY run_id, number"
        ):
            name = self.made.names[step_id]
            visits[run_id].append(Visit(pk, number, name, *more))
        rows = database.rows(
            "SELECT r.id::text, r.state, r.exit_reason, r.contact_id::text,"
            " (o.data->>'number')::int, coalesce(o.data->>'plan', ''), o.created_at"
            " FROM automations_run r LEFT JOIN automations_occurrence o"
            " ON o.id = r.entry_id WHERE r.workflow_id = %s",
            [self.made.id],
        )
        return [Run(visits[pk], pk, *more) for pk, *more in rows]
