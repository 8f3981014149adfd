"""A Redis server of the harness's own: to flush, to kill, to freeze."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from tests.stack.postgres import NotOurs
from tests.stack.processes import DidNotStart, Session, environment, wait_until


class RedisServer:
    """A server without persistence in a folder of its own."""

    def __init__(self, *, port: int, folder: Path) -> None:
        self.port = port
        self.folder = folder
        self.url = f"redis://127.0.0.1:{port}/0"
        self._session: Session | None = None

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        binary = shutil.which("redis-server")
        if binary is None:
            raise DidNotStart("redis-server is not installed")
        self._session = Session(
            "redis",
            [
                *[binary, "--port", str(self.port), "--bind", "127.0.0.1"],
                *["--save", "", "--appendonly", "no", "--dir", str(self.folder)],
            ],
            log=self.folder / "redis.log",
            environ=environment(),
        )
        wait_until(self.is_up, seconds=10, session=self._session)

    def is_up(self) -> bool:
        try:
            with self._client() as client:
                return bool(client.ping())
        except RedisError:
            return False

    def flush(self) -> None:
        """Forget everything, after making sure that this is our server."""
        with self._client() as client:
            found = client.config_get("dir")["dir"]
            if Path(found).resolve() != self.folder.resolve():
                raise NotOurs(f"the Redis on port {self.port} works in {found}")
            client.flushall()

    def kill(self) -> None:
        """End it at once."""
        if self._session is not None:
            self._session.kill()

    def freeze(self) -> None:
        """Let it hang: connections stay, nothing is answered."""
        if self._session is not None:
            self._session.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        if self._session is not None:
            self._session.signal(signal.SIGCONT)

    def _client(self) -> Redis:
        return Redis(port=self.port, socket_timeout=2, decode_responses=True)


@contextmanager
def redis_server(*, port: int, folder: Path) -> Iterator[RedisServer]:
    """Run a server for the time of the block."""
    folder.mkdir(parents=True, exist_ok=True)
    server = RedisServer(port=port, folder=folder)
    server.start()
    try:
        yield server
    finally:
        with suppress(OSError):
            server.kill()
