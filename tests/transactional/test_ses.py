"""What SES and the way to it can do, over real sockets: robustness 1b, N5 to N7.

The question in every case is whether the mail was surely not sent, surely sent, or
nobody knows.
"""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from transactional import lines, ses
from transactional.calling import NOT_TRIED, Call, now, stop
from transactional.composing import Composed
from transactional.lines import Lines
from transactional.recording import Attempt
from transactional.ses import Answer, Outcome
from transactional.smtp import certificates
from transactional.tracking import Counter

#: What a server does with one connection after it has read a request, if it does.
Act = Callable[[socket.socket], None]
ACCEPTED = b'{"MessageId": "id-1"}'


class Server:
    """Plays one act for each connection, in their order; the last again and again."""

    def __init__(self) -> None:
        self.acts: list[Act] = []
        self.connections = 0
        self.requests: list[bytes] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if not self.acts:
                client.close()
                return
            act = self.acts[min(self.connections, len(self.acts) - 1)]
            self.connections += 1
            threading.Thread(target=self._play, args=(act, client), daemon=True).start()

    def _play(self, act: Act, client: socket.socket) -> None:
        with suppress(OSError), client:
            act(client)

    def read(self, client: socket.socket) -> bool:
        """Read one whole request; return False where there is none."""
        data = b""
        while b"\r\n\r\n" not in data:
            part = client.recv(65536)
            if not part:
                return False
            data += part
        top, _, body = data.partition(b"\r\n\r\n")
        length = next(
            int(line.partition(b":")[2])
            for line in top.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        )
        while len(body) < length:
            body += client.recv(65536)
        self.requests.append(body)
        return True


def reply(
    status: int = 200, body: bytes = ACCEPTED, *headers: str, length: int | None = None
) -> bytes:
    lines = [
        f"HTTP/1.1 {status} X",
        f"Content-Length: {len(body) if length is None else length}",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def reset(client: socket.socket) -> None:
    """Close with RST instead of FIN."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


@pytest.fixture
def server(settings: Any) -> Iterator[Server]:
    made = Server()
    settings.AWS_ENDPOINT_URL = f"http://127.0.0.1:{made.port}"
    settings.SES_CONNECT_TIMEOUT_SECONDS = 1.0
    settings.SES_READ_TIMEOUT_SECONDS = 0.5
    _forget()
    yield made
    made.listener.close()
    _forget()


def _forget() -> None:
    ses._target.cache_clear()
    if _open:
        _open.pop().close()


#: The connections of the test that runs.
_open: list[Lines] = []


def begin(raw: bytes = b"Subject: x\r\n\r\n", seconds: float = 60) -> deque[Attempt]:
    """Hand over one mail; returns where its answer will be."""
    if not _open:
        _open.append(Lines(4))
    done: deque[Attempt] = deque()
    mail = Mock(to_email="ann@example.com", id=1, attempt=1, project_id=2)
    composed = Composed(mail, raw, Mock(), Counter.NOBODY)
    _open[0].put(Call(composed, now() + seconds, done))
    return done


def send(raw: bytes = b"Subject: x\r\n\r\n") -> Answer:
    done = begin(raw)
    _turn_until(lambda: bool(done))
    return done[0].answer


def _turn_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline, "it does not come to it"
        _open[0].turn(0.05)


def answering(server: Server, *replies: bytes) -> Act:
    def act(client: socket.socket) -> None:
        for each in replies:
            if not server.read(client):
                return
            client.sendall(each)
        server.read(client)

    return act


def test_an_accepted_mail_has_its_id(server: Server) -> None:
    server.acts = [answering(server, reply())]

    answer = send(b"Subject: \xff\r\n\r\n")

    assert (answer.outcome, answer.message_id) == (Outcome.ACCEPTED, "id-1")
    sent = json.loads(server.requests[0])
    assert sent["Destination"] == {"ToAddresses": ["ann@example.com"]}
    assert {"Name": "plunk_email", "Value": "1"} in sent["EmailTags"]


def test_one_connection_carries_many_mails(server: Server) -> None:
    server.acts = [answering(server, *[reply()] * 5)]

    outcomes = [send().outcome for _ in range(5)]

    assert outcomes == [Outcome.ACCEPTED] * 5
    assert server.connections == 1


def test_nobody_at_the_door_is_no_doubt(server: Server, settings: Any) -> None:
    """N7: connect refused."""
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        settings.AWS_ENDPOINT_URL = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    _forget()

    assert send().outcome is Outcome.RETRY


def test_a_name_that_does_not_resolve_is_no_doubt(
    server: Server, settings: Any
) -> None:
    settings.AWS_ENDPOINT_URL = "http://no-such-host.invalid"
    _forget()

    assert send().outcome is Outcome.RETRY


def test_a_failed_tls_handshake_is_no_doubt(server: Server, settings: Any) -> None:
    settings.AWS_ENDPOINT_URL = f"https://127.0.0.1:{server.port}"
    _forget()
    server.acts = [lambda client: client.sendall(b"HTTP/1.1 400 no TLS here\r\n\r\n")]

    assert send().outcome is Outcome.RETRY


def test_a_tls_handshake_that_hangs_is_no_doubt(server: Server, settings: Any) -> None:
    settings.AWS_ENDPOINT_URL = f"https://127.0.0.1:{server.port}"
    _forget()
    hang = threading.Event()

    def act(_: socket.socket) -> None:
        hang.wait(3)

    server.acts = [act]

    assert send().outcome is Outcome.RETRY
    hang.set()


def test_missing_credentials_are_no_doubt(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Session:
        def get_credentials(self) -> None:
            return None

    monkeypatch.setattr(ses, "_signer_session", Session)

    assert send().outcome is Outcome.RETRY
    assert server.requests == []


def test_a_reset_after_the_mail_was_written_is_a_doubt(server: Server) -> None:
    def act(client: socket.socket) -> None:
        server.read(client)
        reset(client)

    server.acts = [act]

    assert send().outcome is Outcome.UNKNOWN


def test_a_reset_in_the_middle_of_the_mail_is_a_doubt(server: Server) -> None:
    def act(client: socket.socket) -> None:
        client.recv(1000)
        reset(client)

    server.acts = [act]

    assert send(b"x" * 5_000_000).outcome is Outcome.UNKNOWN


def test_an_end_without_an_answer_is_a_doubt(server: Server) -> None:
    def act(client: socket.socket) -> None:
        server.read(client)

    server.acts = [act]

    assert send().outcome is Outcome.UNKNOWN


def test_an_answer_that_does_not_come_in_time_is_a_doubt(server: Server) -> None:
    late = threading.Event()

    def act(client: socket.socket) -> None:
        server.read(client)
        late.wait(3)

    server.acts = [act]

    assert send().outcome is Outcome.UNKNOWN
    late.set()


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"garbage\r\n\r\n", id="no HTTP"),
        pytest.param(b"HTTP/1.1 20", id="cut status"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX" + b"y" * 70_000, id="endless header"),
        pytest.param(reply(body=b'{"MessageId": "i', length=100), id="cut body"),
        pytest.param(reply(body=b"x" * 2_000_000), id="endless body"),
        pytest.param(reply(body=b"{}"), id="no id"),
        pytest.param(reply(body=b""), id="empty"),
        pytest.param(reply(body=b"[]"), id="no object"),
        pytest.param(reply(body=b'{"MessageId": ""}'), id="empty id"),
        pytest.param(reply(body=b"<html>"), id="not JSON"),
        pytest.param(reply(body=b"\xff\xfe"), id="not text"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            id="bad chunk",
        ),
        pytest.param(reply(502, b"Bad Gateway"), id="502 of somebody between"),
        pytest.param(reply(500, b""), id="500 of nobody"),
        pytest.param(reply(504, b"<html>"), id="504"),
    ],
)
def test_a_malformed_answer_is_a_doubt(server: Server, raw: bytes) -> None:
    def act(client: socket.socket) -> None:
        server.read(client)
        client.sendall(raw)

    server.acts = [act]

    assert send().outcome is Outcome.UNKNOWN


def test_after_any_failure_the_next_mail_has_a_new_connection(server: Server) -> None:
    def act(client: socket.socket) -> None:
        server.read(client)
        client.sendall(b"garbage\r\n\r\n")

    server.acts = [act, answering(server, reply())]

    assert send().outcome is Outcome.UNKNOWN
    assert send().outcome is Outcome.ACCEPTED


def test_what_a_huge_answer_leaves_is_not_the_next_answer(server: Server) -> None:
    huge = reply(400, b'{"message": "' + b"x" * 200_000 + b'"}')
    server.acts = [answering(server, huge, reply())]

    first, second = send(), send()

    assert first.outcome is not Outcome.ACCEPTED
    assert second.outcome is Outcome.ACCEPTED


@pytest.mark.parametrize("wait", [0.0, 0.2])
def test_a_kept_connection_that_the_server_closed_is_no_doubt(
    server: Server, wait: float
) -> None:
    def act(client: socket.socket) -> None:
        server.read(client)
        client.sendall(reply())
        closed.set()

    closed = threading.Event()
    server.acts = [act, answering(server, reply())]

    first = send()
    closed.wait(2)
    threading.Event().wait(0.1 + wait)
    second = send()

    assert [first.outcome, second.outcome] == [Outcome.ACCEPTED] * 2
    assert server.connections == 2
    assert len(server.requests) == 2


def test_a_kept_connection_that_was_reset_is_no_doubt(server: Server) -> None:
    def act(client: socket.socket) -> None:
        server.read(client)
        client.sendall(reply())
        threading.Event().wait(0.1)
        reset(client)

    server.acts = [act, answering(server, reply())]

    first = send()
    threading.Event().wait(0.4)
    second = send()

    assert [first.outcome, second.outcome] == [Outcome.ACCEPTED] * 2


def test_a_connection_idle_for_long_is_not_trusted(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "KEPT_SECONDS", 1e-6)
    server.acts = [answering(server, reply())]

    assert [send().outcome for _ in range(2)] == [Outcome.ACCEPTED] * 2
    assert server.connections == 2


def test_the_server_may_ask_to_close(server: Server) -> None:
    server.acts = [answering(server, reply(200, ACCEPTED, "Connection: close"))]

    assert [send().outcome for _ in range(2)] == [Outcome.ACCEPTED] * 2
    assert server.connections == 2


def test_a_mail_that_hangs_keeps_no_other_waiting(server: Server) -> None:
    late = threading.Event()

    def hang(client: socket.socket) -> None:
        server.read(client)
        late.wait(3)

    server.acts = [hang, answering(server, *[reply()] * 5)]
    hanging = begin()
    _turn_until(lambda: server.connections == 1)

    others = [begin() for _ in range(5)]
    _turn_until(lambda: all(others))

    assert not hanging
    assert {done[0].answer.outcome for done in others} == {Outcome.ACCEPTED}
    _turn_until(lambda: bool(hanging))
    assert hanging[0].answer.outcome is Outcome.UNKNOWN
    late.set()


def test_many_large_mails_go_at_once(server: Server) -> None:
    """None fits into what the kernel takes at once."""
    server.acts = [answering(server, *[reply()] * 12)]

    sent = [begin(bytes([65 + number]) * 1_000_000) for number in range(12)]
    _turn_until(lambda: all(sent))

    assert {done[0].answer.outcome for done in sent} == {Outcome.ACCEPTED}
    assert 1 <= server.connections <= 4
    bodies = {
        json.loads(request)["Content"]["Raw"]["Data"] for request in server.requests
    }
    assert len(bodies) == 12
    assert {len(body) for body in bodies} == {1_333_336}


def test_an_answer_that_came_while_nobody_looked_came_in_time(server: Server) -> None:
    """A worker that stood still, or waited for the database, asks the socket first."""
    server.acts = [answering(server, reply())]
    done = begin()
    _turn_until(lambda: bool(server.requests))

    time.sleep(0.7)
    _open[0].turn()

    assert done[0].answer.outcome is Outcome.ACCEPTED


def test_a_call_whose_lease_ends_while_it_waits_is_not_begun(server: Server) -> None:
    late = threading.Event()

    def hang(client: socket.socket) -> None:
        server.read(client)
        late.wait(3)

    server.acts = [hang]
    for _ in range(4):
        begin()
    waiting = begin(seconds=0.2)

    _turn_until(lambda: bool(waiting))

    assert waiting[0].answer is NOT_TRIED
    assert len(server.requests) == 4
    late.set()


def test_a_call_is_not_begun_once_the_process_must_stop(server: Server) -> None:
    server.acts = [answering(server, reply())]
    stop.set()
    try:
        done = begin()
    finally:
        stop.clear()

    assert done[0].answer is NOT_TRIED
    assert server.connections == 0


@pytest.fixture
def over_tls(
    server: Server, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Act], Act]:
    """Let SES be spoken to by TLS; acts play behind it."""
    pem = tmp_path / "ses.pem"
    pem.write_bytes(certificates._make("localhost"))
    behind = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    behind.load_cert_chain(pem)
    before = ssl.create_default_context(cafile=str(pem))
    monkeypatch.setattr(ses, "_tls", lambda: before)
    settings.AWS_ENDPOINT_URL = f"https://127.0.0.1:{server.port}"
    _forget()

    def wrapped(act: Act) -> Act:
        def play(client: socket.socket) -> None:
            with behind.wrap_socket(client, server_side=True) as inner:
                act(inner)

        return play

    return wrapped


def test_mails_of_every_size_go_by_tls_over_kept_connections(
    server: Server, over_tls: Callable[[Act], Act]
) -> None:
    server.acts = [over_tls(answering(server, *[reply()] * 30))]
    sizes = [10, 20_000, 3_000_000, 15_000, 16_384]

    for size in sizes:
        assert send(b"x" * size).outcome is Outcome.ACCEPTED
        time.sleep(0.05)
    assert server.connections == 1
    together = [begin(b"x" * size) for size in sizes * 3]
    _turn_until(lambda: all(together))

    assert {done[0].answer.outcome for done in together} == {Outcome.ACCEPTED}
    assert server.connections <= 4
    lengths = [len(json.loads(it)["Content"]["Raw"]["Data"]) for it in server.requests]
    assert sorted(lengths) == sorted(-(-size // 3) * 4 for size in sizes * 4)


def test_a_tls_connection_that_was_closed_is_no_doubt(
    server: Server, over_tls: Callable[[Act], Act]
) -> None:
    def once(client: socket.socket) -> None:
        server.read(client)
        client.sendall(reply())

    server.acts = [over_tls(once), over_tls(answering(server, reply()))]

    first = send()
    time.sleep(0.2)
    second = send()

    assert [first.outcome, second.outcome] == [Outcome.ACCEPTED] * 2


def test_a_second_answer_is_nobodys(server: Server) -> None:
    server.acts = [
        answering(server, reply() + reply(200, b'{"MessageId": "id-2"}')),
        answering(server, reply(200, b'{"MessageId": "id-3"}')),
    ]

    assert [send().message_id for _ in range(2)] == ["id-1", "id-3"]


def test_go_on_is_no_answer(server: Server) -> None:
    server.acts = [answering(server, b"HTTP/1.1 100 Continue\r\n\r\n" + reply())]

    assert send().message_id == "id-1"


def test_an_answer_in_pieces_and_chunks_is_read(server: Server) -> None:
    def act(client: socket.socket) -> None:
        server.read(client)
        whole = (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"a\r\n%b\r\nb\r\n%b\r\n0\r\n\r\n" % (ACCEPTED[:10], ACCEPTED[10:])
        )
        for number in range(len(whole)):
            client.sendall(whole[number : number + 1])
        server.read(client)

    server.acts = [act]

    assert send().message_id == "id-1"


def test_an_answer_may_end_with_its_connection(server: Server) -> None:
    def act(client: socket.socket) -> None:
        server.read(client)
        client.sendall(b"HTTP/1.1 403 X\r\nx-amzn-RequestId: 1\r\n\r\n{}")

    server.acts = [act]

    assert send().outcome is Outcome.ACCOUNT_HELD


@pytest.mark.parametrize(
    ("status", "code", "message", "outcome"),
    [
        (
            429,
            "TooManyRequestsException",
            "Maximum sending rate exceeded.",
            "THROTTLED",
        ),
        (400, "Throttling", "Maximum sending rate exceeded.", "THROTTLED"),
        (400, "ThrottlingException", "Rate exceeded", "THROTTLED"),
        (503, "Throttling", "", "THROTTLED"),
        (400, "Throttling", "Daily message quota exceeded.", "QUOTA"),
        (400, "LimitExceededException", "Daily message quota exceeded.", "QUOTA"),
        (429, "TooManyRequestsException", "Daily message quota exceeded", "QUOTA"),
        (400, "MessageRejected", "The message was rejected.", "REJECTED"),
        (400, "BadRequestException", "Missing final '@domain'", "REJECTED"),
        (400, "InvalidParameterValue", "Local address contains", "REJECTED"),
        (413, "", "", "REJECTED"),
        (400, "MailFromDomainNotVerifiedException", "", "DOMAIN_HELD"),
        (400, "MessageRejected", "Email address is not verified.", "DOMAIN_HELD"),
        (400, "SendingPausedException", "", "ACCOUNT_HELD"),
        (400, "ConfigurationSetSendingPausedException", "", "ACCOUNT_HELD"),
        (403, "AccountSuspendedException", "", "ACCOUNT_HELD"),
        (400, "AccountSuspendedException", "", "ACCOUNT_HELD"),
        (404, "NotFoundException", "Configuration set", "ACCOUNT_HELD"),
        (400, "LimitExceededException", "", "ACCOUNT_HELD"),
        (403, "ExpiredTokenException", "", "ACCOUNT_HELD"),
        (400, "ExpiredTokenException", "", "ACCOUNT_HELD"),
        (400, "RequestExpired", "", "ACCOUNT_HELD"),
        (403, "SignatureDoesNotMatch", "Signature expired", "ACCOUNT_HELD"),
        (400, "InvalidSignatureException", "", "ACCOUNT_HELD"),
        (403, "", "", "ACCOUNT_HELD"),
        (401, "", "", "ACCOUNT_HELD"),
        (500, "InternalServiceErrorException", "", "RETRY"),
        (500, "InternalFailure", "", "RETRY"),
        (503, "ServiceUnavailable", "", "RETRY"),
        (400, "SomethingNewException", "", "RETRY"),
        (408, "RequestTimeout", "", "RETRY"),
    ],
)
@pytest.mark.parametrize("place", ["header", "header with url", "body", "namespace"])
def test_each_answer_has_its_meaning(
    server: Server, status: int, code: str, message: str, outcome: str, place: str
) -> None:
    """The table of 1b."""
    body: dict[str, str] = {"message": message} if message else {}
    headers = ["x-amzn-RequestId: 1"]
    if code and place == "header":
        headers.append(f"X-Amzn-ErrorType: {code}")
    elif code and place == "header with url":
        headers.append(f"x-amzn-errortype: {code}:http://internal.amazon.com/x/")
    elif code:
        prefix = "com.amazonaws.ses.v2#" if place == "namespace" else ""
        body["__type"] = f"{prefix}{code}"
    server.acts = [
        answering(server, reply(status, json.dumps(body).encode(), *headers))
    ]

    answer = send()

    assert answer.outcome is Outcome[outcome]
    assert answer.code == (code or f"HTTP{status}")


def test_a_500_with_amazons_request_id_is_no_doubt(server: Server) -> None:
    server.acts = [answering(server, reply(500, b"{}", "x-amzn-RequestId: 1"))]

    assert send().outcome is Outcome.RETRY
