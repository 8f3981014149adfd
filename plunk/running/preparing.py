"""What has to be there before anything serves: tables, static files, certificates."""

from __future__ import annotations

import fcntl
import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from plunk.lifecycle import starting
from plunk.private import make_private_file, make_private_folder

#: Names the lock that lets one process migrate while the others wait ("plunk", hex).
_MIGRATION_LOCK = 0x706C756E6B
_LOCK_WAIT_SECONDS = 600.0
_PAUSE_SECONDS = 0.5


class NotReady(Exception):
    """Something that was waited for did not come; the message says what."""


def prepare() -> None:
    """Bring database and files to where this version of the code needs them.

    Running it again changes nothing, and running it twice at once is safe.
    """
    _make_places()
    with _one_at_a_time():
        call_command("migrate", interactive=False, verbosity=0)
        call_command("createcachetable", verbosity=0)
    collect_static()
    starting.send(sender=None)


def wait_for_database(*, seconds: float) -> None:
    """Return once the database answers; raise NotReady when it has not in time."""
    _make_places()
    deadline = time.monotonic() + seconds
    while True:
        try:
            connection.ensure_connection()
        except OperationalError as error:
            if time.monotonic() >= deadline:
                raise NotReady(
                    f"The database did not answer within {seconds:g} seconds: "
                    f"{str(error).strip()}"
                ) from error
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def wait_for_migrations(*, seconds: float) -> None:
    """Return once another process has migrated; raise NotReady if none did in time."""
    deadline = time.monotonic() + seconds
    while _has_pending_migrations():
        if time.monotonic() >= deadline:
            raise NotReady(
                f"The database was not migrated within {seconds:g} seconds. "
                "Run: manage.py prepare"
            )
        time.sleep(_PAUSE_SECONDS)


def collect_static() -> bool:
    """Collect the static files if they are not those of the last time; say whether."""
    root = Path(settings.STATIC_ROOT)
    root.parent.mkdir(parents=True, exist_ok=True)
    with root.with_suffix(".collected").open("a+") as stamp:
        # Another process may be at it: the file is both the lock and the memory.
        fcntl.flock(stamp, fcntl.LOCK_EX)
        stamp.seek(0)
        found = _fingerprint()
        if stamp.read() == found and root.exists():
            return False
        call_command("collectstatic", interactive=False, verbosity=0)
        stamp.truncate(0)
        stamp.write(found)
    return True


def _make_places() -> None:
    """Make what holds mails and secrets, before anything makes it for all to read."""
    make_private_folder(Path(settings.DATA_DIR))
    name = str(connection.settings_dict["NAME"])
    # The database of a test may be in memory.
    if connection.vendor == "sqlite" and not name.startswith((":", "file:")):
        make_private_file(Path(name))


def _has_pending_migrations() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _fingerprint() -> str:
    seen = hashlib.sha256(str(settings.STORAGES["staticfiles"]["BACKEND"]).encode())
    for finder in get_finders():
        for path, storage in sorted(finder.list([]), key=lambda found: found[0]):
            stat = Path(storage.path(path)).stat()
            seen.update(f"{path} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return seen.hexdigest()


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Hold PostgreSQL's lock for migrating; SQLite has one installation to a file."""
    if connection.vendor != "postgresql":
        yield
        return
    deadline = time.monotonic() + _LOCK_WAIT_SECONDS
    # The limits for requests are not meant for a migration of a large table.
    _execute("SET statement_timeout = 0")
    while not _execute("SELECT pg_try_advisory_lock(%s)", _MIGRATION_LOCK):
        if time.monotonic() >= deadline:
            raise NotReady("Another process has been migrating for ten minutes.")
        time.sleep(_PAUSE_SECONDS)
    try:
        yield
    finally:
        _execute("SELECT pg_advisory_unlock(%s)", _MIGRATION_LOCK)
        _execute("RESET statement_timeout")


def _execute(sql: str, *params: int) -> object:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        row = cursor.fetchone() if cursor.description else None
    return row[0] if row else None
