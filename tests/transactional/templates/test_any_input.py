"""Whatever comes to the template endpoints, an answer goes back (A3, B1-B17, M7)."""

from __future__ import annotations

import json
from typing import Any, ClassVar
from uuid import uuid4

import orjson
import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from plunk.projects.creating import create_project
from plunk.projects.models import Project, User
from tests.api.bad_bodies import BAD_BODIES
from tests.api.test_any_input import PROFILE, texts, values
from tests.conftest import Api
from tests.contacts.api.conftest import assert_error
from tests.transactional.templates.conftest import BODY
from transactional import templates
from transactional.models import SavedBy, Template

CLASSIC = {"subject": "Hi", "body": "<p>Hi</p>"}
#: Every endpoint with a body: method, path and a body that is right.
BODIES: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/api/templates", BODY),
    ("PATCH", "/api/templates/{id}", {"subject": "x", "version": 1}),
    ("POST", "/api/templates/bulk-update", {"ids": [str(uuid4())], "delete": True}),
    ("POST", "/v1/templates", CLASSIC),
    ("PUT", "/v1/templates", CLASSIC | {"id": str(uuid4())}),
    ("DELETE", "/v1/templates", {"id": str(uuid4())}),
    ("POST", "/v1/templates/duplicate", {"id": str(uuid4())}),
]
#: Every endpoint without one.
OTHERS = [
    ("GET", "/api/templates"),
    ("GET", "/api/templates/{id}"),
    ("DELETE", "/api/templates/{id}"),
    ("POST", "/api/templates/{id}/duplicate"),
    ("GET", "/api/templates/{id}/usage"),
    ("GET", "/api/templates/{id}/versions"),
    ("GET", "/api/templates/{id}/versions/1"),
    ("POST", "/api/templates/{id}/versions/1/restore"),
    ("GET", "/v1/templates/{id}"),
    ("DELETE", "/v1/templates/{id}"),
]


def at(path: str, template: Template | None = None) -> str:
    return path.replace("{id}", str(template.pk if template else uuid4()))


@pytest.mark.django_db
def test_only_a_secret_key_opens(public_api: Api, template: Template) -> None:
    """A1, A3."""
    keys = {
        "": "MISSING_AUTH",
        f"sk_{'0' * 48}": "INVALID_API_KEY",
        public_api.key: "INVALID_API_KEY",
    }
    for method, path in (*((one[0], one[1]) for one in BODIES), *OTHERS):
        for key, code in keys.items():
            response = Api(Client(), key).send(method, at(path, template), {})
            assert_error(response, 401, code)

    assert templates.template_of(template.project_id, template.pk) == template


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/templates", "GET, POST"),
        ("/api/templates/bulk-update", "POST"),
        ("/api/templates/{id}", "GET, PATCH, DELETE"),
        ("/api/templates/{id}/duplicate", "POST"),
        ("/api/templates/{id}/usage", "GET"),
        ("/api/templates/{id}/versions/1", "GET"),
        ("/v1/templates", "POST, PUT, DELETE"),
        ("/v1/templates/duplicate", "POST"),
        ("/v1/templates/{id}", "GET, DELETE"),
    ],
)
@pytest.mark.parametrize("method", ["PURGE", "PATCH", "PUT", "OPTIONS", "POST"])
def test_another_method_is_405(api: Api, path: str, allowed: str, method: str) -> None:
    """B16."""
    if method in allowed.split(", "):
        return
    response = api.send(method, at(path), {})

    assert_error(response, 405, "METHOD_NOT_ALLOWED")
    assert set(response["Allow"].split(", ")) - {"HEAD"} == set(allowed.split(", "))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("raw", "status"),
    [
        *BAD_BODIES,
        (b'{"body": "\\u0000"}', 422),
        (b'{"body": "\\ud800"}', 422),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_bad_body_is_an_answer(
    api: Api, template: Template, raw: bytes, status: int
) -> None:
    for method, path, _ in BODIES:
        response = api.send(method, at(path, template), raw)

        assert response.status_code == status, (method, path)
        assert response.json()["success"] is False


@pytest.mark.django_db
def test_the_longest_body_comes_through(api: Api) -> None:
    for body, status in (("é" * 2_000_000, 201), ("x" * 2_000_001, 422)):
        response = api.post("/api/templates", BODY | {"body": body})
        assert response.status_code == status


@pytest.mark.django_db
def test_unknown_members_are_ignored(api: Api, template: Template) -> None:
    """B13, M7: among them those of our own rows."""
    own = {
        "projectId": str(uuid4()),
        "project_id": str(uuid4()),
        "createdAt": "2020-01-01T00:00:00Z",
        "deletedAt": "2020-01-01T00:00:00Z",
        "deleted_at": "2020-01-01T00:00:00Z",
        "from_email": "x@example.com",
        "__proto__": {},
    }
    before = Template.objects.values("project_id", "created_at", "deleted_at").get()

    response = api.send("PATCH", f"/api/templates/{template.pk}", own)

    after = Template.objects.values("project_id", "created_at", "deleted_at").get()
    assert response.json()["version"] == 1
    assert after == before


@pytest.mark.django_db
@pytest.mark.parametrize(
    "query",
    ["limit=%00", "cursor=%ff", "search=%ed%a0%80", "type=%00", "sort=%F0", "&&="],
)
def test_any_query_is_an_answer(api: Api, template: Template, query: str) -> None:
    for path in (path for method, path in OTHERS if method == "GET"):
        response = api.send("GET", f"{at(path, template)}?{query}")
        assert response.status_code in {200, 422}, path


@pytest.mark.django_db
def test_a_disabled_project_may_look_and_not_touch(
    api: Api, template: Template
) -> None:
    """A5."""
    Project.objects.update(is_disabled=True)

    for method, path in (*((one[0], one[1]) for one in BODIES), *OTHERS):
        response = api.send(method, at(path, template), None)
        if method == "GET":
            assert response.status_code == 200
        else:
            assert_error(response, 403, "PROJECT_DISABLED")


def wrong(body: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return right bodies with one or several members gone wrong, or added."""
    names = st.one_of(
        st.sampled_from([*body, "id", "from", "type", "tracking", "replyTo"]), texts
    )
    return st.dictionaries(names, values, min_size=1, max_size=4).map(
        lambda changes: body | changes
    )


class AnyInput(TestCase):
    """B14, for each endpoint with a body at once."""

    api: ClassVar[Api]
    template: ClassVar[Template]

    @classmethod
    def setUpTestData(cls) -> None:
        alice = User.objects.create_user("alice@example.com", "correct horse")
        made = create_project(name="A", owner=alice)
        cls.api = Api(Client(), made.secret.value)
        cls.template = templates.create(
            project_id=made.project.pk,
            written={"name": "A", "subject": "A", "body": "A"},
            saved_by=SavedBy.PAGE,
        )

    @PROFILE
    @given(
        st.sampled_from(BODIES).flatmap(
            lambda one: st.tuples(st.just(one), wrong(one[2]))
        )
    )
    def test_a_wrong_member(self, case: Any) -> None:
        (method, path, _), body = case

        response = self.api.send(
            method, at(path, self.template), json.dumps(body).encode()
        )

        told = orjson.loads(response.content)
        assert response.status_code < 500, (method, path, body, told)
        assert len(response.content) < 400_000
        if response.status_code >= 400:
            assert told["success"] is False
