from __future__ import annotations

import json
import os
import signal
import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.running.processes import (
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


def _demo(folder: Path) -> dict[str, str]:
    read: dict[str, str] = json.loads((folder / "demo.json").read_text())
    return read


def _start_once(folder: Path) -> dict[str, str]:
    port, log = free_port(), folder / "log"
    command = manage("run", "--port", str(port))
    with running(*command, log=log, DATA_DIR=folder) as it:
        url = f"http://127.0.0.1:{port}/health"
        it.until(lambda: answers(url))
        it.stop()
    return _demo(folder)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_all_parts_and_stops_without_a_trace(
    number: int, tmp_path: Path
) -> None:
    port, log = free_port(), tmp_path / "log"
    url = f"http://127.0.0.1:{port}"

    data = migrated(tmp_path)
    with running(*manage("run"), log=log, DATA_DIR=data, PORT=port) as it:
        it.until(lambda: answers(f"{url}/ready"))
        demo = _demo(tmp_path)
        code = it.stop(number)
        left = it.left()

    printed = it.printed()
    assert code == 0
    assert left == []
    assert demo["url"] == url
    assert stat.S_IMODE((tmp_path / "demo.json").stat().st_mode) == 0o600
    for value in demo.values():
        assert value in printed or value == demo["project"]
    assert f"curl {url}/v1/send" in printed
    assert f"curl {url}/v1/track" in printed
    assert "Traceback" not in printed


def test_a_second_start_keeps_what_the_first_made(tmp_path: Path) -> None:
    first, second = _start_once(tmp_path), _start_once(tmp_path)

    assert second.pop("url") != first.pop("url")
    assert second == first


def test_a_killed_process_is_replaced_with_all_its_parts(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    url = f"http://127.0.0.1:{port}"

    data = migrated(tmp_path)
    with running(*manage("run"), log=log, DATA_DIR=data, PORT=port) as it:
        it.until(lambda: answers(f"{url}/ready"))
        (serving,) = set(it.left()) - {it.head.pid}
        os.kill(serving, signal.SIGKILL)
        it.until(lambda: serving not in it.left() and answers(f"{url}/ready"))
        it.until(lambda: it.printed().count("Connected to memory") == 2)
        code = it.stop()

    assert code == 0


def test_a_taken_port_is_said_before_anything_is_made(tmp_path: Path) -> None:
    log = tmp_path / "log"
    data = tmp_path / "data"

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with running(*manage("run"), log=log, DATA_DIR=data, PORT=port) as it:
            code = it.ended()

    assert code == 1
    assert f"Port {port} is taken by another program" in it.printed()
    assert not (data / "plunk.sqlite3").exists()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--port", "0"], "a port is a number from 1 to 65535"),
        (["--port", "http"], "a port is a number from 1 to 65535"),
        (["--only", "cook"], "invalid choice"),
        (["--only", "web"], "set REDIS_URL"),
        (["--host", "192.0.2.1"], "Cannot listen on 192.0.2.1"),
    ],
)
def test_what_cannot_be_run_is_refused(
    options: list[str], expected: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"

    chosen: dict[str, Any] = {"DATA_DIR": tmp_path / "data", "PORT": free_port()}
    with running(*manage("run", *options), log=log, **chosen) as it:
        code = it.ended()

    assert code != 0
    assert expected in it.printed()
    assert "Traceback" not in it.printed()
