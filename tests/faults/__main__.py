"""`python -m tests.faults [scenario …]`; see README.md here."""

from __future__ import annotations

import argparse
import json
import sys
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.faults.finding import Finding, Options, Scenario
from tests.faults.oracle import account, compare, suspects
from tests.faults.plant import Plant, plant
from tests.faults.scenarios import SCENARIOS
from tests.stack.cluster import can_run, cluster
from tests.stack.processes import Ports, clean_up_when_told_to_stop

_MUST_BE_ZERO = (
    *("lost", "duplicates_unexplained", "drift", "stuck", "ghosts"),
    *("ids_given_twice", "failed", "figures_off", "figures_off_log"),
    *("events_lost", "events_doubled", "runs_lost", "runs_doubled", "runs_of_nothing"),
    *("runs_astray", "runs_stuck", "runs_parked", "too_early", "arrivals_left"),
    *("mails_off", "contacts_off", "tallies_off"),
    *("calls_lost", "calls_under_other_ids", "calls_off"),
)
#: SES is slow enough for a kill to find mail in flight.
_SHORT = {
    "mails": 300,
    "kills": 2,
    "flush": True,
    "rate": 60,
    "latency": 100,
    "grace": 10,
    "after": 5,
}


def main() -> int:
    """Run the scenarios that were asked for; 0 if every one of them passed."""
    clean_up_when_told_to_stop()
    given = _parsed()
    names = list(SCENARIOS) if "all" in given.scenario else given.scenario
    results = [_result(name, given) for name in names]
    return 0 if all(results) else 1


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument(
        "scenario", nargs="*", help=f"kills (default), {', '.join(SCENARIOS)}, all"
    )
    parser.add_argument("--mails", type=int, default=5000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--flush", action="store_true", help="Empty Redis half-way.")
    parser.add_argument("--rate", type=int, default=200, help="Mails a second.")
    parser.add_argument("--latency", type=int, default=0, help="Of SES, ms.")
    parser.add_argument(
        "--grace", type=int, default=30, help="Seconds a doubt waits for SES's word."
    )
    parser.add_argument("--short", action="store_true", help="Less of it, for CI.")
    parser.add_argument(
        "--limit", type=float, default=300, help="Seconds for it to settle."
    )
    parser.add_argument(
        "--after", type=float, default=30, help="Seconds to look after a cancellation."
    )
    parser.add_argument("--keep", type=Path, help="Where the logs of failures go.")
    parser.add_argument(
        "--port", type=int, default=0, help="The first to use; 0 for any that are free."
    )
    given = parser.parse_args()
    given.scenario = given.scenario or ["kills"]
    if unknown := set(given.scenario) - {*SCENARIOS, "all"}:
        parser.error(f"there is no scenario {', '.join(sorted(unknown))}")
    if given.short:
        vars(given).update(_SHORT)
    return given


def _result(name: str, given: argparse.Namespace) -> bool:
    scenario = SCENARIOS[name]
    options = Options(
        mails=min(given.mails, scenario.most_mails),
        kills=given.kills,
        flush=given.flush,
        limit_seconds=given.limit,
        after_seconds=given.after,
    )
    shape = replace(
        scenario.shape,
        rate=given.rate,
        latency_ms=given.latency or scenario.shape.latency_ms,
        grace_seconds=given.grace,
    )
    ports = Ports(given.port)
    is_own = scenario.own_postgresql and can_run()
    own = cluster(port=ports.take()) if is_own else nullcontext(None)
    began = time.monotonic()
    with own as server:
        if server is not None:
            shape = replace(shape, server=server.url)
        with plant(shape, ports=ports) as running:
            running.cluster = server
            report = _report(name, scenario, options, running, given.keep)
    report["whole_run_seconds"] = round(time.monotonic() - began, 1)
    print(json.dumps(report), flush=True)
    return bool(report["passed"])


def _report(
    name: str, scenario: Scenario, options: Options, running: Plant, keep: Path | None
) -> dict[str, Any]:
    began = time.monotonic()
    finding = scenario.run(running, options)
    is_quiet = running.wait_until_quiet(seconds=options.limit_seconds)
    seconds = round(time.monotonic() - began, 1)
    figures = compare(running, finding.answers.ids, finding.left_out)
    if finding.campaign_id:
        figures |= account(running, finding.campaign_id)
    if finding.stories is not None:
        figures |= finding.stories.compare()
    _judge(scenario, finding, figures)
    finding.expect(is_quiet, f"all settles within {options.limit_seconds:g} s")
    if finding.broken:
        _explain(name, running, finding, keep)
    return {
        "scenario": name,
        "passed": not finding.broken,
        "broken": finding.broken,
        **figures,
        **finding.figures,
        "refused": finding.answers.refused,
        "seconds": seconds,
    }


def _judge(scenario: Scenario, finding: Finding, figures: dict[str, Any]) -> None:
    for name in _MUST_BE_ZERO:
        finding.expect(figures.get(name, 0) == 0, f"{name} is 0")
    if not scenario.allows_documented_duplicates:
        finding.expect(figures["duplicates"] == 0, "duplicates is 0")
    if not scenario.allows_refusals:
        finding.expect(not finding.answers.refused, "every request is answered 200")
    finding.expect(figures["accepted_by_api"] > 0, "the API accepts mail")


def _explain(name: str, running: Plant, finding: Finding, keep: Path | None) -> None:
    """Say on standard error what is odd, and keep all logs where that is asked for."""
    odd = suspects(running, finding.answers.ids)
    odd += finding.stories.odd if finding.stories else []
    print(json.dumps({"scenario": name, "suspects": odd}, indent=1), file=sys.stderr)
    if keep is None:
        return
    folder = keep / f"{name}-{int(time.time())}"
    folder.mkdir(parents=True)
    for path in [*running.it.folder.glob("*.log"), running.log]:
        if path.exists():
            (folder / path.name).write_bytes(path.read_bytes())
    (folder / "suspects.json").write_text(json.dumps(odd, indent=1))


if __name__ == "__main__":
    sys.exit(main())
