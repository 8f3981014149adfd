"""`/v1/contacts…`, row by row of the contract (2.3; P9-P15, P24)."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import orjson
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from automations.models import Occurrence
from contacts.api import classic
from contacts.ledger import Act
from contacts.models import ConsentChange, Contact, Door
from contacts.subscriptions import set_subscribed
from plunk.api.answers import timestamp
from plunk.projects.models import Project
from tests.conftest import NOBODY, Api
from tests.contacts.api.conftest import assert_error, people
from tests.pages.rows import make_email, make_occurrence

pytestmark = pytest.mark.django_db

CONTACTS = "/v1/contacts"


def as_shown(contact: Contact) -> dict[str, Any]:
    return {
        "id": str(contact.pk),
        "email": contact.email,
        "subscribed": contact.subscribed,
        "data": contact.data,
        "createdAt": timestamp(contact.created_at),
        "updatedAt": timestamp(contact.updated_at),
    }


def listed(response: Any) -> Any:
    return orjson.loads(b"".join(response) if response.streaming else response.content)


# -- reading ------------------------------------------------------------------------


@pytest.mark.parametrize("door", ["", "/api"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_all_contacts_are_a_bare_array(
    api: Api, project: Project, door: str, slash: str
) -> None:
    """P9."""
    made = people(project, 3)

    response = api.get(f"{door}{CONTACTS}{slash}")

    assert response.status_code == 200
    assert listed(response) == [as_shown(contact) for contact in reversed(made)]


def test_nobody_is_an_empty_array(api: Api) -> None:
    assert listed(api.get(CONTACTS)) == []


@pytest.mark.parametrize("count", [3, 4, 5, 9])
def test_many_contacts_are_written_in_chunks(
    api: Api, project: Project, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(classic, "CHUNK", 4)
    made = people(project, count, data={"a": [1, "ü"]})

    response = api.get(CONTACTS)

    assert response.streaming == (count >= 4)
    assert response["Content-Type"] == "application/json"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert listed(response) == [as_shown(contact) for contact in reversed(made)]


def test_a_head_request_reads_no_further_than_the_first_chunk(
    api: Api, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classic, "CHUNK", 2)
    people(project, 5)

    response = api.send("HEAD", CONTACTS)

    assert response.status_code == 200
    assert not response.streaming


def test_the_list_in_parts(api: Api, project: Project) -> None:
    made = people(project, 5)
    found: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(3):
        response = api.get(CONTACTS, limit=2, **cursor)
        found += [contact["id"] for contact in listed(response)]
        cursor = {"cursor": response.get("X-Next-Cursor", "")}

    assert cursor == {"cursor": ""}
    assert found == [str(contact.pk) for contact in reversed(made)]
    assert_error(api.get(CONTACTS, limit="0"), 422, "VALIDATION_ERROR", "limit")
    assert_error(api.get(CONTACTS, cursor="x"), 422, "VALIDATION_ERROR", "cursor")


def test_a_cursor_of_the_other_generation_is_none_of_this_one(
    api: Api, project: Project
) -> None:
    people(project, 3)
    cursor = api.get("/api/contacts", limit=1).json()["cursor"]

    assert_error(api.get(CONTACTS, cursor=cursor), 422, "VALIDATION_ERROR", "cursor")


def test_contacts_are_counted(api: Api, project: Project, other_project: Any) -> None:
    """P10."""
    people(project, 3)
    Contact.objects.create(project=other_project.project, email="x@example.com")

    response = api.get(f"{CONTACTS}/count")

    assert (response.status_code, response.json()) == (200, {"count": 3})


def test_one_contact_with_all_that_happened(
    api: Api, ann: Contact, project: Project
) -> None:
    """P9, P15; contract 2.3.1."""
    occurrence = make_occurrence(project, ann, "signed-up")
    occurrence.refresh_from_db()
    event = occurrence.event
    event.refresh_from_db()
    mail = make_email(
        project, ann, subject="Hi {{ plan }}", body="<p>{{ plan }}</p>", state="SENT"
    )
    make_email(project, ann, source="CAMPAIGN", origin_id=uuid4())

    response = api.get(f"{CONTACTS}/{ann.pk}")

    body = response.json()
    assert response.status_code == 200
    assert body["triggers"] == [
        {
            "id": str(occurrence.pk),
            "contactId": str(ann.pk),
            "eventId": str(event.pk),
            "actionId": None,
            "createdAt": timestamp(occurrence.created_at),
            "updatedAt": timestamp(occurrence.created_at),
            "event": {
                "id": str(event.pk),
                "name": "signed-up",
                "projectId": str(project.pk),
                "templateId": None,
                "campaignId": None,
                "createdAt": timestamp(event.created_at),
                "updatedAt": timestamp(event.updated_at),
            },
            "action": None,
        }
    ]
    (told,) = body["emails"]
    assert "<p>pro</p>" in told.pop("body")
    assert told == {
        "id": str(mail.pk),
        "messageId": None,
        "subject": "Hi pro",
        "status": "SENT",
        "projectId": str(project.pk),
        "actionId": None,
        "campaignId": None,
        "contactId": str(ann.pk),
        "createdAt": timestamp(mail.created_at),
        "updatedAt": timestamp(mail.created_at),
    }
    assert {
        name: body[name] for name in body if name not in {"triggers", "emails"}
    } == as_shown(ann) | {"projectId": str(project.pk)}


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"state": "QUEUED"}, "QUEUED"),
        ({"state": "DELIVERED"}, "DELIVERED"),
        ({"state": "BOUNCED"}, "BOUNCED"),
        ({"state": "COMPLAINED"}, "COMPLAINT"),
        ({"state": "DELIVERED", "opened_at": "2026-01-01T00:00:00Z"}, "OPENED"),
        ({"state": "COMPLAINED", "opened_at": "2026-01-01T00:00:00Z"}, "COMPLAINT"),
    ],
)
def test_the_status_of_a_mail_in_the_words_of_then(
    api: Api, ann: Contact, project: Project, values: dict[str, Any], status: str
) -> None:
    make_email(project, ann, **values)

    (told,) = api.get(f"{CONTACTS}/{ann.pk}").json()["emails"]

    assert told["status"] == status


def test_a_contact_tells_the_newest_hundred(
    api: Api, ann: Contact, project: Project
) -> None:
    first = make_occurrence(project, ann, "signed-up")
    Occurrence.objects.bulk_create(
        Occurrence(project=project, event=first.event, contact=ann) for _ in range(104)
    )
    with CaptureQueriesContext(connection) as captured:
        body = api.get(f"{CONTACTS}/{ann.pk}").json()

    assert len(body["triggers"]) == 100
    assert str(first.pk) not in {told["id"] for told in body["triggers"]}
    assert len(captured) <= 8


def test_bodies_are_told_up_to_a_bound(
    api: Api, ann: Contact, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transactional.history.MAX_BODIES", 2_500)
    for number in range(4):
        make_email(project, ann, body=f"<p>{number}</p>" + "x" * 1_000)

    told = api.get(f"{CONTACTS}/{ann.pk}").json()["emails"]

    assert [bool(mail["body"]) for mail in told] == [True, True, False, False]


@pytest.mark.parametrize("contact_id", [NOBODY, "x", "1", "COUNT", "%00"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_what_is_no_contact_is_404(
    api: Api, ann: Contact, contact_id: str, method: str
) -> None:
    response = api.send(method, f"{CONTACTS}/{contact_id}")

    assert_error(response, 404, "CONTACT_NOT_FOUND")
    assert response.json()["error"] == "Not Found"


# -- creating -----------------------------------------------------------------------


def test_a_new_contact_is_200(api: Api) -> None:
    """P11."""
    response = api.post(
        CONTACTS,
        {"email": "Ann@Example.com", "subscribed": False, "data": {"a": ["x", "y"]}},
    )

    contact = Contact.objects.get()
    assert response.status_code == 200
    assert response.json() == {"success": True} | as_shown(contact)
    assert (contact.email, contact.subscribed) == ("ann@example.com", False)
    assert contact.data == {"a": ["x", "y"]}


def test_subscribed_need_not_be_said(api: Api) -> None:
    body = api.post(CONTACTS, {"email": "ann@example.com"}).json()

    assert (body["subscribed"], body["data"]) == (True, None)


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ('{"plan": "pro", "n": null, "tags": ["a"]}', {"plan": "pro", "tags": ["a"]}),
        ("{}", None),
        ("", None),
        (" null ", None),
    ],
)
def test_data_may_come_as_text(api: Api, text: str, data: Any) -> None:
    response = api.post(CONTACTS, {"email": "ann@example.com", "data": text})

    assert response.json()["data"] == data


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("{", "data"),
        ("[]", "data"),
        ("7", "data"),
        ('{"a": NaN}', "data"),
        ('{"a": 1, "a": 2}', "data"),
        ('{"a": {"b": "\\u0000"}}', "data.a.b"),
        ('{"a": "\\ud800"}', "data.a"),
        ("[" * 5000, "data"),
        ('{"locale": 7}', "data.locale"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_text_that_is_no_object_is_named(
    api: Api, ann: Contact, text: str, field: str, method: str
) -> None:
    email = "new@example.com" if method == "POST" else ann.email

    response = api.send(method, CONTACTS, {"email": email, "data": text})

    assert_error(response, 422, "VALIDATION_ERROR", field)
    assert Contact.objects.count() == 1


def test_old_clients_get_text(api: Api, ann: Contact, settings: Settings) -> None:
    settings.CLASSIC_CONTACT_DATA = "string"

    shown = api.get(f"{CONTACTS}/{ann.pk}").json()["data"]
    none = api.post(CONTACTS, {"email": "bea@example.com"}).json()["data"]

    assert json.loads(shown) == {"plan": "pro", "n": 7}
    assert none is None
    assert api.get(f"/api/contacts/{ann.pk}").json()["data"] == {"plan": "pro", "n": 7}


def test_an_address_that_is_there_is_409(api: Api, ann: Contact) -> None:
    response = api.post(CONTACTS, {"email": "ANN@example.com", "data": {"plan": "x"}})

    assert_error(response, 409, "CONFLICT")
    assert response.json()["error"] == "Conflict"
    ann.refresh_from_db()
    assert ann.data == {"plan": "pro", "n": 7}


def test_the_same_key_makes_one_contact(api: Api) -> None:
    key = {"HTTP_IDEMPOTENCY_KEY": "k"}
    answers = [api.post(CONTACTS, {"email": "ann@example.com"}, **key) for _ in "12"]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"email"}),
        ({"email": 7, "subscribed": "yes", "data": 7}, {"email", "subscribed", "data"}),
        ({"email": "x"}, {"email"}),
        ({"email": "ann@example.com", "subscribed": 0}, {"subscribed"}),
    ],
)
def test_what_is_wrong_is_named(
    api: Api, body: dict[str, Any], fields: set[str]
) -> None:
    assert_error(api.post(CONTACTS, body), 422, "VALIDATION_ERROR", *fields)
    assert not Contact.objects.exists()


# -- changing -----------------------------------------------------------------------


@pytest.mark.parametrize("by", ["id", "email"])
def test_a_contact_is_changed(api: Api, ann: Contact, by: str) -> None:
    """P13, P24."""
    named = {"id": str(ann.pk)} if by == "id" else {"email": " ANN@example.com"}

    response = api.send(
        "PUT",
        CONTACTS,
        named | {"subscribed": False, "data": {"plan": None, "tags": ["a"], "n": 8}},
    )

    ann.refresh_from_db()
    assert response.status_code == 200
    assert response.json() == {"success": True} | as_shown(ann)
    assert (ann.email, ann.subscribed) == ("ann@example.com", False)
    assert ann.data == {"n": 8, "tags": ["a"]}


@pytest.mark.parametrize("data", [{"plan": "", "x": "", "n": 7}, '{"plan": ""}'])
def test_a_blank_text_removes_its_key_here(api: Api, ann: Contact, data: Any) -> None:
    body = {"id": str(ann.pk), "data": data}

    assert api.send("PUT", CONTACTS, body).json()["data"] == {"n": 7}


@pytest.mark.parametrize("data", [None, "", {}, "{}"])
def test_no_data_changes_none(api: Api, ann: Contact, data: Any) -> None:
    body = {"id": str(ann.pk), "data": data, "subscribed": None}

    response = api.send("PUT", CONTACTS, body)

    assert response.json() == {"success": True} | as_shown(ann)


SELECTORS: list[tuple[dict[str, Any], int, str]] = [
    ({}, 422, "id"),
    ({"id": None, "email": None}, 422, "id"),
    ({"id": "both", "email": "ann@example.com"}, 422, "id"),
    ({"id": 7}, 422, "id"),
    ({"id": ["x"]}, 422, "id"),
    ({"email": 7}, 422, "email"),
    ({"email": "nobody"}, 422, "email"),
    ({"id": "nothing"}, 404, ""),
    ({"id": ""}, 404, ""),
    ({"id": str(uuid4())}, 404, ""),
    ({"email": "nobody@example.com"}, 404, ""),
]


@pytest.mark.parametrize(("named", "status", "field"), SELECTORS)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", CONTACTS),
        ("POST", f"{CONTACTS}/subscribe"),
        ("POST", f"{CONTACTS}/unsubscribe"),
    ],
)
def test_exactly_one_contact_is_named(
    api: Api,
    ann: Contact,
    method: str,
    path: str,
    named: dict[str, Any],
    status: int,
    field: str,
) -> None:
    if named.get("id") == "both":
        named = {"id": str(ann.pk), "email": ann.email}
    before = Contact.objects.values().get()

    response = api.send(method, path, named)

    code = "VALIDATION_ERROR" if status == 422 else "CONTACT_NOT_FOUND"
    assert_error(response, status, code, *filter(None, [field]))
    assert Contact.objects.values().get() == before


@pytest.mark.parametrize("how", ["body", "query", "path"])
def test_a_contact_is_deleted(api: Api, ann: Contact, how: str) -> None:
    """P14."""
    body = {"id": str(ann.pk)} if how == "body" else None
    path = {
        "body": CONTACTS,
        "query": f"{CONTACTS}?id={ann.pk}",
        "path": f"{CONTACTS}/{ann.pk}",
    }[how]

    response = api.send("DELETE", path, body)
    again = api.send("DELETE", path, body)

    assert response.status_code == 200
    assert response.json() == {"success": True} | as_shown(ann)
    assert not Contact.objects.exists()
    assert_error(again, 404, "CONTACT_NOT_FOUND")


@pytest.mark.parametrize("body", [None, {}, {"id": None}, {"id": 7}, {"id": []}])
def test_a_deletion_names_a_contact(api: Api, ann: Contact, body: Any) -> None:
    response = api.send("DELETE", CONTACTS, body)

    assert_error(response, 422, "VALIDATION_ERROR", "id")
    assert Contact.objects.count() == 1


# -- consent ------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["id", "email"])
def test_out_and_in_again(api: Api, ann: Contact, by: str) -> None:
    """P12."""
    named = {"id": str(ann.pk)} if by == "id" else {"email": "Ann@example.com"}

    out = api.post(f"{CONTACTS}/unsubscribe", named)
    same = api.post(f"{CONTACTS}/unsubscribe", named)
    back = api.post(f"{CONTACTS}/subscribe", named)

    told = {"success": True, "contact": str(ann.pk)}
    assert out.json() == same.json() == told | {"subscribed": False}
    assert back.json() == told | {"subscribed": True}
    names = Occurrence.objects.order_by("event__name").values_list(
        "event__name", flat=True
    )
    assert list(names) == [
        "contact.subscribed",
        "contact.unsubscribed",
        "subscribe",
        "unsubscribe",
    ]
    kinds = ConsentChange.objects.order_by("created_at", "pk")
    assert list(kinds.values_list("kind", flat=True)) == ["UNSUBSCRIBED", "SUBSCRIBED"]


@pytest.mark.parametrize("verb", ["subscribe", "unsubscribe"])
def test_a_public_key_names_a_contact_by_its_id_alone(
    public_api: Api, ann: Contact, verb: str
) -> None:
    Contact.objects.update(subscribed=verb == "unsubscribe", consent_source=Door.API)

    by_address = public_api.post(f"{CONTACTS}/{verb}", {"email": ann.email})
    before = Contact.objects.get().subscribed
    by_id = public_api.post(f"{CONTACTS}/{verb}", {"id": str(ann.pk)})

    assert_error(by_address, 401, "INVALID_API_KEY")
    assert before == (verb == "unsubscribe")
    assert by_id.json()["subscribed"] == (verb == "subscribe")


@pytest.mark.parametrize("asks", [False, True])
def test_a_public_key_brings_nobody_back_who_left(
    project: Project, public_api: Api, ann: Contact, asks: bool
) -> None:
    Project.objects.update(double_opt_in=asks)
    set_subscribed(
        project_id=project.pk, contact_id=ann.pk, subscribed=False, act=Act(Door.PAGE)
    )

    answers = [
        public_api.post(f"{CONTACTS}/subscribe", {"id": str(ann.pk)}) for _ in range(2)
    ]

    assert [answer.json()["subscribed"] for answer in answers] == [False, False]
    assert not Contact.objects.get(pk=ann.pk).subscribed
    assert ConsentChange.objects.filter(kind="ASKED").count() == 1


def test_nobody_learns_of_an_address_with_a_public_key(
    public_api: Api, ann: Contact
) -> None:
    answers = [
        public_api.post(f"{CONTACTS}/subscribe", {"email": email})
        for email in (ann.email, "nobody@example.com")
    ]

    assert answers[0].json()["message"] == answers[1].json()["message"]


# -- what users of the classic generation did ----------------------------------------


def test_tracked_and_mailed_people_are_contacts(api: Api) -> None:
    """P15: one contact, whichever way it came, with all that happened."""
    api.post("/v1/track", {"event": "signed-up", "email": "ann@example.com"})
    api.post(
        "/v1/send", {"to": "Ann@example.com", "subject": "Hi", "body": "<p>Hi</p>"}
    )
    (contact,) = listed(api.get(CONTACTS))

    body = api.get(f"{CONTACTS}/{contact['id']}").json()

    assert [told["event"]["name"] for told in body["triggers"]] == ["signed-up"]
    assert [told["subject"] for told in body["emails"]] == ["Hi"]
