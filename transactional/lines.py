"""Connections to Amazon SES, many of them served by the one thread that composes.

Threads that wait for SES take the interpreter from each other: with 64 of them a mail
costs twice what it costs here (docs/adr/0011). So one thread writes to and reads from
all connections without ever waiting for one of them; only opening one, which is rare
and waits for DNS and TLS, is left to helpers.

The connections are our own because of one question no client library answers: had any
byte been written when it failed? Until then the mail was surely not sent; afterwards
nobody knows (docs/delivery.md).
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from ssl import SSLWantReadError, SSLWantWriteError
from threading import local

from django.conf import settings
from httptools import HttpParserError, HttpResponseParser

from transactional import ses
from transactional.calling import NOT_TRIED, Call
from transactional.ses import Answer, Outcome

logger = logging.getLogger(__name__)

#: A connection idle for longer may be closed by the other side in the very moment in
#: which we write: a doubt that a new connection avoids.
KEPT_SECONDS = 3.0
_OPENERS = 16
#: What the kernel takes of a request at once, so that most are written in one piece.
_SEND_BUFFER = 256 * 1024
_READ_BYTES = 64 * 1024
#: SES answers in a line or two; who says more than this is not SES.
_MOST_ANSWER_BYTES = 1024 * 1024
_NOTHING = memoryview(b"")
_LATER = (BlockingIOError, InterruptedError, SSLWantReadError, SSLWantWriteError)


class _Reply:
    """An HTTP answer as it comes in (callbacks of httptools)."""

    def __init__(self) -> None:
        self.parser = HttpResponseParser(self)
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self.size = 0
        self.has_head = self.is_complete = False
        self.is_kept = True

    def feed(self, data: bytes) -> None:
        """Take what was read. Raises HttpParserError for what is no HTTP."""
        self.size += len(data)
        if self.size > _MOST_ANSWER_BYTES:
            raise HttpParserError("The answer does not end.")
        try:
            self.parser.feed_data(data)
        except HttpParserError:
            if not self.is_complete:
                raise
            self.is_kept = False

    def end(self) -> bool:
        """Say whether the end of the connection ends the answer, too."""
        has_length = "content-length" in self.headers
        return self.has_head and not has_length and not self.is_chunked

    @property
    def is_chunked(self) -> bool:
        return "chunked" in self.headers.get("transfer-encoding", "").lower()

    def on_message_begin(self) -> None:
        # Nobody asked for a second answer: who comes next must not take it for theirs.
        self.is_kept = not self.is_complete

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.is_complete:
            key = name.decode("latin-1").lower()
            self.headers[key] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if not self.is_complete:
            self.status = self.parser.get_status_code()
            self.has_head = True

    def on_body(self, body: bytes) -> None:
        if not self.is_complete:
            self.body += body

    def on_message_complete(self) -> None:
        if self.is_complete:
            return
        if self.status < 200:
            # "Go on" and its like come before the answer.
            self.headers, self.has_head = {}, False
            return
        self.is_complete = True
        self.is_kept = self.parser.should_keep_alive()


class _Line:
    """One connection, and the call it carries, if it does."""

    __slots__ = ("call", "deadline", "reply", "rest", "socket", "used_at")

    def __init__(self, opened: socket.socket) -> None:
        self.socket = opened
        self.call: Call | None = None
        self.reply = _Reply()
        self.rest = _NOTHING
        self.deadline = self.used_at = time.monotonic()

    def begin(self, call: Call, request: bytes) -> None:
        self.call, self.reply, self.rest = call, _Reply(), memoryview(request)
        self.deadline = time.monotonic() + settings.SES_READ_TIMEOUT_SECONDS

    def free(self) -> Call:
        """Be idle from now on; return the call that it carried."""
        call, self.call, self.used_at = self.call, None, time.monotonic()
        if call is None:
            raise RuntimeError("A line that carries nothing was answered.")
        return call

    def write(self) -> bool:
        """Write what the kernel takes; return whether that was all of it."""
        try:
            while self.rest:
                self.rest = self.rest[self.socket.send(self.rest) :]
        except _LATER:
            return False
        self.rest = _NOTHING  # which lets go of the request
        return True

    def read(self) -> bool:
        """Read what is there; return whether the answer is complete.

        Raises OSError or HttpParserError when it never will be.
        """
        while not self.reply.is_complete:
            try:
                data = self.socket.recv(_READ_BYTES)
            except _LATER:
                return False
            if data:
                self.reply.feed(data)
            elif self.reply.end():
                self.reply.is_complete, self.reply.is_kept = True, False
            else:
                raise ConnectionResetError("SES hung up without an answer.")
        return True

    def is_alive(self) -> bool:
        """Say whether an idle line can carry a mail: there is nothing to read, and
        not its end either.
        """
        if time.monotonic() - self.used_at > KEPT_SECONDS:
            return False
        try:
            self.socket.recv(1)
        except _LATER:
            return True
        except OSError:
            return False
        return False


class Lines:
    """All connections of one thread, and the calls that wait for one of them."""

    def __init__(self, most: int) -> None:
        self.pid = os.getpid()
        self._most = most
        self._selector = DefaultSelector()
        self._waiting: deque[Call] = deque()
        #: The last used is the last: the others are left to grow old.
        self._idle: list[_Line] = []
        self._busy: set[_Line] = set()
        self._opening = 0
        self._opened: SimpleQueue[socket.socket | Exception] = SimpleQueue()
        self._openers = ThreadPoolExecutor(_OPENERS, thread_name_prefix="ses")
        self._ear, self._bell = socket.socketpair()
        self._ear.settimeout(0)
        self._bell.settimeout(0)
        self._selector.register(self._ear, EVENT_READ)

    def put(self, call: Call) -> None:
        """Take a call, which begins as soon as a connection is free."""
        self._waiting.append(call)
        self._begin_waiting()

    def turn(self, seconds: float = 0.0) -> None:
        """Write and read what can be, after waiting up to `seconds` for anything."""
        # Before what is there is looked for: an answer that came while this process
        # stood still, or waited for the database, did come in time.
        moment = time.monotonic()
        for key, _ in self._selector.select(seconds):
            if key.data is None:
                self._take_opened()
            elif key.data.call is not None:
                self._go_on(key.data)
            elif key.data in self._idle and not key.data.is_alive():
                self._drop(key.data)
        for line in [line for line in self._busy if line.deadline < moment]:
            self._fail(line, TimeoutError("SES did not answer in time."))
        self._begin_waiting()

    def close(self) -> None:
        """Close what is open, with nothing in flight; again is no fault."""
        for line in [*self._idle, *self._busy]:
            self._drop(line)
        self._openers.shutdown(wait=False, cancel_futures=True)
        self._selector.close()
        self._ear.close()
        self._bell.close()

    def _begin_waiting(self) -> None:
        while self._next_waits() and (line := self._idle_line()):
            self._begin(line, self._waiting.popleft())
        room = self._most - len(self._busy) - self._opening
        for _ in range(min(room, len(self._waiting) - self._opening)):
            self._opening += 1
            self._openers.submit(self._open)

    def __del__(self) -> None:
        # A thread's connections end with it.
        self.close()

    def _next_waits(self) -> bool:
        """Say whether a call waits that may begin; those that may not end here."""
        while self._waiting and not self._waiting[0].may_begin():
            self._waiting.popleft().answer(NOT_TRIED)
        return bool(self._waiting)

    def _idle_line(self) -> _Line | None:
        while self._idle:
            line = self._idle[-1]
            if line.is_alive():
                return self._idle.pop()
            self._drop(line)
        return None

    def _open(self) -> None:
        """Open a connection, in a helper's thread, and ring."""
        try:
            opened: socket.socket | Exception = ses.connect()
        except Exception as error:  # noqa: BLE001 - told to whoever waits for it
            opened = error
        self._opened.put(opened)
        try:
            self._bell.send(b"!")
        except OSError:
            # Full of rings that nobody has heard yet, or nobody listens any more.
            logger.debug("the bell is not heard")

    def _take_opened(self) -> None:
        try:
            self._ear.recv(4096)
        except _LATER:
            return
        while True:
            try:
                opened = self._opened.get_nowait()
            except Empty:
                return
            self._opening -= 1
            if isinstance(opened, socket.socket):
                opened.settimeout(0)
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
                line = _Line(opened)
                self._selector.register(opened, EVENT_READ, line)
                if self._next_waits():
                    self._begin(line, self._waiting.popleft())
                else:
                    self._idle.append(line)
            elif self._waiting:
                self._waiting.popleft().answer(_not_sent(opened))

    def _begin(self, line: _Line, call: Call) -> None:
        try:
            request = call.request()
        except Exception as error:  # noqa: BLE001 - whatever it was, nothing was written
            self._idle.append(line)
            call.answer(_not_sent(error))
            return
        line.begin(call, request)
        self._busy.add(line)
        try:
            is_written = line.write()
        except OSError as error:
            self._fail(line, error)
            return
        if not is_written:
            self._selector.modify(line.socket, EVENT_READ | EVENT_WRITE, line)

    def _go_on(self, line: _Line) -> None:
        """Write and read what can be of a call."""
        try:
            if line.rest and line.write():
                self._selector.modify(line.socket, EVENT_READ, line)
            if line.read():
                self._finish(line)
        except (OSError, HttpParserError) as error:
            self._fail(line, error)
        except Exception as error:
            # The others must go on, and somebody waits for this answer. Nobody knows
            # how far the call came.
            logger.exception("a call to SES broke")
            self._fail(line, error)

    def _finish(self, line: _Line) -> None:
        reply = line.reply
        answer = ses.read_answer(reply.status, reply.headers, reply.body)
        call = line.free()
        self._busy.discard(line)
        if reply.is_kept and not line.rest and KEPT_SECONDS > 0:
            self._idle.append(line)
        else:
            # What is left of either side would be read as the next one.
            self._drop(line)
        call.answer(answer)

    def _fail(self, line: _Line, error: Exception) -> None:
        """End a call of which something may have been written."""
        call = line.free()
        self._drop(line)
        name = type(error).__name__
        call.answer(Answer(Outcome.UNKNOWN, code=name, message=str(error)))

    def _drop(self, line: _Line) -> None:
        self._selector.unregister(line.socket)
        line.socket.close()
        self._busy.discard(line)
        if line in self._idle:
            self._idle.remove(line)


def _not_sent(error: Exception) -> Answer:
    return Answer(Outcome.RETRY, code=type(error).__name__, message=str(error))


_threads = local()


def lines() -> Lines:
    """Return this thread's connections, which outlive a drain; a fork has its own."""
    made: Lines | None = getattr(_threads, "lines", None)
    if made is None or made.pid != os.getpid():
        made = _threads.lines = Lines(settings.DELIVERY_CONNECTIONS)
    return made
