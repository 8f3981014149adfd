"""Executions of workflows in the API (contract, next 2.8 and 4.5)."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from automations import bulk, dropping
from automations.models import Run
from contacts import jobs
from contacts.models import Contact, Job, JobKind
from plunk.api.keys import forget_cached_keys
from plunk.projects.creating import NewProject
from tests.automations.api.conftest import WAIT, Made
from tests.automations.building import settle
from tests.conftest import NOBODY, Api
from tests.contacts.api.conftest import assert_error
from tests.pages.rows import make_contact

pytestmark = pytest.mark.django_db

KEYS = {
    *("id", "workflowId", "contactId", "status", "currentStepId", "exitReason"),
    *("context", "error", "version", "startedAt", "completedAt", "createdAt"),
    "updatedAt",
}


def live(api: Api, **body: Any) -> Made:
    made = Made(api, enabled=True, **body)
    made.add("DELAY", WAIT, name="Wait")
    return made


def test_an_execution_is_begun_listed_and_told(api: Api, ann: Contact) -> None:
    made = live(api)

    response = made.start(ann, context={"plan": "pro"})

    body = response.json()
    assert (response.status_code, body.keys()) == (201, KEYS)
    assert body == body | {
        "workflowId": made.first["id"],
        "contactId": str(ann.pk),
        "status": "RUNNING",
        "context": {"plan": "pro"},
        "version": 1,
        "completedAt": None,
    }
    settle()
    page = api.get(f"{made.path}/executions", page=1).json()
    (listed,) = page["executions"]
    step = made.step("DELAY")
    assert (page["total"], page["page"], page["pageSize"]) == (1, 1, 20)
    assert (listed["id"], listed["status"]) == (body["id"], "WAITING")
    assert listed["contact"] == {"id": str(ann.pk), "email": "ann@example.com"}
    assert listed["currentStep"] == {"id": step["id"], "name": "Wait", "type": "DELAY"}
    told = api.get(f"{made.path}/executions/{body['id']}").json()
    assert told["workflow"] == {"id": made.first["id"], "name": "Welcome"}
    assert [one["step"]["type"] for one in told["stepExecutions"]][-1] == "DELAY"
    assert told["stepExecutions"][-1]["status"] == "WAITING"
    assert told["stepExecutions"][-1]["scheduledFor"]


def test_an_execution_is_cancelled_once(waiting: Made) -> None:
    (run,) = waiting.api.get(f"{waiting.path}/executions").json()["executions"]
    path = f"{waiting.path}/executions/{run['id']}"

    first, second = (waiting.api.send("DELETE", path) for _ in range(2))

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json()["status"] == second.json()["status"] == "CANCELLED"
    assert first.json()["completedAt"]
    Run.objects.update(state="COMPLETED")
    over = waiting.api.send("DELETE", path)
    assert_error(over, 409, "CONFLICT")
    assert over.json()["error"]["suggestion"]


def test_everybody_is_taken_out(api: Api, ann: Contact) -> None:
    made = live(api)
    for contact in (ann, make_contact(ann.project, "b@example.com")):
        made.start(contact)

    path = f"{made.path}/executions/cancel-all"

    assert api.post(path, {}).json() == {"cancelled": 2}
    assert api.post(path, {}).json() == {"cancelled": 0}


def test_very_many_are_taken_out_by_a_job_and_the_answer_is_there_at_once(
    api: Api, ann: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MOST_AT_ONCE", 1)
    monkeypatch.setattr(dropping, "MOST_AT_ONCE", 1)
    made = live(api)
    for contact in (ann, make_contact(ann.project, "b@example.com")):
        made.start(contact)

    answer = api.post(f"{made.path}/executions/cancel-all", {}).json()
    early = api.send("DELETE", made.path)
    while jobs.work(seconds=10):
        continue
    runs = api.get(f"{made.path}/executions", status="CANCELLED").json()
    late = api.send("DELETE", made.path)

    job = Job.objects.get(kind=JobKind.CANCEL_RUNS)
    told = {"cancelled": 2, "isComplete": False, "jobId": str(job.pk)}
    assert answer == told
    assert_error(early, 409, "CONFLICT")
    assert runs["total"] == 2
    assert late.status_code == 204
    assert Run.objects.count() == 2
    for path in (made.path, f"{made.path}/executions"):
        assert_error(api.get(path), 404, "WORKFLOW_NOT_FOUND")
    assert api.get("/api/workflows").json()["data"] == []


def test_who_may_not_begin(api: Api, ann: Contact, other_project: NewProject) -> None:
    made = Made(api)
    made.add("DELAY", WAIT)
    theirs = make_contact(other_project.project, "ann@example.com")

    assert_error(made.start(ann), 400, "WORKFLOW_DISABLED")
    made.patch(enabled=True)
    assert_error(made.start(theirs), 404, "CONTACT_NOT_FOUND")
    for pk in (NOBODY, "x"):
        response = api.post(f"{made.path}/executions", {"contactId": pk})
        assert_error(response, 404, "CONTACT_NOT_FOUND")
    assert made.start(ann).status_code == 201
    settle()
    assert_error(made.start(ann), 409, "CONFLICT")
    made.patch(allowReentry=True)
    assert made.start(ann).status_code == 201


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "contactId"),
        ({"contactId": 7}, "contactId"),
        ({"contactId": NOBODY, "context": []}, "context"),
        ({"contactId": NOBODY, "context": {"x": "y" * 70_000}}, "context"),
    ],
)
def test_what_is_wrong_is_named(made: Made, body: Any, field: str) -> None:
    response = made.api.post(f"{made.path}/executions", body)

    assert_error(response, 422, "VALIDATION_ERROR", field)


def test_the_same_key_begins_one(api: Api, ann: Contact) -> None:
    made = live(api, allowReentry=True)
    body = {"contactId": str(ann.pk)}

    first, second = (
        api.post(f"{made.path}/executions", body, HTTP_IDEMPOTENCY_KEY="k")
        for _ in range(2)
    )

    assert first.json() == second.json()
    assert Run.objects.count() == 1


def test_the_list_by_status_and_cursor(api: Api, ann: Contact) -> None:
    made = live(api)
    for number in range(3):
        made.start(make_contact(ann.project, f"p{number}@example.com"))
    path = f"{made.path}/executions"
    first = api.get(path, limit=2).json()
    second = api.get(path, limit=2, cursor=first["cursor"]).json()

    assert (len(first["executions"]), len(second["executions"])) == (2, 1)
    assert (first["total"], second["cursor"]) == (3, None)
    assert api.get(path, status="running").json()["total"] == 3
    assert api.get(path, status="FAILED").json()["executions"] == []
    assert_error(api.get(path, status="x"), 422, "VALIDATION_ERROR", "status")
    other = live(api)
    foreign = api.get(f"{other.path}/executions", cursor=first["cursor"])
    assert_error(foreign, 422, "VALIDATION_ERROR", "cursor")


def test_an_execution_of_another_workflow_is_unknown(
    api: Api, waiting: Made, stranger_api: Api
) -> None:
    (run,) = api.get(f"{waiting.path}/executions").json()["executions"]
    other = live(api)

    for client, path in (
        (api, f"{other.path}/executions/{run['id']}"),
        (api, f"{waiting.path}/executions/x"),
        (stranger_api, f"{waiting.path}/executions/{run['id']}"),
    ):
        for method in ("GET", "DELETE"):
            response = client.send(method, path)
            is_stranger = client is stranger_api
            code = "WORKFLOW_NOT_FOUND" if is_stranger else "EXECUTION_NOT_FOUND"
            assert_error(response, 404, code)


def test_the_list_takes_as_many_statements_for_ten_as_for_twenty(
    api: Api, ann: Contact
) -> None:
    made = live(api)
    counts = []
    for turn in range(2):
        for number in range(10):
            made.start(make_contact(ann.project, f"p{turn}{number}@example.com"))
        settle()
        forget_cached_keys()
        with CaptureQueriesContext(connection) as queries:
            page = api.get(f"{made.path}/executions", limit=100).json()
        counts.append(len(queries))
        # Another version for the second ten.
        made.add("EXIT")

    assert len(page["executions"]) == 20
    assert counts[0] == counts[1]
