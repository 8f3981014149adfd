"""How many statements a request costs: libpq's own trace of a warm request.

Run as `python -m tests.bench.statements` with the product's environment and `LOAD_…`;
prints one line of JSON. The request goes through the whole WSGI application.
"""

from __future__ import annotations

import io
import json
import os
import tempfile
from typing import Any

import psycopg
from django.db import connection
from psycopg.pq import Trace

from plunk.wsgi import application
from tests.bench.load import ADDRESS, UNIQUE

_WARM_UP, _COUNTED = 12, 20
#: Messages that make the server do something (PostgreSQL's protocol 3).
_SENT = ("Query", "Execute")


def main() -> None:
    """Trace requests of one kind and count."""
    for number in range(_WARM_UP):
        request(f"warm-{number}")
    native: psycopg.Connection[Any] = connection.connection
    with tempfile.TemporaryFile("w+") as trace:
        native.pgconn.trace(trace.fileno())
        native.pgconn.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS)
        for number in range(_COUNTED):
            request(f"counted-{number}")
        native.pgconn.untrace()
        trace.seek(0)
        parts = [line.rstrip("\n").split("\t") for line in trace]
        # A statement's own lines stand in the trace too; only ours begin so.
        kinds = [part[2] for part in parts if part[0] == "F" and len(part) > 2]
    print(json.dumps(_figures(kinds)))


def _figures(kinds: list[str]) -> dict[str, float]:
    return {
        "statements": sum(kind in _SENT for kind in kinds) / _COUNTED,
        "parses": sum(kind == "Parse" for kind in kinds) / _COUNTED,
    }


def request(name: str) -> None:
    """Put one request through the application."""
    body = os.environ["LOAD_BODY"].replace(ADDRESS, f"{name}@example.org")
    raw = body.replace(UNIQUE, name).encode()
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": os.environ["LOAD_PATH"],
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "127.0.0.1",
        "HTTP_AUTHORIZATION": f"Bearer {os.environ['LOAD_KEY']}",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(raw)),
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.input": io.BytesIO(raw),
        "wsgi.errors": io.StringIO(),
        "wsgi.url_scheme": "http",
        "wsgi.version": (1, 0),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    response = application(environ, _start)
    list(response)
    if hasattr(response, "close"):
        response.close()


def _start(status: str, *_: Any) -> Any:
    if not status.startswith("200"):
        raise SystemExit(f"{status}: nothing to count")


if __name__ == "__main__":
    main()
