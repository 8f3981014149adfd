"""A live simulator, real SDK clients, and somebody who listens to its feedback."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from typing import Any

import boto3
import pytest
from botocore.config import Config
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from plunk.simulator import feedback
from plunk.simulator.faults import faults

WAIT_SECONDS = 15.0


@dataclass
class Post:
    """One request the listener got."""

    headers: dict[str, str]
    envelope: dict[str, str]
    status: int

    @property
    def message(self) -> Any:
        return json.loads(self.envelope["Message"])


@dataclass
class Listener:
    """What the receiver of SNS notifications heard, and what it answers."""

    url: str = ""
    posts: list[Post] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    heard: Condition = field(default_factory=Condition)

    def hear(self, headers: dict[str, str], body: bytes) -> int:
        with self.heard:
            status = self.answers.pop(0) if self.answers else 200
            self.posts.append(Post(headers, json.loads(body), status))
            self.heard.notify_all()
            return status

    def wait(self, count: int) -> list[Post]:
        """Return the posts once there are so many."""
        with self.heard:
            arrived = self.heard.wait_for(
                lambda: len(self.posts) >= count, timeout=WAIT_SECONDS
            )
            assert arrived, f"{len(self.posts)} of {count} posts arrived"
            return list(self.posts)

    def wait_for_kinds(self, count: int) -> list[str]:
        return [post.message["eventType"] for post in self.wait(count)]


@pytest.fixture
def listener() -> Iterator[Listener]:
    heard = Listener()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(heard.hear(dict(self.headers), body))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        heard.url = f"http://127.0.0.1:{server.server_port}/webhooks/sns"
        # How long its end takes; half a second unless told.
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield heard
        server.shutdown()
        thread.join()


@pytest.fixture
def simulator(
    live_server: LiveServer, listener: Listener, settings: Settings
) -> Iterator[str]:
    """A simulator over HTTP; its address."""
    settings.SIMULATOR_URL = f"{live_server.url}/simulator"
    settings.SIMULATOR_FEEDBACK_URL = listener.url
    settings.SIMULATOR_CONTROL = True
    faults.reset()
    yield settings.SIMULATOR_URL
    feedback.stop()
    faults.reset()


@pytest.fixture
def client_of(simulator: str, settings: Settings) -> Callable[..., Any]:
    """Make real SDK clients that try once."""

    def make(service: str, *, read_timeout: float = 10) -> Any:
        make_client: Any = boto3.client
        return make_client(
            service,
            endpoint_url=simulator,
            region_name="us-east-1",
            aws_access_key_id=settings.AWS_ACCESS_KEY_ID,
            aws_secret_access_key="any",
            config=Config(retries={"total_max_attempts": 1}, read_timeout=read_timeout),
        )

    return make


@pytest.fixture
def ses(client_of: Callable[..., Any]) -> Any:
    return client_of("ses")


@pytest.fixture
def sesv2(client_of: Callable[..., Any]) -> Any:
    return client_of("sesv2")


RAW = (
    b"From: Acme <hello@acme.example>\r\nTo: ada@example.com\r\n"
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nHello.\r\n"
)


def send(
    sesv2: Any, to: str = "ada@example.com", *, raw: bytes = RAW, **tags: str
) -> str:
    """Send a raw mail by the API v2; return its message id."""
    answer = sesv2.send_email(
        FromEmailAddress="Acme <hello@acme.example>",
        Destination={"ToAddresses": [to]},
        Content={"Raw": {"Data": raw}},
        EmailTags=[{"Name": name, "Value": value} for name, value in tags.items()],
    )
    return str(answer["MessageId"])
