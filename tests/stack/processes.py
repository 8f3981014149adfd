"""Processes in sessions of their own, so that all of one can be counted and ended."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType, TracebackType

ROOT = Path(__file__).resolve().parent.parent.parent
_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1  # Linux, prctl(2)
_TICK = os.sysconf("SC_CLK_TCK")
#: Chosen by the harness alone, whatever a developer's shell says.
_CHOOSES = (
    *("DATABASE_URL", "REDIS_URL", "DATA_DIR", "PORT", "APP_URI", "API_URI"),
    *("DJANGO_SETTINGS_MODULE", "JWT_SECRET", "LOG_LEVEL", "LOG_FORMAT"),
    *("PLUNK_SIMULATOR", "AWS_ENDPOINT_URL", "AWS_SES_CONFIGURATION_SET"),
    "SES_CONFIGURATION_SET_NO_TRACKING",
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SES_ACCESS_KEY_ID"),
    *("AWS_SES_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_SES_REGION"),
    *("BIND_HOST", "WEB_CONCURRENCY", "WEB_THREADS", "WORKER_CONCURRENCY"),
)


class DidNotStart(Exception):
    """Something did not come up; the message ends with what it wrote."""


class Session:
    """A command and all that it starts, together in one session."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        environ: Mapping[str, str],
    ) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [*command],
                cwd=ROOT,
                env=dict(environ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_us if sys.platform == "linux" else None,
            )

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def members(self) -> list[int]:
        """Return the living processes of the session, ours even if the head is gone."""
        return [pid for pid, session in _sessions() if session == self.process.pid]

    def signal(self, number: int) -> None:
        """Send a signal to every process of the session."""
        for pid in self.members():
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self) -> None:
        """End all of it at once."""
        for _ in range(20):
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGKILL)
            if not self.members():
                break
            time.sleep(0.05)
        self.process.wait(10)

    def stop(self, *, seconds: float) -> float | None:
        """Ask the head to end; return how long it took, None if it did not in time."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        return time.monotonic() - began

    def cpu_seconds(self) -> float:
        """Return the processor time of all living members."""
        return sum(cpu_seconds(pid) for pid in self.members())

    def tail(self, lines: int = 30) -> str:
        """Return the end of what it wrote."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])


def clean_up_when_told_to_stop() -> None:
    """Let SIGTERM end this process as Ctrl-C does: by way of every `finally`."""
    signal.signal(signal.SIGTERM, _leave)


def _leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit(143)


def _end_with_us() -> None:
    """Ask the kernel to stop a session's head when this process is killed."""
    # Loaded before the fork: our clients' threads may hold any lock in that moment.
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def wait_until(
    find: Callable[[], bool], *, seconds: float, session: Session | None = None
) -> None:
    """Wait for `find` to be true; raise DidNotStart when it is not in time."""
    deadline = time.monotonic() + seconds
    while not find():
        is_dead = session is not None and not session.is_alive
        if is_dead or time.monotonic() > deadline:
            tail = f"\n{session.name}:\n{session.tail()}" if session else ""
            raise DidNotStart(f"waited {seconds:g} seconds in vain{tail}")
        time.sleep(0.05)


def run(
    *command: str, environ: Mapping[str, str], seconds: float = 120, text: str = ""
) -> str:
    """Run a command to its end; return its output, raise DidNotStart if it fails."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=dict(environ),
        input=text,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        start_new_session=True,
    )
    if done.returncode:
        raise DidNotStart(f"{' '.join(command[:4])} failed:\n{done.stderr[-2000:]}")
    return done.stdout


def python(*words: str) -> list[str]:
    """Return a command line of this Python."""
    return [sys.executable, *words]


def environment(**chosen: object) -> dict[str, str]:
    """Return this process's environment, with only `chosen` of what chooses a way."""
    kept = {name: value for name, value in os.environ.items() if name not in _CHOOSES}
    return kept | {name: str(value) for name, value in chosen.items()}


class Ports:
    """Free ports of the loopback interface: from a number upward, or any (0)."""

    def __init__(self, first: int) -> None:
        self._next = first

    def take(self) -> int:
        """Return a port that nobody listens on."""
        while True:
            port = self._next
            self._next += bool(port)
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                with suppress(OSError):
                    probe.bind(("127.0.0.1", port))
                    return int(probe.getsockname()[1])


def is_answered(url: str) -> bool:
    """Say whether a GET is answered at all, whatever the status."""
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def cpu_seconds(pid: int) -> float:
    """Return the processor time of one process; 0 if it is gone or elsewhere."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / _TICK if fields else 0.0


def _sessions() -> list[tuple[int, int]]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        fields = _stat(int(entry.name))
        # proc(5): after the name come state, parent, group, session.
        if fields and fields[0] != "Z":
            found.append((int(entry.name), int(fields[3])))
    return found


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
