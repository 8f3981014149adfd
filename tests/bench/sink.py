"""A sink that answers like SES v2 `SendEmail`: at once, or after a while.

A process of its own, `python -m tests.bench.sink PORT [LOG]`. `GET /delay/50` makes it
wait 50 milliseconds before every answer from then on, `GET /quota/50/2000` makes it
tell of 50 mails a second and 2,000 a day (-1: as many as one likes; how many have gone
is counted from then on). Other GETs are answered with its count. With a log, each mail
is a line of it: the time in seconds, and the recipient.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
import urllib.request
from pathlib import Path
from typing import TextIO
from uuid import uuid4

_RUN = uuid4().hex[:12]
_RECIPIENT = re.compile(rb'"ToAddresses":\s*\["([^"]+)"')


class _Sink:
    """What all connections share."""

    count = 0
    delay = 0.0
    #: Mails a second and a day, and the count at which the day began.
    quota = (14.0, -1.0)
    counted_from = 0
    log: TextIO | None = None


class _Connection(asyncio.Protocol):
    """Reads requests one after the other, as a client with kept connections sends."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._wanted = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._wanted:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._received[:end]).lower()
            length = head.partition(b"content-length:")[2].partition(b"\r")[0]
            self._wanted = end + 4 + int(length or 0)
        if len(self._received) < self._wanted:
            return
        line = bytes(self._received[: self._received.index(b"\r")]).split()
        if line[0] == b"POST" and _Sink.log is not None:
            _note(_Sink.log, self._received)
        del self._received[: self._wanted]
        self._wanted = 0
        self._answer(line[0], line[1].decode())

    def _answer(self, method: bytes, path: str) -> None:
        if method == b"GET":
            self._write(json.dumps(_told(path)).encode())
            return
        _Sink.count += 1
        body = b'{"MessageId":"0100%s-%012x-000000"}' % (_RUN.encode(), _Sink.count)
        if _Sink.delay:
            asyncio.get_running_loop().call_later(_Sink.delay, self._write, body)
        else:
            self._write(body)

    def _write(self, body: bytes) -> None:
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            b"x-amzn-RequestId: 00000000-0000-0000-0000-000000000000\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        )


def _note(log: TextIO, request: bytearray) -> None:
    found = _RECIPIENT.search(request)
    log.write(f"{time.time():.4f} {found[1].decode() if found else '?'}\n")
    log.flush()


def _told(path: str) -> dict[str, object]:
    """Do what a GET asks for, and answer it."""
    words = path.strip("/").split("/")
    if words[0] == "delay":
        _Sink.delay = int(words[1]) / 1000
    elif words[0] == "quota":
        _Sink.quota = (float(words[1]), float(words[2]))
        _Sink.counted_from = _Sink.count
    elif path == "/v2/email/account":
        quota = {
            "MaxSendRate": _Sink.quota[0],
            "Max24HourSend": _Sink.quota[1],
            "SentLast24Hours": float(_Sink.count - _Sink.counted_from),
        }
        return {"SendQuota": quota, "SendingEnabled": True}
    return {"count": _Sink.count}


async def serve(port: int, log: str = "") -> None:
    """Serve until killed."""
    if log:
        _Sink.log = Path(log).open("a")  # noqa: SIM115 - until killed
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Connection, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


def counted(url: str) -> int:
    """Return how many mails a sink has taken."""
    return int(_get(url)["count"])


def set_delay(url: str, milliseconds: int) -> None:
    """Let a sink wait before every answer."""
    _get(f"{url}/delay/{milliseconds}")


def set_quota(url: str, *, rate: float, day: float = -1) -> None:
    """Let a sink tell of another quota; what has gone today begins at nothing."""
    _get(f"{url}/quota/{rate:g}/{day:g}")


class Receipts:
    """When which recipient's mail came, as a sink's log says; read as it grows."""

    def __init__(self, log: Path) -> None:
        self._log, self._read_to = log, 0
        self._found: list[tuple[float, str]] = []

    def read(self) -> list[tuple[float, str]]:
        """Return all that came up to now, the first one first."""
        if self._log.exists():
            with self._log.open("rb") as file:
                file.seek(self._read_to)
                text = file.read()
            whole = text[: text.rfind(b"\n") + 1]
            self._read_to += len(whole)
            for line in whole.decode().splitlines():
                at, _, recipient = line.partition(" ")
                self._found.append((float(at), recipient))
        return self._found


def _get(url: str) -> dict[str, int]:
    with urllib.request.urlopen(url, timeout=10) as response:
        answer: dict[str, int] = json.load(response)
    return answer


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), *sys.argv[2:3]))
