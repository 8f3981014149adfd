"""Templates in the classic API, row by row of the contract (classic 2.5)."""

from __future__ import annotations

from typing import Any

import pytest

from plunk.projects.models import Project
from tests.conftest import NOBODY, Api
from tests.contacts.api.conftest import assert_error
from tests.transactional.templates.conftest import Write
from transactional.models import Template

pytestmark = pytest.mark.django_db

URL = "/v1/templates"
BODY = {"subject": "Hello {{ name ?? you }}", "body": "<p>Hi</p>"}


def make(api: Api, **changes: Any) -> dict[str, Any]:
    response = api.post(URL, BODY | changes)
    assert response.status_code == 200, response.json()
    made: dict[str, Any] = response.json()
    return made


def test_a_template_is_made(api: Api, project: Project) -> None:
    made = make(api, email="", **{"from": None})

    template = Template.objects.get()
    assert made == {
        "id": str(template.pk),
        "subject": BODY["subject"],
        "body": BODY["body"],
        "email": None,
        "from": None,
        "type": "MARKETING",
        "style": "PLUNK",
        "projectId": str(project.pk),
        "createdAt": made["createdAt"],
        "updatedAt": made["updatedAt"],
    }
    assert template.name == BODY["subject"]


def test_every_field_is_kept(api: Api) -> None:
    given = {
        "email": "hello@example.com",
        "from": "Acme",
        "type": "TRANSACTIONAL",
        "style": "HTML",
    }

    made = make(api, **given)

    assert made | given == made
    assert api.get(f"{URL}/{made['id']}").json() == made | {"actions": []}


def test_a_template_is_changed(api: Api) -> None:
    made = make(api, email="hello@example.com", type="TRANSACTIONAL")
    change = {"id": made["id"], "subject": "New", "body": "<p>New</p>", "email": ""}

    changed = api.send("PUT", URL, change)

    assert changed.status_code == 200
    assert changed.json() == made | change | {
        "email": None,
        "actions": [],
        "updatedAt": changed.json()["updatedAt"],
    }
    assert Template.objects.get().name == "New"


def test_a_name_of_its_own_stays(api: Api, write: Write) -> None:
    template = write(name="Welcome", subject="Hi")

    api.send("PUT", URL, {"id": str(template.pk), **BODY})

    template.refresh_from_db()
    assert (template.name, template.subject) == ("Welcome", BODY["subject"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("subject", None),
        ("subject", ""),
        ("subject", "x" * 71),
        ("subject", 7),
        ("subject", "a\r\nb"),
        ("body", None),
        ("body", ""),
        ("type", "x"),
        ("style", "x"),
        ("email", "x"),
        ("from", "x" * 101),
    ],
    ids=lambda value: str(value)[:10],
)
def test_what_is_wrong_is_named(api: Api, name: str, value: Any) -> None:
    made = make(api)

    for response in (
        api.post(URL, BODY | {name: value}),
        api.send("PUT", URL, {"id": made["id"]} | BODY | {name: value}),
    ):
        assert_error(response, 422, "VALIDATION_ERROR", name)
    assert Template.objects.get().version == 1


def test_a_sender_must_be_verified(api: Api, settings: Any) -> None:
    settings.REQUIRES_VERIFIED_DOMAIN = True

    response = api.post(URL, BODY | {"email": "a@elsewhere.example"})

    assert_error(response, 403, "DOMAIN_NOT_VERIFIED")


@pytest.mark.parametrize("by", ["body", "path", "query"])
def test_a_template_is_deleted_by_the_id_in_any_place(api: Api, by: str) -> None:
    made = make(api)

    if by == "body":
        response = api.send("DELETE", URL, {"id": made["id"]})
    elif by == "path":
        response = api.send("DELETE", f"{URL}/{made['id']}")
    else:
        response = api.send("DELETE", f"{URL}?id={made['id']}")

    assert response.status_code == 200
    assert response.json() == made | {"actions": []}
    assert_error(api.get(f"{URL}/{made['id']}"), 404, "TEMPLATE_NOT_FOUND")


def test_the_copy_is_answered_and_not_the_original(api: Api) -> None:
    """D6."""
    made = make(api)

    copy = api.post(f"{URL}/duplicate", {"id": made["id"]})

    assert copy.status_code == 200
    assert copy.json()["id"] != made["id"]
    assert copy.json()["subject"] == made["subject"]
    assert Template.objects.count() == 2


@pytest.mark.parametrize("name", [NOBODY, "x", "x" * 100])
def test_a_template_that_is_not_there(api: Api, name: str) -> None:
    for response in (
        api.get(f"{URL}/{name}"),
        api.send("DELETE", f"{URL}/{name}"),
        api.send("DELETE", URL, {"id": name}),
        api.send("PUT", URL, {"id": name, **BODY}),
        api.post(f"{URL}/duplicate", {"id": name}),
    ):
        assert_error(response, 404, "TEMPLATE_NOT_FOUND")


@pytest.mark.parametrize("given", [{}, {"id": None}, {"id": 7}, {"id": {}}])
def test_which_one_has_to_be_said(api: Api, given: dict[str, Any]) -> None:
    for response in (
        api.send("DELETE", URL, given),
        api.send("PUT", URL, given | BODY),
        api.post(f"{URL}/duplicate", given),
    ):
        assert_error(response, 422, "VALIDATION_ERROR", "id")


def test_the_same_request_is_done_once(api: Api) -> None:
    headers = {"HTTP_IDEMPOTENCY_KEY": "once"}

    first = api.post(URL, BODY, **headers)

    assert api.post(URL, BODY, **headers).json() == first.json()
    assert Template.objects.count() == 1
