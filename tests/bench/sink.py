"""A sink that answers like SES v2 `SendEmail`: at once, or after a while.

A process of its own, `python -m tests.bench.sink PORT`. `GET /delay/50` makes it wait
50 milliseconds before every answer from then on; any GET is answered with its count.
"""

from __future__ import annotations

import asyncio
import json
import sys
import urllib.request
from uuid import uuid4

_RUN = uuid4().hex[:12]


class _Sink:
    """What all connections share."""

    count = 0
    delay = 0.0


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
        del self._received[: self._wanted]
        self._wanted = 0
        self._answer(line[0], line[1].decode())

    def _answer(self, method: bytes, path: str) -> None:
        if method == b"GET":
            if path.startswith("/delay/"):
                _Sink.delay = int(path.rpartition("/")[2]) / 1000
            self._write(json.dumps({"count": _Sink.count}).encode())
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


async def serve(port: int) -> None:
    """Serve until killed."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Connection, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


def counted(url: str) -> int:
    """Return how many mails a sink has taken."""
    return int(_get(url)["count"])


def set_delay(url: str, milliseconds: int) -> None:
    """Let a sink wait before every answer."""
    _get(f"{url}/delay/{milliseconds}")


def _get(url: str) -> dict[str, int]:
    with urllib.request.urlopen(url, timeout=10) as response:
        answer: dict[str, int] = json.load(response)
    return answer


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
