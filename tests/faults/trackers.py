"""Clients that tell of events, and insist until each of them is accepted."""

from __future__ import annotations

import heapq
import http.client
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock, Thread
from typing import Any
from urllib.parse import urlsplit

from tests.faults.clients import Answers
from tests.faults.workflow import CONFIRMATION, ENTRY

_TIMEOUT_SECONDS = 15
_PAUSE_SECONDS = 0.3
_MOST_TRIES = 400
_THREADS = 4
#: How long after the first event a second one follows, where it does: in time, or
#: while the run is still at the delay before the wait, where it does not count.
_IN_TIME_SECONDS, _TOO_SOON_SECONDS = 4.5, 0.1


@dataclass(frozen=True, slots=True, order=True)
class Track:
    """An event to be told of, at a moment of `time.monotonic`."""

    at: float
    event: str
    number: int

    @property
    def contact(self) -> int:
        """Return whose it is: of ten, the last is of one who was there before."""
        last = self.number % 10 == 9
        return self.number - (8 if self.number // 10 % 2 else 9) * last

    @property
    def is_pro(self) -> bool:
        return self.contact % 2 == 0

    @property
    def email(self) -> str:
        return f"reader{self.contact}@example.org"

    def body(self) -> dict[str, Any]:
        number = {"value": self.number, "persistent": False}
        data: dict[str, Any] = {"number": number}
        if self.event == ENTRY:
            data["plan"] = "pro" if self.is_pro else "free"
        return {"email": self.email, "event": self.event, "data": data}

    def second(self) -> Track | None:
        """Return what follows it once it is accepted, if anything does."""
        if self.event != ENTRY or self.is_pro or self.number % 3 == 2:
            return None
        later = _IN_TIME_SECONDS if self.number % 3 == 0 else _TOO_SOON_SECONDS
        return Track(time.monotonic() + later, CONFIRMATION, self.number)


class Trackers:
    """Threads that tell of so many entries, and of what follows on some of them.

    Every event has an Idempotency-Key and is told again until the answer is 200: then
    it must have happened exactly once.
    """

    def __init__(self, url: str, key: str, *, entries: int, per_second: float) -> None:
        self.answers = Answers()
        self.accepted: list[Track] = []
        #: How many of them are entries.
        self.entered = 0
        self._url = urlsplit(url)
        self._key = key
        now = time.monotonic()
        #: A heap, as every sorted list is.
        self._due = [Track(now + n / per_second, ENTRY, n) for n in range(entries)]
        self._busy = 0
        self._lock = Lock()
        self._threads = [Thread(target=self._run, daemon=True) for _ in range(_THREADS)]

    def start(self) -> Trackers:
        for thread in self._threads:
            thread.start()
        return self

    def join(self, *, seconds: float) -> bool:
        """Wait for the last answer; say whether it came in time."""
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _run(self) -> None:
        connection = http.client.HTTPConnection(
            str(self._url.hostname), self._url.port, timeout=_TIMEOUT_SECONDS
        )
        for track in self._tracks():
            is_accepted = any(self._try(connection, track) for _ in range(_MOST_TRIES))
            second = track.second() if is_accepted else None
            with self._lock:
                self._busy -= 1
                if is_accepted:
                    self.accepted.append(track)
                    self.entered += track.event == ENTRY
                if second is not None:
                    heapq.heappush(self._due, second)

    def _tracks(self) -> Iterator[Track]:
        """Yield what is due, until nothing is left and nothing can follow any more."""
        while True:
            with self._lock:
                is_over = not self._due and not self._busy
                is_due = bool(self._due) and self._due[0].at <= time.monotonic()
                if is_due:
                    track = heapq.heappop(self._due)
                    self._busy += 1
            if is_over:
                return
            if is_due:
                yield track
            else:
                time.sleep(0.01)

    def _try(self, connection: http.client.HTTPConnection, track: Track) -> bool:
        began = time.monotonic()
        try:
            status = self._tell(connection, track)
        except (OSError, http.client.HTTPException) as error:
            # A closed connection opens again by itself at the next request.
            connection.close()
            return self._refused(type(error).__name__, began)
        if status != 200:
            return self._refused(str(status), began)
        self.answers.accept([], time.monotonic() - began)
        return True

    def _refused(self, why: str, began: float) -> bool:
        self.answers.refuse(why, time.monotonic() - began)
        time.sleep(_PAUSE_SECONDS)
        return False

    def _tell(self, connection: http.client.HTTPConnection, track: Track) -> int:
        headers = {
            "Authorization": f"Bearer {self._key}",
            "Content-Type": "application/json",
            "Idempotency-Key": f"{track.event}-{track.number}",
        }
        connection.request("POST", "/v1/track", json.dumps(track.body()), headers)
        response = connection.getresponse()
        response.read()
        return response.status
