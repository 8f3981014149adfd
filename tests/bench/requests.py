"""`python -m tests.bench requests`: the two hot routes beside their bound."""

from __future__ import annotations

import base64
import json
import urllib.request
from dataclasses import dataclass
from statistics import median

from plunk.running.supervising import ROLES
from tests.bench import bodies
from tests.bench.load import ADDRESS, UNIQUE, Load, Result, generator, put_load
from tests.bench.place import NAME
from tests.bench.table import print_table
from tests.stack.installation import Installation, installation
from tests.stack.processes import Ports, Session, is_answered, python, run, wait_until

_SAME_CONTACTS = 500
_SETTINGS = {
    "API_RATE_LIMIT_PER_MINUTE": 100_000_000,
    "WEB_CONCURRENCY": 2,
    "LOG_LEVEL": "INFO",
}
_HOP_BY_HOP = {"server", "date", "connection", "transfer-encoding", "keep-alive"}


@dataclass(frozen=True, slots=True)
class Case:
    """A kind of request, and the bare function that is its bound."""

    name: str
    load: Load
    bare: str


@dataclass(frozen=True, slots=True)
class Window:
    """What one stretch of load came to."""

    result: Result
    server_ms: float
    database_ms: float | None


@dataclass(frozen=True, slots=True)
class Server:
    name: str
    session: Session
    url: str


def measure(*, seconds: float, windows: int, ports: Ports) -> None:
    """Measure every case in alternating windows and print the medians."""
    with installation(
        NAME,
        ports=ports,
        environ=_SETTINGS,
    ) as it:
        web, url = it.start_web()
        wait_until(lambda: is_answered(f"{url}/health"), seconds=60, session=web)
        product = Server("product", web, url)
        rows: list[list[object]] = []
        for case in _cases(it.secret_key):
            rows += _measured(it, case, product, seconds=seconds, windows=windows)
        print(
            f"\n{windows} windows of {seconds:g} s each, 8 connections, {generator()}"
        )
        print_table(_HEAD, rows)


_HEAD = (
    *("case", "server", "req/s", "p50 ms", "p99 ms", "server CPU ms", "PG CPU ms"),
    *("statements", "errors", "product/this"),
)


def profile(*, ports: Ports) -> None:
    """Print where a request's time goes, for each case."""
    with installation(NAME, ports=ports, environ=_SETTINGS) as it:
        for case in _cases(it.secret_key):
            command = python("-m", "tests.bench.profiling", "requests")
            print(f"== {case.name} ==\n{run(*command, environ=_environ(it, case))}")


def _cases(key: str) -> list[Case]:
    track, send = bodies.track_body(), bodies.send_body()
    same = Load("/v1/track", track, key, same=_SAME_CONTACTS)
    return [
        Case("track, new contact", Load("/v1/track", track, key), "track"),
        Case("track, same contacts", same, "track"),
        Case("send, new contact, 2 KB", Load("/v1/send", send, key), "send"),
    ]


def _measured(
    it: Installation, case: Case, product: Server, *, seconds: float, windows: int
) -> list[list[object]]:
    answer = _answer(case, product.url)
    statements = _statements(it, case)
    servers = [
        product,
        _bare(it, "bare + statement", case.bare, answer),
        _bare(it, "bare", "answer", answer),
    ]
    found: dict[str, list[Window]] = {server.name: [] for server in servers}
    for number in range(-1, windows):
        for server in servers:
            prefix = f"{case.bare}{case.load.same}{server.name[:4]}{len(server.name)}-"
            length = seconds if number >= 0 else 2.0
            window = _window(it, case, server, length, f"{prefix}{number + 1}-")
            if number >= 0:
                found[server.name].append(window)
    for server in servers[1:]:
        server.session.kill()
    return _rows(case, found, statements)


def _window(
    it: Installation, case: Case, server: Server, seconds: float, prefix: str
) -> Window:
    server_before = server.session.cpu_seconds()
    database_before = it.database.cpu_seconds()
    name = prefix.replace(" ", "").replace("+", "")
    result = put_load(case.load, url=server.url, seconds=seconds, prefix=name)
    count = max(1, result.requests)
    database_after = it.database.cpu_seconds()
    return Window(
        result,
        (server.session.cpu_seconds() - server_before) * 1000 / count,
        None
        if database_before is None or database_after is None
        else (database_after - database_before) * 1000 / count,
    )


def _bare(it: Installation, name: str, function: str, answer: str) -> Server:
    port = it.ports.take()
    words = [*ROLES["web"][:-1], f"tests.bench.bare:{function}"]
    environ = {"BARE_ANSWER": answer, "BARE_PROJECT": it.project_id, "PORT": port}
    session = it.start(f"bare-{function}", *words, **environ)
    url = f"http://127.0.0.1:{port}"
    wait_until(lambda: is_answered(url), seconds=60, session=session)
    return Server(name, session, url)


def _answer(case: Case, url: str) -> str:
    """Return the product's own answer, for the bound to give as well."""
    body = case.load.body.replace(ADDRESS, "first@example.org").replace(UNIQUE, "first")
    request = urllib.request.Request(
        url + case.load.path,
        data=body.encode(),
        headers={
            "Authorization": f"Bearer {case.load.key}",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        headers = [
            [name, value]
            for name, value in response.headers.items()
            if name.lower() not in _HOP_BY_HOP
        ]
        raw = base64.b64encode(response.read()).decode()
    return json.dumps({"body": raw, "headers": headers})


def _statements(it: Installation, case: Case) -> float:
    command = python("-m", "tests.bench.statements")
    output = run(*command, environ=_environ(it, case))
    return float(json.loads(output.strip().splitlines()[-1])["statements"])


def _environ(it: Installation, case: Case) -> dict[str, str]:
    return it.environ | {
        "LOAD_BODY": case.load.body,
        "LOAD_PATH": case.load.path,
        "LOAD_KEY": case.load.key,
    }


def _rows(
    case: Case, found: dict[str, list[Window]], statements: float
) -> list[list[object]]:
    product = median(window.result.rate for window in found["product"])
    rows: list[list[object]] = []
    for name, windows in found.items():
        rate = median(window.result.rate for window in windows)
        database = [it.database_ms for it in windows if it.database_ms is not None]
        rows.append(
            [
                case.name,
                name,
                rate,
                median(window.result.p50_ms for window in windows),
                median(window.result.p99_ms for window in windows),
                median(window.server_ms for window in windows),
                median(database) if database and name != "bare" else None,
                {"product": statements, "bare + statement": 1.0}.get(name, 0.0),
                sum(window.result.errors for window in windows),
                product / rate if rate and name != "product" else None,
            ]
        )
    return rows
