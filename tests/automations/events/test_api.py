"""Events in both generations of the API (contract: next 2.9, classic 2.7)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from automations.events import deleting
from automations.models import Event, Listener, Occurrence, Workflow
from contacts import jobs
from contacts.models import Contact, Segment
from plunk.projects.creating import NewProject
from plunk.projects.models import Project
from tests.api.bad_bodies import BAD_BODIES
from tests.automations.events.conftest import happen
from tests.conftest import NOBODY, Api
from tests.contacts.api.conftest import assert_error
from tests.pages.rows import make_contact, make_email
from transactional import templates
from transactional.models import SavedBy

KEYS = {"id", "name", "data", "projectId", "contactId", "emailId", "createdAt"}
ODD = ["a.b/c", "100%", "müde-🎉", "a/usage", "names", "contact/x", "a+b&c=d", "a%2fb"]


def path(name: str, rest: str = "") -> str:
    return f"/api/events/{quote(name, safe='')}{rest}"


# -- POST /events/track ----------------------------------------------------------------


def test_an_event_of_a_contact_is_recorded(
    api: Api, project: Project, ann: Contact
) -> None:
    response = api.post(
        "/api/events/track",
        {"name": "Signed Up", "contactId": str(ann.pk), "data": {"plan": "pro"}},
    )

    body = response.json()
    assert (response.status_code, body.keys()) == (201, KEYS)
    assert body == body | {
        "name": "signed-up",
        "data": {"plan": "pro"},
        "projectId": str(project.pk),
        "contactId": str(ann.pk),
        "emailId": None,
    }
    assert str(Occurrence.objects.get().pk) == body["id"]


def test_an_event_of_nobody_is_recorded(api: Api) -> None:
    response = api.post("/api/events/track", {"name": "night", "contactId": None})

    assert response.status_code == 201
    assert (response.json()["contactId"], response.json()["data"]) == (None, None)
    listed = api.get("/api/events").json()["events"]
    assert listed[0]["contact"] is None


def test_an_event_may_be_about_a_mail(api: Api, project: Project) -> None:
    email = make_email(project)

    body = api.post("/api/events/track", {"name": "x", "emailId": str(email.pk)})

    assert body.json()["emailId"] == str(email.pk)


@pytest.mark.parametrize("field", ["contactId", "emailId"])
def test_an_id_of_another_project_is_as_unknown_as_none(
    api: Api, other_project: NewProject, field: str
) -> None:
    theirs = make_contact(other_project.project)
    own = {"contactId": theirs, "emailId": make_email(other_project.project, theirs)}
    answers = [
        api.post("/api/events/track", {"name": "x", field: pk})
        for pk in (str(own[field].pk), NOBODY)
    ]

    for answer in answers:
        assert_error(answer, 422, "VALIDATION_ERROR", field)
    messages = {answer.json()["message"] for answer in answers}
    assert len(messages) == 1
    assert not Occurrence.objects.exists()


@pytest.mark.parametrize(
    "name", ["subscribe", "Unsubscribe", "email.x", "contact.a", "segment.a.entry"]
)
def test_a_reserved_name_is_refused_as_by_track(api: Api, name: str) -> None:
    answers = [
        api.post("/api/events/track", {"name": name}),
        api.post("/v1/track", {"event": name, "email": "a@example.com"}),
    ]

    codes = {one.json()["error"]["errors"][0]["code"] for one in answers}
    assert ({one.status_code for one in answers}, codes) == ({422}, {"reserved_event"})


def test_a_key_records_once(api: Api) -> None:
    sent = [
        api.post("/api/events/track", {"name": "x"}, HTTP_IDEMPOTENCY_KEY="one")
        for _ in range(2)
    ]

    assert sent[0].json() == sent[1].json()
    assert sent[1]["Idempotent-Replayed"] == "true"
    assert Occurrence.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": None}, "name"),
        ({"name": 7}, "name"),
        ({"name": ["x"]}, "name"),
        ({"name": ""}, "name"),
        ({"name": "  "}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": "İ" * 200}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "x", "contactId": 7}, "contactId"),
        ({"name": "x", "contactId": "7"}, "contactId"),
        ({"name": "x", "emailId": {}}, "emailId"),
        ({"name": "x", "data": []}, "data"),
        ({"name": "x", "data": "y"}, "data"),
        ({"name": "x", "data": {str(n): n for n in range(201)}}, "data"),
        ({"name": "x", "data": {"a": "x" * 70_000}}, "data"),
    ],
)
def test_what_is_wrong_is_named(api: Api, body: Any, field: str) -> None:
    response = api.post("/api/events/track", body)

    assert_error(response, 422, "VALIDATION_ERROR", field)
    assert not Event.objects.exists()


@pytest.mark.parametrize("raw", [b'{"name":"a\\u0000"}', b'{"name":"a\\ud800"}'])
def test_what_is_no_text_is_refused(api: Api, raw: bytes) -> None:
    assert_error(api.post("/api/events/track", raw), 422, "VALIDATION_ERROR", "name")


@pytest.mark.parametrize(("raw", "status"), BAD_BODIES)
def test_a_bad_body_is_an_answer(api: Api, raw: bytes, status: int) -> None:
    assert api.post("/api/events/track", raw).status_code == status


def test_ten_megabytes_are_too_large(api: Api) -> None:
    raw = b'{"name":"x","data":{"a":"' + b"x" * 10_000_000 + b'"}}'

    assert_error(api.post("/api/events/track", raw), 413, "PAYLOAD_TOO_LARGE")


def test_only_a_secret_key_opens(public_api: Api) -> None:
    asked = [
        *(("GET", f"/api/events{rest}") for rest in ("", "/stats", "/names")),
        ("GET", f"/api/events/contact/{NOBODY}"),
        ("GET", "/api/events/x/usage"),
        ("DELETE", "/api/events/x"),
        ("POST", "/api/events/track"),
        ("DELETE", "/v1/events"),
    ]

    for method, address in asked:
        response = public_api.send(method, address, {})
        assert_error(response, 401, "INVALID_API_KEY")


# -- lists -----------------------------------------------------------------------------


def test_the_newest_are_listed_with_their_contacts(
    api: Api, project: Project, ann: Contact
) -> None:
    happen(project, "old", contact=ann, days_ago=1)
    happen(project, "new", contact=ann, a=1)

    body = api.get("/api/events").json()

    assert [row["name"] for row in body["events"]] == ["new", "old"]
    assert body["events"][0].keys() == KEYS | {"contact"}
    assert body["events"][0]["contact"] == {"email": "ann@example.com"}
    assert body["data"] == body["items"] == body["events"]
    assert (body["hasMore"], body["cursor"], body["total"]) == (False, None, 2)


def test_a_cursor_leads_through_the_list(api: Api, project: Project) -> None:
    happen(project, "x", times=5)

    first = api.get("/api/events", limit=2, eventName="X").json()
    second = api.get("/api/events", limit=9, eventName="x", cursor=first["cursor"])

    ids = [row["id"] for row in first["events"] + second.json()["events"]]
    assert (first["total"], len(set(ids))) == (5, 5)
    assert first["hasMore"] is True


def test_a_cursor_of_another_list_is_refused(api: Api, project: Project) -> None:
    happen(project, "x", times=2)
    cursor = api.get("/api/events", limit=1).json()["cursor"]

    response = api.get("/api/events", eventName="x", cursor=cursor)

    assert_error(response, 422, "VALIDATION_ERROR", "cursor")
    for bad in ("0", "-1", "abc"):
        assert_error(
            api.get("/api/events", limit=bad), 422, "VALIDATION_ERROR", "limit"
        )


def test_an_unknown_name_lists_nothing(api: Api) -> None:
    assert api.get("/api/events", eventName="x\x00").json()["events"] == []
    assert api.get("/api/events", eventName="nobody").json()["total"] == 0


def test_what_a_contact_did_is_listed(api: Api, project: Project, ann: Contact) -> None:
    happen(project, "mine", contact=ann)
    happen(project, "other")

    body = api.get(f"/api/events/contact/{ann.pk}").json()

    assert [row["name"] for row in body["events"]] == ["mine"]
    for nobody in (NOBODY, "7", "%00"):
        assert api.get(f"/api/events/contact/{nobody}").status_code == 404


def test_names_come_by_frequency(api: Api, project: Project) -> None:
    happen(project, "rare")
    happen(project, "often", times=3)
    Event.objects.create(project=project, name="never")

    assert api.get("/api/events/names").json() == {
        "eventNames": ["often", "rare", "never"]
    }


def test_stats_count_what_is_within_the_time(api: Api, project: Project) -> None:
    happen(project, "b", times=2, days_ago=3)
    happen(project, "a", days_ago=3)
    happen(project, "a", times=4)

    assert api.get("/api/events/stats").json() == [
        {"name": "a", "count": 5},
        {"name": "b", "count": 2},
    ]
    early = api.get("/api/events/stats", endDate=_days_ago(project, 2)).json()
    assert early == [{"name": "b", "count": 2}, {"name": "a", "count": 1}]
    late = api.get("/api/events/stats", startDate=_days_ago(project, 2)).json()
    assert late == [{"name": "a", "count": 4}]


def _days_ago(project: Project, days: int) -> str:
    event = happen(project, "clock", times=0, days_ago=days)
    Event.objects.filter(pk=event.pk).delete()
    return event.created_at.isoformat()


@pytest.mark.parametrize("field", ["startDate", "endDate"])
@pytest.mark.parametrize("text", ["x", "2026-13-01", "1", "2026-01-01T99", "\x00"])
def test_a_bad_date_is_named(api: Api, field: str, text: str) -> None:
    response = api.get("/api/events/stats", **{field: text})

    assert_error(response, 422, "VALIDATION_ERROR", field)


def test_an_end_before_the_start_is_refused(api: Api) -> None:
    response = api.get(
        "/api/events/stats", startDate="2026-02-01", endDate="2026-01-01"
    )

    assert_error(response, 422, "VALIDATION_ERROR", "endDate")


@pytest.mark.parametrize(
    "address", ["/api/events?limit=100", "/api/events/names", "/api/events/stats"]
)
def test_a_list_costs_the_same_for_ten_and_twenty(
    api: Api, project: Project, address: str
) -> None:
    costs = []
    for start in (0, 10):
        for number in range(start, start + 10):
            happen(project, f"e{number}", contact=make_contact(project))
        api.get(address)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            api.get(address)
        costs.append(len(queries))

    assert costs[0] == costs[1] <= 8


# -- usage, deleting -------------------------------------------------------------------


@pytest.mark.parametrize("name", ODD)
def test_names_of_all_kinds_stand_in_paths(
    api: Api, project: Project, ann: Contact, name: str
) -> None:
    happen(project, name, contact=ann, times=2)

    usage = api.get(path(name, "/usage")).json()
    deleted = api.send("DELETE", path(name))

    assert usage == {
        "usedInSegments": [],
        "usedInWorkflows": [],
        "totalCount": 2,
        "uniqueContacts": 1,
        "canDelete": True,
        "reason": None,
        "isEstimate": False,
    }
    assert (deleted.status_code, deleted.json()) == (200, {"deletedCount": 2})
    assert not Event.objects.exists()


def test_what_is_named_by_a_segment_stays(api: Api, project: Project) -> None:
    happen(project, "bought-it")
    segment = _segment(project, "event.Bought It")

    usage = api.get(path("bought-it", "/usage")).json()
    response = api.send("DELETE", path("bought-it"))

    assert usage["usedInSegments"] == [{"id": str(segment.pk), "name": "Buyers"}]
    assert usage["canDelete"] is False
    assert_error(response, 400, "EVENT_IN_USE")
    assert "Buyers" in response.json()["message"]
    assert Occurrence.objects.count() == 1


def _segment(project: Project, field: str) -> Segment:
    condition = {
        "logic": "AND",
        "groups": [{"filters": [{"field": field, "operator": "triggered"}]}],
    }
    return Segment.objects.create(project=project, name="Buyers", condition=condition)


@pytest.mark.parametrize(
    ("trigger", "config"),
    [
        ({"type": "EVENT", "eventName": "a/ü"}, {}),
        ({"type": "EVENTS", "eventNames": ["x", "a/ü"]}, {}),
        ({"type": "EVENTS", "eventNames": ["x"], "notEventNames": ["a/ü"]}, {}),
        ({"type": "MANUAL"}, {"eventName": "A/ü"}),
        (
            {"type": "MANUAL"},
            {"filter": {"groups": [{"filters": [{"field": "event.a/ü"}]}]}},
        ),
    ],
)
def test_what_is_named_by_a_workflow_stays(
    api: Api, project: Project, trigger: Any, config: Any
) -> None:
    happen(project, "a/ü")
    draft = {"trigger": trigger, "steps": [{"config": config}], "transitions": []}
    workflow = Workflow.objects.create(project=project, name="Welcome", draft=draft)
    plain = {"trigger": {"type": "MANUAL"}, "steps": [{"config": {"field": "a/ü"}}]}
    Workflow.objects.create(project=project, name="Other", draft=plain)

    usage = api.get(path("a/ü", "/usage")).json()

    assert usage["usedInWorkflows"] == [{"id": str(workflow.pk), "name": "Welcome"}]
    assert_error(api.send("DELETE", path("a/ü")), 400, "EVENT_IN_USE")


def test_what_a_workflow_begins_at_stays(api: Api, project: Project) -> None:
    event = happen(project, "x")
    workflow = Workflow.objects.create(project=project, name="W", draft={})
    Listener.objects.create(workflow=workflow, event=event)

    usage = api.get(path("x", "/usage")).json()

    assert usage["usedInWorkflows"] == [{"id": str(workflow.pk), "name": "W"}]


def test_an_event_of_the_system_stays(api: Api, project: Project) -> None:
    happen(project, "email.open")

    assert api.get(path("email.open", "/usage")).json()["canDelete"] is False
    assert_error(api.send("DELETE", path("email.open")), 400, "EVENT_IN_USE")


def test_unknown_names_are_not_found(
    api: Api, stranger_api: Api, project: Project
) -> None:
    happen(project, "mine")

    for name in ("mine", "nobody", "\x00", "x" * 5000):
        usage = stranger_api.get(path(name, "/usage"))
        assert_error(usage, 404, "EVENT_NOT_FOUND")
        assert_error(stranger_api.send("DELETE", path(name)), 404, "EVENT_NOT_FOUND")
    assert Occurrence.objects.count() == 1


def test_much_is_removed_by_a_job_and_gone_from_lists_at_once(
    api: Api, project: Project, ann: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deleting, "MOST_AT_ONCE", 2)
    monkeypatch.setattr(deleting, "_PEEK", 3)
    happen(project, "x", contact=ann, times=5)

    deleted = api.send("DELETE", path("x")).json()
    listed = api.get("/api/events").json()["events"]
    names = api.get("/api/events/names").json()["eventNames"]
    again = api.post("/v1/track", {"event": "x", "email": "ann@example.com"})
    while jobs.work():
        continue

    assert deleted | {"deletedCount": 5, "isComplete": False} == deleted
    assert (listed, names) == ([], [])
    assert again.status_code == 200
    assert [event.name for event in Event.objects.all()] == ["x"]
    assert Occurrence.objects.count() == 1


# -- the classic generation ------------------------------------------------------------

CLASSIC = {
    *("id", "name", "projectId", "templateId", "campaignId", "createdAt", "updatedAt"),
}


@pytest.mark.parametrize("is_in_path", [True, False])
def test_a_classic_client_deletes_by_id(
    api: Api, project: Project, *, is_in_path: bool
) -> None:
    event = happen(project, "x")
    address = f"/v1/events/{event.pk}" if is_in_path else "/v1/events"

    response = api.send("DELETE", address, {} if is_in_path else {"id": str(event.pk)})

    body = response.json()
    assert (response.status_code, body.keys()) == (200, CLASSIC)
    assert (body["id"], body["templateId"]) == (str(event.pk), None)
    assert not Event.objects.exists()


def test_a_classic_client_may_not_delete_the_event_of_a_template(
    api: Api, project: Project
) -> None:
    template = templates.create(
        project_id=project.pk,
        written={"name": "Hi", "subject": "Hi", "body": "<p>Hi</p>"},
        saved_by=SavedBy.API,
    )
    event = Event.objects.get(name="hi-template-opened")

    response = api.send("DELETE", "/v1/events", {"id": str(event.pk)})

    assert_error(response, 403, "FORBIDDEN")
    assert event.template_id == template.pk


def test_a_classic_client_is_told_what_is_wrong(
    api: Api, stranger_api: Api, project: Project
) -> None:
    event = happen(project, "x")

    assert_error(api.send("DELETE", "/v1/events", {}), 422, "VALIDATION_ERROR", "id")
    assert_error(
        api.send("DELETE", "/v1/events", {"id": 7}), 422, "VALIDATION_ERROR", "id"
    )
    for pk in (NOBODY, "x", str(uuid4())):
        assert_error(
            api.send("DELETE", "/v1/events", {"id": pk}), 404, "EVENT_NOT_FOUND"
        )
    foreign = stranger_api.send("DELETE", "/v1/events", {"id": str(event.pk)})
    assert_error(foreign, 404, "EVENT_NOT_FOUND")
