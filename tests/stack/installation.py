"""The product in full mode, each role a process, as an operator starts it."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from plunk.running.supervising import ROLES
from tests.stack.postgres import SERVER, Database, database
from tests.stack.processes import (
    Ports,
    Session,
    environment,
    python,
    run,
)
from tests.stack.redis import RedisServer, redis_server

#: The sender of the harness's project.
SENDER = "news@example.com"


@dataclass
class Installation:
    """A database, a Redis and a folder; roles are started on demand."""

    folder: Path
    ports: Ports
    database: Database
    redis: RedisServer
    environ: dict[str, str]
    stack: ExitStack
    secret_key: str = ""
    project_id: str = ""

    def prepare(self) -> None:
        """Migrate, and make a project with a verified sender."""
        command = python("-m", "tests.stack.preparing", SENDER)
        made = json.loads(run(*command, environ=self.environ).splitlines()[-1])
        self.secret_key, self.project_id = made["secret_key"], made["project_id"]

    def start(self, name: str, *words: str, **environ: object) -> Session:
        """Start a Python command; its log is named for it, also over restarts."""
        own = self.environ | {key: str(value) for key, value in environ.items()}
        session = Session(
            name, python(*words), log=self.folder / f"{name}.log", environ=own
        )
        return self.stack.enter_context(session)

    def start_web(self, *, port: int = 0, **environ: object) -> tuple[Session, str]:
        """Start the web processes; return them and their address."""
        port = port or self.ports.take()
        session = self.start("web", *ROLES["web"], **(environ | {"PORT": port}))
        return session, f"http://127.0.0.1:{port}"

    def start_worker(self, name: str, *, children: int, **environ: object) -> Session:
        """Start a Celery worker with so many processes."""
        words = [*ROLES["worker"], "--hostname", f"{name}@harness"]
        words[words.index("--concurrency") + 1] = str(children)
        return self.start(name, *words, **environ)

    def start_beat(self, **environ: object) -> Session:
        return self.start("beat", *ROLES["beat"], **environ)


@contextmanager
def installation(
    name: str, *, ports: Ports, server: str = SERVER, environ: Mapping[str, object]
) -> Iterator[Installation]:
    """Make an installation called `plunk_<name>`, and nothing of it afterwards."""
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix=f"plunk-{name}-"))
        )
        base = stack.enter_context(database(f"plunk_{name}", server))
        redis = stack.enter_context(
            redis_server(port=ports.take(), folder=folder / "redis")
        )
        chosen: dict[str, object] = {
            "DATABASE_URL": base.url,
            "REDIS_URL": redis.url,
            "DATA_DIR": folder / "data",
            "JWT_SECRET": os.urandom(32).hex(),
            "APP_URI": "http://127.0.0.1",
            "AWS_ACCESS_KEY_ID": "harness",
            "AWS_SECRET_ACCESS_KEY": "harness",
            "AWS_REGION": "us-east-1",
            "LOG_LEVEL": "WARNING",
        }
        own = environment(**(chosen | dict(environ)))
        made = Installation(folder, ports, base, redis, own, stack)
        made.prepare()
        yield made
