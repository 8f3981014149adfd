"""Mail by SMTP where it is a thread of the embedded process, and a command alone."""

from __future__ import annotations

import json
import os
import smtplib
import socket
import sqlite3
import ssl
from pathlib import Path
from typing import Any

import pytest

from tests.running.processes import (
    Running,
    answers,
    free_port,
    manage,
    migrated,
    running,
)

#: These start the embedded installation whatever the tests run on: once is enough.
pytestmark = pytest.mark.skipif(
    bool(os.environ.get("REDIS_URL")), reason="covered by the embedded run"
)


def _chosen(folder: Path) -> dict[str, Any]:
    return {
        "DATA_DIR": migrated(folder),
        "PORT": free_port(),
        "SMTP_PORT_SECURE": free_port(),
        "SMTP_PORT_SUBMISSION": free_port(),
    }


def _send(chosen: dict[str, Any], key: str, subject: str) -> tuple[int, bytes]:
    context = ssl.create_default_context(
        cafile=chosen["DATA_DIR"] / "smtp" / "self-signed.pem"
    )
    with smtplib.SMTP_SSL(
        "localhost", chosen["SMTP_PORT_SECURE"], context=context, timeout=20
    ) as client:
        client.login("plunk", key)
        client.mail("hello@example.com")
        client.rcpt("ann@example.com")
        return client.data(f"From: hello@example.com\r\nSubject: {subject}\r\n\r\nHi")


def _demo(folder: Path) -> dict[str, str]:
    read: dict[str, str] = json.loads((folder / "demo.json").read_text())
    return read


def _subjects(folder: Path, *, table: str, column: str) -> set[str]:
    with sqlite3.connect(folder / "plunk.sqlite3", timeout=20) as database:
        rows = database.execute(f"SELECT {column} FROM {table}").fetchall()
    return {row[0] for row in rows}


def _until_ready(it: Running, chosen: dict[str, Any]) -> None:
    url = f"http://127.0.0.1:{chosen['PORT']}/ready"
    it.until(lambda: answers(url))


def test_a_mail_that_was_accepted_outlives_the_process(tmp_path: Path) -> None:
    chosen = _chosen(tmp_path)

    with running(*manage("run"), log=tmp_path / "log", **chosen) as it:
        _until_ready(it, chosen)
        code, words = _send(chosen, _demo(tmp_path)["secret_key"], "survivor")
        it.kill()

    assert code == 250
    assert _subjects(tmp_path, table="transactional_content", column="subject") == {
        "survivor"
    }
    (email,) = _subjects(tmp_path, table="transactional_email", column="id")
    assert email in words.decode().replace("-", "")


def test_a_mail_comes_to_the_inbox_and_the_welcome_says_where(tmp_path: Path) -> None:
    chosen = _chosen(tmp_path)

    with running(*manage("run"), log=tmp_path / "log", **chosen) as it:
        _until_ready(it, chosen)
        _send(chosen, _demo(tmp_path)["secret_key"], "to the Inbox")
        it.until(
            lambda: _subjects(
                tmp_path, table="simulator_simulatedmessage", column="subject"
            )
        )
        code = it.stop()
        left = it.left()

    assert (code, left) == (0, [])
    assert f"port {chosen['SMTP_PORT_SECURE']} (TLS)" in it.printed()
    assert "Traceback" not in it.printed()


def test_a_taken_port_closes_no_other_door(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        chosen = _chosen(tmp_path) | {"SMTP_PORT_SECURE": port}
        with running(*manage("run"), log=tmp_path / "log", **chosen) as it:
            _until_ready(it, chosen)
            code = it.stop()

    assert code == 0
    assert f"off: port {port}" in it.printed()
    assert f"port {port} is taken by another program" in it.printed()


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"SMTP_ENABLED": "false"}, "SMTP_ENABLED is off"),
        ({"SMTP_HOST": "192.0.2.1"}, "SMTP: 192.0.2.1 port"),
    ],
)
def test_a_command_that_cannot_listen_says_why(
    changed: dict[str, str], expected: str, tmp_path: Path
) -> None:
    chosen = _chosen(tmp_path) | changed

    with running(*manage("smtp"), log=tmp_path / "log", **chosen) as it:
        code = it.ended()

    assert code == 1
    assert expected in it.printed()
    assert "Traceback" not in it.printed()


def test_the_command_alone_stops_when_it_is_told_to(tmp_path: Path) -> None:
    chosen = _chosen(tmp_path)

    with running(*manage("smtp"), log=tmp_path / "log", **chosen) as it:
        it.until(lambda: "taking mail by SMTP" in it.printed())
        code = it.stop()

    assert code == 0
    assert "Traceback" not in it.printed()
