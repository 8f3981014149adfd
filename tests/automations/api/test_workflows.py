"""Workflows in the API, through HTTP (contract, next 2.8 and 4.5)."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from automations.models import Occurrence, Workflow, WorkflowVersion
from contacts.models import Contact
from plunk.api.keys import forget_cached_keys
from plunk.projects.creating import NewProject
from plunk.projects.models import Project
from tests.automations.api.conftest import WAIT, Made
from tests.automations.building import settle
from tests.conftest import NOBODY, Api
from tests.contacts.api.conftest import assert_error
from tests.pages.rows import make_occurrence
from transactional.models import Template

pytestmark = pytest.mark.django_db

KEYS = {
    *("id", "name", "description", "kind", "enabled", "triggerType", "triggerConfig"),
    *("allowReentry", "projectId", "version", "hasChanges", "createdAt", "updatedAt"),
}


def test_a_workflow_is_made(api: Api, project: Project) -> None:
    response = api.post("/api/workflows", {"name": "Hi", "eventName": "signed-up"})

    body = response.json()
    assert (response.status_code, body.keys()) == (201, KEYS)
    assert body == body | {
        "name": "Hi",
        "description": None,
        "enabled": False,
        "triggerType": "EVENT",
        "triggerConfig": {"eventName": "signed-up"},
        "allowReentry": False,
        "projectId": str(project.pk),
        "version": None,
    }
    (start,) = api.get(f"/api/workflows/{body['id']}").json()["steps"]
    assert start == start | {
        "type": "TRIGGER",
        "position": {"x": 100, "y": 100},
        "config": {"eventName": "signed-up"},
        "template": None,
        "outgoingTransitions": [],
        "incomingTransitions": [],
    }


def test_what_is_made_enabled_goes_live_with_its_first_step(
    api: Api, ann: Contact
) -> None:
    made = Made(api, enabled=True, allowReentry=True, description="d")

    assert (made.first["enabled"], made.first["version"]) == (True, None)
    assert_error(made.start(ann), 400, "WORKFLOW_DISABLED")
    made.add("DELAY", WAIT)
    assert (made.now["version"], made.now["hasChanges"]) == (1, False)
    assert made.start(ann).status_code == 201


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": 7}, "name"),
        ({"eventName": None}, "eventName"),
        ({"eventName": " "}, "eventName"),
        ({"eventName": "x" * 256}, "eventName"),
        ({"eventName": ["a"]}, "eventName"),
        ({"description": "x" * 1001}, "description"),
        ({"enabled": "yes"}, "enabled"),
        ({"allowReentry": 1}, "allowReentry"),
    ],
)
def test_what_is_wrong_is_named(api: Api, changes: dict[str, Any], field: str) -> None:
    body = {"name": "Hi", "eventName": "e"} | changes

    assert_error(api.post("/api/workflows", body), 422, "VALIDATION_ERROR", field)
    assert not Workflow.objects.exists()


def test_the_same_key_makes_one_workflow(api: Api) -> None:
    body = {"name": "Hi", "eventName": "e"}

    first, second = (
        api.post("/api/workflows", body, HTTP_IDEMPOTENCY_KEY="k") for _ in range(2)
    )

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert second["Idempotent-Replayed"] == "true"
    assert Workflow.objects.count() == 1


def test_a_workflow_is_changed(made: Made) -> None:
    body = made.patch(
        name="New", description="d", allowReentry=True, ignored=1, enabled=None
    ).json()

    assert body == body | {"name": "New", "description": "d", "allowReentry": True}
    assert made.patch(description="").json()["description"] is None


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (
            {"triggerConfig": {"eventName": "bought"}},
            ("EVENT", {"eventName": "bought"}),
        ),
        ({"triggerType": "manual", "triggerConfig": {}}, ("MANUAL", {})),
        (
            {
                "triggerType": "SCHEDULE",
                "triggerConfig": {"schedule": "0 9 * * 1", "type": "EVENT"},
            },
            ("SCHEDULE", {"schedule": "0 9 * * 1"}),
        ),
        (
            {
                "triggerType": "EVENTS",
                "triggerConfig": {"eventNames": ["a", "b"], "mode": "ANY"},
            },
            ("EVENTS", {"eventNames": ["a", "b"], "mode": "ANY"}),
        ),
    ],
)
def test_the_trigger_is_changed(made: Made, body: Any, shown: Any) -> None:
    response = made.patch(**body)

    assert response.status_code == 200, response.json()
    told = response.json()
    assert (told["triggerType"], told["triggerConfig"]) == shown


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"triggerType": "CRON"}, "triggerType"),
        ({"triggerType": 7}, "triggerType"),
        ({"triggerConfig": "x"}, "triggerConfig"),
        ({"triggerConfig": {"eventName": 7}}, "triggerConfig.eventName"),
        ({"triggerConfig": {"eventNames": [7]}}, "triggerConfig.eventNames.0"),
        ({"triggerConfig": {"x": "y" * 70_000}}, "triggerConfig"),
        ({"enabled": 1}, "enabled"),
        ({"name": " "}, "name"),
    ],
)
def test_a_wrong_change_changes_nothing(made: Made, body: Any, field: str) -> None:
    before = made.now

    response = made.patch(**({"description": "other"} | body))

    assert_error(response, 422, "VALIDATION_ERROR", field)
    assert made.now == before


def test_what_is_unfinished_cannot_be_enabled(made: Made) -> None:
    made.add("SEND_EMAIL")
    mail = made.step("SEND_EMAIL")

    response = made.patch(enabled=True, triggerConfig={"eventName": ""})

    assert_error(
        response,
        422,
        "VALIDATION_ERROR",
        f"steps.{mail['id']}.templateId",
        "triggerConfig.eventName",
    )
    assert made.now["enabled"] is False


def test_enabling_publishes_what_was_changed_meanwhile(waiting: Made) -> None:
    waiting.patch(enabled=False)
    waiting.api.send(
        "PATCH",
        f"{waiting.path}/steps/{waiting.step('DELAY')['id']}",
        {"config": {"amount": 1, "unit": "hours"}},
    )
    assert (waiting.now["version"], waiting.now["hasChanges"]) == (1, True)

    waiting.patch(enabled=True)

    assert (waiting.now["version"], waiting.now["hasChanges"]) == (2, False)
    assert waiting.patch(enabled=True).json()["version"] == 2


def test_a_trigger_with_people_inside_is_kept(waiting: Made) -> None:
    response = waiting.patch(triggerConfig={"eventName": "other"})

    assert_error(response, 409, "CONFLICT")
    assert "newVersion=true" in response.json()["error"]["suggestion"]
    assert waiting.patch(name="New").status_code == 200
    assert waiting.patch(triggerConfig={"eventName": "signed-up"}).status_code == 200

    path = f"{waiting.path}?newVersion=true"
    changed = waiting.api.send("PATCH", path, {"triggerConfig": {"eventName": "other"}})

    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    (run,) = waiting.api.get(f"{waiting.path}/executions").json()["executions"]
    assert run["version"] == 1


def test_a_workflow_is_deleted(made: Made) -> None:
    response = made.api.send("DELETE", made.path)

    assert (response.status_code, response.content) == (204, b"")
    assert_error(made.api.get(made.path), 404, "WORKFLOW_NOT_FOUND")


def test_a_workflow_with_people_inside_is_not_deleted(waiting: Made) -> None:
    ids = [waiting.first["id"]]

    for response in (
        waiting.api.send("DELETE", waiting.path),
        waiting.api.post("/api/workflows/bulk-update", {"ids": ids, "delete": True}),
    ):
        assert_error(response, 409, "CONFLICT")
        assert response.json()["error"]["suggestion"]
    waiting.api.post(f"{waiting.path}/executions/cancel-all", {})
    assert waiting.api.send("DELETE", waiting.path).status_code == 204


def test_many_are_deleted_or_none(api: Api, other_project: NewProject) -> None:
    ids = [Made(api).first["id"] for _ in range(3)]

    def bulk(ids: Any, **more: Any) -> Any:
        return api.post("/api/workflows/bulk-update", {"ids": ids} | more)

    assert_error(bulk([*ids, NOBODY], delete=True), 404, "WORKFLOW_NOT_FOUND")
    assert_error(bulk([], delete=True), 422, "VALIDATION_ERROR", "ids")
    assert_error(bulk(["x"], delete=True), 422, "VALIDATION_ERROR", "ids.0")
    assert_error(bulk([NOBODY] * 1001, delete=True), 422, "VALIDATION_ERROR", "ids")
    assert bulk(ids).json() == {"updated": 0}
    assert Workflow.objects.count() == 3
    assert bulk([*ids, ids[0]], delete=True).json() == {"deleted": 3}


def test_a_copy_is_switched_off_and_has_the_same_steps(waiting: Made) -> None:
    response = waiting.api.post(f"{waiting.path}/duplicate", {})

    copy = response.json()
    assert response.status_code == 201
    assert (copy["enabled"], copy["version"]) == (False, None)
    assert copy["name"].startswith("Welcome ")
    assert copy["id"] != waiting.first["id"]
    kinds = [step["type"] for step in waiting.now["steps"]]
    assert [step["type"] for step in copy["steps"]] == kinds


def test_the_list(api: Api, waiting: Made, project: Project) -> None:
    other = Made(api, name="Zebra", description="striped")

    page = api.get("/api/workflows", page=1, pageSize=1, sort="name", dir="asc").json()

    assert page["total"] == 2
    assert (page["page"], page["pageSize"], page["totalPages"]) == (1, 1, 2)
    assert page["data"][0]["_count"] == {"steps": 3, "executions": 1}
    for query, expected in (
        ({"search": "STRIPED"}, ["Zebra"]),
        ({"search": "x" * 101}, []),
        ({"status": "active"}, ["Welcome"]),
        ({"status": "DISABLED"}, ["Zebra"]),
        ({"sort": "steps"}, ["Welcome", "Zebra"]),
        ({"sort": "steps", "dir": "asc"}, ["Zebra", "Welcome"]),
        ({"sort": "nonsense"}, ["Zebra", "Welcome"]),
        ({"sort": "updatedAt", "dir": "asc", "search": "z"}, ["Zebra"]),
    ):
        found = api.get("/api/workflows", **query).json()
        assert [one["name"] for one in found["items"]] == expected, query
    assert_error(
        api.get("/api/workflows", status="no"), 422, "VALIDATION_ERROR", "status"
    )
    assert other.now["kind"] == "WORKFLOW"


@pytest.mark.parametrize("sort", ["createdAt", "updatedAt", "name", "steps"])
@pytest.mark.parametrize("way", ["asc", "desc"])
def test_every_order_leads_through_all(api: Api, sort: str, way: str) -> None:
    ids = {Made(api, name=f"W{number % 2}").first["id"] for number in range(5)}
    seen: list[str] = []
    query = {"limit": 2, "sort": sort, "dir": way}

    while True:
        page = api.get("/api/workflows", **query).json()
        seen += [one["id"] for one in page["data"]]
        if page["cursor"] is None:
            break
        query["cursor"] = page["cursor"]

    assert (len(seen), set(seen)) == (5, ids)


def test_the_list_takes_as_many_statements_for_ten_as_for_twenty(api: Api) -> None:
    counts = []
    for _ in range(2):
        for _ in range(10):
            Made(api).add("DELAY", WAIT)
        forget_cached_keys()
        with CaptureQueriesContext(connection) as queries:
            assert api.get("/api/workflows", limit=100).status_code == 200
        counts.append(len(queries))

    assert counts[0] == counts[1]


def test_what_a_condition_can_look_at(api: Api, ann: Contact) -> None:
    make_occurrence(ann.project, ann, "bought")
    Occurrence.objects.update(data={"amount": 7, "at": "2026-01-01"})

    body = api.get("/api/workflows/fields", eventName="Bought").json()

    kinds = {
        one["field"]: (one["type"], one["category"]) for one in body["typedFields"]
    }
    assert kinds == {
        "contact.createdAt": ("date", "Contact Fields"),
        "contact.email": ("string", "Contact Fields"),
        "contact.subscribed": ("boolean", "Contact Fields"),
        "contact.data.plan": ("string", "Custom Data"),
        "event.amount": ("number", "Event Data"),
        "event.at": ("date", "Event Data"),
    }
    assert (body["fields"], body["count"]) == (list(kinds), 6)
    others = api.get("/api/workflows/fields", eventName="sold\x00").json()
    assert others["count"] == 4
    assert api.get("/api/workflows/fields").json()["count"] == 6


def test_a_version_is_made_for_each_change_of_an_enabled_one(
    api: Api, template: Template
) -> None:
    made = Made(api, enabled=True)
    made.add("DELAY", WAIT)
    made.add("SEND_EMAIL", templateId=str(template.pk))

    assert WorkflowVersion.objects.count() == 2
    mail = made.step("SEND_EMAIL")
    assert mail["template"] == {"id": str(template.pk), "name": template.name}
    settle()
