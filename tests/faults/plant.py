"""All that a fault can hit: web, two workers, beat, Redis, and SES's stand-in."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

from plunk.running.supervising import ROLES
from tests.stack.cluster import Cluster
from tests.stack.installation import Installation, installation
from tests.stack.postgres import SERVER
from tests.stack.processes import (
    Ports,
    Session,
    environment,
    is_answered,
    python,
    wait_until,
)

_TOPIC = "arn:aws:sns:us-east-1:000000000000:plunk"
WORKERS = ("worker-a", "worker-b")
#: Short, so that a run ends soon; in production they are minutes.
LEASE_SECONDS = 6
_CONNECT_SECONDS, _READ_SECONDS = 1, 3


@dataclass(frozen=True, slots=True)
class Shape:
    """How the plant is set up."""

    rate: int = 200
    latency_ms: int = 15
    #: How long a doubt waits for SES's word, which needs its time under full load.
    grace_seconds: int = 30
    has_feedback: bool = True
    server: str = SERVER
    environ: tuple[tuple[str, object], ...] = ()


class Plant:
    """A running installation, and the handles to break it with."""

    def __init__(self, it: Installation, shape: Shape) -> None:
        self.it = it
        self.shape = shape
        self.log = it.folder / "ses.jsonl"
        self.ses = ""
        self.url = ""
        self.kills = 0
        #: How many rounds of sending there were: each writes to addresses of its own.
        self.sent = 0
        self.lease_seconds = LEASE_SECONDS
        self.cluster: Cluster | None = None
        self._workers: dict[str, Session] = {}
        self._dice = Random(7)
        self._read_to = self._lines = 0

    def start(self) -> None:
        """Start everything, and wait until a first mail could go out."""
        web_port = self.it.ports.take()
        simulator = self._start_simulator(web_port)
        web, self.url = self.it.start_web(port=web_port)
        self._web = web
        self.it.start_beat()
        for name in WORKERS:
            self.start_worker(name)
        for url, session in ((f"{self.ses}/ctl", simulator), (self.url, web)):
            wait_until(partial(is_answered, url), seconds=90, session=session)
        self.control(latency_ms=self.shape.latency_ms, feedback=self.shape.has_feedback)
        wait_until(self._has_heartbeat, seconds=90)

    def _start_simulator(self, web_port: int) -> Session:
        port = self.it.ports.take()
        self.ses = f"http://127.0.0.1:{port}/simulator"
        data = self.it.folder / "simulator"
        own = environment(
            DATA_DIR=data,
            JWT_SECRET=os.urandom(16).hex(),
            AWS_ACCESS_KEY_ID=self.it.environ["AWS_ACCESS_KEY_ID"],
            SNS_TOPIC_ARNS=_TOPIC,
            SIMULATOR_FEEDBACK_URL=f"http://127.0.0.1:{web_port}/webhooks/sns",
            LOG_LEVEL="WARNING",
        )
        words = ["manage.py", "simulator", "--port", str(port), "--log", str(self.log)]
        session = self.it.stack.enter_context(
            Session(
                "simulator",
                python(*words),
                log=self.it.folder / "simulator.log",
                environ=own,
            )
        )
        certificate = data / "simulator" / "certificate.pem"
        self.it.environ |= {
            "AWS_ENDPOINT_URL": self.ses,
            "SNS_TOPIC_ARNS": _TOPIC,
            "SNS_TRUSTED_CERTIFICATES": (
                f"{self.ses}/SimpleNotificationService.pem={certificate}"
            ),
        }
        return session

    def _has_heartbeat(self) -> bool:
        rows = self.it.database.rows("SELECT at FROM api_heartbeat")
        return bool(rows)

    # -- breaking it ------------------------------------------------------------------

    def start_worker(self, name: str, **environ: object) -> None:
        self._workers[name] = self.it.start_worker(name, children=2, **environ)

    def worker(self, name: str) -> Session:
        return self._workers[name]

    def kill_worker(self) -> str:
        """Kill a worker in one of three ways and start another; return how.

        All of it at once; the parent alone, whose children then work on as orphans;
        or one child, which the parent replaces by itself.
        """
        name = WORKERS[self.kills % len(WORKERS)]
        way = ("group", "group", "parent", "child")[self.kills % 4]
        self.kills += 1
        session = self._workers[name]
        head = session.process.pid
        children = [pid for pid in session.members() if pid != head]
        match way:
            case "group":
                session.kill()
            case "parent":
                os.kill(head, signal.SIGKILL)
            case "child" if children:
                os.kill(self._dice.choice(children), signal.SIGKILL)
        if way != "child":
            self.start_worker(name)
        return way

    def kill_web(self) -> None:
        """Kill the processes that answer; the one above them starts others."""
        for pid in self._web.members():
            if pid != self._web.process.pid:
                os.kill(pid, signal.SIGKILL)

    def let_die(self, name: str, point: str, *, percent: float) -> None:
        """Replace a worker by one whose processes die at a point of the code."""
        self._replace(name, "dying", point, str(percent))

    def set_clock(self, name: str, seconds: float) -> None:
        """Replace a worker by one whose clock is ahead, or behind."""
        self._replace(name, "skewed", str(seconds))

    def _replace(self, name: str, module: str, *words: str) -> None:
        self._workers[name].stop(seconds=30)
        self._workers[name].kill()
        worker = [*ROLES["worker"], "--hostname", f"{name}@harness"]
        worker[worker.index("--concurrency") + 1] = "2"
        # Without `-m celery --app plunk`, which the module itself stands for.
        own = ["-m", f"tests.faults.{module}", *words, *worker[4:]]
        self._workers[name] = self.it.start(f"{name}-{module}", *own)
        wait_until(
            lambda: len(self._workers[name].members()) > 2,
            seconds=60,
            session=self._workers[name],
        )

    def deaths(self, name: str) -> int:
        """Return how many processes of a worker died."""
        text = self._workers[name].log.read_text(errors="replace")
        return text.count("exitcode 137")

    def freeze(self, session: Session) -> None:
        """Stop a worker in the middle of whatever it does."""
        session.signal(signal.SIGSTOP)

    def thaw(self, session: Session) -> None:
        session.signal(signal.SIGCONT)

    def break_database(self) -> None:
        """Crash PostgreSQL if it is ours, else end all connections to our database."""
        if self.cluster is None:
            self.it.database.disconnect_all()
            return
        self.cluster.crash()
        self.it.database.reconnect()

    def control(self, **switches: object) -> dict[str, Any]:
        """Set what goes wrong at SES; return its switches and counters."""
        request = urllib.request.Request(
            f"{self.ses}/ctl",
            data=json.dumps(switches).encode() if switches else None,
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            found: dict[str, Any] = json.load(response)
        return found

    # -- looking at it ----------------------------------------------------------------

    def calls(self) -> int:
        """Return how many calls SES has logged so far."""
        if self.log.exists():
            with self.log.open("rb") as log:
                log.seek(self._read_to)
                fresh = log.read()
            self._lines += fresh.count(b"\n")
            self._read_to += len(fresh)
        return self._lines

    def unfinished(self) -> int:
        """Count the mails that are still owed."""
        return int(
            self.it.database.value(
                "SELECT count(*) FROM transactional_email"
                " WHERE state IN ('QUEUED', 'SENDING', 'IN_DOUBT')"
            )
        )

    def rows(self) -> int:
        return int(self.it.database.value("SELECT count(*) FROM transactional_email"))

    def fate_of(self, address: str) -> dict[str, Any]:
        """Return what became of the mail to an address."""
        rows = self.it.database.rows(
            "SELECT id::text, state, error_code, doubts FROM transactional_email"
            " WHERE to_email = %s",
            [address],
        )
        names = ("id", "state", "error_code", "doubts")
        return dict(zip(names, rows[0], strict=True)) if rows else {}

    def longest_held(self) -> int:
        """Count the mails that a worker has held for longer than any call lasts."""
        return int(
            self.it.database.value(
                "SELECT count(*) FROM transactional_email WHERE state = 'SENDING'"
                " AND lease_expires_at < now() + interval '1 second' * %s",
                [self.lease_seconds - self.shape.latency_ms / 1000 - 0.25],
            )
        )

    def in_doubt(self) -> int:
        return int(
            self.it.database.value(
                "SELECT count(*) FROM transactional_email WHERE state = 'IN_DOUBT'"
            )
        )

    def wait_for_calls_to_end(self) -> None:
        """Wait until SES has heard of everything that may go now, for a while."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            before = self.calls()
            time.sleep(1.5)
            if self.calls() == before:
                return

    def wait_until_quiet(self, *, seconds: float) -> bool:
        """Wait until nothing is owed and all feedback is applied; say if it came so."""
        deadline = time.monotonic() + seconds
        quiet_since: float | None = None
        while time.monotonic() < deadline:
            if self._is_busy():
                quiet_since = None
            elif quiet_since is None:
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since > 2:
                return True
            time.sleep(0.25)
        return False

    def _is_busy(self) -> bool:
        if self.unfinished():
            return True
        if not self.shape.has_feedback:
            return False
        if self.control()["feedback"]["waiting"]:
            return True
        return bool(
            self.it.database.value(
                "SELECT EXISTS (SELECT FROM webhooks_notification"
                " WHERE applied_at IS NULL)"
            )
        )


@contextmanager
def plant(shape: Shape, *, ports: Ports) -> Iterator[Plant]:
    """Run a plant for the time of the block; nothing of it remains."""
    settings: dict[str, object] = {
        "EMAIL_RATE_LIMIT_PER_SECOND": shape.rate,
        "EMAIL_WORKER_CONCURRENCY": 16,
        "DELIVERY_LEASE_SECONDS": LEASE_SECONDS,
        "DELIVERY_GRACE_SECONDS": shape.grace_seconds,
        "SES_CONNECT_TIMEOUT_SECONDS": _CONNECT_SECONDS,
        "SES_READ_TIMEOUT_SECONDS": _READ_SECONDS,
        "HOLD_PROBE_SECONDS": 2,
        "QUOTA_PROBE_SECONDS": 3,
        "API_RATE_LIMIT_PER_MINUTE": 100_000_000,
        "WEB_CONCURRENCY": 2,
    } | dict(shape.environ)
    with installation(
        "faults", ports=ports, server=shape.server, environ=settings
    ) as it:
        made = Plant(it, shape)
        made.start()
        yield made
