"""A workflow, broken while clients tell of events and runs are on their way."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.faults.campaigns import (
    STOP_SECONDS,
    Break,
    break_database,
    flush_redis,
    hang_redis,
    kill_workers,
    nothing,
    second_beat,
    stop_workers,
)
from tests.faults.dying import CALL_POINTS, ENGINE_POINTS
from tests.faults.finding import Finding, Options, Scenario
from tests.faults.plant import WORKERS, Plant, Shape
from tests.faults.receiver import Receiver, receiver
from tests.faults.stories import Stories
from tests.faults.trackers import Trackers
from tests.faults.workflow import Made, make
from tests.stack.processes import Session, wait_until

#: How many have entered, or were told to a server, when something breaks.
MOMENTS = (0.2, 0.5, 0.9)
#: Mails that an entry comes to, at most; entries come so seldom that these can leave.
_MAILS_OF_ONE = 3
#: Entries come for so long at least, so that there is something to break.
_LEAST_SECONDS = 15
#: A server takes so long to answer a call that some are always under way.
_ANSWER_SECONDS = 1.0
#: Longer than PostgreSQL waits for somebody within a transaction (settings: a minute).
_FROZEN_SECONDS = 65
_OWED = """
SELECT
  (SELECT count(*) FROM automations_arrival)
  + (SELECT count(*) FROM automations_run WHERE state IN ('RUNNING', 'WAITING'))
  + (SELECT count(*) FROM automations_webhookcall
     WHERE state IN ('PENDING', 'CALLING'))
"""
#: Transactions of the engine in which nothing has happened for longer than in any that
#: somebody works on.
_HELD = """
SELECT pid || ' ' || xact_start FROM pg_stat_activity
WHERE datname = current_database() AND state = 'idle in transaction'
  AND query LIKE '%%automations_%%'
  AND state_change < clock_timestamp() - interval '0.3 second'
"""


@dataclass
class Told:
    """A workflow that is switched on, and the clients that tell of events."""

    plant: Plant
    options: Options
    made: Made
    trackers: Trackers
    receiver: Receiver | None = None

    def wait_for(self, share: float) -> None:
        """Wait for a share of the entries, or of the calls where a server is called.

        Go on when it takes too long.
        """
        server, entries = self.receiver, self.options.mails
        seconds = _LEAST_SECONDS + 60 + 10 * entries / self.plant.shape.rate
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            done = server.calls if server else self.trackers.entered
            if done >= entries * share:
                return
            time.sleep(0.02)

    def ended(self, figures: dict[str, Any]) -> Finding:
        """Wait until nothing is owed any more, and return what there is to compare."""
        is_told = self.trackers.join(seconds=600 + self.options.limit_seconds)
        deadline = time.monotonic() + self.options.limit_seconds
        while self._is_owed() and time.monotonic() < deadline:
            time.sleep(0.25)
        finding = Finding(self.trackers.answers, figures)
        finding.stories = Stories(
            self.plant, self.made, self.trackers.accepted, self.receiver
        )
        finding.expect(is_told, "every event is accepted in the end")
        self.plant.wait_until_quiet(seconds=self.options.limit_seconds)
        finding.answers.ids += [
            pk
            for (pk,) in self.plant.it.database.rows(
                "SELECT id::text FROM transactional_email"
            )
        ]
        return finding

    def _is_owed(self) -> bool:
        return bool(self.plant.it.database.value(_OWED))


def tell(plant: Plant, options: Options, *, server: Receiver | None = None) -> Told:
    """Make the workflow, and let clients begin to tell of events."""
    made = make(plant, call=server.url if server else "")
    per_second = min(plant.shape.rate / _MAILS_OF_ONE, options.mails / _LEAST_SECONDS)
    trackers = Trackers(
        plant.url, plant.it.secret_key, entries=options.mails, per_second=per_second
    )
    return Told(plant, options, made, trackers.start(), server)


def broken_by(
    *breaks: Break, at: tuple[float, ...] = MOMENTS
) -> Callable[[Plant, Options], Finding]:
    """Return a scenario in which something breaks at each moment."""

    def run(plant: Plant, options: Options) -> Finding:
        return _broken(tell(plant, options), breaks, at)

    return run


def _broken(told: Told, breaks: tuple[Break, ...], at: tuple[float, ...]) -> Finding:
    seen: list[Any] = []
    for moment in at:
        told.wait_for(moment)
        seen += [break_(told.plant) for break_ in breaks]
    return told.ended({"seen": seen})


def _stopped(plant: Plant, options: Options) -> Finding:
    """Tell each worker to stop in the middle of its work, and start it again."""
    finding = broken_by(_stop_workers)(plant, options)
    took = [one for round_ in finding.figures["seen"] for one in round_]
    finding.expect(None not in took, f"a worker stops within {STOP_SECONDS:g} s")
    return finding


def _stop_workers(plant: Plant) -> list[float | None]:
    """Stop them once they have begun to work again since the last time."""
    for name in WORKERS:
        session = plant.worker(name)
        wait_until(partial(_has_children, session), seconds=60, session=session)
    return stop_workers(plant)


def _has_children(session: Session) -> bool:
    return len(session.members()) > 2


def _frozen(plant: Plant, options: Options) -> Finding:
    """Freeze a worker within a transaction, for longer than PostgreSQL waits for it."""
    told = tell(plant, options)
    told.wait_for(MOMENTS[0])
    worker = plant.worker(WORKERS[0])
    held: set[str] = set()
    for _ in range(100):
        plant.freeze(worker)
        time.sleep(0.4)
        if held := _held(plant):
            time.sleep(0.6)
            held &= _held(plant)
        if held:
            break
        plant.thaw(worker)
        time.sleep(0.15)
    time.sleep(_FROZEN_SECONDS if held else 0)
    plant.thaw(worker)
    finding = told.ended({"held_when_frozen": len(held)})
    finding.expect(bool(held), "the worker was in a transaction when it was frozen")
    return finding


def _held(plant: Plant) -> set[str]:
    return {text for (text,) in plant.it.database.rows(_HELD)}


def _dying(point: str) -> Callable[[Plant, Options], Finding]:
    def run(plant: Plant, options: Options) -> Finding:
        """Let one worker's processes die at one point of the engine, all along."""
        plant.let_die(WORKERS[0], point, percent=10)
        return _with_deaths(plant, tell(plant, options).ended({}))

    return run


def _calling(*breaks: Break) -> Callable[[Plant, Options], Finding]:
    def run(plant: Plant, options: Options) -> Finding:
        """Break something while a server is being called for each who enters."""
        port = plant.it.ports.take()
        with receiver(port=port, seconds=_ANSWER_SECONDS) as server:
            finding = _broken(tell(plant, options, server=server), breaks, MOMENTS)
            return _with_interrupted(plant, finding)

    return run


def _dying_in_calls(point: str) -> Callable[[Plant, Options], Finding]:
    # For each call, and not for each batch of them.
    percent = 1 if point == "call-made" else 5

    def run(plant: Plant, options: Options) -> Finding:
        """Let one worker's processes die at one point around their calls."""
        port = plant.it.ports.take()
        with receiver(port=port, seconds=_ANSWER_SECONDS) as server:
            plant.let_die(WORKERS[0], point, percent=percent)
            finding = tell(plant, options, server=server).ended({})
        return _with_deaths(plant, finding)

    return run


def _with_deaths(plant: Plant, finding: Finding) -> Finding:
    died = plant.deaths(WORKERS[0])
    finding.figures["died"] = died
    finding.expect(died > 0, "somebody died")
    return finding


def _with_interrupted(plant: Plant, finding: Finding) -> Finding:
    lost = plant.it.database.value(
        "SELECT count(*) FROM automations_webhookattempt WHERE status IS NULL"
    )
    finding.expect(lost > 0, "somebody was killed during a call")
    return finding


_SLOW = Shape(latency_ms=100)
_CALLS = Shape(
    environ=(
        ("WEBHOOK_ALLOWED_NETWORKS", "127.0.0.0/8"),
        ("WEBHOOK_CALLS_PER_ENDPOINT", 64),
    )
)

AUTOMATIONS: dict[str, Scenario] = {
    "automation": Scenario(broken_by(nothing)),
    "automation-kills": Scenario(broken_by(kill_workers), shape=_SLOW),
    "automation-sigterm": Scenario(_stopped),
    "automation-redis-flushed": Scenario(broken_by(flush_redis)),
    "automation-redis-hung": Scenario(broken_by(hang_redis)),
    "automation-pg-restart": Scenario(
        broken_by(break_database), own_postgresql=True, allows_refusals=True
    ),
    "automation-two-beats": Scenario(broken_by(second_beat, kill_workers)),
    # Whoever it has locked, nobody else can change.
    "automation-frozen": Scenario(_frozen, allows_refusals=True),
    "automation-webhooks": Scenario(_calling(kill_workers), shape=_CALLS),
    **{f"automation-dies-{point}": Scenario(_dying(point)) for point in ENGINE_POINTS},
    **{
        f"automation-dies-{point}": Scenario(
            _dying_in_calls(point), shape=_CALLS, most_mails=2000
        )
        for point in CALL_POINTS
    },
}
