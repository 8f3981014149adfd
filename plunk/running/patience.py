"""gunicorn's threaded worker, unharmed by clients that send one byte a second.

A thread that reads a request waits for its client, and there are only a few threads:
eight slow clients would keep everybody else out. So the worker's own loop, which waits
for any number of connections at once, collects a request until head and body are there,
and only then gives it a thread. What is too large to be collected is read by a thread,
for which authentication comes first, as long as it comes at a fair pace.
"""

from __future__ import annotations

import re
import socket
import time
from dataclasses import dataclass, field
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.http.unreader import SocketUnreader
from gunicorn.workers.gthread import TConn, ThreadWorker

#: How long a request may take to arrive, be it the whole or its first part.
READ_SECONDS = 20.0
#: The pace at which the rest of a large body has to come after that time.
BYTES_PER_SECOND = 20_000
_COLLECTED_BYTES = 64 * 1024
#: How long a stopping worker waits for requests that have not arrived.
_STOP_SECONDS = 2.0

_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,15})[ \t]*\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked[ \t]*\r\n", re.IGNORECASE)
#: Either the client waits for a word of ours before it sends the body, or the parser
#: has one for it at once.
_NOT_TO_WAIT = re.compile(
    rb"\r\nexpect:|\r\ntransfer-encoding:.*\r\n(?:content-length|transfer-encoding):"
    rb"|\r\ncontent-length:.*\r\n(?:content-length|transfer-encoding):",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(slots=True)
class Collected:
    """What has come of a request, and how much of it there has to be.

    This decides only who waits; what the request means is for gunicorn's parser to say.
    """

    begun_at: float
    data: bytearray = field(default_factory=bytearray)
    size: int | None = None
    is_chunked: bool = False

    def add(self, part: bytes) -> bool:
        """Add a part; say whether a thread can read the request without waiting."""
        before = len(self.data)
        self.data += part
        if self.size is None:
            end = self.data.find(_END, max(0, before - len(_END)))
            if end >= 0:
                self._read_head(bytes(self.data[: end + 2]))
        if len(self.data) >= _COLLECTED_BYTES:
            return True
        if self.is_chunked:
            return self.data.endswith(b"0" + _END)
        return self.size is not None and len(self.data) >= self.size

    def _read_head(self, head: bytes) -> None:
        self.size = len(head) + 2
        if _NOT_TO_WAIT.search(head):
            return
        self.is_chunked = bool(_CHUNKED.search(head))
        length = _LENGTH.search(head)
        self.size += int(length[1]) if length else 0


class _CountingUnreader(SocketUnreader):  # type: ignore[misc]
    received = 0

    def chunk(self, size_hint: int | None = None) -> bytes:
        part: bytes = super().chunk(size_hint)
        self.received += len(part)
        return part


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """Collects requests in the loop before a thread reads them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._collecting: dict[TConn, Collected] = {}
        #: Since when a thread has had a connection.
        self._begun: dict[TConn, float] = {}

    def accept(self, listener: socket.socket) -> None:
        """Accept a connection and wait, beside all others, for its request."""
        if self.cfg.is_ssl:
            # Encrypted, nothing can be collected; the proxy in front does that.
            super().accept(listener)
            return
        try:
            client, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        self.nr_conns += 1
        conn = TConn(self.cfg, client, address, listener.getsockname())
        conn.init()
        conn.parser.unreader = _CountingUnreader(client)
        self._collect(conn)

    def on_client_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """Collect the next request of a kept connection."""
        if self.cfg.is_ssl:
            super().on_client_socket_readable(conn, client)
            return
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._collect(conn)

    def enqueue_req(self, conn: TConn) -> None:
        """Give a connection to a thread, and remember since when."""
        self._begun[conn] = time.monotonic()
        super().enqueue_req(conn)

    def finish_request(self, conn: TConn, future: Any) -> None:
        """Take a connection back from its thread."""
        self._begun.pop(conn, None)
        super().finish_request(conn, future)

    def murder_pending(self) -> None:
        """Part with clients whose time is over; called about once a second."""
        super().murder_pending()
        now = time.monotonic()
        patience = READ_SECONDS if self.alive else _STOP_SECONDS
        for conn, collected in list(self._collecting.items()):
            if now - collected.begun_at > patience:
                self._drop(conn)
        for conn, begun in list(self._begun.items()):
            if now - begun > READ_SECONDS and not self.cfg.is_ssl:
                _end_slow_reading(conn, now - begun)

    def _collect(self, conn: TConn) -> None:
        conn.sock.settimeout(0.0)
        self._collecting[conn] = Collected(time.monotonic())
        self.poller.register(conn.sock, EVENT_READ, partial(self._take, conn))

    def _take(self, conn: TConn, client: socket.socket) -> None:
        """Take what has come of a request; hand it over when it is all there."""
        try:
            part = client.recv(_COLLECTED_BYTES)
        except BlockingIOError:
            return
        except OSError:
            part = b""
        if not part:
            self._drop(conn)
        elif self._collecting[conn].add(part):
            self.poller.unregister(client)
            conn.parser.unreader.unread(bytes(self._collecting.pop(conn).data))
            self.enqueue_req(conn)

    def _drop(self, conn: TConn) -> None:
        del self._collecting[conn]
        self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()


def _end_slow_reading(conn: TConn, seconds: float) -> None:
    """End a thread's wait for a body that trickles in.

    A request that was read and is still being answered does not notice.
    """
    if conn.parser.unreader.received >= BYTES_PER_SECOND * seconds:
        return
    try:
        conn.sock.shutdown(socket.SHUT_RD)
    except OSError:
        # The client, or the thread, has closed it meanwhile.
        return
