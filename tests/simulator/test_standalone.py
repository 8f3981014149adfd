from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError

from tests.simulator.conftest import RAW, Listener, send

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Standalone:
    """The simulator as a process of its own."""

    url: str
    log_path: Path
    process: subprocess.Popen[bytes]

    def control(self, **changes: Any) -> Any:
        body = json.dumps(changes).encode()
        with urlopen(Request(f"{self.url}/ctl", body), timeout=10) as answer:
            return json.load(answer)

    def log(self) -> list[Any]:
        return [json.loads(line) for line in self.log_path.read_bytes().splitlines()]

    def client(self) -> Any:
        return boto3.client(
            "sesv2",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="simulator",
            aws_secret_access_key="any",
            config=Config(retries={"total_max_attempts": 1}),
        )


@pytest.fixture
def start(tmp_path: Path, listener: Listener) -> Iterator[Callable[[], Standalone]]:
    processes: list[subprocess.Popen[bytes]] = []
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def run() -> Standalone:
        unwanted = {"DATABASE_URL", "REDIS_URL", "PLUNK_SIMULATOR"}
        unwanted |= {"AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID_FILE"}
        environment = {k: v for k, v in os.environ.items() if k not in unwanted} | {
            "DATA_DIR": str(tmp_path / "data"),
            "DJANGO_SETTINGS_MODULE": "plunk.settings",
            "SIMULATOR_FEEDBACK_URL": listener.url,
        }
        log_path = tmp_path / "log.jsonl"
        command = [sys.executable, "manage.py", "simulator", "--port", str(port)]
        process = subprocess.Popen(
            [*command, "--log", str(log_path)],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        processes.append(process)
        simulator = Standalone(f"http://127.0.0.1:{port}/simulator", log_path, process)
        _wait_for(simulator)
        return simulator

    yield run
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=20)


def _wait_for(simulator: Standalone) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            urlopen(f"{simulator.url}/ctl", timeout=5).close()
        except OSError:
            assert simulator.process.poll() is None, "the simulator ended"
            assert time.monotonic() < deadline, "the simulator does not answer"
            time.sleep(0.1)
        else:
            return


def test_every_send_is_logged_before_its_answer(
    start: Callable[[], Standalone], listener: Listener
) -> None:
    simulator = start()
    client = simulator.client()
    message_id = send(client, plunk_email="e-1", plunk_attempt="1")
    simulator.control(throttle=100)
    with pytest.raises(client.exceptions.TooManyRequestsException):
        send(client)

    accepted, throttled = simulator.log()
    assert accepted["outcome"] == "accepted"
    assert accepted["message_id"] == message_id
    assert accepted["tags"] == {"plunk_email": "e-1", "plunk_attempt": "1"}
    assert accepted["recipients"] == ["ada@example.com"]
    assert accepted["sha256"] == sha256(RAW).hexdigest()
    assert accepted["length"] == len(RAW)
    assert (throttled["outcome"], throttled["message_id"]) == ("throttle", None)
    assert listener.wait_for_kinds(2) == ["Send", "Delivery"]


def test_a_connection_can_be_cut_after_the_mail_was_accepted(
    start: Callable[[], Standalone],
) -> None:
    simulator = start()
    simulator.control(drop_after=100)

    with pytest.raises(ConnectionClosedError):
        send(simulator.client())

    line = simulator.log()[0]
    assert (line["outcome"], line["answer"]) == ("accepted", "drop_after")


def test_a_killed_simulator_still_owes_its_feedback(
    start: Callable[[], Standalone], listener: Listener
) -> None:
    listener.answers = [503] * 4
    simulator = start()
    send(simulator.client())
    listener.wait(1)
    os.killpg(simulator.process.pid, signal.SIGKILL)
    simulator.process.wait(timeout=10)
    listener.answers.clear()

    start()

    with listener.heard:
        done = listener.heard.wait_for(
            lambda: (
                {p.message["eventType"] for p in listener.posts if p.status == 200}
                == {"Send", "Delivery"}
            ),
            timeout=45,
        )
    assert done
