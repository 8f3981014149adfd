"""`python -m tests.bench lanes`: who gets how much of a small quota, and how soon.

A real installation with web, beat and one worker of two processes; SES is a sink that
tells of a quota and logs when which mail came. Clocks are those of one machine.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.bench import sink
from tests.bench.bodies import newsletter
from tests.bench.launching import ask, launch, wait_until_frozen
from tests.bench.place import NAME
from tests.bench.readers import make_contacts
from tests.bench.table import print_table
from tests.stack.installation import SENDER, Installation, installation
from tests.stack.processes import Ports, Session, is_answered, wait_until

_PER_SECOND = 3.0
#: What the product is asked for at most before a mail is late for this harness.
_LIMIT_SECONDS = 60.0
#: Longer than the product takes to hear of another quota.
_QUOTA_SECONDS = 75.0
_OTHERS = ("second", "third")


@dataclass
class Stage:
    """The installation, and what its sink has seen."""

    it: Installation
    worker: Session
    url: str
    ses: str
    receipts: sink.Receipts
    tried: int = 0

    def came(self, *, since: float = 0.0, prefix: str = "") -> list[float]:
        """Return when mails came to addresses that begin so."""
        return [
            at
            for at, to in self.receipts.read()
            if at >= since and to.startswith(prefix)
        ]


def measure(*, contacts: int, rate: float, seconds: float, ports: Ports) -> None:
    """Measure every stage in turn and print what came of it."""
    with installation(NAME, ports=ports, environ={"WEB_CONCURRENCY": 1}) as it:
        stage = _begin(it, rate)
        make_contacts(it, contacts, data={"firstName": "Ada"})
        print(f"\n{rate:g} a second; {_PER_SECOND:g} single mails a second by the API")
        rows = [["idle", *_single(stage, seconds)]]
        held = launch(it, **_written(SENDER))
        rows.append([f"{contacts:,} are written down", *_single(stage, seconds)])
        wait_until_frozen(it, held, seconds=600)
        rows.append([f"campaign to {contacts:,}", *_single(stage, seconds)])
        print("From the API's answer to SES, in seconds")
        head = ("meanwhile", "mails", "p50", "p95", "max", "all mails/s")
        print_table(head, rows)
        _fairness(stage, contacts, seconds)
        _quota(stage, rate)


def _begin(it: Installation, rate: float) -> Stage:
    port, log = it.ports.take(), it.folder / "received.log"
    ses = f"http://127.0.0.1:{port}"
    server = it.start("sink", "-m", "tests.bench.sink", str(port), str(log))
    wait_until(lambda: is_answered(ses), seconds=20, session=server)
    sink.set_delay(ses, 30)
    sink.set_quota(ses, rate=rate)
    it.environ["AWS_ENDPOINT_URL"] = ses
    web, url = it.start_web()
    it.start_beat()
    worker = it.start_worker("worker", children=2)
    wait_until(lambda: is_answered(f"{url}/health"), seconds=90, session=web)
    stage = Stage(it, worker, url, ses, sink.Receipts(log))
    wait_until(lambda: _known_rate(it) == rate, seconds=_QUOTA_SECONDS, session=worker)
    _single(stage, 3.0)
    return stage


def _known_rate(it: Installation) -> float:
    rows = it.database.rows("SELECT max_rate FROM transactional_sendingaccount")
    return float(rows[0][0]) if rows else 0.0


def _written(sender: str) -> dict[str, Any]:
    return {
        "subject": "News",
        "body": newsletter(),
        "fields": {"from_email": sender},
    }


# -- single mails ----------------------------------------------------------------------


def _single(stage: Stage, seconds: float) -> list[object]:
    """Send single mails for a while; return how many, and how late they were."""
    began = time.time()
    answered: dict[str, float] = {}
    while (due := began + len(answered) / _PER_SECOND) < began + seconds:
        time.sleep(max(0.0, due - time.time()))
        stage.tried += 1
        address = f"single{stage.tried}@example.net"
        _post(stage, address)
        answered[address] = time.time()
    ended = time.time()
    wait_until(
        lambda: answered.keys() <= {to for _, to in stage.receipts.read()},
        seconds=_LIMIT_SECONDS,
        session=stage.worker,
    )
    came = {to: at for at, to in stage.receipts.read() if to in answered}
    late = sorted(max(0.0, came[to] - at) for to, at in answered.items())
    total = sum(began <= at <= ended for at in stage.came())
    return [
        *(len(late), late[len(late) // 2], late[len(late) * 95 // 100], late[-1]),
        total / (ended - began),
    ]


def _post(stage: Stage, address: str) -> None:
    body = {"to": address, "subject": "Receipt", "body": "<p>Thanks</p>"}
    request = urllib.request.Request(
        f"{stage.url}/v1/send",
        json.dumps(body | {"from": SENDER}).encode(),
        {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {stage.it.secret_key}",
        },
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        response.read()


# -- several projects ------------------------------------------------------------------


def _fairness(stage: Stage, contacts: int, seconds: float) -> None:
    """Projects of ten recipients come to a busy one; then three share."""
    it, senders, projects = stage.it, {}, {}
    for name in _OTHERS:
        senders[name] = f"news@{name}.example.com"
        told = {"name": name, "sender": senders[name]}
        projects[name] = ask(it, do="project", **told)["project"]
        few = {"project_id": projects[name], "prefix": f"few-{name}"}
        make_contacts(it, 10, data={}, **few)
        held = launch(it, project_id=projects[name], **_written(senders[name]))
        _wait_for(stage, f"few-{name}", 10)
        last = max(stage.came(prefix=f"few-{name}"))
        launched, frozen = it.database.rows(
            "SELECT extract(epoch FROM created_at), extract(epoch FROM frozen_at)"
            " FROM campaigns_run WHERE campaign_id = %s",
            [held],
        )[0]
        print(
            f"ten recipients of the {name} project, beside a campaign: written down"
            f" after {frozen - launched:.2f} s, the last at SES after"
            f" {last - float(launched):.2f} s"
        )
    for name in _OTHERS:
        many = {"project_id": projects[name], "prefix": f"many-{name}"}
        make_contacts(it, contacts // 10, data={}, **many)
        held = launch(it, project_id=projects[name], **_written(senders[name]))
        wait_until_frozen(it, held, seconds=300)
    prefixes = {"first": "reader", **{name: f"many-{name}" for name in _OTHERS}}
    began = time.time()
    time.sleep(seconds)
    ended = time.time()
    counts = {
        name: sum(at < ended for at in stage.came(since=began, prefix=prefix))
        for name, prefix in prefixes.items()
    }
    whole = sum(counts.values()) or 1
    print(f"\nThree projects with much to send, {ended - began:.0f} s")
    print_table(
        ("project", "mails", "mails/s", "share %"),
        [
            [name, count, count / (ended - began), count / whole * 100]
            for name, count in counts.items()
        ],
    )


def _wait_for(stage: Stage, prefix: str, count: int) -> None:
    wait_until(
        lambda: len(stage.came(prefix=prefix)) >= count,
        seconds=_LIMIT_SECONDS,
        session=stage.worker,
    )


# -- another quota ---------------------------------------------------------------------


def _quota(stage: Stage, rate: float) -> None:
    """SES changes the quota while campaigns run; print what leaves after that."""
    rows: list[list[object]] = []
    for name, told in {
        "half the rate": {"rate": rate / 2},
        "the day is used up": {"rate": rate, "day": 1},
        "the day goes on, twice the rate": {"rate": 2 * rate, "day": -1},
    }.items():
        sink.set_quota(stage.ses, **told)
        changed = time.time()
        heard = _is_heard(stage, told)
        wait_until(heard, seconds=_QUOTA_SECONDS, session=stage.worker)
        took = time.time() - changed
        time.sleep(1.0)
        began = time.time()
        single = _single(stage, 5.0) if told.get("day", -1) < 0 else None
        time.sleep(max(0.0, began + 10 - time.time()))
        came = stage.came(since=began, prefix="reader")
        came += stage.came(since=began, prefix="many-")
        per_second = len(came) / (time.time() - began)
        rows.append([name, took, per_second, single[2] if single else None])
    print("\nSES tells of another quota; what campaigns send from then on")
    print_table(("quota", "heard after s", "mails/s", "single mails p95 s"), rows)


def _is_heard(stage: Stage, told: dict[str, float]) -> Callable[[], bool]:
    def is_heard() -> bool:
        rate, day = stage.it.database.rows(
            "SELECT max_rate, max_24_hours FROM transactional_sendingaccount"
        )[0]
        return bool(rate == told["rate"] and day == told.get("day", -1))

    return is_heard
