"""A worker that may be killed: at any statement, and at either side of any commit.

Not a list of places: whatever the engine, its schedules and its jobs ask of the
database goes through here, whoever writes it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.db.transaction import Atomic

from contacts.models import Job
from tests.automations.oracle.enacting import Step

#: What a transaction is made of: killed there, Django would not know where it is.
_OF_TRANSACTIONS = ("SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "COMMIT")
_AT_STATEMENT = 0.006
_AT_COMMIT = 0.012
_MOST_DEATHS = 2_000


class Killed(BaseException):
    """A worker that was killed: nothing catches it, and its transaction is gone."""


class Reaper:
    """Says when the time has come, while somebody works."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.deaths = 0
        self.is_at_work = False

    def maybe(self, probability: float) -> None:
        if self.is_at_work and self.chance.random() < probability:
            self.deaths += 1
            raise Killed

    def at_statement(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, more: Any
    ) -> Any:
        if sql.lstrip().upper().startswith(_OF_TRANSACTIONS):
            return execute(sql, params, many, more)
        self.maybe(_AT_STATEMENT)
        answer = execute(sql, params, many, more)
        self.maybe(_AT_STATEMENT)
        return answer

    @contextmanager
    def working(self) -> Iterator[None]:
        self.is_at_work = True
        try:
            with connection.execute_wrapper(self.at_statement):
                yield
        finally:
            self.is_at_work = False


def dying(patch: pytest.MonkeyPatch, chance: random.Random, work: Step) -> Step:
    """Return a turn of workers of whom any may be killed, until one lives to its end.

    Each transaction is one of its own, as in the product: what was committed before a
    worker died stays.
    """
    reaper = Reaper(chance)
    leave = Atomic.__exit__

    def leaves(self: Atomic, kind: Any, error: Any, trace: Any) -> Any:
        if kind is None:
            try:
                reaper.maybe(_AT_COMMIT)
            except Killed as killed:
                leave(self, Killed, killed, None)
                raise
        answer = leave(self, kind, error, trace)
        if kind is None:
            reaper.maybe(_AT_COMMIT)
        return answer

    patch.setattr(Atomic, "__exit__", leaves)
    execute = psycopg.Cursor.execute

    def executes(cursor: Any, query: Any, *args: Any, **more: Any) -> Any:
        # Ours that go past Django (`plunk.postgresql`) are bytes; its own are texts.
        is_ours = isinstance(query, bytes)
        reaper.maybe(_AT_STATEMENT if is_ours else 0)
        answer = execute(cursor, query, *args, **more)
        reaper.maybe(_AT_STATEMENT if is_ours else 0)
        return answer

    patch.setattr(psycopg.Cursor, "execute", executes)

    def step(now: datetime) -> int:
        for _ in range(_MOST_DEATHS):
            try:
                with reaper.working():
                    return work(now)
            except Killed:
                assert not transaction.get_rollback(), "died outside any transaction"
                # The lease of a dead worker's job ends some time.
                leased = Job.objects.filter(lease_expires_at__isnull=False)
                leased.update(lease_expires_at=Now(), failures=0)
        raise AssertionError("no worker ever lived long enough")

    return step
