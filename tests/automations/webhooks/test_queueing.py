from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from automations.models import CallState, WebhookCall, WebhookEndpoint
from automations.webhooks.queueing import NewCall, queue_calls
from plunk.ids import new_id
from plunk.projects.creating import NewProject
from plunk.projects.models import Project

pytestmark = pytest.mark.django_db


def new_call(project: Project, **values: object) -> NewCall:
    given: dict[str, object] = {
        "visit_id": new_id(),
        "project_id": project.pk,
        "workflow_id": new_id(),
        "contact_id": new_id(),
        "method": "POST",
        "url": "https://x.example/a/b?c",
        "headers": {"X": "1"},
        "body": "{}",
    } | values
    return NewCall(**given)  # type: ignore[arg-type]


def test_a_call_is_written_down_whole_and_waits(project: Project) -> None:
    call = new_call(project, endpoint="https://x.example/a/")

    queue_calls([call])

    row = WebhookCall.objects.select_related("endpoint").get()
    assert (row.project_id, row.visit_id) == (project.pk, call.visit_id)
    assert (row.method, row.url, row.headers, row.body) == (
        "POST",
        "https://x.example/a/b?c",
        {"X": "1"},
        "{}",
    )
    assert (row.state, row.attempt, row.tries) == (CallState.PENDING, 0, 0)
    assert row.endpoint.url == "https://x.example/a/"


def test_a_visit_owes_one_call_however_often_it_asks(project: Project) -> None:
    call = new_call(project)

    queue_calls([call])
    queue_calls([call, new_call(project)])

    assert WebhookCall.objects.count() == 2
    assert WebhookEndpoint.objects.get().url == "https://x.example"


def test_endpoints_are_of_one_project(
    project: Project, other_project: NewProject
) -> None:
    queue_calls([new_call(project), new_call(other_project.project)])

    for call in WebhookCall.objects.select_related("endpoint"):
        assert call.endpoint.project_id == call.project_id
    assert WebhookEndpoint.objects.count() == 2


def test_what_cannot_be_called_is_queued_and_says_so_later(project: Project) -> None:
    queue_calls([new_call(project, url="nonsense")])

    assert WebhookCall.objects.get().endpoint.url == "nonsense"


def test_many_cost_as_many_statements_as_few(project: Project) -> None:
    counts = []
    for number in (10, 20):
        calls = [
            new_call(project, endpoint=f"https://{number}-{i}.example/")
            for i in range(number)
        ]
        with CaptureQueriesContext(
            connection,
        ) as captured:
            queue_calls(calls)
        counts.append(len(captured))

    assert counts[0] == counts[1] <= 7
    queue_calls([])
