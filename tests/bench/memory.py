"""How much memory the processes of a session take (Linux)."""

from __future__ import annotations

import re
from pathlib import Path
from threading import Event, Thread

from tests.stack.processes import Session


class Peak:
    """The most memory that one process of a session had at once, in MiB.

    `before` is what the largest of them had when this began to watch.
    """

    def __init__(self, session: Session) -> None:
        self._session, self._stopped = session, Event()
        self.before = max(_mib(pid, "VmRSS") for pid in session.members())
        self.mib = 0.0
        self._thread = Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._stopped.wait(0.2):
            self._look()

    def _look(self) -> None:
        for pid in self._session.members():
            self.mib = max(self.mib, _mib(pid, "VmHWM"))

    def stop(self) -> float:
        """Stop watching, and return the peak."""
        self._look()
        self._stopped.set()
        self._thread.join()
        return self.mib


def _mib(pid: int, figure: str) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    found = re.search(rf"{figure}:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0
