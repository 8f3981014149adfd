"""Clients that send mail through the API and remember every id they were given."""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass, field
from threading import Lock, Thread
from typing import Any
from urllib.parse import urlsplit

from tests.stack.installation import SENDER

_TIMEOUT_SECONDS = 10
_PAUSE_SECONDS = 0.2
#: How often a client that insists asks again for the same mail.
_MOST_TRIES = 100


@dataclass
class Answers:
    """What the API said, all clients together."""

    ids: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def accept(self, ids: list[str], seconds: float) -> None:
        with self._lock:
            self.ids += ids
            self.seconds.append(seconds)

    def refuse(self, why: str, seconds: float) -> None:
        with self._lock:
            self.refused[why] = self.refused.get(why, 0) + 1
            self.seconds.append(seconds)

    @property
    def worst_seconds(self) -> float:
        return max(self.seconds, default=0.0)


class Senders:
    """Threads that send so many mails, each on its own kept connection.

    With `insist`, every mail has an Idempotency-Key and is asked for again until the
    answer is 200: then each of them must exist exactly once.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        name: str,
        mails: int,
        threads: int = 4,
        per_second: float = 0,
        insist: bool = False,
        poison: int = -1,
    ) -> None:
        self.answers = Answers()
        self._url = urlsplit(url)
        self._key = key
        self._name = name
        self._pause = threads / per_second if per_second else 0.0
        self._insist = insist
        self._poison = poison
        self._numbers = iter(range(mails))
        self._lock = Lock()
        self._threads = [
            Thread(target=self._run, name=f"client-{n}", daemon=True)
            for n in range(threads)
        ]

    def start(self) -> Senders:
        for thread in self._threads:
            thread.start()
        return self

    def join(self, *, seconds: float) -> bool:
        """Wait for the last answer; say whether it came in time."""
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not self.are_busy

    @property
    def are_busy(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def _run(self) -> None:
        connection = self._connection()
        while (number := self._next()) is not None:
            began = time.monotonic()
            for _ in range(_MOST_TRIES if self._insist else 1):
                if self._try(connection, number):
                    break
                time.sleep(_PAUSE_SECONDS)
            time.sleep(max(0.0, self._pause - (time.monotonic() - began)))

    def _try(self, connection: http.client.HTTPConnection, number: int) -> bool:
        """Ask for one mail; return whether the answer was 200."""
        began = time.monotonic()
        try:
            status, answer = self._send(connection, number)
        except (OSError, http.client.HTTPException, ValueError) as error:
            # A closed connection opens again by itself at the next request.
            connection.close()
            self.answers.refuse(type(error).__name__, time.monotonic() - began)
            return False
        took = time.monotonic() - began
        if status != 200:
            self.answers.refuse(str(status), took)
            return False
        self.answers.accept(
            [entry["email"] for entry in answer["data"]["emails"]], took
        )
        return True

    def _next(self) -> int | None:
        with self._lock:
            return next(self._numbers, None)

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(
            str(self._url.hostname), self._url.port, timeout=_TIMEOUT_SECONDS
        )

    def _send(
        self, connection: http.client.HTTPConnection, number: int
    ) -> tuple[int, Any]:
        name = "poison" if number == self._poison else f"{self._name}-{number}"
        body = {
            "to": f"{name}@example.org",
            "subject": "Mail {{number}}",
            "body": f"<p>Hello {{{{name ?? you}}}}, group {number % 20}.</p>",
            "from": SENDER,
            "data": {"number": {"value": number, "persistent": False}},
        }
        headers = {
            "Authorization": f"Bearer {self._key}",
            "Content-Type": "application/json",
        }
        if self._insist:
            headers["Idempotency-Key"] = f"{self._name}-{number}"
        connection.request("POST", "/v1/send", json.dumps(body), headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
