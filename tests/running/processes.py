"""Start the installation as its users do, as processes, and stop it again."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

ROOT = Path(__file__).resolve().parent.parent.parent
#: What anything that was told to stop may take.
STOP_SECONDS = 30.0

#: What a test chooses for itself; the environment of the tests says nothing about it.
_CHOOSES = (
    *("DATABASE_URL", "REDIS_URL", "DATA_DIR", "PORT", "APP_URI", "API_URI"),
    *("DJANGO_SETTINGS_MODULE", "JWT_SECRET", "LOG_LEVEL", "PLUNK_SIMULATOR"),
)


@dataclass(frozen=True)
class Running:
    """A process and those it started: one session."""

    head: subprocess.Popen[bytes]
    log: Path

    def until(self, find: Callable[[], T], *, seconds: float = 90.0) -> T:
        """Return the first true answer of `find`; without one, say what they do."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if answer := find():
                return answer
            time.sleep(0.1)
        self._show_stacks()
        raise AssertionError(f"Waited {seconds:g} seconds in vain.\n{self.printed()}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Tell the head to stop; return its exit code, which must come in time."""
        self.head.send_signal(number)
        return self.ended(seconds=STOP_SECONDS)

    def ended(self, *, seconds: float = 90.0) -> int:
        """Return the exit code once the head has ended by itself."""
        self.until(lambda: self.head.poll() is not None, seconds=seconds)
        return int(self.head.returncode)

    def left(self) -> list[int]:
        """Return the processes of the session that live."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            # proc(5): after the name come state, parent, group, session.
            if int(fields[3]) == self.head.pid and fields[0] != "Z":
                found.append(int(entry.name))
        return found

    def printed(self) -> str:
        """Return all that they wrote."""
        return self.log.read_text()

    def kill(self) -> None:
        """End whatever lives."""
        self._signal(signal.SIGKILL)
        self.head.wait(10)

    def _show_stacks(self) -> None:
        """Have every process write where it is (faulthandler) into the log."""
        self._signal(signal.SIGABRT)
        time.sleep(1)

    def _signal(self, number: int) -> None:
        for pid in self.left():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue


@contextmanager
def running(*command: str, log: Path, **environ: object) -> Iterator[Running]:
    """Run a command in a session of its own; nothing of it outlives the block."""
    with log.open("ab") as output:
        head = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(**environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    session = Running(head, log)
    try:
        yield session
    finally:
        session.kill()


def environment(**chosen: object) -> dict[str, str]:
    """Return this process's environment with only `chosen` of what chooses a way."""
    kept = {name: it for name, it in os.environ.items() if name not in _CHOOSES}
    kept["PATH"] = f"{Path(sys.executable).parent}:{kept.get('PATH', '')}"
    kept["PYTHONFAULTHANDLER"] = "1"
    return kept | {name: str(value) for name, value in chosen.items()}


def migrated(folder: Path) -> Path:
    """Put an empty database with all its tables into a folder, and return the folder.

    Made once for all processes that share the tests: migrating takes longer than what
    most tests are about. Where making it is what a test is about, it starts without.
    """
    made = Path(os.environ["DATA_DIR"]) / "migrated"
    made.mkdir(parents=True, exist_ok=True)
    with (made / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (made / "done").exists():
            for words in (("migrate", "--verbosity=0"), ("createcachetable",)):
                subprocess.run(
                    manage(*words),
                    cwd=ROOT,
                    env=environment(DATA_DIR=made),
                    stdout=subprocess.DEVNULL,
                    check=True,
                )
            (made / "done").touch()
    folder.mkdir(parents=True, exist_ok=True)
    for part in made.glob("plunk.sqlite3*"):
        shutil.copy(part, folder / part.name)
    return folder


def manage(*words: str) -> list[str]:
    """Return a command line of manage.py."""
    return [sys.executable, "manage.py", *words]


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    """Say whether a GET of the address is answered with 200."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def post(url: str, *, key: str, body: object) -> tuple[int, Any]:
    """POST JSON with an API key; return the status and what came back."""
    request = urllib.request.Request(
        url,
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
