"""Whatever comes to the contact endpoints, an answer goes back (A3, B1-B17)."""

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

from contacts.models import Contact
from plunk.projects.creating import create_project
from plunk.projects.models import Project, User
from tests.api.bad_bodies import BAD_BODIES
from tests.api.test_any_input import PROFILE, texts, values
from tests.conftest import Api
from tests.contacts.api.conftest import assert_error, people

ANN = "ann@example.com"
#: Every endpoint with a body: method, path and a body that is right.
BODIES: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/v1/contacts", {"email": ANN, "subscribed": True, "data": {"a": 1}}),
    ("PUT", "/v1/contacts", {"email": ANN, "subscribed": True, "data": "{}"}),
    ("DELETE", "/v1/contacts", {"id": str(uuid4())}),
    ("POST", "/v1/contacts/subscribe", {"email": ANN}),
    ("POST", "/v1/contacts/unsubscribe", {"id": str(uuid4())}),
    ("POST", "/api/contacts", {"email": ANN, "subscribed": True, "data": {"a": 1}}),
    ("PATCH", "/api/contacts/{id}", {"email": ANN, "subscribed": False, "data": {}}),
    ("POST", "/api/contacts/lookup", {"emails": [ANN]}),
    ("POST", "/api/contacts/bulk-subscribe", {"mode": "ids", "contactIds": []}),
    (
        "POST",
        "/api/contacts/bulk-unsubscribe",
        {"mode": "query", "filter": {"search": "x"}, "excludeIds": [str(uuid4())]},
    ),
    ("POST", "/api/contacts/bulk-delete", {"mode": "ids", "contactIds": [7]}),
]
#: Every endpoint without one.
OTHERS = [
    ("GET", "/v1/contacts"),
    ("GET", "/v1/contacts/count"),
    ("GET", "/v1/contacts/{id}"),
    ("DELETE", "/v1/contacts/{id}"),
    ("GET", "/api/contacts"),
    ("GET", "/api/contacts/{id}"),
    ("DELETE", "/api/contacts/{id}"),
    ("GET", "/api/contacts/bulk/{id}"),
    ("POST", "/api/contacts/import"),
    ("GET", "/api/contacts/import/{id}"),
    ("GET", "/api/contacts/fields"),
    ("GET", "/api/contacts/fields/data.a/values"),
    ("GET", "/api/contacts/fields/data.a/usage"),
    ("DELETE", "/api/contacts/fields/data.a"),
]


def at(path: str, contact: Contact | None = None) -> str:
    return path.replace("{id}", str(contact.pk if contact else uuid4()))


@pytest.mark.django_db
def test_only_a_secret_key_opens(public_api: Api, ann: Contact) -> None:
    """A1, A3: a browser may subscribe and unsubscribe by id, and nothing else."""
    before = list(Contact.objects.values())
    for method, path in (*((one[0], one[1]) for one in BODIES), *OTHERS):
        keys = {
            "": "MISSING_AUTH",
            f"sk_{'0' * 48}": "INVALID_API_KEY",
            "x": "INVALID_API_KEY",
        }
        if "subscribe" not in path or "bulk" in path:
            keys[public_api.key] = "INVALID_API_KEY"

        for key, code in keys.items():
            client = Api(Client(), key)
            response = client.send(method, at(path, ann), {"id": str(ann.pk)})
            assert_error(response, 401, code)

    assert list(Contact.objects.values()) == before


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/contacts", "GET, POST, PUT, DELETE"),
        ("/v1/contacts/count", "GET"),
        ("/v1/contacts/subscribe", "POST"),
        ("/v1/contacts/{id}", "GET, DELETE"),
        ("/api/contacts", "GET, POST"),
        ("/api/contacts/lookup", "POST"),
        ("/api/contacts/import", "POST"),
        ("/api/contacts/{id}", "GET, PATCH, DELETE"),
        ("/api/contacts/fields/data.a", "DELETE"),
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
    ("raw", "status"), BAD_BODIES, ids=lambda value: str(value)[:20]
)
def test_a_bad_body_is_an_answer(
    api: Api, ann: Contact, raw: bytes, status: int
) -> None:
    for method, path, _ in BODIES:
        response = api.send(method, at(path, ann), raw)

        assert response.status_code == status, (method, path)
        assert response.json()["success"] is False


@pytest.mark.django_db
@pytest.mark.parametrize(
    "headers",
    [
        {"CONTENT_TYPE": "text/plain"},
        {"CONTENT_TYPE": "application/x-www-form-urlencoded"},
        {"HTTP_CONTENT_ENCODING": "gzip"},
    ],
)
def test_other_kinds_of_body_are_415(
    api: Api, ann: Contact, headers: dict[str, str]
) -> None:
    """B3, B10."""
    for method, path, body in BODIES:
        response = api.send(method, at(path, ann), body, **headers)
        assert_error(response, 415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.django_db
def test_an_empty_body_is_an_empty_object(api: Api, ann: Contact) -> None:
    for method, path, _ in BODIES:
        response = api.send(method, at(path, ann))

        assert response.status_code == (200 if method == "PATCH" else 422), path


@pytest.mark.django_db
def test_unknown_members_are_ignored(api: Api, ann: Contact) -> None:
    """B13, M7: among them those of our own rows."""
    own = {
        "projectId": str(uuid4()),
        "createdAt": "2020-01-01T00:00:00Z",
        "confirmedAt": "2020-01-01T00:00:00Z",
        "consentSource": "PAGE",
        "withUnsubscribe": True,
        "__proto__": {},
    }
    before = Contact.objects.get()

    for method, path, body in BODIES:
        assert api.send(method, at(path, ann), own | body).status_code < 500

    after = Contact.objects.get()
    for name in ("project_id", "created_at", "confirmed_at"):
        assert getattr(after, name) == getattr(before, name)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "query",
    [
        "limit=%00",
        "cursor=%ff",
        "search=%ed%a0%80",
        "page=%F0",
        "x=" + "y" * 5000,
        "&&=",
    ],
)
def test_any_query_is_an_answer(api: Api, query: str, project: Project) -> None:
    people(project, 1)

    for path in (path for method, path in OTHERS if method == "GET"):
        response = api.send("GET", f"{at(path)}?{query}")
        assert response.status_code in {200, 404, 422}, path


@pytest.mark.django_db
def test_no_answer_repeats_more_than_it_should(api: Api) -> None:
    """B12."""
    script = "<script>" + "x" * 2000
    response = api.post("/api/contacts", {"email": script, "data": {script: 1}})

    assert response["Content-Type"] == "application/json"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert b"x" * 301 not in response.content


@pytest.mark.django_db
def test_no_other_origin_reads_contacts(api: Api, public_api: Api) -> None:
    """E10."""
    for one in (
        api.send("GET", "/v1/contacts", HTTP_ORIGIN="https://evil.example"),
        public_api.send(
            "POST", "/v1/contacts/subscribe", {}, HTTP_ORIGIN="https://evil.example"
        ),
    ):
        assert "Access-Control-Allow-Origin" not in one


@pytest.mark.django_db
def test_a_disabled_project_may_look_and_not_touch(api: Api, ann: Contact) -> None:
    """A5."""
    Project.objects.update(is_disabled=True)

    for method, path in (*((one[0], one[1]) for one in BODIES), *OTHERS):
        response = api.send(method, at(path, ann), {} if method != "GET" else None)
        if method == "GET":
            assert response.status_code in {200, 404}
        else:
            assert_error(response, 403, "PROJECT_DISABLED")


def wrong(body: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return right bodies with one or several members gone wrong, or added."""
    names = st.one_of(
        st.sampled_from([*body, "id", "email", "data", "mode", "filter", "contactIds"]),
        texts,
    )
    return st.dictionaries(names, values, min_size=1, max_size=4).map(
        lambda changes: body | changes
    )


class AnyInput(TestCase):
    """B14, for each endpoint with a body at once."""

    api: ClassVar[Api]
    contact: ClassVar[Contact]

    @classmethod
    def setUpTestData(cls) -> None:
        alice = User.objects.create_user("alice@example.com", "correct horse")
        made = create_project(name="A", owner=alice)
        cls.api = Api(Client(), made.secret.value)
        cls.contact = Contact.objects.create(project=made.project, email=ANN)

    @PROFILE
    @given(
        st.sampled_from(BODIES).flatmap(
            lambda one: st.tuples(st.just(one), wrong(one[2]))
        )
    )
    def test_a_wrong_member(self, case: Any) -> None:
        (method, path, _), body = case

        response = self.api.send(
            method, at(path, self.contact), json.dumps(body).encode()
        )

        told = orjson.loads(response.content)
        assert response.status_code < 500, (method, path, body, told)
        assert len(response.content) < 400_000
        if response.status_code >= 400:
            assert told["success"] is False
