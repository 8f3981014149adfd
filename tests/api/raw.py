"""HTTP spoken by hand, for what no client library would send."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any


@dataclass(frozen=True)
class Reply:
    status: int
    body: Any
    seconds: float


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=40)


def head(path: str, key: str, *lines: str) -> bytes:
    """Return the head of a POST of JSON."""
    return "\r\n".join(
        [
            f"POST {path} HTTP/1.1",
            "Host: 127.0.0.1",
            f"Authorization: Bearer {key}",
            "Content-Type: application/json",
            *lines,
            "",
            "",
        ]
    ).encode()


def read_reply(client: socket.socket, since: float | None = None) -> Reply:
    """Read one answer; a connection that was closed is status 0."""
    started = time.monotonic() if since is None else since
    data = b""
    with suppress(ConnectionError):
        while b"\r\n\r\n" not in data and (part := client.recv(65536)):
            data += part
        top, _, body = data.partition(b"\r\n\r\n")
        for line in top.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
                while len(body) < length and (part := client.recv(65536)):
                    body += part
    seconds = time.monotonic() - started
    if not data:
        return Reply(0, None, seconds)
    assert top.startswith(b"HTTP/1.1 "), data
    return Reply(int(top.split()[1]), _json(body), seconds)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body


def post(port: int, path: str, key: str, body: Any) -> Reply:
    """POST JSON over a connection of its own."""
    raw = json.dumps(body).encode()
    started = time.monotonic()
    with connect(port) as client:
        client.sendall(head(path, key, f"Content-Length: {len(raw)}") + raw)
        return read_reply(client, started)


def trickle(client: socket.socket, data: bytes, *, seconds: float) -> float:
    """Send a byte a second; return after how long the other side had enough."""
    started = time.monotonic()
    client.settimeout(1.0)
    for i in range(len(data)):
        try:
            client.sendall(data[i : i + 1])
            if client.recv(1) == b"":
                break
        except TimeoutError:
            pass
        except ConnectionError:
            break
        if time.monotonic() - started > seconds:
            break
    return time.monotonic() - started


class Proxy:
    """A TCP proxy that can be cut, such as the way to a database."""

    def __init__(self, port: int, target: tuple[str, int]) -> None:
        self.port, self.target = port, target
        self._sockets: list[socket.socket] = []
        self._listener: socket.socket | None = None

    def open(self) -> None:
        listener = socket.create_server(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        self._listener = listener
        self._start(lambda: self._accept(listener))

    def cut(self) -> None:
        """Refuse new connections and reset those there are."""
        listener, self._listener = self._listener, None
        for it in [*self._sockets, *([listener] if listener else [])]:
            with suppress(OSError):
                it.shutdown(socket.SHUT_RDWR)
            it.close()
        self._sockets = []

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            far = socket.create_connection(self.target)
            self._sockets += [near, far]
            self._start(partial(_pump, near, far))
            self._start(partial(_pump, far, near))

    def _start(self, work: Callable[[], None]) -> None:
        threading.Thread(target=work, daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while part := source.recv(65536):
            sink.sendall(part)
    for it in (source, sink):
        with suppress(OSError):
            it.shutdown(socket.SHUT_RDWR)


@contextmanager
def proxy(target: tuple[str, int]) -> Iterator[Proxy]:
    it = Proxy(0, target)
    it.open()
    try:
        yield it
    finally:
        it.cut()
