"""`python -m tests.bench.delivery`: queued mail through real workers, and its bound."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from subprocess import PIPE, Popen

from tests.bench import sink
from tests.bench.memory import Peak
from tests.bench.place import NAME
from tests.bench.queueing import Kind, make_readers, release, unfinished, write_down
from tests.bench.table import print_table
from tests.stack.installation import Installation, installation
from tests.stack.processes import (
    ROOT,
    Ports,
    Session,
    is_answered,
    python,
    run,
    wait_until,
)

_AT_ONCE = 64
_SETTINGS = {
    # With it, mails are sent without SES counting their clicks, and we may.
    "SES_CONFIGURATION_SET_NO_TRACKING": "uncounted",
    "EMAIL_WORKER_CONCURRENCY": _AT_ONCE,
    "EMAIL_RATE_LIMIT_PER_SECOND": 1_000_000,
}
_WARM_UP = 300
_LIMIT_SECONDS = 300.0
_BOUNDS = ("product's parts", "hand-written")
_HEAD = (
    *("processes", "SES answers", "what", "mails/s", "CPU ms a mail"),
    *("of it PG", "product/this", "peak MiB"),
)


@dataclass(frozen=True, slots=True)
class Speed:
    """What one run came to."""

    what: str
    rate: float
    cpu_ms: float
    database_ms: float | None = None
    peak_mib: float | None = None


def measure(
    *, kind: Kind, count: int, processes: list[int], delays: list[int], ports: Ports
) -> None:
    """Measure every combination, product and bounds in turn, and print them."""
    with installation(NAME, ports=ports, environ=_SETTINGS) as it:
        url = _start_sink(it)
        make_readers(it, kind, count)
        it.start_beat()
        rows: list[list[object]] = []
        for number in processes:
            worker = it.start_worker("worker", children=number)
            _deliver(it, worker, kind, min(_WARM_UP, count))
            for delay in delays:
                sink.set_delay(url, delay)
                speeds = [_deliver(it, worker, kind, count)]
                speeds += [_loop(it, bound, kind, count, number) for bound in _BOUNDS]
                rows += _rows(number, delay, speeds)
            worker.kill()
        print(f"\n{count:,} {kind.name} mails, {_AT_ONCE} at once a process")
        print_table(_HEAD, rows)


def profile(*, kind: Kind, count: int, delay: int, ports: Ports) -> None:
    """Print which part of a worker's time goes where, in one process."""
    with installation(NAME, ports=ports, environ=_SETTINGS) as it:
        url = _start_sink(it)
        sink.set_delay(url, delay)
        make_readers(it, kind, count)
        with it.start_worker("worker", children=1):
            campaign = write_down(it, kind, count)
        release(it, campaign, count)
        command = python("-m", "tests.bench.profiling", "delivery")
        found = json.loads(run(*command, environ=it.environ).splitlines()[-1])
    sent, wall, cpu = found["sent"], found["wall"], found["cpu"]
    print(f"{sent:,} {kind.name} mails, SES after {delay} ms, one process")
    print(f"{sent / wall:,.0f} a second; {cpu * 1000 / sent:.2f} ms CPU a mail")
    rows = [
        [name, calls, part_wall / wall * 100, part_cpu / cpu * 100]
        for name, calls, part_wall, part_cpu in sorted(found["parts"])
    ]
    print_table(("part", "calls", "wall, % of the run", "CPU, % of all"), rows)


def _start_sink(it: Installation) -> str:
    """Start the sink, let the installation send to it, and return its address."""
    port = it.ports.take()
    url = f"http://127.0.0.1:{port}"
    server = it.start("sink", "-m", "tests.bench.sink", str(port))
    wait_until(lambda: is_answered(url), seconds=20, session=server)
    it.environ["AWS_ENDPOINT_URL"] = url
    return url


def _deliver(it: Installation, worker: Session, kind: Kind, count: int) -> Speed:
    """Let mails go as the product does, and wait until all have left."""
    campaign = write_down(it, kind, count)
    peak = Peak(worker)
    cpu, database_cpu = worker.cpu_seconds(), it.database.cpu_seconds() or 0.0
    began = release(it, campaign, count)
    deadline = time.monotonic() + _LIMIT_SECONDS
    while unfinished(it):
        if time.monotonic() > deadline or not worker.is_alive:
            raise SystemExit(f"the mails do not leave\n{worker.tail()}")
        time.sleep(0.1)
    seconds, sent = it.database.rows(
        "SELECT extract(epoch FROM max(sent_at) - %s::timestamptz), count(sent_at)"
        " FROM transactional_email WHERE sent_at > %s",
        [began, began],
    )[0]
    if sent != count:
        raise SystemExit(f"{sent} of {count} mails were sent")
    database_ms = ((it.database.cpu_seconds() or 0.0) - database_cpu) * 1000 / count
    worker_ms = (worker.cpu_seconds() - cpu) * 1000 / count
    rate, cpu_ms = count / float(seconds), worker_ms + database_ms
    return Speed("product", rate, cpu_ms, database_ms, peak.stop())


def _loop(
    it: Installation, bound: str, kind: Kind, count: int, processes: int
) -> Speed:
    environ = it.environ | {
        "DJANGO_SETTINGS_MODULE": "plunk.settings",
        "LOOP_KIND": bound,
        "LOOP_CONTENT": "unique" if kind.is_unique else "letter",
        "LOOP_COUNT": str(count // processes),
        "LOOP_WIDTH": str(_AT_ONCE),
        "LOOP_START_AT": str(time.time() + 4),
    }
    command = python("-m", "tests.bench.loop")
    running = [
        Popen(command, cwd=ROOT, env=environ, stdout=PIPE, start_new_session=True)
        for _ in range(processes)
    ]
    try:
        found = [
            json.loads(it.communicate(timeout=_LIMIT_SECONDS)[0]) for it in running
        ]
    finally:
        for process in running:
            process.kill()
    seconds = max(it["ended"] for it in found) - min(it["began"] for it in found)
    sent = count // processes * processes
    cpu = sum(it["cpu_seconds"] for it in found)
    return Speed(bound, sent / seconds, cpu * 1000 / sent)


def _rows(processes: int, delay: int, speeds: list[Speed]) -> list[list[object]]:
    product = speeds[0]
    return [
        [
            processes,
            f"after {delay} ms" if delay else "at once",
            speed.what,
            speed.rate,
            speed.cpu_ms,
            speed.database_ms,
            product.rate / speed.rate if speed is not product else None,
            speed.peak_mib,
        ]
        for speed in speeds
    ]
