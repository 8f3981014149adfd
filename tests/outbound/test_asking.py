from __future__ import annotations

import datetime
import socket
import ssl
import time
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_django.fixtures import Settings

from plunk.outbound import (
    MOST_BYTES,
    Answer,
    Failed,
    Redirected,
    Refused,
    Request,
    asking,
    call,
)
from tests.outbound.conftest import Serve
from tests.outbound.receiver import Receiver, answer, drip, hang
from tests.transactional.domains.nameserver import NameServer


def post(url: str, *, seconds: float = 5, **given: Any) -> Answer:
    headers = given.pop("headers", {})
    body = given.pop("body", b"{}")
    return call(Request("POST", url, headers, body, **given), seconds=seconds)


class Rebinding(NameServer):
    """Answers once as is told, and from then on with this very machine."""

    def _answer(self, raw: bytes, log: list[tuple[str, str]]) -> bytes | None:
        said = super()._answer(raw, log)
        if log[-1][1] == "A":
            self.put(log[-1][0], "A", "127.0.0.1")
        return said


@pytest.fixture
def rebinding(settings: Settings) -> Any:
    server = Rebinding()
    settings.DNS_SERVERS = [("127.0.0.1", server.port)]
    yield server
    server.stop()


@pytest.mark.usefixtures("loopback_allowed")
def test_a_request_arrives_as_it_was_meant(serve: Serve) -> None:
    server = serve(answer(201, b"thanks", X_Extra="1"))

    said = post(
        f"http://127.0.0.1:{server.port}/a/b?c=d",
        headers={"X-Mine": "Grüße", "Content-Type": "text/plain"},
        body=b"body",
        own_headers={"webhook-id": "1", "content-type": "application/json"},
    )

    assert (said.status, said.body, said.is_cut) == (201, b"thanks", False)
    assert said.headers["x-extra"] == "1"
    (got,) = server.got
    assert (got.method, got.path, got.body) == ("POST", "/a/b?c=d", b"body")
    assert got.headers["host"] == f"127.0.0.1:{server.port}"
    assert got.headers["x-mine"] == "Grüße"
    assert got.headers["content-type"] == "application/json"
    assert got.headers["webhook-id"] == "1"
    assert got.headers["content-length"] == "4"
    assert got.headers["connection"] == "close"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/",
        "http://localhost:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://inside.example:{port}/",
        "http://both.example:{port}/",
        "http://six.example:{port}/",
        "http://alias.example:{port}/",
    ],
)
def test_nothing_inside_is_connected_to(
    url: str, serve: Serve, nameserver: NameServer
) -> None:
    server = serve()
    nameserver.put("inside.example", "A", "127.0.0.1")
    nameserver.put("both.example", "A", "8.8.8.8", "127.0.0.1")
    nameserver.put("six.example", "A", "8.8.8.8")
    nameserver.put("six.example", "AAAA", "::1")
    nameserver.put("alias.example", "A", "169.254.169.254")

    with pytest.raises(Refused, match="not on the open net"):
        post(url.format(port=server.port))

    assert server.connections == 0


def test_the_connection_goes_to_the_address_that_was_checked(
    serve: Serve, rebinding: Rebinding, settings: Settings
) -> None:
    """By sockets: 127.0.0.2 is allowed and comes first, 127.0.0.1 is inside."""
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("127.0.0.2/32")]
    checked = serve(host="127.0.0.2")
    inside = serve(host="127.0.0.1", port=checked.port)
    rebinding.put("rebind.example", "A", "127.0.0.2")

    said = post(f"http://rebind.example:{checked.port}/")

    assert said.status == 200
    assert (len(checked.got), inside.connections) == (1, 0)
    assert checked.got[0].headers["host"] == f"rebind.example:{checked.port}"
    assert rebinding.asked.count(("rebind.example", "A")) == 1
    with pytest.raises(Refused):
        post(f"http://rebind.example:{checked.port}/")
    assert inside.connections == 0


def test_a_public_answer_is_what_is_connected_to(
    rebinding: Rebinding, monkeypatch: pytest.MonkeyPatch
) -> None:
    rebinding.put("rebind.example", "A", "8.8.8.8")
    opened: list[tuple[str, int]] = []

    def open_(address: object, port: int, _seconds: float) -> socket.socket:
        opened.append((str(address), port))
        raise ConnectionRefusedError

    monkeypatch.setattr(asking, "_open", open_)

    with pytest.raises(Failed, match="refused the connection"):
        post("http://rebind.example/")

    assert opened == [("8.8.8.8", 80)]
    assert rebinding.asked.count(("rebind.example", "A")) == 1


def test_another_address_is_tried_where_the_first_refuses(
    serve: Serve, nameserver: NameServer, settings: Settings
) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("127.0.0.0/29")]
    server = serve(host="127.0.0.2")
    nameserver.put("two.example", "A", "127.0.0.3", "127.0.0.2")

    assert post(f"http://two.example:{server.port}/").status == 200


def test_a_name_server_that_is_silent_about_one_kind_holds_nothing_up(
    serve: Serve,
    nameserver: NameServer,
    monkeypatch: pytest.MonkeyPatch,
    loopback_allowed: None,
) -> None:
    original = nameserver._answer
    monkeypatch.setattr(
        nameserver,
        "_answer",
        lambda raw, log: None if b"\x00\x1c\x00\x01" in raw else original(raw, log),
    )
    server = serve()
    nameserver.put("half.example", "A", "127.0.0.1")

    begun = time.monotonic()
    assert post(f"http://half.example:{server.port}/").status == 200

    assert time.monotonic() - begun < 1.4


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("gone.example", "knows no server"),
        ("failing.example", "did not say"),
        ("silent.example", "did not say|took"),
        ("garbled.example", "did not say|took"),
        ("mail.example", "no address"),
    ],
)
def test_what_dns_does_not_know_fails_in_words(
    name: str, words: str, nameserver: NameServer
) -> None:
    nameserver.failing.add("failing.example")
    nameserver.silent.add("silent.example")
    nameserver.garbled.add("garbled.example")
    nameserver.put("mail.example", "MX", "10 mx.example.")

    begun = time.monotonic()
    with pytest.raises(Failed, match=words):
        post(f"http://{name}/", seconds=1)

    assert time.monotonic() - begun < 1.5


@pytest.mark.usefixtures("loopback_allowed")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_error_and_is_not_followed(status: int, serve: Serve) -> None:
    other = serve()
    server = serve(answer(status, b"there", Location=other.url))

    with pytest.raises(Redirected, match="Redirects are not followed") as caught:
        post(server.url)

    assert caught.value.answer.status == status
    assert other.connections == 0


@pytest.mark.usefixtures("loopback_allowed")
def test_a_long_answer_is_cut(serve: Serve) -> None:
    said = post(serve(answer(200, b"x" * (MOST_BYTES + 1))).url)
    whole = post(serve(answer(200, b"x" * MOST_BYTES)).url)

    assert (len(said.body), said.is_cut) == (MOST_BYTES, True)
    assert (len(whole.body), whole.is_cut) == (MOST_BYTES, False)


@pytest.mark.usefixtures("loopback_allowed")
def test_an_endless_answer_is_cut(serve: Serve) -> None:
    def speak(connection: socket.socket, _: object) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"2000\r\n" + b"x" * 0x2000 + b"\r\n")

    said = post(serve(speak).url)

    assert (len(said.body), said.is_cut) == (MOST_BYTES, True)


@pytest.mark.usefixtures("loopback_allowed")
@pytest.mark.parametrize(
    "speak",
    [
        drip(b"H", every=0.1),
        drip(b"X: y\r\n", every=0.1, head=b"HTTP/1.1 200 OK\r\n"),
        drip(b"x", every=0.1, head=b"HTTP/1.1 200 OK\r\n\r\n"),
        drip(b"1\r\nx\r\n", every=0.1, head=b"HTTP/1.1 200 OK\r\n"
             b"Transfer-Encoding: chunked\r\n\r\n"),
        drip(b"HTTP/1.1 100 Continue\r\n\r\n", every=0.1),
        hang(10),
    ],
    ids=["status", "headers", "body", "chunks", "continue", "silence"],
)  # fmt: skip
def test_an_answer_that_drips_ends_with_the_time(speak: Any, serve: Serve) -> None:
    server = serve(speak)

    begun = time.monotonic()
    with pytest.raises(Failed, match=r"longer than 0\.6 seconds"):
        post(server.url, seconds=0.6)

    assert time.monotonic() - begun < 1.2


@pytest.mark.usefixtures("loopback_allowed")
def test_a_handshake_that_drips_ends_with_the_time(serve: Serve) -> None:
    """Nothing is read there: the server answers TLS byte by byte, which never ends."""
    server = serve(drip(b"\x16", every=0.1))

    begun = time.monotonic()
    with pytest.raises(Failed):
        post(f"https://127.0.0.1:{server.port}/", seconds=0.6)

    assert time.monotonic() - begun < 1.2


@pytest.mark.usefixtures("loopback_allowed")
def test_endless_headers_are_an_error(serve: Serve) -> None:
    def speak(connection: socket.socket, _: object) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"X: " + b"y" * 30_000 + b"\r\n")

    with pytest.raises(Failed, match="not HTTP"):
        post(serve(speak).url)


@pytest.mark.usefixtures("loopback_allowed")
@pytest.mark.parametrize(
    "said", [b"", b"SSH-2.0-x\r\n", b"\x00\xff\n\n", b"HTTP/1.1 x\r\n\r\n"]
)
def test_what_is_no_answer_is_an_error(said: bytes, serve: Serve) -> None:
    with pytest.raises(Failed):
        post(serve(lambda connection, _: connection.sendall(said)).url)


@pytest.mark.usefixtures("loopback_allowed")
def test_nobody_there_is_an_error(serve: Serve) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    with pytest.raises(Failed, match="refused the connection"):
        post(f"http://127.0.0.1:{port}/")


@pytest.mark.usefixtures("loopback_allowed")
@pytest.mark.parametrize(
    "headers",
    [{"X": "a\r\nEvil: 1"}, {"Evil\r\nX": "a"}, {"Host": "evil"}, {"webhook-id": "1"}],
)
def test_headers_that_are_not_theirs_are_refused_before_anything_is_sent(
    headers: dict[str, str], serve: Serve
) -> None:
    server = serve()

    with pytest.raises(Refused):
        post(server.url, headers=headers)

    assert server.connections == 0


@pytest.mark.usefixtures("loopback_allowed")
def test_proxies_of_the_environment_are_not_used(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, server = serve(answer(502)), serve()
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")

    assert post(server.url).status == 200
    assert proxy.connections == 0


@pytest.fixture
def secured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, serve: Serve) -> Receiver:
    """A server with a certificate for good.example, by an authority that is trusted."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "good.example")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("good.example")]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    trusted = ssl.create_default_context(cafile=str(path))
    monkeypatch.setattr(asking, "tls", lambda: trusted)
    return serve(context=context)


@pytest.mark.usefixtures("loopback_allowed")
def test_tls_is_for_the_name_and_not_for_the_address(
    secured: Receiver, nameserver: NameServer
) -> None:
    nameserver.put("good.example", "A", "127.0.0.1")
    nameserver.put("evil.example", "A", "127.0.0.1")

    assert post(f"https://good.example:{secured.port}/").status == 200
    with pytest.raises(Failed, match="certificate is not right"):
        post(f"https://evil.example:{secured.port}/")
    with pytest.raises(Failed, match="certificate is not right"):
        post(f"https://127.0.0.1:{secured.port}/")
    assert len(secured.got) == 1


def test_a_certificate_that_nobody_signed_is_refused(
    secured: Receiver,
    nameserver: NameServer,
    monkeypatch: pytest.MonkeyPatch,
    loopback_allowed: None,
) -> None:
    nameserver.put("good.example", "A", "127.0.0.1")
    monkeypatch.setattr(asking, "tls", ssl.create_default_context)

    with pytest.raises(Failed, match="certificate is not right"):
        post(f"https://good.example:{secured.port}/")
    assert secured.got == []


@pytest.mark.usefixtures("loopback_allowed")
def test_tls_to_a_server_without_it_fails_in_words(serve: Serve) -> None:
    with pytest.raises(Failed):
        post(f"https://127.0.0.1:{serve().port}/", seconds=1)
