"""Actions of the classic generation (contract, classic 2.6 and 4.5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from automations.models import Event, Run, Workflow
from plunk.api.keys import forget_cached_keys
from plunk.projects.creating import NewProject
from plunk.projects.models import Project
from tests.automations.building import settle
from tests.automations.conftest import Track
from tests.conftest import NOBODY, Api
from tests.contacts.api.conftest import assert_error
from transactional.models import Email, Template

pytestmark = pytest.mark.django_db

KEYS = {
    *("id", "name", "runOnce", "delay", "projectId", "templateId", "createdAt"),
    "updatedAt",
}
RELATIONS = {"events", "notevents", "triggers", "emails", "template"}
NewEvent = Callable[[str], Event]


@pytest.fixture
def event(project: Project) -> NewEvent:
    def work(name: str) -> Event:
        made, _ = Event.objects.get_or_create(project=project, name=name)
        return made

    return work


@pytest.fixture
def body(event: NewEvent, template: Template) -> dict[str, Any]:
    return {
        "name": "Hi",
        "template": str(template.pk),
        "events": [str(event("signed-up").pk)],
    }


@pytest.mark.parametrize("door", ["/v1/actions", "/api/v1/actions/"])
def test_an_action_is_made(
    api: Api, body: dict[str, Any], event: NewEvent, template: Template, door: str
) -> None:
    excluded = str(event("bought").pk)

    response = api.post(
        door, body | {"delay": 90, "runOnce": True, "notevents": [excluded]}
    )

    told = response.json()
    assert (response.status_code, told.keys()) == (200, KEYS)
    assert told == told | {
        "name": "Hi",
        "runOnce": True,
        "delay": 90,
        "templateId": str(template.pk),
    }
    full = api.get(f"/v1/actions/{told['id']}").json()
    assert full.keys() == KEYS | RELATIONS
    assert [one["name"] for one in full["events"]] == ["signed-up"]
    assert [one["id"] for one in full["notevents"]] == [excluded]
    assert full["template"]["id"] == str(template.pk)
    workflow = Workflow.objects.get()
    assert (workflow.kind, workflow.enabled, workflow.allow_reentry) == (
        "ACTION",
        True,
        False,
    )
    kinds = [step["type"] for step in workflow.draft["steps"]]
    assert kinds == ["TRIGGER", "DELAY", "SEND_EMAIL"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"runOnce": "yes"}, "runOnce"),
        ({"delay": -1}, "delay"),
        ({"delay": 1.5}, "delay"),
        ({"delay": "5"}, "delay"),
        ({"delay": 525_601}, "delay"),
        ({"template": None}, "template"),
        ({"template": 7}, "template"),
        ({"events": None}, "events"),
        ({"events": []}, "events"),
        ({"events": "x"}, "events"),
        ({"events": ["x"]}, "events.0"),
        ({"events": [NOBODY] * 21}, "events"),
        ({"notevents": [7]}, "notevents.0"),
        ({"notevents": {}}, "notevents"),
    ],
)
def test_what_is_wrong_is_named(
    api: Api, body: dict[str, Any], changes: dict[str, Any], field: str
) -> None:
    response = api.post("/v1/actions", body | changes)

    assert response.status_code == 422, response.json()
    named = {one["field"] for one in response.json()["details"]["errors"]}
    assert field in named
    assert isinstance(response.json()["error"], str)
    assert not Workflow.objects.exists()


def test_an_event_cannot_begin_it_and_keep_it_from_beginning(
    api: Api, body: dict[str, Any]
) -> None:
    response = api.post("/v1/actions", body | {"notevents": body["events"]})

    assert_error(response, 422, "VALIDATION_ERROR", "notevents")


def test_things_of_others_are_unknown(
    api: Api, body: dict[str, Any], other_project: NewProject
) -> None:
    """S5, S13."""
    theirs = Event.objects.create(project=other_project.project, name="x")

    for key in ("events", "notevents"):
        for pk in (str(theirs.pk), NOBODY):
            response = api.post("/v1/actions", body | {key: [pk]})
            assert_error(response, 404, "EVENT_NOT_FOUND")
    for pk in (NOBODY, "x"):
        response = api.post("/v1/actions", body | {"template": pk})
        assert_error(response, 404, "TEMPLATE_NOT_FOUND")


def test_what_it_did_is_told(api: Api, body: dict[str, Any], tracked: Track) -> None:
    made = api.post("/v1/actions", body).json()

    contact = tracked("signed-up").contact_id
    settle()

    full = api.get(f"/v1/actions/{made['id']}").json()
    (trigger,) = full["triggers"]
    (mail,) = full["emails"]
    assert (trigger["contactId"], trigger["actionId"]) == (str(contact), made["id"])
    assert mail["id"] == str(Email.objects.get().pk)
    assert mail == mail | {"actionId": made["id"], "subject": None, "body": None}
    told = api.get(f"/v1/contacts/{contact}").json()["triggers"]
    assert {one["actionId"] for one in told} == {None, made["id"]}
    action = next(one["action"] for one in told if one["action"])
    assert action == api.post("/v1/actions", body).json() | {
        key: made[key] for key in ("id", "createdAt", "updatedAt")
    }


def test_an_action_is_replaced_and_answers_with_what_it_has_now(
    api: Api, body: dict[str, Any], event: NewEvent
) -> None:
    made = api.post("/v1/actions", body | {"delay": 5}).json()
    steps = Workflow.objects.get().draft["steps"]

    response = api.send(
        "PUT",
        "/v1/actions",
        body
        | {"id": made["id"], "name": "New", "delay": 7, "runOnce": True}
        | {"events": [str(event("a").pk), str(event("b").pk)]},
    )

    told = response.json()
    assert (response.status_code, told.keys()) == (200, KEYS | RELATIONS)
    assert (told["name"], told["delay"], told["runOnce"]) == ("New", 7, True)
    assert [one["name"] for one in told["events"]] == ["a", "b"]
    workflow = Workflow.objects.select_related("live").get()
    assert [one["id"] for one in workflow.draft["steps"]] == [
        one["id"] for one in steps
    ]
    assert workflow.live is not None
    assert (workflow.live.number, workflow.enabled) == (2, True)


def test_who_waits_in_an_action_finishes_as_they_began(
    api: Api, body: dict[str, Any], tracked: Track
) -> None:
    made = api.post("/v1/actions", body | {"delay": 5}).json()
    tracked("signed-up")
    settle()

    response = api.send("PUT", "/v1/actions", body | {"id": made["id"]})

    assert response.json()["delay"] == 0
    assert Run.objects.select_related("version").get().version.number == 1


def test_without_events_it_rests(api: Api, body: dict[str, Any]) -> None:
    made = api.post("/v1/actions", body).json()
    put = body | {"id": made["id"]}

    told = api.send("PUT", "/v1/actions", put | {"events": []}).json()

    assert told["events"] == []
    assert not Workflow.objects.get().enabled
    api.send("PUT", "/v1/actions", put)
    assert Workflow.objects.get().enabled


def test_an_action_with_other_steps_is_left_alone(
    api: Api, body: dict[str, Any]
) -> None:
    made = api.post("/v1/actions", body).json()
    step = {"type": "EXIT", "name": "x", "position": {"x": 1, "y": 1}, "config": {}}
    api.post(f"/api/workflows/{made['id']}/steps", step)

    response = api.send("PUT", "/v1/actions", body | {"id": made["id"]})

    assert_error(response, 409, "CONFLICT")
    assert api.get(f"/v1/actions/{made['id']}").json()["delay"] == 0


@pytest.mark.parametrize("way", ["body", "path", "query"])
def test_an_action_is_deleted_with_who_waits_in_it(
    api: Api, body: dict[str, Any], tracked: Track, way: str
) -> None:
    made = api.post("/v1/actions", body | {"delay": 5}).json()
    tracked("signed-up")
    settle()
    path = {"path": f"/{made['id']}", "query": f"?id={made['id']}"}.get(way, "")
    given = {"id": made["id"]} if way == "body" else None

    response = api.send("DELETE", f"/v1/actions{path}", given)

    assert (response.status_code, response.json()["id"]) == (200, made["id"])
    assert not Workflow.objects.exists()
    again = api.send("DELETE", f"/v1/actions{path}", given)
    assert_error(again, 404, "ACTION_NOT_FOUND")


def test_related_actions_share_an_event(
    api: Api, body: dict[str, Any], event: NewEvent
) -> None:
    first = api.post("/v1/actions", body).json()
    both = [*body["events"], str(event("b").pk)]
    second = api.post("/v1/actions", body | {"events": both}).json()
    api.post("/v1/actions", body | {"events": [str(event("b").pk)]})

    (related,) = api.get(f"/v1/actions/{first['id']}/related").json()

    assert related["id"] == second["id"]
    assert [one["name"] for one in related["events"]] == ["signed-up", "b"]


def test_a_workflow_is_no_action(api: Api, body: dict[str, Any]) -> None:
    given = {"name": "Hi", "eventName": "e"}
    pk = api.post("/api/workflows", given).json()["id"]

    for response in (
        api.get(f"/v1/actions/{pk}"),
        api.get(f"/v1/actions/{pk}/related"),
        api.send("PUT", "/v1/actions", body | {"id": pk}),
        api.send("DELETE", "/v1/actions", {"id": pk}),
        api.get("/v1/actions/x"),
    ):
        assert_error(response, 404, "ACTION_NOT_FOUND")


def test_a_template_that_an_action_sends_is_kept(
    api: Api, body: dict[str, Any]
) -> None:
    api.post("/v1/actions", body)

    response = api.send("DELETE", f"/api/templates/{body['template']}")

    assert response.status_code == 409
    usage = api.get(f"/api/templates/{body['template']}/usage").json()
    assert usage["workflowSteps"] == 1


def test_the_answer_takes_as_many_statements_for_ten_as_for_twenty(
    api: Api, body: dict[str, Any], tracked: Track
) -> None:
    made = api.post("/v1/actions", body).json()
    counts = []
    for turn in range(2):
        for number in range(10):
            tracked("signed-up", f"p{turn}{number}@example.com")
        settle()
        forget_cached_keys()
        with CaptureQueriesContext(connection) as queries:
            full = api.get(f"/v1/actions/{made['id']}").json()
        counts.append(len(queries))

    assert len(full["emails"]) == 20
    assert counts[0] == counts[1]


def test_a_template_lists_the_actions_that_send_it(
    api: Api, body: dict[str, Any], template: Template
) -> None:
    url = f"/v1/templates/{template.pk}"
    assert api.get(url).json()["actions"] == []
    costs: list[int] = []
    made: list[Any] = []
    for name in ("one", "two"):
        made.insert(0, api.post("/v1/actions", body | {"name": name}).json())
        with CaptureQueriesContext(connection) as queries:
            told = api.get(url).json()
        costs.append(len(queries))
        assert told["actions"] == made

    Workflow.objects.update(kind="WORKFLOW")

    assert api.get(url).json()["actions"] == []
    assert costs[0] == costs[1]
