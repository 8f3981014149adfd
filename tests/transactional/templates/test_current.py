"""Templates in the API, row by row of the contract (current generation 2.5)."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from plunk.projects.models import Project
from tests.conftest import NOBODY, Api
from tests.contacts.api.conftest import assert_error
from tests.pages.rows import make_email
from tests.transactional.templates.conftest import BODY, Write
from transactional import template_uses
from transactional.models import SavedBy, Template, TemplateVersion
from transactional.template_uses import Use, UseKind

pytestmark = pytest.mark.django_db

URL = "/api/templates"


def make(api: Api, **changes: Any) -> dict[str, Any]:
    response = api.post(URL, BODY | changes)
    assert response.status_code == 201, response.json()
    made: dict[str, Any] = response.json()
    return made


def test_a_template_is_made(api: Api, project: Project) -> None:
    response = api.post(URL, BODY)

    template = Template.objects.get()
    assert response.status_code == 201
    assert response.json() == {
        "id": str(template.pk),
        "name": "Welcome",
        "description": None,
        "subject": "Hi {{ firstName ?? there }}",
        "body": "<p>Hello {{ firstName }}</p>",
        "from": "hello@example.com",
        "fromName": None,
        "replyTo": None,
        "type": "MARKETING",
        "projectId": str(project.pk),
        "createdAt": response.json()["createdAt"],
        "updatedAt": response.json()["updatedAt"],
        "style": "PLUNK",
        "preheader": None,
        "tracking": None,
        "version": 1,
    }
    assert TemplateVersion.objects.get().saved_by == SavedBy.API


def test_every_field_is_kept(api: Api) -> None:
    given = {
        "description": "For new people\nand old ones",
        "fromName": "Acme",
        "replyTo": "Help@Example.com",
        "type": "headless",
        "style": "html",
        "preheader": "Three steps",
        "tracking": False,
    }

    made = make(api, **given)

    kept = given | {
        "type": "HEADLESS",
        "style": "HTML",
        "replyTo": "help@example.com",
    }
    assert made | kept == made
    assert api.get(f"{URL}/{made['id']}").json() == made


def test_a_sender_may_come_with_its_name(api: Api) -> None:
    made = make(api, **{"from": {"email": "hello@example.com", "name": "Acme"}})

    assert (made["from"], made["fromName"]) == ("hello@example.com", "Acme")


def test_a_sender_without_an_address_is_refused(api: Api) -> None:
    made = make(api)

    answer = api.send("PATCH", f"/api/templates/{made['id']}", {"from": {"a": 1}})

    assert answer.status_code == 422
    assert answer.json()["error"]["errors"][0]["field"] == "from.email"


@pytest.mark.parametrize(
    ("body", "style"),
    [
        ("<p>Hello</p>", "PLUNK"),
        ("Hello", "PLUNK"),
        ('<div data-block="spacer" data-height="24"></div>', "PLUNK"),
        ("<table><tr><td>Hello</td></tr></table>", "HTML"),
        ("<!DOCTYPE html><html><body>Hello</body></html>", "HTML"),
        ('<p class="lead">Hello</p>', "HTML"),
    ],
)
def test_a_body_says_who_made_it_a_document(api: Api, body: str, style: str) -> None:
    assert make(api, body=body)["style"] == style


@pytest.mark.parametrize("name", ["name", "subject", "body", "from"])
def test_what_is_required_is_named(api: Api, name: str) -> None:
    for body in ({**BODY, name: None}, {**BODY, name: ""}):
        assert_error(api.post(URL, body), 422, "VALIDATION_ERROR", name)
    assert not Template.objects.exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", "x" * 101),
        ("description", "x" * 501),
        ("subject", "a\nb"),
        ("fromName", "x" * 101),
        ("from", "nobody"),
        ("from", 7),
        ("replyTo", ["a@example.com"]),
        ("type", "SPAM"),
        ("style", 1),
        ("preheader", "x" * 201),
        ("tracking", "yes"),
    ],
)
def test_what_is_wrong_is_named_as_the_client_calls_it(
    api: Api, name: str, value: Any
) -> None:
    made = make(api)

    for response in (
        api.post(URL, BODY | {name: value}),
        api.send("PATCH", f"{URL}/{made['id']}", {name: value}),
    ):
        assert_error(response, 422, "VALIDATION_ERROR", name)
    assert Template.objects.get().version == 1


def test_what_may_not_be_sent_from_is_403(api: Api, settings: Any) -> None:
    made = make(api)
    settings.REQUIRES_VERIFIED_DOMAIN = True

    for response in (
        api.post(URL, BODY),
        api.send("PATCH", f"{URL}/{made['id']}", {"from": "x@elsewhere.example"}),
    ):
        assert_error(response, 403, "DOMAIN_NOT_VERIFIED")
    # What it says besides can still be changed.
    patched = api.send(
        "PATCH", f"{URL}/{made['id']}", {"subject": "x", "from": BODY["from"]}
    )
    assert patched.status_code == 200


def test_what_is_given_is_changed(api: Api) -> None:
    made = make(api, description="Old", replyTo="a@example.com")
    url = f"{URL}/{made['id']}"

    patched = api.send(
        "PATCH", url, {"subject": "New", "description": "", "replyTo": None}
    ).json()

    assert patched == made | {
        "subject": "New",
        "description": None,
        "version": 2,
        "updatedAt": patched["updatedAt"],
    }
    assert api.send("PATCH", url, {}).json() == patched


def test_a_change_to_an_older_version_is_409(api: Api) -> None:
    url = f"{URL}/{make(api)['id']}"
    api.send("PATCH", url, {"subject": "2"})

    assert_error(
        api.send("PATCH", url, {"subject": "3", "version": 1}), 409, "CONFLICT"
    )
    assert api.send("PATCH", url, {"subject": "3", "version": 2}).status_code == 200
    assert_error(
        api.send("PATCH", url, {"version": "2"}), 422, "VALIDATION_ERROR", "version"
    )


def test_a_deleted_template_is_gone(api: Api) -> None:
    url = f"{URL}/{make(api)['id']}"

    response = api.send("DELETE", url)

    assert (response.status_code, response.content) == (204, b"")
    for method in ("GET", "PATCH", "DELETE"):
        assert_error(api.send(method, url, {}), 404, "TEMPLATE_NOT_FOUND")
    assert api.get(URL).json()["data"] == []


@pytest.mark.parametrize("name", [NOBODY, "x", "%00", "1" * 3000])
def test_a_template_that_is_not_there(api: Api, name: str) -> None:
    for method, path in (
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/duplicate"),
        ("GET", "/usage"),
        ("GET", "/versions"),
        ("GET", "/versions/1"),
        ("POST", "/versions/1/restore"),
    ):
        response = api.send(method, f"{URL}/{name}{path}", {})
        assert_error(response, 404, "TEMPLATE_NOT_FOUND")


def test_what_a_workflow_needs_is_409(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make(api)
    monkeypatch.setattr(
        template_uses,
        "_sources",
        [
            lambda _, ids: [
                Use(pk, UseKind.WORKFLOW_STEP, "the workflow “Onboarding”")
                for pk in ids
            ]
        ],
    )

    one = api.send("DELETE", f"{URL}/{made['id']}")
    many = api.post(f"{URL}/bulk-update", {"ids": [made["id"]], "delete": True})

    for response in (one, many):
        assert_error(response, 409, "CONFLICT")
        assert "Onboarding" in response.json()["message"]
    assert api.get(f"{URL}/{made['id']}/usage").json() == {
        "workflowSteps": 1,
        "emailsSent": 0,
    }


def test_many_are_deleted_at_once(api: Api, write: Write) -> None:
    ids = [str(write().pk) for _ in range(3)]

    assert api.post(f"{URL}/bulk-update", {"ids": ids}).json() == {"updated": 0}
    assert_error(
        api.post(f"{URL}/bulk-update", {"ids": [*ids, NOBODY], "delete": True}),
        404,
        "TEMPLATE_NOT_FOUND",
    )
    assert Template.objects.existing().count() == 3
    response = api.post(f"{URL}/bulk-update", {"ids": [*ids, ids[0]], "delete": True})
    assert response.json() == {"deleted": 3}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "ids"),
        ({"ids": []}, "ids"),
        ({"ids": "x"}, "ids"),
        ({"ids": ["x"]}, "ids.0"),
        ({"ids": [NOBODY] * 1001}, "ids"),
        ({"ids": [NOBODY], "delete": "yes"}, "delete"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_bulk_request_says_which(api: Api, body: dict[str, Any], field: str) -> None:
    response = api.post(f"{URL}/bulk-update", body)

    assert_error(response, 422, "VALIDATION_ERROR", field)


def test_a_copy_is_answered_whole(api: Api) -> None:
    made = make(api, description="x")

    copy = api.send("POST", f"{URL}/{made['id']}/duplicate")

    assert copy.status_code == 201
    assert copy.json()["name"] == "Welcome (Copy)"
    new = {name: copy.json()[name] for name in ("id", "name", "createdAt", "updatedAt")}
    assert copy.json() == made | new
    assert copy.json()["id"] != made["id"]


def test_usage_counts_mails(api: Api, template: Template, project: Project) -> None:
    make_email(project, template=template)
    make_email(project)

    assert api.get(f"{URL}/{template.pk}/usage").json() == {
        "workflowSteps": 0,
        "emailsSent": 1,
    }


def test_the_same_request_is_done_once(api: Api) -> None:
    headers = {"HTTP_IDEMPOTENCY_KEY": "once"}

    first = api.post(URL, BODY, **headers)
    again = api.post(URL, BODY, **headers)
    other = api.post(URL, BODY | {"name": "Other"}, **headers)

    assert (again.status_code, again.json()) == (201, first.json())
    assert again["Idempotent-Replayed"] == "true"
    assert_error(other, 409, "IDEMPOTENCY_KEY_REUSED")
    assert Template.objects.count() == 1


# -- lists -----------------------------------------------------------------------------
def names(response: Any) -> list[str]:
    return [item["name"] for item in response.json()["data"]]


def test_a_list_goes_on_by_cursor(api: Api, write: Write) -> None:
    for number in range(5):
        write(name=f"T{number}")

    first = api.get(URL, limit=2)
    second = api.get(URL, limit=2, cursor=first.json()["nextCursor"])
    last = api.get(URL, limit=2, cursor=second.json()["nextCursor"])

    assert first.json()["total"] == 5
    assert names(first) + names(second) + names(last) == ["T4", "T3", "T2", "T1", "T0"]
    assert last.json()["nextCursor"] is None
    assert first.json()["items"] == first.json()["data"]


def test_a_list_goes_by_pages_where_they_are_asked_for(api: Api, write: Write) -> None:
    for number in range(5):
        write(name=f"T{number}")

    body = api.get(URL, page=2, pageSize=2).json()

    assert [item["name"] for item in body["data"]] == ["T2", "T1"]
    wanted = {"total": 5, "page": 2, "pageSize": 2, "totalPages": 3}
    assert {name: body[name] for name in wanted} == wanted
    assert api.get(URL, page=1, pageSize=1000).json()["pageSize"] == 100


@pytest.mark.parametrize(
    ("query", "order"),
    [
        ({"sort": "name", "dir": "asc"}, "abc"),
        ({"sort": "name"}, "cba"),
        ({"sort": "createdAt", "dir": "asc"}, "bac"),
        ({"sort": "updatedAt"}, "acb"),
        ({"sort": "nonsense", "dir": "sideways"}, "cab"),
    ],
)
def test_a_list_has_an_order(
    api: Api, write: Write, query: dict[str, str], order: str
) -> None:
    made = {name: write(name=name) for name in "bac"}
    api.send("PATCH", f"{URL}/{made['a'].pk}", {"subject": "Later"})

    assert names(api.get(URL, **query)) == list(order)
    found: list[str] = []
    cursor = ""
    while True:
        page = api.get(URL, **query, limit=1, **({"cursor": cursor} if cursor else {}))
        found += names(page)
        cursor = page.json()["nextCursor"]
        if not cursor:
            break
    assert found == list(order)


def test_names_that_are_the_same_are_all_listed(api: Api, write: Write) -> None:
    for _ in range(3):
        write(name="Same")

    first = api.get(URL, sort="name", limit=2).json()
    rest = api.get(URL, sort="name", limit=2, cursor=first["cursor"]).json()

    assert len({it["id"] for it in first["data"] + rest["data"]}) == 3


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("welc", ["Welcome"]),
        ("RECEIPT", ["Other"]),
        ("for bills", ["Other"]),
        ("%", []),
        ("_", []),
        ("", ["Other", "Welcome"]),
        ("\x00", []),
        ("x" * 5000, []),
    ],
    ids=lambda value: str(value)[:10],
)
def test_a_list_is_searched(
    api: Api, write: Write, search: str, found: list[str]
) -> None:
    write()
    write(name="Other", subject="Your receipt", description="For bills")

    assert names(api.get(URL, search=search)) == found


def test_a_list_is_of_one_type(api: Api, write: Write) -> None:
    write()
    write(name="Other", kind="TRANSACTIONAL")

    assert names(api.get(URL, type="transactional")) == ["Other"]
    assert_error(api.get(URL, type="x"), 422, "VALIDATION_ERROR", "type")


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "x"},
        {"cursor": "x"},
        {"cursor": "é"},
        {"page": "-1"},
        {"page": "1e9"},
        {"pageSize": "x"},
    ],
    ids=str,
)
def test_a_page_that_cannot_be(api: Api, query: dict[str, str]) -> None:
    name = next(iter(query))

    assert_error(api.get(URL, **query), 422, "VALIDATION_ERROR", name)


def test_a_cursor_is_of_one_list_in_one_order(
    api: Api, stranger_api: Api, write: Write
) -> None:
    for _ in range(2):
        write()
    cursor = api.get(URL, limit=1).json()["cursor"]

    for response in (
        api.get(URL, limit=1, cursor=cursor, sort="name"),
        stranger_api.get(URL, limit=1, cursor=cursor),
    ):
        assert_error(response, 422, "VALIDATION_ERROR", "cursor")


@pytest.mark.parametrize(
    "path",
    [
        f"{URL}?limit=5",
        f"{URL}?page=1&pageSize=5",
        f"{URL}?sort=name&limit=5",
        "{one}/versions?limit=5",
    ],
)
def test_a_list_costs_the_same_with_ten_rows_and_twenty(
    api: Api, template: Template, write: Write, path: str
) -> None:
    url = path.replace("{one}", f"{URL}/{template.pk}")
    costs = []
    for turn in range(2):
        for number in range(10):
            write()
            api.send("PATCH", f"{URL}/{template.pk}", {"name": f"{turn} {number}"})
        with CaptureQueriesContext(connection) as captured:
            assert api.send("GET", url).status_code == 200
        costs.append(len(captured))

    assert costs[0] == costs[1]
    assert costs[0] <= 4


# -- versions --------------------------------------------------------------------------
def test_versions_are_listed_and_come_back(api: Api) -> None:
    made = make(api)
    url = f"{URL}/{made['id']}"
    api.send("PATCH", url, {"subject": "Two", "body": "<p>Two</p>"})

    lines = api.get(f"{url}/versions").json()["data"]
    first = api.get(f"{url}/versions/1").json()
    restored = api.post(f"{url}/versions/1/restore", {})

    assert [line["version"] for line in lines] == [2, 1]
    assert lines[0] | {"subject": "Two", "savedBy": "API", "user": None} == lines[0]
    assert "body" not in lines[0]
    assert (first["subject"], first["body"]) == (BODY["subject"], BODY["body"])
    assert restored.status_code == 200
    assert restored.json() == made | {
        "version": 3,
        "updatedAt": restored.json()["updatedAt"],
    }


@pytest.mark.parametrize("number", ["0", "2", "-1", "x", "²", "9" * 30, "1.0"])
def test_a_version_that_never_was(api: Api, template: Template, number: str) -> None:
    url = f"{URL}/{template.pk}/versions/{number}"

    assert_error(api.get(url), 404, "RESOURCE_NOT_FOUND")
    assert_error(api.post(f"{url}/restore", {}), 404, "RESOURCE_NOT_FOUND")


# -- sending ---------------------------------------------------------------------------
def test_a_mail_says_which_version_it_was_made_of(api: Api, project: Project) -> None:
    made = make(api, type="TRANSACTIONAL", preheader="Psst", tracking=False)
    api.send("PATCH", f"{URL}/{made['id']}", {"subject": "Two"})
    body = {"to": "ann@example.com", "template": made["id"]}

    assert api.post("/v1/send", body).status_code == 200

    email = project.emails.select_related("content").get()
    assert (str(email.template_id), email.template_version) == (made["id"], 2)
    assert (email.content.subject, email.content.preheader) == ("Two", "Psst")
    assert (email.content.style, email.tracks) == ("PLUNK", False)


def test_a_request_says_more_than_its_template(api: Api, project: Project) -> None:
    made = make(api, type="TRANSACTIONAL", replyTo="t@example.com", fromName="Tea")
    body = {
        "to": "ann@example.com",
        "template": made["id"],
        "subject": "Mine",
        "reply": "r@example.com",
    }

    api.post("/v1/send", body)
    api.post("/v1/send", body | {"reply": None, "subject": None, "body": "<p>B</p>"})

    mine, theirs = project.emails.select_related("content").order_by("pk")
    assert (mine.content.subject, mine.content.body) == ("Mine", BODY["body"])
    assert (mine.reply_to, mine.from_name) == ("r@example.com", "Tea")
    assert (theirs.content.subject, theirs.content.body) == (
        BODY["subject"],
        "<p>B</p>",
    )
    assert (theirs.reply_to, theirs.content.style) == ("t@example.com", "HTML")


def test_where_nobody_says_else_answers_go_where_the_project_says(
    api: Api, project: Project
) -> None:
    Project.objects.update(reply_to="project@example.com")

    api.post("/v1/send", {"to": "ann@example.com", "subject": "x", "body": "x"})

    assert project.emails.get().reply_to == "project@example.com"


def test_a_deleted_template_sends_nothing(api: Api, project: Project) -> None:
    made = make(api, type="TRANSACTIONAL")
    api.send("DELETE", f"{URL}/{made['id']}")

    for template in (made["id"], str(uuid4())):
        response = api.post("/v1/send", {"to": "ann@example.com", "template": template})
        assert_error_of_send(response)
    assert not project.emails.exists()


def assert_error_of_send(response: Any) -> None:
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "TEMPLATE_NOT_FOUND"


def test_what_is_on_its_way_does_not_change_with_its_template(
    api: Api, project: Project
) -> None:
    """H4."""
    made = make(api, type="TRANSACTIONAL")
    api.post("/v1/send", {"to": "ann@example.com", "template": made["id"]})

    api.send("PATCH", f"{URL}/{made['id']}", {"subject": "Changed"})
    api.send("DELETE", f"{URL}/{made['id']}")

    email = project.emails.select_related("content").get()
    assert email.content.subject == BODY["subject"]
    assert str(email.template_id) == made["id"]


def test_marketing_is_refused_to_whom_it_was_not_agreed_with(
    api: Api, project: Project
) -> None:
    made = make(api)

    response = api.post("/v1/send", {"to": "ann@example.com", "template": made["id"]})

    assert response.status_code == 400
    assert response.json()["error"]["code"] == "CONTACT_UNSUBSCRIBED"
    assert not project.emails.exists()
