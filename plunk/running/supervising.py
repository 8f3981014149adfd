"""One command for the processes of a full installation on one machine.

Larger installations start each role by itself (`manage.py run --only …`) and leave the
watching to their container platform.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from types import FrameType

from plunk.running.serving import STOP_SECONDS

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.2
_PR_SET_PDEATHSIG = 1  # Linux, prctl(2)

_CELERY = ["-m", "celery", "--app", "plunk"]
#: What each role runs, as arguments of this Python.
ROLES: dict[str, list[str]] = {
    "web": [
        *["-m", "gunicorn", "--config", "python:plunk.running.serving"],
        "plunk.wsgi:application",
    ],
    "worker": [
        *[*_CELERY, "worker", "--without-gossip", "--without-mingle"],
        *["--concurrency", os.environ.get("WORKER_CONCURRENCY", "2")],
    ],
    "smtp": ["-m", "django", "smtp", "--patient"],
    "beat": [*_CELERY, "beat", "--pidfile="],
}


def become(role: str) -> None:
    """Replace this process by the role's: it is told to stop without a go-between."""
    os.execv(sys.executable, [sys.executable, *ROLES[role]])  # noqa: S606


def supervise(roles: dict[str, list[str]]) -> str | None:
    """Run all roles until told to stop (None) or one ends by itself (its name).

    Either way the others are asked to stop and, after half a minute, killed.
    """
    is_stopping = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal is_stopping
        is_stopping = True

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    children = {role: _start(arguments) for role, arguments in roles.items()}
    ended = None
    while not is_stopping and ended is None:
        time.sleep(_POLL_SECONDS)
        ended = next(
            (role for role, it in children.items() if it.poll() is not None), None
        )
    stragglers = _stop(children)
    if ended is None and stragglers:
        return stragglers[0]
    return ended


def _start(arguments: list[str]) -> subprocess.Popen[bytes]:
    # A group of its own: Ctrl-C would otherwise reach it beside our SIGTERM, and the
    # second of two signals means "at once" to Celery.
    return subprocess.Popen(  # noqa: S603
        [sys.executable, *arguments],
        process_group=0,
        preexec_fn=_die_with_parent if sys.platform == "linux" else None,
    )


def _die_with_parent() -> None:
    """Ask the kernel for a SIGTERM when the supervisor is killed."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _stop(children: dict[str, subprocess.Popen[bytes]]) -> list[str]:
    """Stop all children; return the roles that had to be killed."""
    for child in children.values():
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS + 3
    stragglers = []
    for role, child in children.items():
        try:
            child.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            logger.error("killed: it did not stop", extra={"role": role})  # noqa: TRY400
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            stragglers.append(role)
    return stragglers
