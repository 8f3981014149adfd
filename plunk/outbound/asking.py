"""One request and one answer, over one connection, within one span of time."""

from __future__ import annotations

import io
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from http.client import HTTPConnection, HTTPException, HTTPResponse

from plunk.outbound.addresses import Address
from plunk.outbound.errors import Failed, Redirected, Refused
from plunk.outbound.headers import check_header
from plunk.outbound.resolving import resolve
from plunk.outbound.targets import Target, read_target

#: As much of an answer as is read.
MOST_BYTES = 64 * 1024
_MOST_HEADER_BYTES = 64 * 1024
#: How long one of several addresses may take to take the connection.
_CONNECT_SECONDS = 4.0
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
_PIECE = 16 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    url: str
    #: A stranger's: those that are ours alone are refused.
    headers: Mapping[str, str]
    body: bytes = b""
    #: Ours, such as a signature. They win.
    own_headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said; of its body as much as was read."""

    status: int
    #: By name in lower case.
    headers: Mapping[str, str]
    body: bytes
    is_cut: bool = False


def call(request: Request, *, seconds: float) -> Answer:
    """Send a request and return the answer, after at most so many seconds in total.

    Raises Refused where nothing may be connected to, Redirected, and Failed for all
    that goes wrong on the way.
    """
    deadline = time.monotonic() + seconds
    target = read_target(request.url)
    headers = _headers(request, target)
    addresses = resolve(target, deadline=deadline)
    try:
        answer = _exchange(request, target, headers, addresses, deadline)
    except TimeoutError:
        raise Failed(f"The server took longer than {seconds:g} seconds.") from None
    except ssl.SSLCertVerificationError as error:
        raise Failed(
            f"The server's certificate is not right: {error.verify_message}"
        ) from None
    except ssl.SSLError as error:
        raise Failed(f"TLS failed: {error.reason or 'the server hung up'}") from None
    except HTTPException:
        raise Failed("The server's answer is not HTTP.") from None
    except OSError as error:
        raise Failed(_in_words(error)) from None
    if 300 <= answer.status < 400:
        raise Redirected(answer)
    return answer


def _headers(request: Request, target: Target) -> dict[str, str]:
    """Return all headers by their names, ours over theirs."""
    if request.method not in _METHODS:
        raise Refused(f"The method is one of {', '.join(sorted(_METHODS))}.")
    for name, value in request.headers.items():
        if problem := check_header(name, value):
            raise Refused(problem)
    given = {name.lower(): (name, value) for name, value in request.headers.items()}
    own = {
        "Host": target.authority,
        **request.own_headers,
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
    if request.body or request.method != "GET":
        own["Content-Length"] = str(len(request.body))
    given |= {name.lower(): (name, value) for name, value in own.items()}
    given.setdefault("user-agent", ("User-Agent", "Plunk"))
    given.setdefault("accept", ("Accept", "*/*"))
    return dict(given.values())


def _exchange(
    request: Request,
    target: Target,
    headers: Mapping[str, str],
    addresses: list[Address],
    deadline: float,
) -> Answer:
    with _connect(target, addresses, deadline) as connected:
        wire = _Wire(connected, deadline)
        connection = HTTPConnection(target.host, target.port)
        connection.sock = wire
        connection.putrequest(
            request.method, target.path, skip_host=True, skip_accept_encoding=True
        )
        for name, value in headers.items():
            connection.putheader(name, value.encode())
        connection.endheaders(request.body or None)
        with connection.getresponse() as response:
            return _read(response)


def _read(response: HTTPResponse) -> Answer:
    body = b""
    while len(body) <= MOST_BYTES and (piece := response.read1(_PIECE)):
        body += piece
    return Answer(
        status=response.status,
        headers={name.lower(): value for name, value in response.getheaders()},
        body=body[:MOST_BYTES],
        is_cut=len(body) > MOST_BYTES,
    )


def _connect(
    target: Target, addresses: list[Address], deadline: float
) -> socket.socket:
    """Connect to the first address that answers; these and no others were checked."""
    for address in addresses:
        try:
            plain = _open(address, target.port, min(_CONNECT_SECONDS, _left(deadline)))
        except OSError:
            if address == addresses[-1] or time.monotonic() >= deadline:
                raise
            continue
        return plain if target.scheme == "http" else _secure(plain, target, deadline)
    raise Failed("DNS knows no address of this server.")


def _open(address: Address, port: int, seconds: float) -> socket.socket:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    plain = socket.socket(family, socket.SOCK_STREAM)
    try:
        plain.settimeout(seconds)
        plain.connect((str(address), port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        plain.close()
        raise
    return plain


def _secure(plain: socket.socket, target: Target, deadline: float) -> ssl.SSLSocket:
    """Begin TLS, for the name that was asked for and no other."""
    secured = tls().wrap_socket(
        plain, server_hostname=target.host, do_handshake_on_connect=False
    )
    try:
        secured.settimeout(_left(deadline))
        secured.do_handshake()
    except BaseException:
        secured.close()
        raise
    return secured


@lru_cache(maxsize=1)
def tls() -> ssl.SSLContext:
    """Return what is trusted: the system's authorities, for the name that was asked."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


class _Wire:
    """A connection as http.client uses one, each of its turns within the deadline."""

    def __init__(self, connected: socket.socket, deadline: float) -> None:
        self._socket = connected
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            self._socket.settimeout(_left(self._deadline))
            rest = rest[self._socket.send(rest) :]

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Incoming(self._socket, self._deadline))

    def close(self) -> None:
        """Leave the connection open; whoever opened it closes it."""


class _Incoming(io.RawIOBase):
    """What comes in, so much of it and no longer than until the deadline."""

    def __init__(self, connected: socket.socket, deadline: float) -> None:
        self._socket = connected
        self._deadline = deadline
        self._left = _MOST_HEADER_BYTES + 2 * MOST_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        if self._left <= 0:
            # What was read is enough for an answer; more than this is an attack.
            raise HTTPException("too much")
        self._socket.settimeout(_left(self._deadline))
        count = self._socket.recv_into(buffer)
        self._left -= count
        return count


def _left(deadline: float) -> float:
    """Return how many seconds there are; raises TimeoutError where there are none."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds


def _in_words(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "The server refused the connection."
    if isinstance(error, ConnectionError):
        return "The server hung up before it had answered."
    return "The server could not be reached."
