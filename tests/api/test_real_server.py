"""The server itself, as a process: what no test client can do to it (B10, B15, C19)."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from plunk.projects.creating import NewProject
from plunk.running.supervising import ROLES
from tests.api.raw import connect, head, post, proxy, read_reply, trickle
from tests.running.processes import (
    Running,
    answers,
    free_port,
    manage,
    migrated,
    running,
)

MAIL = {"to": "ann@example.com", "subject": "Hello", "body": "<p>Hello</p>"}
EVENT = {"event": "signed-up", "email": "ann@example.com"}
UNKNOWN = "sk_" + "0" * 48
MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Server:
    port: int
    key: str
    folder: Path
    process: Running

    def peak_memory(self) -> int:
        """Return the most memory that a process of it has ever had, in bytes."""
        peaks = [
            int(line.split()[1]) * 1024
            for pid in self.process.left()
            for line in Path(f"/proc/{pid}/status").read_text().splitlines()
            if line.startswith("VmHWM")
        ]
        return max(peaks)

    def mails(self) -> int:
        with sqlite3.connect(self.folder / "plunk.sqlite3") as database:
            (count,) = database.execute(
                "SELECT count(*) FROM transactional_email"
            ).fetchone()
        return int(count)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder, port = migrated(tmp_path_factory.mktemp("server")), free_port()
    command = manage("run")
    with running(*command, log=folder / "log", DATA_DIR=folder, PORT=port) as it:
        it.until(lambda: answers(f"http://127.0.0.1:{port}/health"))
        demo = json.loads((folder / "demo.json").read_text())
        yield Server(port, demo["secret_key"], folder, it)


def test_it_answers_several_requests_over_one_connection(server: Server) -> None:
    raw = json.dumps(MAIL).encode()
    request = head("/v1/send", server.key, f"Content-Length: {len(raw)}") + raw

    with connect(server.port) as client:
        statuses = []
        for _ in range(3):
            client.sendall(request)
            statuses.append(read_reply(client).status)
        # In pieces, and the beginning of the next with the end of one.
        for i in range(0, len(request), 7):
            client.sendall(request[i : i + 7])
        statuses.append(read_reply(client).status)
        client.sendall(request + request[:50])
        statuses.append(read_reply(client).status)
        client.sendall(request[50:])
        statuses.append(read_reply(client).status)

    assert statuses == [200] * 6


@pytest.mark.parametrize("path", ["/v1/send", "/v1/track", "/api/v1/send"])
def test_an_endless_chunked_body_is_too_large_and_costs_no_memory(
    server: Server, path: str
) -> None:
    """B10: no length is declared."""
    before = server.peak_memory()
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"

    with connect(server.port) as client:
        client.sendall(head(path, server.key, "Transfer-Encoding: chunked"))
        try:
            for _ in range(2000):
                client.sendall(chunk)
        except ConnectionError:
            reset = True
        else:
            reset = False
        reply = read_reply(client)

    assert reply.status in ((413, 0) if reset else (413,))
    grown = (server.peak_memory() - before) / MEGABYTE
    assert grown < 50


def test_a_chunked_body_of_fair_size_is_read(server: Server) -> None:
    raw = json.dumps(MAIL).encode()

    with connect(server.port) as client:
        client.sendall(
            head("/v1/send", server.key, "Transfer-Encoding: chunked")
            + b"%x\r\n%s\r\n0\r\n\r\n" % (len(raw), raw)
        )
        assert read_reply(client).status == 200


@pytest.mark.parametrize("size", [100_000, 5_000_000])
def test_a_body_too_large_to_be_collected_is_read(server: Server, size: int) -> None:
    # Refused for its recipient only, so that no mail of this size is under way when
    # another test looks at the memory.
    body = MAIL | {"to": "nobody", "body": "x" * size}

    reply = post(server.port, "/v1/send", server.key, body)

    assert reply.status == 422
    assert [e["field"] for e in reply.body["error"]["errors"]] == ["to"]


def test_a_declared_length_over_the_limit_is_refused_before_it_comes(
    server: Server,
) -> None:
    """B10."""
    with connect(server.port) as client:
        client.sendall(head("/v1/send", server.key, "Content-Length: 999999999999"))
        client.sendall(b" " * 70_000)
        reply = read_reply(client)

    assert reply.status == 413


def test_a_stranger_is_refused_before_the_body_comes(server: Server) -> None:
    """Authentication is before reading."""
    with connect(server.port) as client:
        client.sendall(head("/v1/send", UNKNOWN, "Content-Length: 10000000"))
        client.sendall(b" " * 70_000)
        reply = read_reply(client)

    assert reply.status == 401
    assert reply.seconds < 5


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: -1",),
        ("Content-Length: x",),
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked, identity",),
        ("X-Large: " + "x" * 9000,),
        ("X A: b",),
        (*(f"X-{i}: y" for i in range(70)),),
    ],
)
def test_a_head_that_means_two_things_is_refused(
    server: Server, lines: tuple[str, ...]
) -> None:
    """B10, B16."""
    with connect(server.port) as client:
        client.sendall(head("/v1/send", server.key, *lines) + b'{"a"}')
        reply = read_reply(client)

    assert 400 <= reply.status < 500
    assert reply.seconds < 5


def test_a_path_of_eight_kilobytes_is_refused(server: Server) -> None:
    """B16."""
    assert post(server.port, "/v1/" + "x" * 9000, server.key, {}).status in (400, 414)
    assert post(server.port, "/v1/" + "x" * 4000, server.key, {}).status == 404


def test_a_length_that_lies_is_no_mail(server: Server) -> None:
    """B10: more was declared than comes."""
    raw, before = json.dumps(MAIL).encode(), server.mails()
    padded = raw + b" " * 70_000

    with connect(server.port) as client:
        client.sendall(
            head("/v1/send", server.key, f"Content-Length: {len(padded) + 9}") + padded
        )
        client.shutdown(1)
        reply = read_reply(client)

    assert reply.status in (400, 0)
    assert server.mails() == before


def test_a_client_that_leaves_early_has_one_mail_or_none(server: Server) -> None:
    """C19: there is no half of one."""
    raw, before = json.dumps(MAIL | {"to": "left@example.com"}).encode(), server.mails()
    request = head("/v1/send", server.key, f"Content-Length: {len(raw)}") + raw

    for cut in (len(request), len(request) - 1, 40):
        for _ in range(5):
            with connect(server.port) as client:
                client.sendall(request[:cut])
    time.sleep(2)

    assert before <= server.mails() <= before + 5
    assert post(server.port, "/v1/send", server.key, MAIL).status == 200


def test_slow_clients_are_parted_with_and_keep_nobody_waiting(server: Server) -> None:
    """B15: fifty of them, slow in the head, in a small body and in a large one."""
    body = json.dumps(MAIL).encode()
    slow_head = head("/v1/send", server.key, "Content-Length: 5")
    large = head("/v1/send", server.key, "Content-Length: 1000000") + b" " * 70_000

    def be_slow(number: int) -> float:
        with connect(server.port) as client:
            if number % 10 == 0:
                client.sendall(large)
                return trickle(client, b" " * 100, seconds=40)
            if number % 2:
                return trickle(client, slow_head, seconds=40)
            client.sendall(head("/v1/send", server.key, f"Content-Length: {len(body)}"))
            return trickle(client, body, seconds=40)

    with ThreadPoolExecutor(50) as pool:
        clients = [pool.submit(be_slow, number) for number in range(50)]
        time.sleep(3)
        others = []
        for _ in range(50):
            others.append(post(server.port, "/v1/send", server.key, MAIL))
            time.sleep(0.1)
        parted = [client.result() for client in clients]

    assert [other.status for other in others] == [200] * 50
    assert sorted(other.seconds for other in others)[47] < 1.5
    assert max(parted) < 30


def test_idle_connections_do_not_keep_it_from_stopping(
    tmp_path: Path,
) -> None:
    port, data = free_port(), migrated(tmp_path)
    with running(*manage("run"), log=tmp_path / "log", DATA_DIR=data, PORT=port) as it:
        it.until(lambda: answers(f"http://127.0.0.1:{port}/health"))
        clients = [connect(port) for _ in range(5)]
        clients[0].sendall(b"POST /v1/send HT")
        started = time.monotonic()
        code = it.stop()
        seconds = time.monotonic() - started
        for client in clients:
            client.close()

    assert code == 0
    assert seconds < 15


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_it_outlives_its_database(new_project: NewProject, tmp_path: Path) -> None:
    """C20: 503 within three seconds while it is away, 200 when it is back."""
    from django.db import connection

    url = urlsplit(os.environ.get("DATABASE_URL", ""))
    if not url.scheme.startswith("postgres"):
        pytest.skip("needs PostgreSQL")
    key, port = new_project.secret.value, free_port()
    name = connection.settings_dict["NAME"]
    with proxy((url.hostname or "127.0.0.1", url.port or 5432)) as way:
        chosen = {
            "DATABASE_URL": f"postgres://postgres@127.0.0.1:{way.port}/{name}",
            "DATA_DIR": tmp_path,
            "JWT_SECRET": "a secret of the tests, long enough, 0123456789 abcdef",
            "PORT": port,
            "WEB_CONCURRENCY": 1,
        }
        with running(
            sys.executable, *ROLES["web"], log=tmp_path / "log", **chosen
        ) as it:
            it.until(lambda: answers(f"http://127.0.0.1:{port}/health"))

            def track() -> tuple[int, float, str]:
                reply = post(port, "/v1/track", key, EVENT)
                code = (reply.body.get("error") or {}).get("code", "")
                return reply.status, reply.seconds, code

            before = track()
            way.cut()
            time.sleep(1.2)
            away = [track() for _ in range(12)]
            way.open()
            back = [track() for _ in range(24)]
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = %s AND pid <> pg_backend_pid()",
                    [name],
                )
            after = [track() for _ in range(24)]

    assert before[0] == 200
    assert {(status, code) for status, _, code in away} == {
        (503, "SERVICE_UNAVAILABLE")
    }
    assert max(seconds for _, seconds, _ in away) < 3.5
    assert {status for status, _, _ in back[-8:]} == {200}
    assert {status for status, _, _ in [*back, *after]} <= {200, 503}
    assert {status for status, _, _ in after[-8:]} == {200}
