"""A load generator: kept-alive connections, one request on each at any time.

Run in a process of its own, `python -m tests.bench.load`; wrk does the same for less
and is taken where it is installed. Settings come in the environment (`LOAD_…`).
"""

from __future__ import annotations

import json
import os
import selectors
import shutil
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.stack.processes import environment, python, run

CONNECTIONS = 8
ADDRESS, UNIQUE = "@@ADDRESS@@", "@@UNIQUE@@"
_LUA = Path(__file__).with_name("load.lua")


@dataclass(frozen=True, slots=True)
class Load:
    """What to send: a body with marks, and how many addresses (0: all are new)."""

    path: str
    body: str
    key: str
    same: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    errors: int

    @property
    def rate(self) -> float:
        return self.requests / self.seconds if self.seconds else 0.0


def generator() -> str:
    """Return which generator is used."""
    wanted = os.environ.get("BENCH_LOAD", "")
    return wanted or ("wrk" if shutil.which("wrk") else "own")


def put_load(load: Load, *, url: str, seconds: float, prefix: str) -> Result:
    """Send as much as is answered for some seconds."""
    own = environment(
        LOAD_PATH=load.path,
        LOAD_BODY=load.body,
        LOAD_KEY=load.key,
        LOAD_SAME=load.same,
        LOAD_PREFIX=prefix,
        LOAD_URL=url,
        LOAD_SECONDS=seconds,
    )
    command = python("-m", "tests.bench.load")
    if generator() == "wrk":
        rounded = max(1, round(seconds))
        command = [
            *["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{rounded}s", "--latency"],
            *["-s", str(_LUA), url],
        ]
    output = run(*command, environ=own, seconds=seconds + 60)
    return Result(**json.loads(output.strip().splitlines()[-1]))


@dataclass(slots=True)
class _Client:
    """One connection and what of an answer it has."""

    socket: socket.socket
    sent_at: float = 0.0
    received: bytearray = field(default_factory=bytearray)

    def is_answered(self) -> bool:
        """Read; return whether the answer is complete."""
        self.received += self.socket.recv(65536)
        head, separator, body = bytes(self.received).partition(b"\r\n\r\n")
        if not separator:
            return False
        length = head.lower().partition(b"content-length:")[2].partition(b"\r")[0]
        return len(body) >= int(length)


def main() -> None:
    """Send for the given time and print one line of JSON."""
    host, _, port = os.environ["LOAD_URL"].rpartition("/")[2].partition(":")
    seconds = float(os.environ["LOAD_SECONDS"])
    requests = _Requests()
    selector = selectors.DefaultSelector()
    for _ in range(CONNECTIONS):
        client = _Client(socket.create_connection((host, int(port))))
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(client.socket, selectors.EVENT_READ, client)
        _send(client, requests)
    began = time.perf_counter()
    ends_at, times, errors = began + seconds, [], 0
    while time.perf_counter() < ends_at:
        for key, _ in selector.select(timeout=1):
            client = key.data
            if not client.is_answered():
                continue
            times.append(time.perf_counter() - client.sent_at)
            errors += not client.received.startswith(b"HTTP/1.1 200")
            _send(client, requests)
    took = time.perf_counter() - began
    print(json.dumps(_figures(times, took, errors)))


class _Requests:
    """The next request, again and again."""

    def __init__(self) -> None:
        self._head = (
            f"POST {os.environ['LOAD_PATH']} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Bearer {os.environ['LOAD_KEY']}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        )
        self._body = os.environ["LOAD_BODY"]
        self._prefix = os.environ["LOAD_PREFIX"]
        self._same = int(os.environ["LOAD_SAME"])
        self._count = 0

    def next(self) -> bytes:
        self._count += 1
        number = self._count % self._same if self._same else self._count
        body = self._body.replace(ADDRESS, f"{self._prefix}{number}@example.org")
        body = body.replace(UNIQUE, f"{self._prefix}{self._count}")
        return f"{self._head}{len(body)}\r\n\r\n{body}".encode()


def _send(client: _Client, requests: _Requests) -> None:
    client.received.clear()
    client.sent_at = time.perf_counter()
    client.socket.sendall(requests.next())


def _figures(times: list[float], took: float, errors: int) -> dict[str, Any]:
    times.sort()
    return {
        "requests": len(times),
        "seconds": took,
        "p50_ms": times[len(times) // 2] * 1000 if times else 0,
        "p99_ms": times[len(times) * 99 // 100] * 1000 if times else 0,
        "errors": errors,
    }


if __name__ == "__main__":
    main()
