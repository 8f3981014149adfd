"""`/contacts…` of the current generation, row by row of the contract (2.4, 4.1)."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from automations.models import Occurrence
from contacts.models import ConsentChange, Contact
from plunk.api.answers import timestamp
from plunk.projects.models import Project
from tests.conftest import NOBODY, Api
from tests.contacts.api.conftest import assert_error, people

pytestmark = pytest.mark.django_db


def as_shown(contact: Contact) -> dict[str, Any]:
    return {
        "id": str(contact.pk),
        "email": contact.email,
        "data": contact.data,
        "subscribed": contact.subscribed,
        "projectId": str(contact.project_id),
        "snoozedUntil": None,
        "createdAt": timestamp(contact.created_at),
        "updatedAt": timestamp(contact.updated_at),
    }


# -- one contact --------------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("host", ["", "api.example.com"])
def test_a_contact_is_had_by_its_id(
    api: Api, ann: Contact, settings: Any, slash: str, host: str
) -> None:
    settings.API_HOST = "api.example.com"
    settings.ALLOWED_HOSTS = ["testserver", "api.example.com"]
    prefix, extra = ("", {"HTTP_HOST": host}) if host else ("/api", {})

    response = api.send("GET", f"{prefix}/contacts/{ann.pk}{slash}", **extra)

    assert response.status_code == 200
    assert response.json() == as_shown(ann)


def test_the_dashboards_host_has_no_contacts_at_its_root(api: Api) -> None:
    """There, /contacts is nobody's; only /v1 is unmistakable."""
    assert api.get("/contacts").status_code == 404
    assert api.get("/v1/contacts").status_code == 200


def test_a_new_contact_is_201(api: Api, project: Project) -> None:
    response = api.post(
        "/api/contacts", {"email": " Ann@Example.COM ", "data": {"plan": "pro"}}
    )

    contact = Contact.objects.get()
    assert response.status_code == 201
    assert response.json() == as_shown(contact) | {
        "_meta": {"isNew": True, "isUpdate": False}
    }
    assert "success" not in response.json()
    assert contact.email == "ann@example.com"
    assert contact.subscribed
    assert contact.data == {"plan": "pro"}


def test_a_known_contact_is_200(api: Api, ann: Contact) -> None:
    """E7."""
    response = api.post(
        "/api/contacts",
        {"email": "ANN@example.com", "subscribed": False, "data": {"n": None, "x": 1}},
    )

    assert response.status_code == 200
    body = response.json()
    assert body["id"] == str(ann.pk)
    assert body["data"] == {"plan": "pro", "x": 1}
    assert body["subscribed"] is False
    assert body["_meta"] == {"isNew": False, "isUpdate": True}
    assert Contact.objects.count() == 1


def test_a_known_contact_keeps_its_consent_unless_told(
    api: Api, project: Project
) -> None:
    for given in ({"subscribed": False}, {}, {"subscribed": None}):
        response = api.post("/api/contacts", {"email": "ann@example.com"} | given)

        assert response.json()["subscribed"] is False


def test_a_change_of_consent_is_told(api: Api, ann: Contact) -> None:
    api.post("/api/contacts", {"email": "ann@example.com", "subscribed": False})
    api.send("PATCH", f"/api/contacts/{ann.pk}", {"subscribed": True})
    api.send("PATCH", f"/api/contacts/{ann.pk}", {"subscribed": True})

    entries = ConsentChange.objects.order_by("created_at", "pk")
    assert list(entries.values_list("kind", "door")) == [
        ("UNSUBSCRIBED", "API"),
        ("SUBSCRIBED", "API"),
    ]
    names = Occurrence.objects.order_by("pk").values_list("event__name", flat=True)
    assert sorted(names) == sorted(
        ["contact.unsubscribed", "unsubscribe", "contact.subscribed", "subscribe"]
    )


def test_the_same_key_makes_one_contact_once(api: Api) -> None:
    body = {"email": "ann@example.com"}
    key = {"HTTP_IDEMPOTENCY_KEY": "import-7"}

    first = api.post("/api/contacts", body, **key)
    second = api.post("/api/contacts", body, **key)
    other = api.post("/api/contacts", {"email": "bea@example.com"}, **key)

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == first.json()
    assert second["Idempotent-Replayed"] == "true"
    assert_error(other, 409, "IDEMPOTENCY_KEY_REUSED")


def test_a_change_by_id(api: Api, ann: Contact) -> None:
    response = api.send(
        "PATCH",
        f"/api/contacts/{ann.pk}",
        {"email": "Ann@Example.org", "subscribed": False, "data": {"n": 8}},
    )

    ann.refresh_from_db()
    assert response.status_code == 200
    assert response.json() == as_shown(ann)
    assert (ann.email, ann.subscribed) == ("ann@example.org", False)
    assert ann.data == {"plan": "pro", "n": 8}


def test_data_that_is_null_is_wiped(api: Api, ann: Contact) -> None:
    response = api.send("PATCH", f"/api/contacts/{ann.pk}", {"data": None})

    assert response.json()["data"] is None


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({}, {"plan": "pro", "n": 7}),
        ({"plan": None}, {"n": 7}),
        ({"plan": ""}, {"plan": "pro", "n": 7}),
        ({"plan": {"value": "max", "persistent": False}}, {"plan": "pro", "n": 7}),
        ({"plan": {"value": "max"}}, {"plan": "max", "n": 7}),
        (
            {"plan": {"deep": [1, {"x": None}]}},
            {"plan": {"deep": [1, {"x": None}]}, "n": 7},
        ),
        ({"plan": ["a"], "n": False}, {"plan": ["a"], "n": False}),
        (
            {
                "id": "x",
                "plunk_id": "x",
                "plunk_email": "x",
                "email": "x",
                "unsubscribeUrl": "x",
                "subscribeUrl": "x",
                "manageUrl": "x",
            },
            {"plan": "pro", "n": 7},
        ),
        ({"plan": None, "n": None}, None),
        ({"Plan": 1}, {"plan": "pro", "n": 7, "Plan": 1}),
        ({"e\u0301": 2}, {"plan": "pro", "n": 7, "\u00e9": 2}),
    ],
)
@pytest.mark.parametrize("door", ["post", "patch"])
def test_data_is_merged(
    api: Api, ann: Contact, given: Any, kept: Any, door: str
) -> None:
    if door == "post":
        body = {"email": ann.email, "data": given}
        response = api.post("/api/contacts", body)
    else:
        response = api.send("PATCH", f"/api/contacts/{ann.pk}", {"data": given})

    assert response.status_code == 200
    assert response.json()["data"] == kept


def test_a_deleted_contact_is_gone(api: Api, ann: Contact) -> None:
    response = api.send("DELETE", f"/api/contacts/{ann.pk}")

    assert response.status_code == 204
    assert response.content == b""
    assert "Content-Type" not in response
    assert not Contact.objects.exists()
    again = api.send("DELETE", f"/api/contacts/{ann.pk}")
    assert_error(again, 404, "CONTACT_NOT_FOUND")


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "contact_id", [NOBODY, "x", "1", "%00", "count%0a", "x" * 3000, "{}", "é"]
)
def test_what_is_no_contact_is_404(
    api: Api, ann: Contact, method: str, contact_id: str
) -> None:
    body = {"subscribed": False} if method == "PATCH" else None

    response = api.send(method, f"/api/contacts/{contact_id}", body)

    assert response.status_code == 404
    assert response.json()["error"]["code"] in {
        "CONTACT_NOT_FOUND",
        "RESOURCE_NOT_FOUND",
    }
    assert Contact.objects.count() == 1


def test_an_address_that_is_taken_is_409(
    api: Api, ann: Contact, project: Project
) -> None:
    """E7."""
    Contact.objects.create(project=project, email="bea@example.com")

    response = api.send(
        "PATCH", f"/api/contacts/{ann.pk}", {"email": "BEA@example.com", "data": None}
    )

    assert_error(response, 409, "CONFLICT")
    ann.refresh_from_db()
    assert ann.data == {"plan": "pro", "n": 7}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "email"),
        ({"email": None}, "email"),
        ({"email": ""}, "email"),
        ({"email": 7}, "email"),
        ({"email": ["a@example.com"]}, "email"),
        ({"email": "a@b"}, "email"),
        ({"email": "ä@example.com"}, "email"),
        ({"email": "a@example.com\r\nBcc: x@example.com"}, "email"),
        ({"email": "x" * 255 + "@example.com"}, "email"),
        ({"email": "a@example.com", "subscribed": "true"}, "subscribed"),
        ({"email": "a@example.com", "subscribed": 1}, "subscribed"),
        ({"email": "a@example.com", "data": []}, "data"),
        ({"email": "a@example.com", "data": "x"}, "data"),
        ({"email": "a@example.com", "data": {"locale": 7}}, "data.locale"),
        (
            {"email": "a@example.com", "data": {str(n): n for n in range(201)}},
            "data",
        ),
        ({"email": "a@example.com", "data": {"k": "x" * 65_537}}, "data"),
        (
            {"email": "a@example.com", "data": {"k": {"value": 1, "persistent": "x"}}},
            "data.k.persistent",
        ),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_what_is_wrong_is_named(
    api: Api, ann: Contact, body: dict[str, Any], field: str, method: str
) -> None:
    if method == "PATCH" and body.get("email") is None:
        body, field = {"email": "nothing"}, "email"
    path = "/api/contacts" if method == "POST" else f"/api/contacts/{ann.pk}"
    before = list(Contact.objects.values())

    response = api.send(method, path, body)

    assert_error(response, 422, "VALIDATION_ERROR", field)
    assert list(Contact.objects.values()) == before


def test_everything_wrong_is_named_at_once(api: Api) -> None:
    response = api.post("/api/contacts", {"email": 1, "subscribed": 2, "data": 3})

    assert_error(response, 422, "VALIDATION_ERROR", "email", "subscribed", "data")


# -- the list -----------------------------------------------------------------------


def test_the_list_is_a_page(api: Api, project: Project) -> None:
    made = people(project, 3)

    body = api.get("/api/contacts").json()

    shown = [as_shown(contact) for contact in reversed(made)]
    assert body == {
        "data": shown,
        "items": shown,
        "hasMore": False,
        "nextCursor": None,
        "cursor": None,
        "total": 3,
    }


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"dir": "asc"},
        {"sort": "email"},
        {"sort": "email", "dir": "asc"},
        {"sort": "nonsense", "dir": "nonsense"},
        {"sort": "createdAt", "dir": "DESC"},
    ],
)
def test_every_contact_is_on_one_page(
    api: Api, project: Project, order: dict[str, str]
) -> None:
    made = people(project, 7)
    expected = sorted(
        (contact.email for contact in made),
        key=str if order.get("sort") == "email" else None,
        reverse=order.get("dir") != "asc",
    )
    found: list[str] = []
    cursor: dict[str, str] = {}
    for page in range(4):
        body = api.get("/api/contacts", limit=2, **order, **cursor).json()
        assert ("total" in body) == (page == 0)
        assert body["hasMore"] == (page < 3) == (body["nextCursor"] is not None)
        assert body["cursor"] == body["nextCursor"]
        found += [contact["email"] for contact in body["data"]]
        cursor = {"cursor": body["nextCursor"]}

    assert found == expected


def test_the_number_on_a_page(api: Api, project: Project) -> None:
    people(project, 21)

    for limit, expected in (("", 20), ("1", 1), ("100", 21), ("1000000000", 21)):
        body = api.get("/api/contacts", limit=limit).json()

        assert (len(body["data"]), body["total"]) == (expected, 21)


def test_a_page_never_has_more_than_a_hundred(api: Api, project: Project) -> None:
    Contact.objects.bulk_create(
        Contact(project=project, email=f"c{number}@example.com")
        for number in range(101)
    )

    body = api.get("/api/contacts", limit="1e9").json()

    assert (len(body["data"]), body["hasMore"], body["total"]) == (100, True, 101)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"),
        ("limit", "-1"),
        ("limit", "abc"),
        ("limit", "1.5"),
        ("limit", "NaN"),
        ("limit", "٣"),
        ("cursor", "x"),
        ("cursor", "\x00"),
        ("cursor", "é"),
        ("cursor", "A" * 5000),
        ("cursor", "WzEsIjIiXQ.sig"),
        ("subscribed", "yes"),
        ("page", "0"),
        ("pageSize", "-2"),
        ("page", "1000000000"),
    ],
)
def test_a_bad_question_is_named(api: Api, name: str, value: str) -> None:
    """B17."""
    response = api.get("/api/contacts", **{name: value})

    assert_error(response, 422, "VALIDATION_ERROR", name)


def test_a_cursor_is_good_for_its_own_list_alone(
    api: Api, stranger_api: Api, project: Project, other_project: Any
) -> None:
    people(project, 3)
    people(other_project.project, 3)
    theirs = stranger_api.get("/api/contacts", limit=1).json()["cursor"]
    own = api.get("/api/contacts", limit=1).json()["cursor"]

    for cursor, order in (
        (theirs, {}),
        (own, {"dir": "asc"}),
        (own, {"sort": "email"}),
        (own[:-1], {}),
        (own[1:], {}),
    ):
        response = api.get("/api/contacts", cursor=cursor, **order)
        assert_error(response, 422, "VALIDATION_ERROR", "cursor")
    assert api.get("/api/contacts", cursor=own).status_code == 200


def test_the_list_is_searched(api: Api, project: Project, other_project: Any) -> None:
    for address in ("ann@example.com", "joanna@example.org", "bob@example.com"):
        Contact.objects.create(project=project, email=address)
    Contact.objects.create(project=other_project.project, email="anna@example.com")

    body = api.get("/api/contacts", search=" ANN").json()

    assert {contact["email"] for contact in body["data"]} == {
        "ann@example.com",
        "joanna@example.org",
    }
    assert body["total"] == 2
    for nothing in ("\x00", "%", "zz_top", "x" * 300):
        assert api.get("/api/contacts", search=nothing).json()["total"] == 0


def test_the_list_of_the_subscribed(api: Api, project: Project) -> None:
    people(project, 2)
    Contact.objects.create(project=project, email="out@example.com", subscribed=False)

    for value, expected in (("true", 2), ("FALSE", 1), ("", 3)):
        body = api.get("/api/contacts", subscribed=value, limit=1).json()
        assert body["total"] == expected


def test_the_list_by_numbers(api: Api, project: Project) -> None:
    people(project, 5)

    body = api.get("/api/contacts", page=2, pageSize=2).json()

    assert [contact["email"] for contact in body["items"]] == [
        "c2@example.com",
        "c1@example.com",
    ]
    assert (body["page"], body["pageSize"], body["totalPages"]) == (2, 2, 3)
    assert (body["total"], body["hasMore"]) == (5, True)
    rest = api.get("/api/contacts", cursor=body["cursor"]).json()
    assert [contact["email"] for contact in rest["data"]] == ["c0@example.com"]
    beyond = api.get("/api/contacts", page=9, pageSize=2).json()
    assert (beyond["data"], beyond["total"]) == ([], 5)


@pytest.mark.parametrize("query", [{}, {"search": "c"}, {"sort": "email"}, {"page": 1}])
def test_a_page_costs_the_same_whatever_is_on_it(
    api: Api, project: Project, query: dict[str, Any]
) -> None:
    costs = []
    for start in (0, 10):
        Contact.objects.bulk_create(
            Contact(project=project, email=f"c{number}@example.com", data={"a": 1})
            for number in range(start, start + 10)
        )
        api.get("/api/contacts", limit=5, **query)
        with CaptureQueriesContext(connection) as captured:
            api.get("/api/contacts", limit=5, **query)
        costs.append(len(captured))

    assert costs[0] == costs[1] <= 3


def test_an_upsert_costs_a_handful_of_statements(api: Api) -> None:
    body = {"email": "ann@example.com", "data": {"a": 1}}
    api.post("/api/contacts", body)

    with CaptureQueriesContext(connection) as captured:
        api.post("/api/contacts", body)

    assert len(captured) <= 8


# -- look-up ------------------------------------------------------------------------


def test_addresses_are_looked_up_in_the_callers_spelling(
    api: Api, ann: Contact, other_project: Any
) -> None:
    Contact.objects.create(project=other_project.project, email="bea@example.com")
    emails = ["ANN@example.com", " ann@example.com", "bea@example.com", "nonsense", ""]

    response = api.post("/api/contacts/lookup", {"emails": emails})

    assert response.status_code == 200
    assert response.json() == {
        "found": ["ANN@example.com", " ann@example.com"],
        "notFound": ["bea@example.com", "nonsense", ""],
    }


def test_five_hundred_addresses_at_most(api: Api) -> None:
    most = [f"c{number}@example.com" for number in range(500)]

    assert api.post("/api/contacts/lookup", {"emails": most}).status_code == 200
    response = api.post("/api/contacts/lookup", {"emails": [*most, "one@more.com"]})
    assert_error(response, 422, "VALIDATION_ERROR", "emails")


@pytest.mark.parametrize(
    ("emails", "field"),
    [
        (None, "emails"),
        ([], "emails"),
        ("ann@example.com", "emails"),
        ({"0": "x"}, "emails"),
        (["a@example.com", 7], "emails.1"),
        ([None], "emails.0"),
    ],
)
def test_a_bad_look_up_is_named(api: Api, emails: Any, field: str) -> None:
    response = api.post("/api/contacts/lookup", {"emails": emails})

    assert_error(response, 422, "VALIDATION_ERROR", field)
