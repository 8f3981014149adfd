"""`POST /v1/send`: what it takes, what it answers, what it stores."""

from __future__ import annotations

from typing import Any

import pytest

from contacts.models import Contact
from plunk.projects.models import Project
from tests.conftest import Api
from transactional.models import Email

MAIL = {"to": "ann@example.com", "subject": "Hello", "body": "<p>Hello</p>"}


def test_both_generations_find_their_members(api: Api, project: Project) -> None:
    response = api.post("/v1/send", MAIL)

    body = response.json()
    assert response.status_code == 200, body
    assert body["success"] is True
    assert body["emails"] == body["data"]["emails"]
    assert body["timestamp"] == body["data"]["timestamp"]
    (mail,) = body["emails"]
    email = Email.objects.get(project=project)
    assert mail == {
        "contact": {"id": str(email.contact_id), "email": "ann@example.com"},
        "email": str(email.pk),
    }


def test_a_new_contact_is_not_subscribed(api: Api) -> None:
    api.post("/v1/send", MAIL)

    assert Contact.objects.get().subscribed is False


def test_subscribed_only_ever_switches_on(api: Api) -> None:
    api.post("/v1/send", MAIL | {"subscribed": True})
    api.post("/v1/send", MAIL | {"subscribed": False})

    assert Contact.objects.get().subscribed is True


def test_recipients_are_answered_in_their_order_without_duplicates(api: Api) -> None:
    to: list[Any] = ["zoe@example.com", "Ann@Example.com", "ann@example.com "]

    body = api.post("/v1/send", MAIL | {"to": to}).json()

    addresses = [mail["contact"]["email"] for mail in body["emails"]]
    assert addresses == ["zoe@example.com", "ann@example.com"]


def test_a_recipients_name_is_kept_with_the_contact(api: Api) -> None:
    to = [{"email": "ann@example.com", "name": "Ann"}, "bea@example.com"]

    api.post("/v1/send", MAIL | {"to": to, "data": {"plan": "pro"}})

    assert Contact.objects.get(email="ann@example.com").data == {
        "name": "Ann",
        "plan": "pro",
    }
    assert Email.objects.get(to_email="ann@example.com").to_name == "Ann"


def test_data_is_merged_and_null_removes(api: Api) -> None:
    api.post("/v1/send", MAIL | {"data": {"a": 1, "b": [1, {"c": None}], "d": "x"}})
    api.post(
        "/v1/send",
        MAIL
        | {
            "data": {
                "a": None,
                "d": "",
                "code": {"value": "42", "persistent": False},
                "plunk_id": "evil",
            }
        },
    )

    assert Contact.objects.get().data == {"b": [1, {"c": None}], "d": "x"}
    assert Email.objects.order_by("-created_at", "-id")[0].variables == {"code": "42"}


@pytest.mark.parametrize("path", ["/v1/send", "/v1/send/", "/api/v1/send"])
def test_every_spelling_of_the_path_answers(api: Api, path: str) -> None:
    assert api.post(path, MAIL).status_code == 200
