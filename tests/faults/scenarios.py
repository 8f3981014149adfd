"""What is broken, when, and what must be true in spite of it."""

from __future__ import annotations

import time
from collections.abc import Callable

from plunk.running.supervising import ROLES
from tests.faults.automations import AUTOMATIONS
from tests.faults.campaigns import CAMPAIGNS
from tests.faults.clients import Answers, Senders
from tests.faults.dying import POINTS, POISON
from tests.faults.finding import Finding, Options, Scenario
from tests.faults.oracle import share_of_rate
from tests.faults.plant import WORKERS, Plant, Shape

#: What a worker that was told to stop may take.
STOP_SECONDS = 30.0
#: What `POST /v1/send` may take while Redis is away.
WORST_ANSWER_SECONDS = 1.0


def kills(plant: Plant, options: Options) -> Finding:
    """Kill workers while mail is in flight, and empty Redis in the middle of it."""
    senders = _send(plant, options)
    ways = []
    for number in range(options.kills):
        _wait_for_calls(plant, options.mails * (number + 1) // (options.kills + 1))
        ways.append(plant.kill_worker())
        if options.flush and number == options.kills // 2:
            plant.it.redis.flush()
    return Finding(_answers(senders), {"kills": ways, "flushed": options.flush})


def undisturbed(plant: Plant, options: Options) -> Finding:
    """Break nothing: what the others are compared with."""
    finding = Finding(_answers(_send(plant, options)))
    _wait_until_sent(plant, seconds=options.limit_seconds)
    finding.figures["share_of_rate"] = share_of_rate(plant)
    return finding


def rate_kept(plant: Plant, options: Options) -> Finding:
    """Let SES enforce its rate, with more mail waiting than may go at once."""
    plant.control(enforce_rate=True, max_send_rate=plant.shape.rate)
    finding = Finding(_answers(_send(plant, options, per_second=100_000)))
    _wait_until_sent(plant, seconds=options.limit_seconds)
    throttled = plant.control(enforce_rate=False)["counters"].get("throttle", 0)
    finding.figures |= {"throttled": throttled, "share_of_rate": share_of_rate(plant)}
    return finding


def two_beats(plant: Plant, options: Options) -> Finding:
    """Run a second beat, so that everything is due twice."""
    plant.it.start("second-beat", *ROLES["beat"])
    return kills(plant, options)


def sigterm(plant: Plant, options: Options) -> Finding:
    """Tell one worker after the other to stop in the middle of its work."""
    senders = _send(plant, options)
    took: list[float | None] = []
    for number, name in enumerate(WORKERS):
        _wait_for_calls(plant, options.mails * (number + 1) // 4)
        took.append(plant.worker(name).stop(seconds=STOP_SECONDS))
        plant.worker(name).kill()
        plant.start_worker(name)
    finding = Finding(_answers(senders), {"stopped_in_seconds": took})
    finding.expect(None not in took, f"a worker stops within {STOP_SECONDS:g} s")
    finding.figures["doubts_after"] = plant.in_doubt()
    finding.expect(not plant.in_doubt(), "a stop leaves no mail in doubt")
    return finding


def redis_stopped(plant: Plant, options: Options) -> Finding:
    """Kill Redis, send all the same, start it again."""
    return _without_redis(plant, options, plant.it.redis.kill, plant.it.redis.start)


def redis_hung(plant: Plant, options: Options) -> Finding:
    """Freeze Redis: connections stay open and nothing is answered."""
    return _without_redis(plant, options, plant.it.redis.freeze, plant.it.redis.thaw)


def _without_redis(
    plant: Plant,
    options: Options,
    take_away: Callable[[], None],
    bring_back: Callable[[], None],
) -> Finding:
    before = _answers(_send(plant, options, share=0.2))
    # Idle workers: one that drains needs nobody to wake it.
    _wait_until_sent(plant, seconds=60)
    take_away()
    calls = plant.calls()
    during = _answers(_send(plant, options, share=0.4, per_second=10))
    sent_without = plant.calls() - calls
    bring_back()
    began = time.monotonic()
    _wait_until_sent(plant, seconds=120)
    resumed = time.monotonic() - began
    after = _answers(_send(plant, options, share=0.4))
    worst = round(during.worst_seconds, 3)
    finding = Finding(
        _joined(before, during, after),
        {
            "worst_answer_seconds": worst,
            "sent_without_redis": sent_without,
            "all_sent_after_seconds": round(resumed, 1),
        },
    )
    finding.expect(worst < WORST_ANSWER_SECONDS, "an answer without Redis takes < 1 s")
    finding.expect(resumed < 60, "all mail has left 60 s after Redis is back")
    return finding


def answers_lost(plant: Plant, options: Options) -> Finding:
    """Let SES take 1 % of the mails and cut the connection instead of answering."""
    plant.control(drop_after=1)
    return _with_counters(plant, _answers(_send(plant, options)), "drop_after")


def e500_after(plant: Plant, options: Options) -> Finding:
    """Let SES take 1 % of the mails and a proxy answer 502 in its place."""
    plant.control(e500_after=1)
    return _with_counters(plant, _answers(_send(plant, options)), "e500_after")


def e500_before(plant: Plant, options: Options) -> Finding:
    """Let SES refuse 5 % of the mails with an error of its own."""
    plant.control(e500_before=5)
    return _with_counters(plant, _answers(_send(plant, options)), "e500_before")


def hang(plant: Plant, options: Options) -> Finding:
    """Let SES take 0.5 % of the mails and answer long after the timeout."""
    plant.control(hang=0.5, hang_seconds=8)
    return _with_counters(plant, _answers(_send(plant, options)), "hang")


def throttle(plant: Plant, options: Options) -> Finding:
    """Let SES refuse 30 % of the calls as too fast for a while."""
    return _for_a_while(plant, options, "throttle", percent=30, seconds=10)


def quota(plant: Plant, options: Options) -> Finding:
    """Let the day's quota be used up for a while."""
    return _for_a_while(plant, options, "quota", percent=100, seconds=12)


def paused(plant: Plant, options: Options) -> Finding:
    """Let the account's sending be paused for a while."""
    return _for_a_while(plant, options, "paused", percent=100, seconds=10)


def frozen(plant: Plant, options: Options) -> Finding:
    """Freeze a worker with mail in its hands until its lease is over; let it go on."""
    senders = _send(plant, options)
    _wait_for_calls(plant, options.mails // 4)
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
    finding = Finding(_answers(senders), {"held_when_frozen": held})
    finding.expect(held > 0, "the worker held mail when it was frozen")
    return finding


def postgresql_restarted(plant: Plant, options: Options) -> Finding:
    """Crash PostgreSQL twice; where it is not the harness's own, end its connections.

    Clients ask again with the same key until they are answered.
    """
    senders = _send(plant, options, insist=True)
    for number in range(2):
        _wait_for_calls(plant, options.mails * (number + 1) // 3)
        plant.break_database()
    return _insisted(plant, options, senders)


def web_killed(plant: Plant, options: Options) -> Finding:
    """Kill the web's processes while requests are on their way in.

    Clients ask again with the same key until they are answered.
    """
    senders = _send(plant, options, insist=True)
    for number in range(options.kills):
        _wait_for_calls(plant, options.mails * (number + 1) // (options.kills + 1))
        plant.kill_web()
    return _insisted(plant, options, senders)


def _insisted(plant: Plant, options: Options, senders: Senders) -> Finding:
    finding = Finding(_answers(senders))
    rows = plant.rows()
    finding.expect(rows == options.mails, f"{options.mails} mails exist, not {rows}")
    return finding


def _dying(point: str) -> Callable[[Plant, Options], Finding]:
    # Before a batch or before each mail of it: as many deaths in the end.
    percent = 0.3 if point.endswith("ses") else 4

    def run(plant: Plant, options: Options) -> Finding:
        """Let one worker's processes die at one point, again and again."""
        plant.let_die(WORKERS[0], point, percent=percent)
        finding = Finding(_answers(_send(plant, options)))
        plant.wait_for_calls_to_end()
        finding.figures["died"] = plant.deaths(WORKERS[0])
        finding.expect(finding.figures["died"] > 0, f"somebody died {point}")
        return finding

    return run


def poison(plant: Plant, options: Options) -> Finding:
    """Send one mail that kills every process that composes it, among many others."""
    for name in WORKERS:
        plant.let_die(name, POISON, percent=100)
    finding = Finding(_answers(_send(plant, options, poison=options.mails // 2)))
    plant.wait_until_quiet(seconds=options.limit_seconds)
    deaths = sum(plant.deaths(name) for name in WORKERS)
    poisoned = plant.fate_of("poison@example.org")
    finding.figures |= {"died": deaths, "poisoned": poisoned}
    finding.left_out.add(poisoned.get("id", ""))
    finding.expect(deaths > 0, "the poison killed somebody")
    return finding


def _with_counters(plant: Plant, answers: Answers, name: str) -> Finding:
    plant.wait_for_calls_to_end()
    counted = plant.control()["counters"].get(name, 0)
    plant.control(**{name: 0})
    finding = Finding(answers, {name: counted})
    finding.expect(counted > 0, f"{name} happened at all")
    return finding


def _for_a_while(
    plant: Plant, options: Options, name: str, *, percent: int, seconds: float
) -> Finding:
    senders = _send(plant, options)
    _wait_for_calls(plant, options.mails // 4)
    plant.control(**{name: percent})
    time.sleep(seconds)
    refused = plant.control(**{name: 0})["counters"].get(name, 0)
    finding = Finding(_answers(senders), {f"{name}_answers": refused})
    finding.expect(refused > 0, f"{name} happened at all")
    return finding


def _send(
    plant: Plant,
    options: Options,
    *,
    share: float = 1.0,
    per_second: float = 0,
    insist: bool = False,
    poison: int = -1,
) -> Senders:
    plant.sent += 1
    return Senders(
        plant.url,
        plant.it.secret_key,
        name=f"round{plant.sent}",
        mails=max(1, int(options.mails * share)),
        per_second=per_second or plant.shape.rate,
        insist=insist,
        poison=poison,
    ).start()


def _answers(senders: Senders) -> Answers:
    senders.join(seconds=600)
    return senders.answers


def _joined(*parts: Answers) -> Answers:
    whole = Answers()
    for part in parts:
        whole.ids += part.ids
        whole.seconds += part.seconds
        for why, count in part.refused.items():
            whole.refused[why] = whole.refused.get(why, 0) + count
    return whole


def _wait_for_calls(plant: Plant, count: int, *, seconds: float = 60) -> None:
    """Wait until SES was called so often; go on when it takes too long."""
    deadline = time.monotonic() + seconds
    while plant.calls() < count and time.monotonic() < deadline:
        time.sleep(0.02)


def _wait_until_sent(plant: Plant, *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while plant.unfinished() and time.monotonic() < deadline:
        time.sleep(0.1)


#: A limit so low that its shares run out, and Redis is asked again and again.
_ASKS_REDIS = Shape(environ=(("API_RATE_LIMIT_PER_MINUTE", 3000),))

SCENARIOS: dict[str, Scenario] = {
    "kills": Scenario(kills),
    "undisturbed": Scenario(undisturbed),
    # Without notifications, which would ask for the machine themselves.
    "rate": Scenario(rate_kept, shape=Shape(has_feedback=False), most_mails=3000),
    "two-beats": Scenario(two_beats, most_mails=2000),
    "sigterm": Scenario(sigterm, most_mails=2000),
    "redis-stopped": Scenario(redis_stopped, shape=_ASKS_REDIS, most_mails=300),
    "redis-hung": Scenario(redis_hung, shape=_ASKS_REDIS, most_mails=300),
    "answers-lost": Scenario(answers_lost, most_mails=2000),
    "answers-lost-silent": Scenario(
        answers_lost,
        shape=Shape(has_feedback=False),
        allows_documented_duplicates=True,
        most_mails=2000,
    ),
    "e500-before": Scenario(e500_before, most_mails=2000),
    "e500-after": Scenario(e500_after, most_mails=2000),
    "hang": Scenario(hang, most_mails=2000),
    "throttle": Scenario(throttle, most_mails=3000),
    "quota": Scenario(quota, most_mails=2000),
    "paused": Scenario(paused, most_mails=2000),
    "frozen": Scenario(frozen, shape=Shape(latency_ms=200), most_mails=2000),
    "pg-restart": Scenario(
        postgresql_restarted, most_mails=3000, allows_refusals=True, own_postgresql=True
    ),
    "poison": Scenario(poison, most_mails=1000),
    "web-kills": Scenario(web_killed, most_mails=3000, allows_refusals=True),
    **CAMPAIGNS,
    **AUTOMATIONS,
    **{f"dies-{point}": Scenario(_dying(point), most_mails=2000) for point in POINTS},
}
