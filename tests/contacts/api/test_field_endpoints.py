"""`/contacts/fields…` (contract 2.4, 4.1; E4, E5, P25)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from contacts import dropping, jobs, walking
from contacts.models import Contact, Segment
from plunk.projects.creating import NewProject
from plunk.projects.models import Project
from tests.conftest import Api
from tests.contacts.api.conftest import assert_error

pytestmark = pytest.mark.django_db

FIELDS = "/api/contacts/fields"


def people(project: Project, *data: Any) -> None:
    Contact.objects.bulk_create(
        Contact(project=project, email=f"c{number}@example.com", data=one)
        for number, one in enumerate(data)
    )


def asking(project: Project, field: str) -> Segment:
    filters = [{"field": field, "operator": "exists"}]
    condition = {"logic": "AND", "groups": [{"filters": filters}]}
    return Segment.objects.create(project=project, name="Pros", condition=condition)


def test_the_fields_by_name(api: Api, project: Project) -> None:
    people(
        project,
        {"plan": "pro", "seats": 3, "since": "2026-01-01"},
        {"plan": "max", "admin": True, "tags": ["a"]},
        None,
        {},
    )

    body = api.get(FIELDS).json()

    assert body["count"] == 9
    assert [tuple(field.values()) for field in body["fields"]] == [
        ("createdAt", "date", 100),
        ("data.admin", "boolean", 25),
        ("data.plan", "string", 50),
        ("data.seats", "number", 25),
        ("data.since", "date", 25),
        ("data.tags", "string", 25),
        ("email", "string", 100),
        ("subscribed", "boolean", 100),
        ("updatedAt", "date", 100),
    ]
    assert body["fields"][0].keys() == {"field", "type", "coverage"}


def test_values_are_what_they_read_like(api: Api, project: Project) -> None:
    people(
        project, *({"k": value} for value in ("b", "7", 7, "true", "1.5", "007", "b"))
    )

    body = api.get(f"{FIELDS}/data.k/values").json()

    assert body == {
        "field": "data.k",
        "values": ["b", "007", 1.5, 7, True],
        "count": 5,
        "limit": 100,
    }


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("subscribed", [True, False]),
        ("email", []),
        ("createdAt", []),
        ("data.none", []),
    ],
)
def test_values_of_other_fields(
    api: Api, project: Project, field: str, values: list[Any]
) -> None:
    people(project, {"k": 1})

    assert api.get(f"{FIELDS}/{field}/values").json()["values"] == values


def test_values_up_to_a_limit(api: Api, project: Project) -> None:
    people(project, {"k": [f"v{number:03}" for number in range(300)]})

    for limit, expected in (("", 100), ("1", 1), ("150", 150), ("1000", 200)):
        body = api.get(f"{FIELDS}/data.k/values", limit=limit).json()
        assert (body["count"], body["limit"]) == (expected, expected)
    for bad in ("0", "-1", "x"):
        answer = api.get(f"{FIELDS}/data.k/values", limit=bad)
        assert_error(answer, 422, "VALIDATION_ERROR", "limit")


@pytest.mark.parametrize("field", ["plan", "data.", "data", "id", "data.%00", "DATA.x"])
def test_what_is_no_field_is_404(api: Api, field: str) -> None:
    for method, path in (("GET", "/values"), ("GET", "/usage"), ("DELETE", "")):
        answer = api.send(method, f"{FIELDS}/{field}{path}")
        assert_error(answer, 404, "RESOURCE_NOT_FOUND")


def test_what_asks_for_a_field(
    api: Api, project: Project, other_project: NewProject
) -> None:
    people(project, {"plan": "pro"}, {"plan": None}, {"x": 1})
    segment = asking(project, "data.plan")
    asking(other_project.project, "data.x")

    used = api.get(f"{FIELDS}/data.plan/usage").json()
    unused = api.get(f"{FIELDS}/data.x/usage").json()

    assert used == {
        "usedInSegments": [{"id": str(segment.pk), "name": "Pros"}],
        "usedInCampaigns": [],
        "contactCount": 2,
        "canDelete": False,
    }
    assert (unused["contactCount"], unused["canDelete"]) == (1, True)


def test_a_standard_field_stays(api: Api, project: Project) -> None:
    people(project, {}, {})
    asking(project, "subscribed")

    body = api.get(f"{FIELDS}/subscribed/usage").json()

    assert (body["contactCount"], body["canDelete"]) == (2, False)
    assert len(body["usedInSegments"]) == 1
    answer = api.send("DELETE", f"{FIELDS}/subscribed")
    assert_error(answer, 422, "VALIDATION_ERROR", "field")


@pytest.mark.parametrize(
    "key", ["plan", "a.b", "a/b", 'say "x"', "a'b", "0", "ü", "%", "$", "a\\b", "a b"]
)
def test_a_field_is_taken_away(api: Api, project: Project, key: str) -> None:
    people(project, {key: 1, "other": 2}, {key: None}, {"other": 3}, None)
    before = Contact.objects.get(email="c2@example.com").updated_at

    answer = api.send("DELETE", f"{FIELDS}/data.{quote(key, safe='')}")

    assert (answer.status_code, answer.json()) == (200, {"deletedFrom": 2})
    left = Contact.objects.order_by("email").values_list("data", flat=True)
    assert list(left) == [{"other": 2}, None, {"other": 3}, None]
    assert Contact.objects.get(email="c2@example.com").updated_at == before


def test_a_field_of_others_stays(
    api: Api, project: Project, other_project: NewProject
) -> None:
    Contact.objects.create(
        project=other_project.project, email="x@example.com", data={"plan": 1}
    )

    assert api.send("DELETE", f"{FIELDS}/data.plan").json() == {"deletedFrom": 0}
    assert Contact.objects.get().data == {"plan": 1}


def test_a_field_in_use_stays(api: Api, project: Project) -> None:
    people(project, {"plan": 1})
    asking(project, "data.plan.tier")

    answer = api.send("DELETE", f"{FIELDS}/data.plan")

    assert_error(answer, 400, "FIELD_IN_USE")
    assert "Pros" in answer.json()["message"]
    assert Contact.objects.get().data == {"plan": 1}


def test_a_field_of_many_is_taken_away_by_a_job(
    api: Api, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dropping, "MOST_AT_ONCE", 3)
    monkeypatch.setattr(walking, "CHUNK", 2)
    people(project, *({"plan": 1, "n": number} for number in range(5)), {"n": 6})

    answer = api.send("DELETE", f"{FIELDS}/data.plan/")
    while jobs.work(seconds=60):
        pass

    assert answer.status_code == 202
    body = api.get(f"/api/contacts/bulk/{answer.json()['jobId']}").json()
    assert (body["state"], body["result"]["operation"]) == ("completed", "delete-field")
    assert body["result"]["successCount"] == 5
    assert not Contact.objects.filter(data__plan=1).exists()
