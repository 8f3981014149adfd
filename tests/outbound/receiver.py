"""A server of somebody else's, which answers as a test wants and notes what it got."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock, Thread


@dataclass(frozen=True)
class Got:
    """A request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float


Speak = Callable[[socket.socket, Got], None]


def answer(status: int = 200, body: bytes = b"ok", **headers: str) -> Speak:
    """Answer with a status, a body and headers (underscores are hyphens)."""

    def speak(connection: socket.socket, _: Got) -> None:
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}"]
        lines += [f"{key.replace('_', '-')}: {it}" for key, it in headers.items()]
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)

    return speak


def after(seconds: float, then: Speak) -> Speak:
    """Take some time to answer."""

    def speak(connection: socket.socket, got: Got) -> None:
        time.sleep(seconds)
        then(connection, got)

    return speak


def drip(piece: bytes, *, every: float, head: bytes = b"") -> Speak:
    """Send a byte or two at a time until the other side is gone."""

    def speak(connection: socket.socket, _: Got) -> None:
        connection.sendall(head)
        for _turn in range(1000):
            connection.sendall(piece)
            time.sleep(every)

    return speak


def hang(seconds: float) -> Speak:
    """Take the request and say nothing."""

    def speak(connection: socket.socket, _: Got) -> None:
        connection.settimeout(seconds)
        connection.recv(1)

    return speak


@dataclass
class Receiver:
    """Listens on an address of the loopback; each request in a thread of its own."""

    speak: Speak = field(default_factory=answer)
    host: str = "127.0.0.1"
    context: ssl.SSLContext | None = None
    port: int = 0
    got: list[Got] = field(default_factory=list)
    connections: int = 0
    #: The most requests that were in hand at once.
    most_at_once: int = 0

    def __post_init__(self) -> None:
        self._lock = Lock()
        self._now = 0
        self._listening = socket.create_server((self.host, self.port), backlog=64)
        self.port = self._listening.getsockname()[1]
        Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}/hook"

    def stop(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            Thread(target=self._take, args=(connection,), daemon=True).start()

    def _take(self, connection: socket.socket) -> None:
        with self._lock:
            self.connections += 1
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        try:
            with connection:
                if self.context:
                    connection = self.context.wrap_socket(connection, server_side=True)
                with connection:
                    got = _read(connection)
                    self.got.append(got)
                    self.speak(connection, got)
        except (OSError, ValueError, IndexError):
            return
        finally:
            with self._lock:
                self._now -= 1


def _read(connection: socket.socket) -> Got:
    connection.settimeout(20)
    raw = b""
    while b"\r\n\r\n" not in raw:
        piece = connection.recv(65536)
        if not piece:
            raise ValueError("no request")
        raw += piece
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("utf-8", "replace").split("\r\n")
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines)
    }
    while len(body) < int(headers.get("content-length", "0")):
        body += connection.recv(65536)
    method, path, _ = first.split(" ")
    return Got(method, path, headers, body, time.time())
