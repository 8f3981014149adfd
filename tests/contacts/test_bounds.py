"""A contact's data as a whole, whoever adds to it and however often."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from automations.models import Occurrence
from contacts.data import data_that_fits
from contacts.models import DATA_CONSTRAINT, MAX_DATA_LENGTH, Contact
from plunk.api.models import IdempotencyKey
from plunk.projects.models import Project
from tests.conftest import Api
from transactional.models import Content, Email

# A refused statement outside a transaction, as in life.
pytestmark = pytest.mark.django_db(transaction=True)

TRACK = {"event": "signed-up", "email": "ann@example.com"}
SEND = {"to": "ann@example.com", "subject": "Hello", "body": "<p>Hello</p>"}
#: The fifth of these is one too many.
PIECE = "x" * 60_000


def fill(api: Api) -> None:
    for number in range(4):
        data = {f"key{number}": PIECE}
        assert api.post("/v1/track", TRACK | {"data": data}).status_code == 200


def data_of_ann() -> dict[str, Any]:
    return Contact.objects.get(email="ann@example.com").data or {}


def assert_refused(response: Any) -> None:
    error = response.json()["error"]
    assert response.status_code == 422, error
    assert error["code"] == "VALIDATION_ERROR"
    assert [(one["field"], one["code"]) for one in error["errors"]] == [
        ("data", "too_big")
    ]


@pytest.mark.parametrize("kind", ["api", "public_api"])
def test_an_event_that_makes_a_contact_too_large_is_refused(
    kind: str, request: pytest.FixtureRequest
) -> None:
    """C4: sixty requests with a public key, and each mail took megabytes."""
    api: Api = request.getfixturevalue(kind)
    fill(api)
    before = Contact.objects.values().get()

    response = api.post("/v1/track", TRACK | {"data": {"key4": PIECE}})

    assert_refused(response)
    assert Contact.objects.values().get() == before
    assert Occurrence.objects.count() == 4


@pytest.mark.parametrize("extra", [{}, {"subscribed": True}])
def test_a_mail_that_makes_a_contact_too_large_is_refused(
    api: Api, extra: dict[str, Any]
) -> None:
    fill(api)
    before = Contact.objects.values().get()
    to = ["new@example.com", "ann@example.com"]

    response = api.post("/v1/send", SEND | extra | {"to": to, "data": {"key4": PIECE}})

    assert_refused(response)
    assert Contact.objects.values().get() == before
    assert not Email.objects.exists()
    assert not Content.objects.exists()


@pytest.mark.parametrize("path", ["/v1/send", "/v1/track"])
def test_the_key_of_a_refused_request_is_free(api: Api, path: str) -> None:
    fill(api)
    body = SEND if path == "/v1/send" else TRACK
    key = {"HTTP_IDEMPOTENCY_KEY": "order-1"}

    refused = api.post(path, body | {"data": {"key4": PIECE}}, **key)
    free = not IdempotencyKey.objects.exists()
    accepted = api.post(path, body | {"data": {"key4": "short"}}, **key)

    assert_refused(refused)
    assert free
    assert accepted.status_code == 200
    assert data_of_ann()["key4"] == "short"


@pytest.mark.parametrize("path", ["/v1/send", "/v1/track"])
def test_a_full_contact_still_gets_mail_and_can_be_emptied(api: Api, path: str) -> None:
    fill(api)
    body = SEND if path == "/v1/send" else TRACK

    plain = api.post(path, body)
    replaced = api.post(path, body | {"data": {"key0": PIECE}})
    swapped = api.post(path, body | {"data": {"key0": None, "key4": PIECE}})

    assert [one.status_code for one in (plain, replaced, swapped)] == [200, 200, 200]
    assert sorted(data_of_ann()) == ["key1", "key2", "key3", "key4"]


@pytest.mark.parametrize("letter", ["x", "ü", "漢", "\U0001f600"])
def test_one_request_always_fits_a_new_contact(api: Api, letter: str) -> None:
    """Whether or not the database writes letters as themselves."""
    value = letter * (65_000 // len(letter.encode()))

    response = api.post("/v1/track", TRACK | {"data": {"k": value}})

    assert response.status_code == 200
    assert Contact.objects.get().data == {"k": value}


def test_the_bound_is_the_databases(project: Project) -> None:
    contact = Contact.objects.create(project=project, email="ann@example.com")
    contacts = Contact.objects.filter(pk=contact.pk)
    room = MAX_DATA_LENGTH - len('{"k": ""}')

    contacts.update(data={"k": "x" * room})

    with pytest.raises(IntegrityError, match=DATA_CONSTRAINT):
        contacts.update(data={"k": "x" * (room + 1)})


def test_another_integrity_error_stays_what_it_is(project: Project) -> None:
    Contact.objects.create(project=project, email="ann@example.com")

    with (
        pytest.raises(IntegrityError),
        data_that_fits(),
        transaction.atomic(),
    ):
        Contact.objects.create(
            project=project, email="ann@example.com", data={"k": DATA_CONSTRAINT}
        )
