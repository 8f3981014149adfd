"""Numbers that PostgreSQL gives back as integers of more than 64 bits (B7)."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from contacts.models import Contact
from plunk.api.strictjson import write
from plunk.projects.models import Project, User
from tests.conftest import Api
from transactional.manuscripts import Manuscript
from transactional.rendering import compile_content, render

pytestmark = pytest.mark.django_db

LARGE = b'{"email": "ann@example.com", "data": {"n": 1e300, "list": [-1e19]}}'


def body_of(response: Any) -> bytes:
    return b"".join(response) if response.streaming else bytes(response.content)


@pytest.fixture
def large(api: Api) -> Contact:
    assert api.post("/api/contacts", LARGE).status_code == 201
    return Contact.objects.get()


def test_every_answer_can_say_one(api: Api, large: Contact) -> None:
    for path in (
        "/v1/contacts",
        "/v1/contacts?limit=1",
        f"/v1/contacts/{large.pk}",
        "/api/contacts",
        f"/api/contacts/{large.pk}",
        "/api/contacts/fields",
        "/api/contacts/fields/data.n/values",
        "/api/contacts/fields/data.list/values",
    ):
        assert api.get(path).status_code == 200, path
    assert api.get(f"/api/contacts/{large.pk}").json()["data"]["n"] == 1e300
    assert b"ann@example.com" in body_of(api.get("/v1/contacts"))


def test_a_contact_that_has_one_can_change(api: Api, large: Contact) -> None:
    classic = {"id": str(large.pk), "data": {"b": 2}}

    for method, path, body in (
        ("PATCH", f"/api/contacts/{large.pk}", {"data": {"a": 1}}),
        ("PUT", "/v1/contacts", classic),
        ("DELETE", f"/v1/contacts/{large.pk}", None),
    ):
        assert api.send(method, path, body).status_code == 200, method


def test_a_request_that_has_one_can_be_repeated(api: Api) -> None:
    given = [
        api.post("/api/contacts", LARGE, HTTP_IDEMPOTENCY_KEY="once") for _ in range(2)
    ]

    assert [answer.status_code for answer in given] == [201, 201]
    assert [answer.json()["data"]["n"] for answer in given] == [1e300, 1e300]


def test_pages_show_change_and_export_one(
    client: Client, bob: User, project: Project, large: Contact
) -> None:
    client.force_login(bob)
    here = f"/projects/{project.pk}/contacts"
    row = {"name": "k", "type": "text", "value": "v", "before": ""}

    for path in (
        f"{here}/?col=n&col=list",
        f"{here}/{large.pk}/",
        f"{here}/{large.pk}/edit/",
        f"/projects/{project.pk}/segments/values/?field=data.n",
    ):
        assert client.get(path).status_code == 200, path
    file = body_of(client.get(f"{here}/export/?download=1&field=email&keys=all"))
    assert file.count(b"\n") == 2
    saved = client.post(
        f"{here}/{large.pk}/edit/",
        row
        | {"email": large.email, "shown": ["n", "list"]}
        | {"name": ["n", "list", "k"], "type": ["json", "json", "text"]}
        | {"value": ["1e300", "[-1e19]", "v"], "before": ["", "", ""]},
    )
    assert saved.status_code == 302
    large.refresh_from_db()
    assert (large.data or {})["k"] == "v"


def test_what_no_writer_knows_is_refused() -> None:
    assert write({"b": 2**64 - 1, "a": 2**70}, sort_keys=True) == (
        b'{"a":1.1805916207174113e+21,"b":18446744073709551615}'
    )
    with pytest.raises(TypeError):
        write({"a": object()})


def test_a_mail_can_say_one() -> None:
    compiled = compile_content(Manuscript("{{n}}", "{{n}} and {{of.n}}"))

    assert render(compiled, {"n": 10**20, "of": {"n": 10**20}}).subject == "1e+20"
