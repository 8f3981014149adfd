"""Steps and transitions of workflows in the API (contract, next 2.8 and 4.5)."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from contacts.models import Contact
from plunk.projects.creating import NewProject
from tests.automations.api.conftest import WAIT, Made
from tests.automations.building import settle
from tests.conftest import NOBODY, Api
from tests.contacts.api.conftest import assert_error
from transactional.models import MailKind, SavedBy, Template
from transactional.templates import create

pytestmark = pytest.mark.django_db

STEP = {"type": "EXIT", "name": "End", "position": {"x": 1, "y": 2}, "config": {}}
IS_PRO = {"field": "data.plan", "operator": "equals", "value": "pro"}
KEYS = {
    *("id", "type", "name", "position", "config", "templateId", "workflowId"),
    *("createdAt", "updatedAt"),
}


def ways(made: Made) -> list[tuple[str, str]]:
    """Return which step leads to which, by their names."""
    steps = made.now["steps"]
    names = {step["id"]: step["name"] for step in steps}
    return sorted(
        (step["name"], names[way["toStepId"]])
        for step in steps
        for way in step["outgoingTransitions"]
    )


def step_path(made: Made, step: Any, query: str = "") -> str:
    return f"{made.path}/steps/{step['id']}{query}"


def test_a_step_is_added_after_the_last(made: Made) -> None:
    body = made.add("delay", WAIT, name="Wait")
    made.add("EXIT", {"reason": "done"}, name="End")

    assert body.keys() == KEYS
    assert body == body | {
        "type": "DELAY",
        "name": "Wait",
        "config": WAIT,
        "position": {"x": 1, "y": 2.5},
        "templateId": None,
        "workflowId": made.first["id"],
    }
    assert ways(made) == [("Trigger", "Wait"), ("Wait", "End")]
    (first, second, third) = made.now["steps"]
    (way,) = second["incomingTransitions"]
    assert first["outgoingTransitions"] == [way]
    assert third["incomingTransitions"][0]["fromStepId"] == second["id"]


def test_a_step_stands_alone_if_asked_for(made: Made) -> None:
    made.add("EXIT", autoConnect=False)

    assert ways(made) == []


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"type": None}, ["type"]),
        ({"type": "FAX"}, ["type"]),
        ({"type": 7}, ["type"]),
        ({"name": None}, ["name"]),
        ({"name": ""}, ["name"]),
        ({"name": "x" * 201}, ["name"]),
        ({"position": None}, ["position"]),
        ({"position": [1, 2]}, ["position"]),
        ({"position": {"x": "1", "y": 2}}, ["position.x"]),
        ({"position": {"x": 1, "y": 1e300}}, ["position.y"]),
        ({"config": None}, ["config"]),
        ({"config": []}, ["config"]),
        ({"config": {"x": "y" * 70_000}}, ["config"]),
        ({"config": {"reason": 7}}, ["config.reason"]),
        ({"templateId": "x"}, ["templateId"]),
        ({"autoConnect": "no"}, ["autoConnect"]),
        ({"type": "DELAY"}, ["config.unit"]),
        (
            {"type": "DELAY", "config": {"amount": 0, "unit": "days"}},
            ["config.amount"],
        ),
        (
            {"type": "DELAY", "config": {"amount": 366, "unit": "days"}},
            ["config.amount"],
        ),
        ({"type": "WAIT_FOR_EVENT", "config": {"timeout": -1}}, None),
        (
            {
                "type": "WAIT_FOR_EVENT",
                "config": {"eventName": "a", "timeout": 31_536_001},
            },
            ["config.timeout"],
        ),
        ({"type": "CONDITION", "config": IS_PRO | {"operator": "x"}}, None),
        (
            {
                "type": "CONDITION",
                "config": {"mode": "multi", "field": "data.x", "branches": []},
            },
            ["config.branches"],
        ),
        ({"type": "UPDATE_CONTACT"}, ["config.updates"]),
        ({"type": "WEBHOOK"}, ["config.url"]),
        (
            {
                "type": "SEND_EMAIL",
                "config": {"recipient": {"type": "CUSTOM", "customEmail": "x"}},
            },
            ["config.recipient.customEmail"],
        ),
    ],
)
def test_what_is_wrong_is_named(
    made: Made, changes: dict[str, Any], fields: list[str] | None
) -> None:
    response = made.api.post(f"{made.path}/steps", STEP | changes)

    assert response.status_code == 422, response.json()
    if fields is not None:
        assert_error(response, 422, "VALIDATION_ERROR", *fields)
    assert len(made.now["steps"]) == 1


def test_a_second_trigger_is_refused(made: Made) -> None:
    response = made.api.post(f"{made.path}/steps", STEP | {"type": "TRIGGER"})

    assert_error(response, 400, "VALIDATION_ERROR")


def test_templates_of_others_are_unknown(
    made: Made, other_project: NewProject, template: Template
) -> None:
    theirs = create(
        project_id=other_project.project.pk,
        written={"name": "a", "subject": "a", "body": "a", "kind": MailKind.MARKETING},
        saved_by=SavedBy.API,
    )
    mail = made.add("SEND_EMAIL", templateId=str(template.pk).upper())
    for pk in (str(theirs.pk), NOBODY):
        body = STEP | {"type": "SEND_EMAIL", "templateId": pk}
        for response in (
            made.api.post(f"{made.path}/steps", body),
            made.api.send("PATCH", step_path(made, mail), {"templateId": pk}),
        ):
            assert_error(response, 404, "TEMPLATE_NOT_FOUND")
    assert made.step("SEND_EMAIL")["templateId"] == str(template.pk)


def test_a_step_is_changed(made: Made, template: Template) -> None:
    mail = made.add("SEND_EMAIL", templateId=str(template.pk))
    path = step_path(made, mail)

    response = made.api.send(
        "PATCH", path, {"name": "New", "position": {"x": -3, "y": 0}, "config": None}
    )

    assert response.status_code == 200
    body = response.json()
    assert (body["name"], body["position"]) == ("New", {"x": -3, "y": 0})
    assert body["templateId"] == str(template.pk)
    assert made.api.send("PATCH", path, {}).json()["templateId"] == str(template.pk)
    cleared = made.api.send("PATCH", path, {"templateId": None})
    assert cleared.json()["templateId"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": 7}, "name"),
        ({"name": " "}, "name"),
        ({"position": 7}, "position"),
        ({"config": 7}, "config"),
        ({"config": {"amount": -1, "unit": "days"}}, "config.amount"),
        ({"templateId": 7}, "templateId"),
    ],
)
def test_a_wrong_change_is_named(made: Made, body: Any, field: str) -> None:
    step = made.add("DELAY", WAIT)

    response = made.api.send("PATCH", step_path(made, step), body)

    assert_error(response, 422, "VALIDATION_ERROR", field)
    assert made.step("DELAY")["config"] == WAIT


def test_the_first_step_is_configured_by_the_trigger(made: Made) -> None:
    path = step_path(made, made.step("TRIGGER"))

    body = made.api.send(
        "PATCH", path, {"name": "Go", "config": {"eventName": "bought"}}
    ).json()

    assert (body["name"], body["config"]) == ("Go", {"eventName": "bought"})
    assert made.now["triggerConfig"] == {"eventName": "bought"}
    wrong = made.api.send("PATCH", path, {"config": {"eventName": 7}})
    assert_error(wrong, 422, "VALIDATION_ERROR", "triggerConfig.eventName")


def test_with_people_inside_names_and_places_change_and_what_is_done_does_not(
    waiting: Made,
) -> None:
    path = step_path(waiting, waiting.step("DELAY"))

    def patch(query: str = "", **body: Any) -> Any:
        return waiting.api.send("PATCH", path + query, body)

    longer = {"amount": 9, "unit": "days"}
    assert patch(name="x", position={"x": 7, "y": 7}, config=WAIT).status_code == 200
    response = patch(config=longer)
    assert_error(response, 409, "CONFLICT")
    assert "newVersion" in response.json()["error"]["suggestion"]
    assert patch("?newVersion=true", config=longer).status_code == 200
    assert waiting.step("DELAY")["config"] == longer
    start = step_path(waiting, waiting.step("TRIGGER"))
    trigger = {"config": {"eventName": "x"}}
    assert_error(waiting.api.send("PATCH", start, trigger), 409, "CONFLICT")


def test_a_step_with_people_in_it_or_behind_it_is_not_deleted(
    api: Api, ann: Contact
) -> None:
    made = Made(api)
    first = made.add("DELAY", WAIT, name="First")
    second = made.add("DELAY", WAIT, name="Second")
    made.patch(enabled=True)
    made.start(ann)
    settle()

    assert_error(api.send("DELETE", step_path(made, first)), 409, "CONFLICT")
    assert api.send("DELETE", step_path(made, second)).status_code == 204
    last = api.send("DELETE", step_path(made, first, "?newVersion=true"))
    # It would have nothing left to do: it has to be disabled first.
    assert last.status_code == 422


def test_deleting_takes_what_only_it_led_to(made: Made) -> None:
    condition = made.add("CONDITION", IS_PRO, name="Pro?")
    yes = made.add("DELAY", WAIT, name="Yes", autoConnect=False)
    end = made.add("EXIT", name="End", autoConnect=False)
    made.join(condition, yes, condition={"branch": "yes"})
    made.join(yes, end)
    other = made.add("DELAY", WAIT, name="No", autoConnect=False)
    made.join(condition, other, condition={"branch": "no"})
    assert made.join(other, end).status_code == 201

    assert made.api.send("DELETE", step_path(made, yes)).status_code == 204

    assert ways(made) == [("No", "End"), ("Pro?", "No"), ("Trigger", "Pro?")]
    made.api.send("DELETE", step_path(made, condition))
    assert [step["name"] for step in made.now["steps"]] == ["Trigger"]


def test_splicing_leaves_what_follows(made: Made) -> None:
    step = made.add("DELAY", WAIT, name="Wait")
    made.add("EXIT", name="End")

    response = made.api.send("DELETE", step_path(made, step, "?splice=true"))

    assert (response.status_code, ways(made)) == (204, [("Trigger", "End")])


@pytest.mark.parametrize(
    ("kind", "config"),
    [("CONDITION", IS_PRO), ("WAIT_FOR_EVENT", {"eventName": "x"}), ("TRIGGER", {})],
)
def test_what_cannot_be_spliced(made: Made, kind: str, config: Any) -> None:
    step = made.step(kind) if kind == "TRIGGER" else made.add(kind, config)

    response = made.api.send("DELETE", step_path(made, step, "?splice=true"))

    assert_error(response, 400, "VALIDATION_ERROR")
    start = made.api.send("DELETE", step_path(made, made.step("TRIGGER")))
    assert_error(start, 400, "VALIDATION_ERROR")


def test_steps_are_joined(made: Made) -> None:
    condition = made.add("CONDITION", IS_PRO)
    end = made.add("EXIT")

    response = made.join(condition, end, condition={"branch": "yes"}, priority=2)

    body = response.json()
    assert response.status_code == 201
    assert body == body | {
        "fromStepId": condition["id"],
        "toStepId": end["id"],
        "condition": {"branch": "yes"},
        "priority": 2,
        "waitOutcome": None,
    }
    path = f"{made.path}/transitions/{body['id']}"
    assert made.api.send("DELETE", path).status_code == 204
    assert_error(made.api.send("DELETE", path), 404, "TRANSITION_NOT_FOUND")
    assert len(made.now["steps"]) == 3


def test_a_wait_leads_on_by_the_event_and_by_time(made: Made) -> None:
    wait = made.add("WAIT_FOR_EVENT", {"eventName": "x", "timeout": 60})
    ends = [made.add("EXIT", autoConnect=False) for _ in range(3)]

    assert made.join(wait, ends[0]).json()["waitOutcome"] is None
    assert made.join(wait, ends[1], waitOutcome="event").status_code == 400
    late = made.join(wait, ends[1], waitOutcome="timeout")
    assert (late.status_code, late.json()["waitOutcome"]) == (201, "TIMEOUT")
    old = made.join(wait, ends[2], condition={"branch": "timeout"})
    assert_error(old, 400, "VALIDATION_ERROR")


def test_a_wait_for_ever_has_no_way_out_by_time(made: Made) -> None:
    wait = made.add("WAIT_FOR_EVENT", {"eventName": "x"})
    end = made.add("EXIT", autoConnect=False)

    response = made.join(wait, end, waitOutcome="TIMEOUT")

    assert_error(response, 400, "VALIDATION_ERROR")


def test_what_cannot_be_joined(made: Made) -> None:
    first = made.add("DELAY", WAIT)
    second = made.add("DELAY", WAIT)
    end = made.add("EXIT")
    alone = made.add("DELAY", WAIT, autoConnect=False)
    condition = made.add("CONDITION", IS_PRO, autoConnect=False)
    assert made.join(condition, alone, condition={"branch": "no"}).status_code == 201
    start = made.step("TRIGGER")

    for one, other, more in (
        (first, first, {}),
        (second, first, {}),
        (alone, alone, {}),
        (first, alone, {}),
        (end, alone, {}),
        (alone, start, {}),
        (alone, end, {"condition": {"branch": "yes"}}),
        (condition, end, {}),
        (condition, end, {"condition": {"branch": "maybe"}}),
        (condition, end, {"condition": {"branch": 7}}),
        (condition, end, {"condition": {"branch": "no"}}),
    ):
        response = made.join(one, other, **more)
        assert_error(response, 400, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    ("changes", "status", "code", "fields"),
    [
        ({"fromStepId": None}, 422, "VALIDATION_ERROR", ["fromStepId"]),
        ({"toStepId": 7}, 422, "VALIDATION_ERROR", ["toStepId"]),
        ({"toStepId": NOBODY}, 404, "STEP_NOT_FOUND", []),
        ({"fromStepId": "x"}, 404, "STEP_NOT_FOUND", []),
        ({"priority": 1.5}, 422, "VALIDATION_ERROR", ["priority"]),
        ({"priority": 10**15}, 422, "VALIDATION_ERROR", ["priority"]),
        ({"priority": True}, 422, "VALIDATION_ERROR", ["priority"]),
        ({"condition": "yes"}, 422, "VALIDATION_ERROR", ["condition"]),
        ({"waitOutcome": "NEVER"}, 422, "VALIDATION_ERROR", ["waitOutcome"]),
    ],
)
def test_a_wrong_transition_is_named(
    made: Made, changes: Any, status: int, code: str, fields: list[str]
) -> None:
    delay = made.add("DELAY", WAIT, autoConnect=False)
    end = made.add("EXIT", autoConnect=False)

    assert_error(made.join(delay, end, **changes), status, code, *fields)


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("DELAY", WAIT),
        ("CONDITION", IS_PRO),
        ("WAIT_FOR_EVENT", {"eventName": "x", "timeout": 60}),
    ],
)
def test_a_step_is_put_between(made: Made, kind: str, config: Any) -> None:
    made.add("EXIT", name="End", position={"x": 100, "y": 300})
    (way,) = made.step("EXIT")["incomingTransitions"]
    path = f"{made.path}/transitions/{way['id']}/insert-step"

    response = made.api.post(path, {"type": kind, "name": "New", "config": config})

    assert response.status_code == 201, response.json()
    assert response.json()["position"] == {"x": 100, "y": 200}
    assert ways(made) == [("New", "End"), ("Trigger", "New")]
    again = made.api.post(path, {"type": kind, "name": "New", "config": config})
    assert again.status_code == 201


@pytest.mark.parametrize("kind", ["TRIGGER", "EXIT"])
def test_what_is_not_put_between(made: Made, kind: str) -> None:
    made.add("EXIT")
    (way,) = made.step("EXIT")["incomingTransitions"]
    path = f"{made.path}/transitions/{way['id']}/insert-step"

    response = made.api.post(path, {"type": kind, "name": "x", "config": {}})

    assert_error(response, 400, "VALIDATION_ERROR")
    missing = made.api.post(path, {})
    assert_error(missing, 422, "VALIDATION_ERROR", "type", "name", "config")


def test_unknown_parts_are_404(made: Made) -> None:
    for pk in (NOBODY, "x", str(uuid4())):
        step, way = f"{made.path}/steps/{pk}", f"{made.path}/transitions/{pk}"
        for method in ("PATCH", "DELETE"):
            response = made.api.send(method, step, {})
            assert_error(response, 404, "STEP_NOT_FOUND")
        assert_error(made.api.send("DELETE", way), 404, "TRANSITION_NOT_FOUND")
        response = made.api.post(f"{way}/insert-step", STEP)
        assert_error(response, 404, "TRANSITION_NOT_FOUND")


def test_an_unfinished_step_of_an_enabled_workflow_is_named_by_its_body(
    waiting: Made,
) -> None:
    body = STEP | {"type": "SEND_EMAIL", "autoConnect": False}

    response = waiting.api.post(f"{waiting.path}/steps", body)

    assert_error(response, 422, "VALIDATION_ERROR", "templateId")
    assert waiting.now["version"] == 1
