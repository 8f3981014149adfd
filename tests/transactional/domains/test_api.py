"""Sending domains in the API (contract, next generation 2.10)."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from plunk.projects.creating import NewProject
from plunk.projects.models import Project
from tests.conftest import NOBODY, Api
from tests.transactional.domains.conftest import FakeAccount, publish
from tests.transactional.domains.nameserver import NameServer
from transactional.domains import add_domain
from transactional.models import Domain, Template

pytestmark = pytest.mark.django_db

MEMBERS = {
    "id",
    "domain",
    "verified",
    "dkimTokens",
    "projectId",
    "status",
    "createdAt",
    "updatedAt",
}


@pytest.fixture
def added(api: Api, project: Project, account: FakeAccount) -> Any:
    answer = api.post(
        "/api/domains", {"projectId": str(project.pk), "domain": " Example.COM. "}
    )
    assert answer.status_code == 201
    return answer.json()


def test_a_domain_is_added(added: Any, project: Project) -> None:
    row = Domain.objects.get()
    assert added.keys() == MEMBERS | {"project"}
    assert added["id"] == str(row.pk)
    assert added["domain"] == "example.com"
    assert added["verified"] is False
    assert len(added["dkimTokens"]) == 3
    assert added["projectId"] == str(project.pk)
    assert added["project"] == {"name": "Acme"}
    assert "success" not in added


def test_what_only_we_decide_cannot_be_given(
    api: Api, account: FakeAccount, other_project: NewProject
) -> None:
    """Robustness M7."""
    answer = api.post(
        "/api/domains",
        {
            "domain": "example.com",
            "projectId": str(other_project.project.pk),
            "verified": True,
            "status": "Success",
            "verifiedAt": "2020-01-01T00:00:00Z",
            "id": str(uuid4()),
            "proof": "",
        },
    )

    row = Domain.objects.get()
    assert answer.json()["verified"] is False
    assert row.project_id != other_project.project.pk
    assert row.verified_at is None


def test_a_domain_of_ones_own_is_a_400_and_of_others_a_403(
    api: Api, stranger_api: Api, added: Any
) -> None:
    again = api.post("/api/domains", {"domain": "EXAMPLE.com"})
    others = stranger_api.post("/api/domains", {"domain": "example.com"})

    assert (again.status_code, others.status_code) == (400, 403)
    assert "already" in again.json()["message"]
    assert added["projectId"] not in others.content.decode()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "domain"),
        ({"domain": None}, "domain"),
        ({"domain": 7}, "domain"),
        ({"domain": ["example.com"]}, "domain"),
        ({"domain": ""}, "domain"),
        ({"domain": "a"}, "domain"),
        ({"domain": "nope"}, "domain"),
        ({"domain": "x" * 300}, "domain"),
        ({"domain": "a\r\nb.com"}, "domain"),
        ({"domain": "gmail.com"}, "domain"),
        ({"domain": "example.com", "projectId": "x"}, "projectId"),
        ({"domain": "example.com", "projectId": 3}, "projectId"),
    ],
)
def test_what_is_wrong_is_named(
    api: Api, account: FakeAccount, body: dict[str, Any], field: str
) -> None:
    answer = api.post("/api/domains", body)

    assert answer.status_code == 422
    assert answer.json()["error"]["errors"][0]["field"] == field
    assert account.calls == []


def test_ses_being_away_is_a_503_with_nothing_stored(
    api: Api, account: FakeAccount
) -> None:
    account.is_down = True

    answer = api.post("/api/domains", {"domain": "example.com"})

    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "EXTERNAL_SERVICE_ERROR"
    assert not Domain.objects.exists()


def test_the_same_request_again_gets_the_same_answer(
    api: Api, account: FakeAccount
) -> None:
    first, second = (
        api.post("/api/domains", {"domain": "example.com"}, HTTP_IDEMPOTENCY_KEY="once")
        for _ in range(2)
    )

    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    assert second["Idempotent-Replayed"] == "true"
    assert account.calls.count("create") == 1


def test_lists_hold_what_was_added(api: Api, added: Any) -> None:
    of_project = api.get(f"/api/domains/project/{NOBODY}").json()
    page = api.get("/api/domains").json()

    assert [row["id"] for row in of_project] == [added["id"]]
    assert of_project[0].keys() == MEMBERS
    assert page["data"] == page["items"] == of_project
    assert page["total"] == 1


def test_lists_cost_the_same_for_many(
    api: Api, project: Project, account: FakeAccount
) -> None:
    def statements(path: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert api.get(path).status_code == 200
        return len(queries)

    counts: list[list[int]] = []
    for start in (0, 10):
        for number in range(start, start + 10):
            add_domain(project=project, name=f"d{number}.example.com")
        api.get("/api/domains")
        counts.append(
            [statements(path) for path in ("/api/domains", "/api/domains/project/x")]
        )

    assert counts[0] == counts[1]


def test_pages_of_domains_follow_each_other(
    api: Api, project: Project, account: FakeAccount
) -> None:
    for number in range(5):
        add_domain(project=project, name=f"d{number}.example.com")

    first = api.get("/api/domains", limit=3).json()
    second = api.get("/api/domains", limit=3, cursor=first["cursor"]).json()

    names = [row["domain"] for row in (*first["data"], *second["data"])]
    assert names == [f"d{number}.example.com" for number in (4, 3, 2, 1, 0)]
    assert (first["hasMore"], second["hasMore"]) == (True, False)


def test_verify_says_what_ses_and_dns_say(
    api: Api, added: Any, account: FakeAccount, nameserver: NameServer
) -> None:
    before = api.get(f"/api/domains/{added['id']}/verify").json()
    publish(nameserver, Domain.objects.get())
    nameserver.put("plunk.example.com", "MX", "10 mx.example.org.")
    account.status = "Success"
    Domain.objects.update(checked_at=None)

    after = api.get(f"/api/domains/{added['id']}/verify").json()

    assert before["domain"] == after["domain"] == "example.com"
    assert before["tokens"] == added["dkimTokens"]
    assert (before["status"], before["verified"]) == ("Pending", False)
    assert (after["status"], after["verified"]) == ("Success", True)
    states = {(row["kind"], row["state"]) for row in after["records"]}
    assert states == {
        ("dkim", "ok"),
        ("mail_from_mx", "wrong"),
        ("mail_from_spf", "ok"),
        ("dmarc", "ok"),
    }
    (mx,) = (row for row in after["records"] if row["type"] == "MX")
    assert mx["expected"] == "10 feedback-smtp.us-east-1.amazonses.com"
    assert mx["found"] == ["10 mx.example.org"]
    assert mx["required"] is True


def test_verify_without_ses_is_a_503(
    api: Api, added: Any, account: FakeAccount
) -> None:
    account.is_down = True

    assert api.get(f"/api/domains/{added['id']}/verify").status_code == 503


def test_a_domain_is_removed(api: Api, added: Any, account: FakeAccount) -> None:
    answer = api.send("DELETE", f"/api/domains/{added['id']}")

    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert api.get(f"/api/domains/{added['id']}").status_code == 404
    assert account.names == {}


def test_a_domain_in_use_is_a_409(api: Api, added: Any, project: Project) -> None:
    Template.objects.create(
        project=project, name="T", subject="s", body="b", from_email="a@example.com"
    )

    answer = api.send("DELETE", f"/api/domains/{added['id']}")

    assert answer.status_code == 409
    assert "“T”" in answer.json()["message"]
    assert Domain.objects.filter(pk=added["id"]).exists()


@pytest.mark.parametrize("way", [("GET", "/verify"), ("GET", ""), ("DELETE", "")])
def test_domains_of_others_are_as_unknown_as_none(
    stranger_api: Api, added: Any, way: tuple[str, str]
) -> None:
    method, rest = way

    theirs = stranger_api.send(method, f"/api/domains/{added['id']}{rest}")
    none = stranger_api.send(method, f"/api/domains/{NOBODY}{rest}")
    malformed = stranger_api.send(method, f"/api/domains/x'%00{rest}")

    assert theirs.status_code == none.status_code == 404
    assert theirs.json()["error"]["code"] == "RESOURCE_NOT_FOUND"
    assert theirs.json()["message"] == none.json()["message"]
    assert malformed.status_code in {404, 422}
    assert Domain.objects.filter(pk=added["id"]).exists()


def test_a_verified_domain_says_so(api: Api, added: Any) -> None:
    Domain.objects.update(verified_at=Now(), status="Success")

    shown = api.get(f"/api/domains/{added['id']}").json()

    assert (shown["verified"], shown["status"]) == (True, "Success")
    assert {row["state"] for row in shown["records"]} == {"unchecked"}
