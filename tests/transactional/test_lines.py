"""Connections to an SES that does anything at all: every call gets one answer, its own.

What came of a mail is held against what the server knows of it (robustness N5 to N7).
"""

from __future__ import annotations

import json
import random
import re
import socket
import struct
import threading
import time
from collections import Counter as Tally
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from unittest.mock import Mock
from uuid import UUID, uuid4

import pytest

from transactional import ses
from transactional.calling import Call, now
from transactional.composing import Composed
from transactional.lines import Lines
from transactional.recording import Attempt
from transactional.ses import Outcome
from transactional.tracking import Counter

_CALLS = 250
_LINES = 12
_WAYS = (
    *(["accept"] * 12),
    *("drop", "hang up", "reset", "reset midway", "hang", "garbage", "nameless 502"),
    *("refuse", "close after", "stray", "early", "split", "throttle"),
)
_TAKES = frozenset({"accept", "close after", "stray", "split"})
_ID = re.compile(rb'"plunk_email","Value":"([0-9a-f-]{36})"')


class Chaos:
    """A server that plays dice for each request, and remembers what it took."""

    def __init__(self, seed: int) -> None:
        self.accepted: Tally[str] = Tally()
        #: Mails of which it has read something, as far as it knows.
        self.seen: set[str] = set()
        self._dice = random.Random(seed)
        self._lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._play, args=(client,), daemon=True).start()

    def _play(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            while self._take_one(client):
                pass

    def _take_one(self, client: socket.socket) -> bool:
        """Read one request and answer it somehow; return whether to go on."""
        with self._lock:
            way = self._dice.choice(_WAYS)
        first = b"" if way == "drop" else client.recv(1000)
        if not first:
            return False
        if way in {"reset midway", "early"}:
            if way == "early":
                client.sendall(_reply(413, b"{}"))
            _reset(client)
            return False
        name = self._read_rest(client, first)
        if way in _ANSWERS:
            client.sendall(_ANSWERS[way])
            return way != "garbage"
        return self._accept(client, name, way) if way in _TAKES else _leave(client, way)

    def _accept(self, client: socket.socket, name: str, way: str) -> bool:
        with self._lock:
            self.accepted[name] += 1
        header = "Connection: close" if way == "close after" else "X: y"
        answer = _reply(200, json.dumps({"MessageId": name}).encode(), header)
        if way == "stray":
            answer += _reply(200, b"{}")
        step = 7 if way == "split" else len(answer)
        for start in range(0, len(answer), step):
            client.sendall(answer[start : start + step])
        return way != "close after"

    def _read_rest(self, client: socket.socket, first: bytes) -> str:
        data = first
        while b"\r\n\r\n" not in data:
            data += client.recv(65536)
        top, _, body = data.partition(b"\r\n\r\n")
        length = int(top.lower().partition(b"content-length:")[2].split()[0])
        pieces, size = [body], len(body)
        while size < length:
            pieces.append(client.recv(65536))
            if not pieces[-1]:
                raise ConnectionResetError
            size += len(pieces[-1])
        found = _ID.search(b"".join(pieces))
        assert found
        name = found[1].decode()
        with self._lock:
            self.seen.add(name)
        return name


def _reply(status: int, body: bytes, header: str = "X: y") -> bytes:
    top = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{header}\r\n\r\n"
    return top.encode() + body


_ANSWERS = {
    "garbage": b"garbage\r\n\r\n",
    "nameless 502": _reply(502, b"Bad Gateway"),
    "refuse": _reply(400, b'{"__type": "MessageRejected", "message": "no"}'),
    "throttle": _reply(429, b'{"__type": "TooManyRequestsException"}'),
}


def _leave(client: socket.socket, way: str) -> bool:
    """Give no answer, in one of three ways; return that there is no more to come."""
    if way == "reset":
        _reset(client)
    elif way == "hang":
        time.sleep(0.8)
    return False


def _reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


@pytest.fixture(params=range(4))
def chaos(request: pytest.FixtureRequest, settings: Any) -> Iterator[Chaos]:
    made = Chaos(request.param)
    settings.AWS_ENDPOINT_URL = f"http://127.0.0.1:{made.port}"
    settings.SES_CONNECT_TIMEOUT_SECONDS = 2.0
    settings.SES_READ_TIMEOUT_SECONDS = 0.5
    ses._target.cache_clear()
    yield made
    made.listener.close()
    ses._target.cache_clear()


def test_every_call_has_one_answer_and_it_is_its_own(chaos: Chaos) -> None:
    lines = Lines(_LINES)
    done: deque[Attempt] = deque()
    sizes = random.Random(1)
    ids = [uuid4() for _ in range(_CALLS)]
    for id_ in ids:
        raw = b"x" * sizes.choice((100, 20_000, 60_000, 900_000))
        lines.put(Call(_composed(id_, raw), now() + 60, done))
        lines.turn()
    deadline = time.monotonic() + 60
    while len(done) < _CALLS:
        assert time.monotonic() < deadline, f"{_CALLS - len(done)} have no answer"
        lines.turn(0.1)
    for _ in range(3):
        lines.turn(0.05)
    lines.close()

    assert Tally(each.mail.id for each in done) == Tally(ids)
    for each in done:
        name, answer = str(each.mail.id), each.answer
        if answer.outcome is Outcome.ACCEPTED:
            assert answer.message_id == name
            assert chaos.accepted[name] == 1
        elif answer.outcome is not Outcome.UNKNOWN:
            # Surely not sent: tried again, it is no duplicate.
            assert chaos.accepted[name] == 0, answer
        if answer.outcome is Outcome.RETRY and not answer.code.startswith("HTTP"):
            assert name not in chaos.seen, answer
    assert max(chaos.accepted.values()) == 1
    outcomes = Tally(each.answer.outcome for each in done)
    assert outcomes[Outcome.ACCEPTED] > _CALLS / 4
    assert outcomes[Outcome.UNKNOWN] > 0


def _composed(id_: UUID, raw: bytes) -> Composed:
    mail = Mock(to_email="ann@example.com", id=id_, attempt=1, project_id=2)
    return Composed(mail, raw, Mock(), Counter.NOBODY)
