"""Whatever comes to the workflow endpoints, an answer goes back (A3, B1-B17, M7)."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import orjson
import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from plunk.api.keys import forget_cached_keys
from plunk.projects.creating import create_project
from plunk.projects.models import Project, User
from tests.api.bad_bodies import BAD_BODIES
from tests.api.test_any_input import PROFILE, texts, values
from tests.automations.api.conftest import WAIT, Made
from tests.conftest import NOBODY, Api
from tests.contacts.api.conftest import assert_error

_STEP = {
    "type": "CONDITION",
    "name": "x",
    "position": {"x": 1, "y": 1},
    "config": {"field": "data.x", "operator": "equals", "value": 1},
}
_ONE = "/api/workflows/{id}"
#: Every endpoint with a body: method, path and a body that is right, or nearly.
BODIES: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/api/workflows", {"name": "x", "eventName": "y"}),
    ("PATCH", _ONE, {"triggerType": "EVENT", "triggerConfig": {"eventName": "z"}}),
    ("POST", "/api/workflows/bulk-update", {"ids": [NOBODY], "delete": True}),
    ("POST", f"{_ONE}/steps", _STEP),
    ("PATCH", f"{_ONE}/steps/{{step}}", {"config": WAIT, "position": {"x": 1, "y": 2}}),
    ("PATCH", f"{_ONE}/steps/{{start}}", {"config": {"eventName": "x"}}),
    ("POST", f"{_ONE}/transitions", {"fromStepId": "{start}", "toStepId": "{step}"}),
    ("POST", f"{_ONE}/transitions/{{way}}/insert-step", _STEP),
    ("POST", f"{_ONE}/executions", {"contactId": NOBODY, "context": {"a": 1}}),
    (
        "POST",
        "/v1/actions",
        {"name": "x", "template": NOBODY, "events": [NOBODY], "delay": 1},
    ),
    ("PUT", "/v1/actions", {"id": NOBODY, "name": "x", "template": NOBODY}),
    ("DELETE", "/v1/actions", {"id": NOBODY}),
]
#: Every endpoint that reads none.
OTHERS = [
    ("GET", "/api/workflows"),
    ("GET", "/api/workflows/fields"),
    ("GET", _ONE),
    ("GET", f"{_ONE}/executions"),
    ("GET", f"{_ONE}/executions/{NOBODY}"),
    ("GET", f"/v1/actions/{NOBODY}"),
    ("GET", f"/v1/actions/{NOBODY}/related"),
    ("POST", f"{_ONE}/duplicate"),
    ("POST", f"{_ONE}/executions/cancel-all"),
    ("DELETE", f"{_ONE}/transitions/{NOBODY}"),
    ("DELETE", f"{_ONE}/steps/{NOBODY}"),
    ("DELETE", f"{_ONE}/executions/{NOBODY}"),
    ("DELETE", f"/v1/actions/{NOBODY}"),
]


class Places:
    """The ids of a workflow's parts."""

    def __init__(self, made: Made) -> None:
        made.add("DELAY", WAIT)
        start, step = made.now["steps"]
        self.ids = {
            "{id}": made.first["id"],
            "{start}": start["id"],
            "{step}": step["id"],
            "{way}": start["outgoingTransitions"][0]["id"],
        }

    def at(self, text: str) -> str:
        for name, pk in self.ids.items():
            text = text.replace(name, pk)
        return text


@pytest.fixture
def places(made: Made) -> Places:
    return Places(made)


@pytest.mark.django_db
def test_only_a_secret_key_opens(public_api: Api, places: Places) -> None:
    keys = {
        "": "MISSING_AUTH",
        f"sk_{'0' * 48}": "INVALID_API_KEY",
        public_api.key: "INVALID_API_KEY",
    }
    for method, path in (*((one[0], one[1]) for one in BODIES), *OTHERS):
        for key, code in keys.items():
            response = Api(Client(), key).send(method, places.at(path), {})
            assert_error(response, 401, code)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("raw", "status"),
    [
        *BAD_BODIES,
        (b'{"name": "\\u0000"}', 422),
        (b'{"config": {"a": "\\ud800"}}', 422),
        (b'{"x": "' + b"a" * 10_000_000 + b'"}', 413),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_bad_body_is_an_answer(
    api: Api, places: Places, raw: bytes, status: int
) -> None:
    for method, path, _ in BODIES:
        response = api.send(method, places.at(path), raw)

        assert response.status_code == status, (method, path)
        assert response.json()["success"] is False


@pytest.mark.django_db
def test_an_empty_body_is_an_answer(api: Api, places: Places) -> None:
    for method, path, _ in BODIES:
        response = api.send(method, places.at(path))
        expected = {200} if method == "PATCH" else {422}
        assert response.status_code in expected, (method, path)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "query",
    [
        *("limit=%00", "cursor=%ff", "search=%ed%a0%80", "status=%00", "sort=%F0"),
        *("&&=", "eventName=%00", "page=1e99", "newVersion=%00", "pageSize=-1"),
    ],
)
def test_any_query_is_an_answer(api: Api, places: Places, query: str) -> None:
    for path in (path for method, path in OTHERS if method == "GET"):
        response = api.send("GET", f"{places.at(path)}?{query}")
        assert response.status_code in {200, 404, 422}, path


@pytest.mark.django_db
@pytest.mark.parametrize("pk", ["%00", "..%2f", "x" * 8000, "%ff", "00000000"])
def test_any_id_is_an_answer(api: Api, places: Places, pk: str) -> None:
    for method, path in OTHERS:
        for each in (path.replace("{id}", pk), path.replace(NOBODY, pk)):
            response = api.send(method, places.at(each))
            assert response.status_code < 500, (method, path)


@pytest.mark.django_db
def test_a_disabled_project_may_look_and_not_touch(api: Api, places: Places) -> None:
    Project.objects.update(is_disabled=True)
    forget_cached_keys()

    for method, path in (*((one[0], one[1]) for one in BODIES), *OTHERS):
        response = api.send(method, places.at(path), None)
        if method == "GET":
            assert response.status_code in {200, 404}
        else:
            assert_error(response, 403, "PROJECT_DISABLED")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/workflows", "GET, POST"),
        ("/api/workflows/fields", "GET"),
        (_ONE, "GET, PUT, PATCH, DELETE"),
        (f"{_ONE}/steps", "POST"),
        (f"{_ONE}/executions", "GET, POST"),
        ("/v1/actions", "POST, PUT, DELETE"),
        (f"/v1/actions/{NOBODY}", "GET, DELETE"),
    ],
)
def test_another_method_is_405(
    api: Api, places: Places, path: str, allowed: str
) -> None:
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - {*allowed.split(", ")}:
        response = api.send(method, places.at(path), {})
        assert_error(response, 405, "METHOD_NOT_ALLOWED")
        assert set(response["Allow"].split(", ")) - {"HEAD"} == {*allowed.split(", ")}


def wrong(body: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return right bodies with one or several members gone wrong, or added."""
    names = st.one_of(
        st.sampled_from(
            [
                *body,
                *("config", "type", "position", "templateId", "condition", "priority"),
                *("waitOutcome", "triggerType", "triggerConfig", "enabled", "context"),
                *("autoConnect", "events", "notevents", "delay", "runOnce", "id"),
            ]
        ),
        texts,
    )
    return st.dictionaries(names, values, min_size=1, max_size=4).map(
        lambda changes: body | changes
    )


class AnyInput(TestCase):
    """B14, for each endpoint with a body at once."""

    api: ClassVar[Api]
    places: ClassVar[Places]

    @classmethod
    def setUpTestData(cls) -> None:
        alice = User.objects.create_user("alice@example.com", "correct horse")
        made = create_project(name="A", owner=alice)
        cls.api = Api(Client(), made.secret.value)
        cls.places = Places(Made(cls.api))

    @PROFILE
    @given(
        st.sampled_from(BODIES).flatmap(
            lambda one: st.tuples(st.just(one), wrong(one[2]))
        )
    )
    def test_a_wrong_member(self, case: Any) -> None:
        (method, path, _), body = case
        raw = self.places.at(json.dumps(body))

        response = self.api.send(method, self.places.at(path), raw.encode())

        told = orjson.loads(response.content)
        assert response.status_code < 500, (method, path, body, told)
        if response.status_code >= 400:
            assert told["success"] is False
