"""`python -m tests.bench campaign`: an audience written down, beside a bare statement.

The campaign is launched as the product does it, and held, so that nothing but its mails
is written. Then the very rows that came of it are written once more by one
`INSERT … SELECT`, into the same table: with all that it has, and without our triggers.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from tests.bench.bodies import newsletter
from tests.bench.launching import frozen_at, launch
from tests.bench.memory import Peak
from tests.bench.place import NAME
from tests.bench.readers import FIVE_RULES, People, make_people
from tests.bench.table import print_table
from tests.stack.installation import SENDER, Installation, installation
from tests.stack.processes import Ports, Session, cpu_seconds

_LIMIT_SECONDS = 900.0
_COLUMNS = (
    "id, project_id, contact_id, content_id, kind, source, origin_id, run, lane,"
    " to_email, from_email, from_name, reply_to, tracks"
)
_TRIGGERS = ("inserted", "deleted", "changed")
_HEAD = (
    *("audience", "looked at", "mails", "what", "seconds", "mails/s"),
    *("CPU s", "of it PG", "bare/this", "before MiB", "peak MiB"),
)


@dataclass(frozen=True, slots=True)
class Frozen:
    """What one way of writing mails down came to."""

    what: str
    mails: int
    seconds: float
    cpu: float
    database_cpu: float
    before_mib: float | None = None
    peak_mib: float | None = None


def measure(*, contacts: list[int], ports: Ports) -> None:
    """Write every audience down, for each number of contacts, and print the times."""
    print("\nFrom the launch to the last mail written down")
    for count in contacts:
        with installation(NAME, ports=ports, environ={}) as it:
            people = make_people(it, count, data={"firstName": "Ada"})
            it.start_beat()
            for audience, fields in _audiences(people).items():
                done = _product(it, fields)
                looked_at, bares = _bares(it)
                rows = [done, *bares]
                # At once: each takes minutes.
                print_table(
                    _HEAD,
                    [_line(audience, looked_at, each, bares[0]) for each in rows],
                )
                print(flush=True)


def _audiences(people: People) -> dict[str, dict[str, Any]]:
    return {
        "everyone": {},
        "segment, a third": {
            "audience_type": "SEGMENT",
            "segment_id": people.by_rule,
        },
        "filter of five rules": {
            "audience_type": "FILTERED",
            "condition": FIVE_RULES,
        },
        "topic, without a segment": {
            "topic_id": people.topic,
            "excluded": [people.by_hand],
        },
    }


def _line(audience: str, looked_at: int, it: Frozen, bare: Frozen) -> list[object]:
    return [
        *(audience, looked_at, it.mails, it.what, it.seconds, it.mails / it.seconds),
        *(it.cpu, it.database_cpu, bare.seconds / it.seconds),
        *(it.before_mib, it.peak_mib),
    ]


def _product(it: Installation, fields: dict[str, Any]) -> Frozen:
    _empty(it)
    with it.start_worker(f"worker-{time.monotonic_ns()}", children=1) as worker:
        _wait_for_children(worker)
        peak = Peak(worker)
        cpu, database_cpu = worker.cpu_seconds(), it.database.cpu_seconds() or 0.0
        campaign = launch(
            it,
            subject="News",
            body=newsletter(),
            fields={"from_email": SENDER, **fields},
            hold=True,
        )
        deadline = time.monotonic() + _LIMIT_SECONDS
        while not frozen_at(it, campaign):
            if time.monotonic() > deadline or not worker.is_alive:
                raise SystemExit(f"nobody writes the mails down\n{worker.tail()}")
            time.sleep(0.1)
        cpu = worker.cpu_seconds() - cpu
        database_cpu = (it.database.cpu_seconds() or 0.0) - database_cpu
        most = peak.stop()
    seconds, figures = it.database.rows(
        "SELECT extract(epoch FROM frozen_at - created_at), figures FROM campaigns_run"
        " WHERE campaign_id = %s",
        [campaign],
    )[0]
    mails = it.database.value("SELECT count(*) FROM transactional_email")
    noted = it.database.value("SELECT sum(mails) FROM transactional_emailtally")
    if not figures["taken"] == mails == noted:
        raise SystemExit(f"not exact: {figures}, {mails} mails, {noted} noted")
    return Frozen(
        *("product", mails, float(seconds), cpu + database_cpu, database_cpu),
        *(peak.before, most),
    )


def _wait_for_children(worker: Session) -> None:
    """Wait until the worker has forked: its head, and the one that works."""
    deadline = time.monotonic() + 60
    while len(worker.members()) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(2.0)


def _bares(it: Installation) -> tuple[int, list[Frozen]]:
    """Write the product's rows again; return also how many contacts it looked at."""
    looked_at = it.database.value("SELECT max(done) FROM contacts_job")
    it.database.rows("DROP TABLE IF EXISTS bench_mails")
    it.database.rows(
        f"CREATE UNLOGGED TABLE bench_mails AS SELECT {_COLUMNS}"
        " FROM transactional_email ORDER BY id"
    )
    found = [_bare(it, "bare")]
    _turn_triggers(it, "DISABLE")
    found.append(_bare(it, "bare, no triggers"))
    _turn_triggers(it, "ENABLE ALWAYS")
    it.database.rows("DROP TABLE bench_mails")
    return int(looked_at), found


def _turn_triggers(it: Installation, how: str) -> None:
    for name in _TRIGGERS:
        it.database.rows(
            f"ALTER TABLE transactional_email {how} TRIGGER email_tally_{name}"
        )


def _bare(it: Installation, what: str) -> Frozen:
    _empty(it)
    backend = it.database.value("SELECT pg_backend_pid()")
    cpu, began = cpu_seconds(backend), time.monotonic()
    it.database.rows(
        f"INSERT INTO transactional_email ({_COLUMNS})"
        f" SELECT {_COLUMNS} FROM bench_mails"
    )
    seconds, cpu = time.monotonic() - began, cpu_seconds(backend) - cpu
    mails = it.database.value("SELECT count(*) FROM transactional_email")
    return Frozen(what, mails, seconds, cpu, cpu)


def _empty(it: Installation) -> None:
    """Begin with an empty table, and without what the last run left to be written."""
    it.database.rows("TRUNCATE transactional_email CASCADE")
    it.database.rows("TRUNCATE campaigns_campaign, transactional_stream CASCADE")
    it.database.rows("CHECKPOINT")
