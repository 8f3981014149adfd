"""A campaign, broken twice on its way: when three and when seven tenths have left."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from plunk.running.supervising import ROLES
from tests.faults.asking import ask
from tests.faults.clients import Answers
from tests.faults.dying import FREEZING_POINTS, POINTS
from tests.faults.finding import Finding, Options, Scenario
from tests.faults.oracle import accepted
from tests.faults.plant import WORKERS, Plant, Shape
from tests.stack.installation import SENDER

#: How much of it has left when something breaks.
MOMENTS = (0.3, 0.7)
#: What a worker that was told to stop may take.
STOP_SECONDS = 30.0
#: Each hundredth address bounces for good, each thousandth complains.
_CONTACTS = """
INSERT INTO contacts_contact (id, project_id, email, subscribed, data)
SELECT
  gen_random_uuid(), %s,
  CASE
    WHEN i %% 1000 = 1 THEN 'complaint+' || i || '@simulator.amazonses.com'
    WHEN i %% 100 = 2 THEN 'bounce+' || i || '@simulator.amazonses.com'
    ELSE 'reader' || i || '@example.org'
  END,
  true, '{"name": "Ada"}'
FROM generate_series(1, %s) AS i
"""

Break = Callable[[Plant], Any]


@dataclass(frozen=True, slots=True)
class Launched:
    """A campaign that is on its way, as those who started it know it."""

    plant: Plant
    id: str
    recipients: int

    def ask(self, method: str, path: str = "", body: object = None) -> Any:
        """Ask the API about the campaign; patiently, for it may be down just now."""
        return ask(self.plant, method, f"/campaigns/{self.id}{path}", body)

    @property
    def state(self) -> str:
        rows = self.plant.it.database.rows(
            "SELECT state FROM campaigns_campaign WHERE id = %s", [self.id]
        )
        return str(rows[0][0])

    def ids(self) -> list[str]:
        rows = self.plant.it.database.rows(
            "SELECT id::text FROM transactional_email WHERE origin_id = %s", [self.id]
        )
        return [pk for (pk,) in rows]

    def wait_for(self, share: float, *, seconds: float = 120) -> None:
        """Wait until SES was called for so much of it; go on when it takes too long."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.plant.calls() >= self.recipients * share:
                return
            time.sleep(0.02)

    def wait_until_ended(self, *, seconds: float) -> str:
        """Wait until nothing of it is owed any more; return its state."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if (state := self.state) not in {"SENDING", "SCHEDULED"}:
                return state
            time.sleep(0.25)
        return self.state


def launch(plant: Plant, recipients: int) -> Launched:
    """Make so many contacts, and send a campaign to all of them by the API."""
    plant.it.database.rows(_CONTACTS, [plant.it.project_id, recipients])
    draft = {
        "name": "Harness",
        "subject": "News for {{ name }}",
        "body": '<p>Hello {{ name }}, <a href="https://example.org/a">read</a></p>',
        "from": SENDER,
        "audienceType": "ALL",
    }
    made = ask(plant, "POST", "/campaigns", draft)
    launched = Launched(plant, made["data"]["id"], recipients)
    launched.ask("POST", "/send", {})
    return launched


def broken_by(
    *breaks: Break, at: tuple[float, ...] = MOMENTS
) -> Callable[[Plant, Options], Finding]:
    """Return a scenario that sends a campaign and breaks something at each moment."""

    def run(plant: Plant, options: Options) -> Finding:
        launched = launch(plant, options.mails)
        seen: list[Any] = []
        for moment in at:
            launched.wait_for(moment)
            seen += [break_(plant) for break_ in breaks]
        return _ended(launched, options, Finding(Answers(), {"seen": seen}))

    return run


def _ended(launched: Launched, options: Options, finding: Finding) -> Finding:
    state = launched.wait_until_ended(seconds=options.limit_seconds)
    finding.answers.ids += launched.ids()
    finding.campaign_id = launched.id
    rows = len(finding.answers.ids)
    finding.figures |= {"campaign": state, "recipients": launched.recipients}
    finding.expect(state == "SENT", f"the campaign ends as SENT, not {state}")
    finding.expect(
        rows == launched.recipients, f"{launched.recipients} mails exist, not {rows}"
    )
    return finding


# -- what breaks -----------------------------------------------------------------------


def nothing(plant: Plant) -> None:
    """Break nothing: what the others are compared with."""


def kill_workers(plant: Plant) -> list[str]:
    """Kill workers three times, one after the other, each in another way."""
    ways = []
    for _ in range(3):
        ways.append(plant.kill_worker())
        time.sleep(2)
    return ways


def stop_workers(plant: Plant) -> list[float | None]:
    """Tell each worker to stop in the middle of its work, and start it again."""
    took: list[float | None] = []
    for name in WORKERS:
        took.append(plant.worker(name).stop(seconds=STOP_SECONDS))
        plant.worker(name).kill()
        plant.start_worker(name)
    return took


def flush_redis(plant: Plant) -> None:
    plant.it.redis.flush()


def hang_redis(plant: Plant) -> None:
    plant.it.redis.freeze()
    time.sleep(10)
    plant.it.redis.thaw()


def break_database(plant: Plant) -> None:
    plant.break_database()


def freeze_worker(plant: Plant) -> int:
    """Freeze a worker with mail in its hands until its lease is over."""
    worker = plant.worker(WORKERS[0])
    held = 0
    for _ in range(20):
        plant.freeze(worker)
        time.sleep(plant.shape.latency_ms / 1000 + 0.3)
        if held := plant.longest_held():
            break
        plant.thaw(worker)
        time.sleep(0.2)
    time.sleep(plant.lease_seconds * 2 if held else 0)
    plant.thaw(worker)
    return held


def second_beat(plant: Plant) -> None:
    plant.it.start(f"beat-{time.monotonic_ns()}", *ROLES["beat"])


def wrong_clocks(plant: Plant) -> str:
    """Let one worker's clock be two hours ahead and the other's two hours behind."""
    for name, hours in zip(WORKERS, (2, -2), strict=True):
        plant.set_clock(name, hours * 3600)
    return "+2h, -2h"


def switched(name: str, percent: float, *, seconds: float, **more: object) -> Break:
    """Return what sets a switch of SES for a while."""

    def break_(plant: Plant) -> int:
        plant.control(**{name: percent}, **more)
        time.sleep(seconds)
        counted = plant.control(**{name: 0})["counters"].get(name, 0)
        return int(counted)

    return break_


# -- what somebody does ----------------------------------------------------------------


def cancel(plant: Plant, options: Options) -> Finding:
    """Cancel at three tenths: what was in flight leaves, and nothing afterwards."""
    launched = launch(plant, options.mails)
    launched.wait_for(MOMENTS[0])
    launched.ask("POST", "/cancel", {})
    held, begun_late = _held(plant, launched)
    at_answer = accepted(plant)
    deadline = time.monotonic() + options.limit_seconds
    while plant.unfinished() and time.monotonic() < deadline:
        time.sleep(0.25)
    settled = plant.calls()
    time.sleep(options.after_seconds)
    late = plant.calls() - settled
    left = accepted(plant)
    states = dict(
        plant.it.database.rows(
            "SELECT state, count(*)::int FROM transactional_email GROUP BY state"
        )
    )
    withdrawn = states.get("CANCELLED", 0)
    finding = Finding(Answers(), campaign_id=launched.id)
    finding.figures |= {
        "campaign": launched.state,
        "recipients": launched.recipients,
        "in_flight_at_answer": len(held),
        "left_after_answer": len(left - at_answer),
        "left_not_in_flight": len(left - at_answer - held),
        "claimed_after_cancelling": begun_late,
        "left_later": late,
        "watched_seconds": options.after_seconds,
        "cancelled": withdrawn,
        "states": states,
    }
    finding.expect(left - at_answer <= held, "only what was in flight leaves")
    finding.expect(begun_late == 0, "no mail is claimed once it is cancelled")
    finding.expect(late == 0, "nothing leaves later")
    finding.expect(launched.state == "CANCELLED", "the campaign is cancelled")
    finding.expect(
        len(left) + withdrawn == launched.recipients,
        "what left and what was withdrawn are all",
    )
    finding.answers.ids += [
        pk
        for (pk,) in plant.it.database.rows(
            "SELECT id::text FROM transactional_email WHERE state <> 'CANCELLED'"
        )
    ]
    return finding


def _held(plant: Plant, launched: Launched) -> tuple[set[str], int]:
    """Return what workers hold just now, and how much of it they took too late.

    A lease says when its mail was claimed; the database's clock is the only one.
    """
    rows = plant.it.database.rows(
        "SELECT e.id::text, e.lease_expires_at - interval '1 second' * %s"
        " > c.cancelled_at FROM transactional_email e"
        " JOIN campaigns_campaign c ON c.id = e.origin_id"
        " WHERE c.id = %s AND e.state IN ('SENDING', 'IN_DOUBT')",
        [plant.lease_seconds, launched.id],
    )
    return {pk for pk, _ in rows}, sum(bool(is_late) for _, is_late in rows)


def pause(plant: Plant, options: Options) -> Finding:
    """Pause at three tenths, look for a while, and go on to exactly the rest."""
    launched = launch(plant, options.mails)
    launched.wait_for(MOMENTS[0])
    launched.ask("POST", "/pause", {})
    time.sleep(3)
    before = plant.calls()
    time.sleep(min(options.after_seconds, 10))
    meanwhile = plant.calls() - before
    launched.ask("POST", "/resume", {})
    finding = Finding(
        Answers(), {"left_before_resume": before, "left_in_pause": meanwhile}
    )
    finding.expect(meanwhile == 0, "nothing leaves in the pause")
    return _ended(launched, options, finding)


def _dying(point: str) -> Callable[[Plant, Options], Finding]:
    # As in the scenarios of single mails: before a batch, or before each mail of it.
    percent = 0.3 if point.endswith("ses") else 4

    def run(plant: Plant, options: Options) -> Finding:
        """Let one worker's processes die at one point, all along a campaign."""
        plant.let_die(WORKERS[0], point, percent=percent)
        launched = launch(plant, options.mails)
        finding = _ended(launched, options, Finding(Answers()))
        return _with_deaths(plant, finding, WORKERS[:1])

    return run


def _dying_in_freezing(point: str) -> Callable[[Plant, Options], Finding]:
    def run(plant: Plant, options: Options) -> Finding:
        """Let every worker die again and again while it writes down who gets it."""
        for name in WORKERS:
            plant.let_die(name, point, percent=15)
        launched = launch(plant, options.mails)
        finding = _ended(launched, options, Finding(Answers()))
        return _with_deaths(plant, finding, WORKERS)

    return run


def _with_deaths(plant: Plant, finding: Finding, names: tuple[str, ...]) -> Finding:
    died = sum(plant.deaths(name) for name in names)
    finding.figures["died"] = died
    finding.expect(died > 0, "somebody died")
    return finding


_SLOW = Shape(latency_ms=100)

CAMPAIGNS: dict[str, Scenario] = {
    "campaign": Scenario(broken_by(nothing)),
    "campaign-kills": Scenario(broken_by(kill_workers), shape=_SLOW),
    "campaign-sigterm": Scenario(broken_by(stop_workers)),
    "campaign-redis-flushed": Scenario(broken_by(flush_redis)),
    "campaign-redis-hung": Scenario(broken_by(hang_redis)),
    "campaign-pg-restart": Scenario(
        broken_by(break_database), own_postgresql=True, allows_refusals=True
    ),
    "campaign-answers-lost": Scenario(
        broken_by(switched("drop_after", 5, seconds=5)), shape=_SLOW
    ),
    "campaign-answers-lost-silent": Scenario(
        broken_by(switched("drop_after", 5, seconds=5)),
        shape=Shape(has_feedback=False),
        allows_documented_duplicates=True,
    ),
    "campaign-hang": Scenario(
        broken_by(switched("hang", 2, seconds=5, hang_seconds=8))
    ),
    "campaign-throttle": Scenario(broken_by(switched("throttle", 30, seconds=10))),
    "campaign-quota": Scenario(broken_by(switched("quota", 100, seconds=12))),
    "campaign-paused": Scenario(broken_by(switched("paused", 100, seconds=10))),
    "campaign-clocks": Scenario(broken_by(wrong_clocks, at=MOMENTS[:1])),
    "campaign-frozen": Scenario(broken_by(freeze_worker), shape=Shape(latency_ms=200)),
    "campaign-two-beats": Scenario(broken_by(second_beat, kill_workers)),
    **{
        f"campaign-dies-{point}": Scenario(_dying(point), shape=_SLOW)
        for point in POINTS
    },
    **{
        f"campaign-freezing-{point}": Scenario(_dying_in_freezing(point))
        for point in FREEZING_POINTS
    },
    "campaign-cancel": Scenario(cancel, shape=_SLOW),
    "campaign-pause": Scenario(pause),
}
