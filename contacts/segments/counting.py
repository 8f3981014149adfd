"""Counting what a tree matches while somebody edits it, for so long and no longer.

A count with a token ends the one before it with the same token, whichever process runs
that: its answer is no longer wanted, and it keeps a processor busy.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from django.db import DatabaseError, OperationalError, connection, transaction

from contacts.models import Contact
from contacts.segments.matching import matching, newest
from contacts.segments.tree import Tree
from plunk.api.errors import ApiError, Conflict
from plunk.postgresql import is_postgresql

#: How long a count may take; a segment of a million contacts takes about one second.
SECONDS = 15.0
MAX_SAMPLE = 100
#: Steps of SQLite's machine between two looks at the clock: some tenths of a
#: millisecond.
_STEPS = 20_000
#: How often an older count is told to end before a newer one goes on beside it.
_CANCELS = 50

T = TypeVar("T")


class Superseded(Conflict):
    """A newer count with the same token has begun: nobody waits for this one."""

    code = "SUPERSEDED"

    def __init__(self) -> None:
        super().__init__("A newer count has taken the place of this one.")


class TookTooLong(ApiError, DatabaseError):
    """The database did not finish in time; a DatabaseError to those who carry on."""

    status = 503
    code = "TOOK_TOO_LONG"
    suggestion = "Try again, or with fewer conditions."

    def __init__(self) -> None:
        super().__init__("Counting took too long.", headers={"Retry-After": "10"})


def count(
    project_id: UUID, tree: Tree, *, token: str = "", seconds: float = SECONDS
) -> int:
    """Return how many contacts match.

    Raises Superseded when a newer call with the same token begins, TookTooLong after
    `seconds`, and Invalid as `matching` does.
    """
    return bounded(
        project_id,
        lambda: matching(project_id, tree).order_by().count(),
        token=token,
        seconds=seconds,
    )


def sample(
    project_id: UUID, tree: Tree, n: int, *, token: str = "", seconds: float = SECONDS
) -> list[Contact]:
    """Return the `n` newest contacts that match, at most a hundred.

    Raises what `count` does.
    """
    size = min(n, MAX_SAMPLE)
    return bounded(
        project_id,
        lambda: newest(project_id, tree, size),
        token=token,
        seconds=seconds,
    )


def bounded(
    project_id: UUID,
    question: Callable[[], T],
    *,
    token: str = "",
    seconds: float = SECONDS,
) -> T:
    """Return the answer to a question of the database, which is read only.

    A token is one project's; a count and a sample at once need two of them.
    """
    mark = _mark(project_id, token) if token else ""
    runner = _on_postgresql if is_postgresql() else _on_sqlite
    with runner(mark, seconds):
        return question()


def _mark(project_id: UUID, token: str) -> str:
    """Return what others see of a token: nothing that could be taken for SQL."""
    said = f"{project_id} {token}".encode(errors="replace")
    return "count " + hashlib.sha256(said).hexdigest()[:32]


# -- PostgreSQL ------------------------------------------------------------------------


@contextmanager
def _on_postgresql(mark: str, seconds: float) -> Iterator[None]:
    """Bear the mark as the session's name while the statements run.

    Whoever ends a count holds the mark's lock from looking for it until it is told, and
    we take that lock once more when we are done: a late word cannot end what this
    session does next.
    """
    try:
        # A savepoint, if we are in a transaction, which then survives our end.
        with transaction.atomic():
            before = _settings("application_name", "statement_timeout")
            _set(statement_timeout=f"{int(seconds * 1000)}ms")
            if mark:
                with _lock(mark):
                    _end_others(mark)
                    _set(application_name=mark)
            yield
            _set(**before)
            if mark:
                with _lock(mark):
                    pass
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != "57014":
            raise
        raise _why(error) from error


def _why(error: OperationalError) -> ApiError:
    is_late = "statement timeout" in str(error)
    return TookTooLong() if is_late else Superseded()


def _settings(*names: str) -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, current_setting(name) FROM unnest(%s::text[]) name",
            [list(names)],
        )
        return dict(cursor.fetchall())


def _set(**values: str) -> None:
    with connection.cursor() as cursor:
        for name, value in values.items():
            cursor.execute("SELECT set_config(%s, %s, TRUE)", [name, value])


@contextmanager
def _lock(mark: str) -> Iterator[None]:
    with connection.cursor() as cursor:
        key = "hashtextextended(%s, 0)"
        cursor.execute(f"SELECT pg_advisory_lock({key})", [mark])
        try:
            yield
        finally:
            cursor.execute(f"SELECT pg_advisory_unlock({key})", [mark])


def _end_others(mark: str) -> None:
    """Cancel the session that bears the mark, again if it was between two statements.

    PostgreSQL cancels only what is running in that moment.
    """
    for _ in range(_CANCELS):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_stat_clear_snapshot(), pg_cancel_backend(pid)"
                " FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name = %s AND pid <> pg_backend_pid()",
                [mark],
            )
            if not cursor.fetchall():
                return
        time.sleep(0.02)


# -- SQLite ----------------------------------------------------------------------------


@dataclass(slots=True)
class _Run:
    deadline: float
    is_superseded: threading.Event = field(default_factory=threading.Event)

    def must_end(self) -> bool:
        return self.is_superseded.is_set() or time.monotonic() > self.deadline


_running: dict[str, _Run] = {}
_running_lock = threading.Lock()


@contextmanager
def _on_sqlite(mark: str, seconds: float) -> Iterator[None]:
    """Let SQLite ask, now and then, whether to go on: one process serves all of it.

    Without a transaction, which would keep everybody from writing.
    """
    run = _Run(time.monotonic() + seconds)
    if mark:
        with _running_lock:
            if older := _running.get(mark):
                older.is_superseded.set()
            _running[mark] = run
    connection.ensure_connection()
    native: Any = connection.connection
    native.set_progress_handler(run.must_end, _STEPS)
    try:
        yield
    except OperationalError as error:
        if not run.must_end() or "interrupted" not in str(error):
            raise
        raise (Superseded() if run.is_superseded.is_set() else TookTooLong()) from error
    finally:
        native.set_progress_handler(None, 0)
        with _running_lock:
            if mark and _running.get(mark) is run:
                del _running[mark]
