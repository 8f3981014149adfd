"""A PostgreSQL server of the harness's own: to crash."""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.stack.processes import environment, run

_OPTIONS = "-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=on"


class Cluster:
    """A server with a data directory of its own, crashed and started at will."""

    def __init__(self, *, folder: Path, port: int) -> None:
        self.folder = folder
        self.url = f"postgres://postgres@127.0.0.1:{port}/postgres"
        self._port = port

    def make(self) -> None:
        self._run("initdb", "--auth=trust", "--username=postgres", "--no-sync")
        self.start()

    def start(self) -> None:
        options = f"-p {self._port} {_OPTIONS}"
        log = str(self.folder.with_name("postgresql.log"))
        self._run("pg_ctl", "-w", "-l", log, "-o", options, "start")

    def crash(self) -> None:
        """End it without a checkpoint, as a loss of power does, and start it again."""
        self._run("pg_ctl", "-m", "immediate", "stop")
        self.start()

    def stop(self) -> None:
        self._run("pg_ctl", "-m", "immediate", "stop")

    def _run(self, program: str, *words: str) -> None:
        binary = find(program)
        command = [str(binary), "-D", str(self.folder), *words]
        if os.geteuid() == 0:
            # PostgreSQL refuses to run as root.
            ids = ["--reuid=postgres", "--regid=postgres", "--clear-groups"]
            command = ["setpriv", *ids, *command]
        run(*command, environ=environment(LC_ALL="C.UTF-8"))


def find(program: str) -> Path | None:
    """Return where a program of PostgreSQL's server is, the newest one."""
    installed = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{program}"),
        key=lambda path: int(path.parts[-3]) if path.parts[-3].isdigit() else 0,
    )
    on_path = shutil.which(program)
    return installed[-1] if installed else Path(on_path) if on_path else None


def can_run() -> bool:
    """Say whether a server of our own can be started here."""
    if find("initdb") is None or find("pg_ctl") is None:
        return False
    if os.geteuid() != 0:
        return True
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        return False
    return shutil.which("setpriv") is not None


@contextmanager
def cluster(*, port: int) -> Iterator[Cluster]:
    """Run a server for the time of the block."""
    with tempfile.TemporaryDirectory(prefix="plunk-cluster-") as name:
        if os.geteuid() == 0:
            shutil.chown(name, "postgres", "postgres")
        made = Cluster(folder=Path(name) / "data", port=port)
        made.make()
        try:
            yield made
        finally:
            made.stop()
