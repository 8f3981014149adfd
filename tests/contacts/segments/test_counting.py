"""Counts that end: in time, or because nobody waits for them any more."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event as Signal
from threading import Thread
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from contacts.models import Contact
from contacts.segments import counting
from contacts.segments.counting import (
    Superseded,
    TookTooLong,
    bounded,
    count,
    sample,
)
from contacts.segments.tree import parse
from plunk.postgresql import is_postgresql
from plunk.projects.creating import NewProject
from plunk.projects.models import Project

PRO = parse(
    {
        "logic": "AND",
        "groups": [
            {"filters": [{"field": "data.plan", "operator": "equals", "value": "pro"}]}
        ],
    }
)
_ENDLESS = (
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 1e12)"
    " SELECT count(*) FROM n"
)


def endless() -> Any:
    """Ask what takes for ever."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(600)" if is_postgresql() else _ENDLESS)
        return cursor.fetchone()


def settings() -> Any:
    if not is_postgresql():
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('application_name'),"
            " current_setting('statement_timeout')"
        )
        return cursor.fetchone()


@pytest.mark.django_db
def test_only_the_projects_own_matches_are_counted(
    project: Project, other_project: NewProject
) -> None:
    for number, owner in enumerate((project, project, other_project.project)):
        Contact.objects.create(
            project=owner, email=f"a{number}@example.com", data={"plan": "pro"}
        )

    assert count(project.pk, PRO) == count(project.pk, PRO, token="a") == 2
    assert [it.email for it in sample(project.pk, PRO, 1)] == ["a1@example.com"]


@pytest.mark.django_db
def test_a_count_that_takes_too_long_is_ended(project: Project) -> None:
    before = settings()

    with pytest.raises(TookTooLong) as caught:
        bounded(project.pk, endless, token="a", seconds=0.05)

    assert caught.value.status == 503
    assert isinstance(caught.value, DatabaseError)
    # The connection goes on as it was, in the transaction that it was in.
    assert count(project.pk, PRO) == 0
    assert settings() == before


@pytest.mark.django_db
def test_other_errors_are_nobodys_end(project: Project) -> None:
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        bounded(project.pk, lambda: connection.cursor().execute("SELECT nonsense"))

    assert not isinstance(caught.value, TookTooLong)


class Background:
    """An endless count in a thread with a connection of its own."""

    def __init__(self, project: Project, token: str) -> None:
        self.error: BaseException | None = None
        self.has_begun = Signal()
        self.thread = Thread(target=self._run, args=(project.pk, token))
        self.thread.start()
        assert self.has_begun.wait(10)

    def _run(self, project_id: Any, token: str) -> None:
        def question() -> Any:
            self.has_begun.set()
            return endless()

        try:
            bounded(project_id, question, token=token, seconds=30)
        except (Superseded, TookTooLong) as error:
            self.error = error
        finally:
            connection.close()

    def end(self) -> BaseException | None:
        self.thread.join(20)
        assert not self.thread.is_alive()
        return self.error


@pytest.fixture
def in_background(
    project: Project, transactional_db: None
) -> Callable[[str], Background]:
    return lambda token: Background(project, token)


def test_a_newer_count_ends_the_older_one(
    project: Project, in_background: Callable[[str], Background]
) -> None:
    older = in_background("mine")

    assert count(project.pk, PRO, token="mine") == 0

    assert isinstance(older.end(), Superseded)


def test_counts_of_other_tokens_and_projects_go_on(
    project: Project,
    other_project: NewProject,
    in_background: Callable[[str], Background],
) -> None:
    other = in_background("other")

    assert count(project.pk, PRO, token="mine") == 0
    assert count(project.pk, PRO) == 0
    assert count(other_project.project.pk, PRO, token="other") == 0

    assert other.thread.is_alive()
    assert other.error is None
    assert count(project.pk, PRO, token="other") == 0
    assert isinstance(other.end(), Superseded)


@pytest.mark.django_db
def test_nothing_is_left_of_counts_that_are_over(project: Project) -> None:
    for _ in range(3):
        count(project.pk, PRO, token="mine")

    assert not counting._running


@pytest.mark.django_db
@pytest.mark.parametrize("token", ["'; DROP TABLE", "\x00", "ü" * 5000, "\ud800"])
def test_any_text_is_a_token(project: Project, token: str) -> None:
    assert count(project.pk, PRO, token=token) == 0
