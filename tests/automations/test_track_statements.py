"""What `POST /v1/track` asks of the database, however many workflows listen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from automations.models import Arrival, Listener
from plunk.postgresql import is_postgresql
from plunk.projects.models import Project
from tests.automations.building import live, on, step
from tests.conftest import Api

EVENT = {"event": "signed-up", "email": "ann@example.com", "data": {"plan": "pro"}}

Count = Callable[[], int]


@pytest.fixture
def count(api: Api, monkeypatch: pytest.MonkeyPatch) -> Count:
    """Count the statements of a request whose contact and event are there already.

    On PostgreSQL those too that go past Django, through psycopg's own cursor.
    """
    sent: list[object] = []
    execute = psycopg.Cursor.execute

    def listen(cursor: psycopg.Cursor[Any], query: Any, *args: Any, **more: Any) -> Any:
        sent.append(query)
        return execute(cursor, query, *args, **more)

    monkeypatch.setattr(psycopg.Cursor, "execute", listen)

    def work() -> int:
        # Contact, event and key are known from then on.
        assert api.post("/v1/track", EVENT).status_code == 200
        sent.clear()
        with CaptureQueriesContext(connection) as captured:
            assert api.post("/v1/track", EVENT).status_code == 200
        return len(sent) if is_postgresql() else len(captured)

    return work


def _listen(project: Project, number: int, event: str = "signed-up") -> None:
    for place in range(number):
        live(project, on(event), step("EXIT"), name=f"{event} {place}")


def test_a_request_costs_the_same_whether_one_workflow_listens_or_twenty(
    project: Project, count: Count
) -> None:
    _listen(project, 1)
    with_one = count()
    _listen(project, 19)

    assert count() == with_one
    assert Listener.objects.count() == 20


def test_what_waits_for_the_engine_is_one_row_whoever_listens(
    project: Project, count: Count
) -> None:
    unheard = count()
    _listen(project, 20)
    before = Arrival.objects.count()
    heard = count()

    assert before == 0
    assert Arrival.objects.count() == 2
    # Elsewhere than on PostgreSQL, where all of it is one statement, a row is one more.
    assert heard == unheard + (0 if is_postgresql() else 1)


def test_workflows_that_listen_to_something_else_cost_nothing(
    project: Project, count: Count
) -> None:
    before = count()
    _listen(project, 20, "logged-in")

    assert count() == before
    assert not Arrival.objects.exists()


def test_on_postgresql_the_engine_costs_no_statement_more(
    project: Project, count: Count
) -> None:
    if not is_postgresql():
        pytest.skip("elsewhere the parts are statements of their own")
    _listen(project, 20)

    # The contact, the event, the occurrence and its arrival, all at once.
    assert count() == 1
