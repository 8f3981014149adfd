"""A server that workflows call: it takes its time and writes down every call."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread


class Receiver:
    """What was received: for each run, how often under which `webhook-id`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.ids: dict[str, Counter[str]] = defaultdict(Counter)
        self._lock = Lock()

    def note(self, body: bytes, webhook_id: str) -> None:
        run = str(json.loads(body)["execution"]["id"])
        with self._lock:
            self.ids[run][webhook_id] += 1

    @property
    def calls(self) -> int:
        with self._lock:
            return sum(ids.total() for ids in self.ids.values())


@contextmanager
def receiver(*, port: int, seconds: float) -> Iterator[Receiver]:
    """Serve for the time of the block; each answer takes so many seconds."""
    made = Receiver(f"http://127.0.0.1:{port}/hook")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.note(body, str(self.headers["webhook-id"]))
            time.sleep(seconds)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_request(self, *_: object) -> None:
            """Say nothing: what came is in `ids`."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request: object, client_address: object) -> None:
            """Say nothing: its caller was killed."""

    server = Server(("127.0.0.1", port), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
