"""Segments in the API, through HTTP (contract, next generation 2.7)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest
from django.db.models.functions import Now
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from contacts.models import Contact, Segment, SegmentMembership, SegmentType
from contacts.segments import keeping, uses
from contacts.segments.membership import add_members
from plunk.projects.creating import NewProject
from plunk.projects.models import Project
from tests.conftest import NOBODY, Api
from tests.pages.rows import make_contact

pytestmark = pytest.mark.django_db

#: What the contract lists, in its order.
MEMBERS = [
    "id",
    "name",
    "description",
    "type",
    "condition",
    "trackMembership",
    "memberCount",
    "projectId",
    "createdAt",
    "updatedAt",
]


def one_rule(**rule: Any) -> dict[str, Any]:
    return {"logic": "AND", "groups": [{"filters": [rule]}]}


PRO = one_rule(field="data.plan", operator="equals", value="pro")


def ask(api: Api, method: str, path: str, body: Any = None, **headers: str) -> Any:
    extra: dict[str, Any] = {"HTTP_AUTHORIZATION": f"Bearer {api.key}", **headers}
    if body is None:
        return api.client.generic(method, f"/api{path}", **extra)
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return api.client.generic(
        method, f"/api{path}", raw, content_type="application/json", **extra
    )


def make(api: Api, **values: Any) -> dict[str, Any]:
    answer = ask(api, "POST", "/segments", {"name": "VIP", "condition": PRO, **values})
    assert answer.status_code == 201, answer.content
    segment: dict[str, Any] = answer.json()
    return segment


def make_list(api: Api, **values: Any) -> dict[str, Any]:
    return make(api, type="STATIC", condition=None, **values)


def problems(answer: Any) -> dict[str, str]:
    assert answer.status_code == 422, answer.content
    errors = answer.json()["error"]["errors"]
    return {error["field"]: error["code"] for error in errors}


# -- making ---------------------------------------------------------------------------


def test_a_dynamic_segment_is_made_and_counted(api: Api, project: Project) -> None:
    make_contact(project, data={"plan": "pro"})
    make_contact(project, data={"plan": "free"})

    segment = make(api, description="Our best")

    assert list(segment) == [*MEMBERS, "project"]
    assert segment["project"] == {"name": "Acme"}
    assert segment["memberCount"] == 1
    assert segment["condition"] == PRO
    assert segment["type"] == "DYNAMIC"
    assert segment["trackMembership"] is False
    assert segment["description"] == "Our best"
    assert segment["projectId"] == str(project.pk)


def test_a_static_segment_has_no_condition(api: Api) -> None:
    segment = make(api, type="static", condition=PRO)

    assert segment["type"] == "STATIC"
    assert segment["condition"] is None
    assert segment["memberCount"] == 0


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"name", "condition"}),
        ({"name": "  ", "condition": PRO}, {"name"}),
        ({"name": "x" * 101, "condition": PRO}, {"name"}),
        ({"name": "a\nb", "condition": PRO}, {"name"}),
        ({"name": 7, "condition": PRO}, {"name"}),
        ({"name": "x", "condition": PRO, "description": "x" * 501}, {"description"}),
        ({"name": "x", "condition": PRO, "trackMembership": "y"}, {"trackMembership"}),
        ({"name": "x", "type": "OTHER", "condition": PRO}, {"type"}),
        ({"name": "x", "condition": "all"}, {"condition"}),
        ({"name": "x", "condition": {}}, {"condition.logic", "condition.groups"}),
        (
            {"name": "x", "condition": one_rule(field="phone", operator="equals")},
            {"condition.groups.0.filters.0.field"},
        ),
    ],
)
def test_what_is_wrong_is_named(body: Any, fields: set[str], api: Api) -> None:
    answer = ask(api, "POST", "/segments", body)

    assert problems(answer).keys() == fields
    assert not Segment.objects.exists()


def test_the_same_request_twice_makes_one(api: Api) -> None:
    body = {"name": "VIP", "condition": PRO}

    first = ask(api, "POST", "/segments", body, HTTP_IDEMPOTENCY_KEY="k")
    second = ask(api, "POST", "/segments", body, HTTP_IDEMPOTENCY_KEY="k")

    assert first.status_code == second.status_code == 201
    assert second["Idempotent-Replayed"] == "true"
    assert first.json() == second.json()
    assert Segment.objects.count() == 1


def test_a_project_has_a_limit(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "MOST_SEGMENTS", 1)
    make(api)

    answer = ask(api, "POST", "/segments", {"name": "Two", "condition": PRO})

    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "CONFLICT"


# -- reading --------------------------------------------------------------------------


def test_the_list_is_a_bare_array_with_the_newest_first(api: Api) -> None:
    names = [make(api, name=name)["name"] for name in ("a", "b", "c")]

    answer = ask(api, "GET", "/segments")

    assert [segment["name"] for segment in answer.json()] == names[::-1]


def test_the_list_has_pages_where_they_are_asked_for(api: Api) -> None:
    for name in ("a", "b", "c"):
        make(api, name=name)

    first = ask(api, "GET", "/segments?limit=2").json()
    rest = ask(api, "GET", f"/segments?limit=2&cursor={first['cursor']}").json()
    numbered = ask(api, "GET", "/segments?page=2&pageSize=2").json()

    assert [row["name"] for row in first["data"]] == ["c", "b"]
    assert (first["hasMore"], first["total"]) == (True, 3)
    assert [row["name"] for row in rest["items"]] == ["a"]
    assert rest["cursor"] is None
    assert [row["name"] for row in numbered["data"]] == ["a"]
    assert (numbered["total"], numbered["totalPages"]) == (3, 2)


def test_the_list_costs_the_same_with_ten_and_twenty(
    api: Api, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(10):
        make(api)
    ask(api, "GET", "/segments")
    with django_assert_num_queries(1):
        ask(api, "GET", "/segments")
    for _ in range(10):
        make(api)
    with django_assert_num_queries(1):
        assert len(ask(api, "GET", "/segments").json()) == 20


def test_one_is_read(api: Api) -> None:
    segment = make(api)

    answer = ask(api, "GET", f"/segments/{segment['id']}")

    assert answer.status_code == 200
    assert list(answer.json()) == MEMBERS


STRANGE = ["x", "7", "%00", "..%2f", "é", "0" * 4000, NOBODY]
EVERY = [
    ("GET", "", None),
    ("PATCH", "", {"name": "x"}),
    ("DELETE", "", None),
    ("GET", "/contacts", None),
    ("POST", "/members", {"emails": ["a@x.co"]}),
    ("DELETE", "/members", {"emails": ["a@x.co"]}),
    ("POST", "/compute", None),
    ("POST", "/refresh", None),
]


@pytest.mark.parametrize(("method", "path", "body"), EVERY)
def test_one_there_is_none_of(method: str, path: str, body: Any, api: Api) -> None:
    for strange in STRANGE:
        answer = ask(api, method, f"/segments/{strange}{path}", body)
        assert answer.status_code == 404, strange
        assert answer.json()["error"]["code"] == "RESOURCE_NOT_FOUND"


@pytest.mark.parametrize(("method", "path", "body"), EVERY)
def test_one_of_others_is_as_unknown_as_none(
    method: str, path: str, body: Any, api: Api, stranger_api: Api
) -> None:
    segment = make_list(stranger_api)

    theirs = ask(api, method, f"/segments/{segment['id']}{path}", body)
    none = ask(api, method, f"/segments/{uuid4()}{path}", body)

    assert theirs.status_code == none.status_code == 404
    assert theirs.json()["error"]["message"] == none.json()["error"]["message"]
    assert Segment.objects.filter(pk=segment["id"]).exists()


@pytest.mark.parametrize(("method", "path", "body"), EVERY)
def test_a_public_key_opens_nothing(
    method: str, path: str, body: Any, api: Api, public_api: Api
) -> None:
    segment = make_list(api)

    answer = ask(public_api, method, f"/segments/{segment['id']}{path}", body)

    assert answer.status_code == 401
    assert Segment.objects.filter(pk=segment["id"]).exists()


# -- changing -------------------------------------------------------------------------


def test_what_is_given_is_changed(api: Api, project: Project) -> None:
    make_contact(project, data={"plan": "free"})
    segment = make(api)
    free = one_rule(field="data.plan", operator="equals", value="free")

    answer = ask(
        api, "PATCH", f"/segments/{segment['id']}", {"name": "Free", "condition": free}
    )

    assert answer.status_code == 200
    changed = answer.json()
    assert (changed["name"], changed["condition"]) == ("Free", free)
    assert changed["memberCount"] == 1
    assert changed["updatedAt"] >= segment["updatedAt"]
    assert changed["description"] is None


def test_a_list_keeps_its_kind_and_takes_no_condition(api: Api) -> None:
    segment = make_list(api)

    answer = ask(
        api,
        "PATCH",
        f"/segments/{segment['id']}",
        {"type": "DYNAMIC", "condition": PRO},
    )

    assert answer.status_code == 200
    assert answer.json()["type"] == "STATIC"
    assert answer.json()["condition"] is None


def test_a_segment_cannot_ask_for_itself(api: Api) -> None:
    segment = make(api)
    own = one_rule(field=f"segment.{segment['id']}", operator="memberOfSegment")

    answer = ask(api, "PATCH", f"/segments/{segment['id']}", {"condition": own})

    assert problems(answer) == {"condition.groups.0.filters.0.field": "cycle"}


@pytest.mark.parametrize("track", [False, True])
def test_nor_in_a_circle(api: Api, track: bool) -> None:
    first = make(api, trackMembership=track)
    second = make(
        api,
        trackMembership=track,
        condition=one_rule(
            field=f"segment.{first['id']}", operator="notMemberOfSegment"
        ),
    )
    Segment.objects.filter(track_membership=True).update(computed_at=Now())
    back = one_rule(field=f"segment.{second['id']}", operator="memberOfSegment")

    answer = ask(api, "PATCH", f"/segments/{first['id']}", {"condition": back})

    assert problems(answer) == {"condition.groups.0.filters.0.field": "cycle"}


def test_a_segment_of_others_is_no_condition(api: Api, stranger_api: Api) -> None:
    theirs = make_list(stranger_api)
    asking = one_rule(field=f"segment.{theirs['id']}", operator="memberOfSegment")
    nobody = one_rule(field=f"segment.{uuid4()}", operator="memberOfSegment")

    for condition in (asking, nobody):
        answer = ask(api, "POST", "/segments", {"name": "x", "condition": condition})
        assert problems(answer) == {"condition.groups.0.filters.0.field": "not_found"}


def test_nothing_of_a_wrong_change_is_kept(api: Api) -> None:
    segment = make(api)

    answer = ask(
        api, "PATCH", f"/segments/{segment['id']}", {"name": "New", "condition": {}}
    )

    assert answer.status_code == 422
    assert Segment.objects.get().name == "VIP"


# -- deleting -------------------------------------------------------------------------


def test_a_deleted_one_is_gone_with_its_members(api: Api, project: Project) -> None:
    segment = make_list(api)
    add_members(Segment.objects.get(pk=segment["id"]), [make_contact(project).pk])

    answer = ask(api, "DELETE", f"/segments/{segment['id']}")

    assert (answer.status_code, answer.content) == (204, b"")
    assert not SegmentMembership.objects.exists()
    assert Contact.objects.count() == 1
    assert ask(api, "DELETE", f"/segments/{segment['id']}").status_code == 404


def test_one_that_is_used_stays(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    segment = make(api)
    needed: list[Any] = [lambda project_id, pk: [uses.Use("the campaign “May”")]]
    monkeypatch.setattr(uses, "_sources", needed)

    answer = ask(api, "DELETE", f"/segments/{segment['id']}")

    assert answer.status_code == 409
    assert "the campaign “May”" in answer.json()["error"]["message"]
    assert Segment.objects.exists()


def test_one_that_another_segment_asks_for_stays(api: Api) -> None:
    segment = make(api)
    asking = one_rule(field=f"segment.{segment['id']}", operator="memberOfSegment")
    make(api, name="Other", condition=asking)

    answer = ask(api, "DELETE", f"/segments/{segment['id']}")

    assert answer.status_code == 409
    assert "“Other”" in answer.json()["error"]["message"]


# -- contacts -------------------------------------------------------------------------


def test_the_contacts_of_a_rule_are_live(api: Api, project: Project) -> None:
    segment = make(api)
    for number in range(3):
        make_contact(project, f"c{number}@x.co", data={"plan": "pro"})
    make_contact(project, data={"plan": "free"})
    path = f"/segments/{segment['id']}/contacts"

    page = ask(api, "GET", f"{path}?page=1&pageSize=2").json()
    last = ask(api, "GET", f"{path}?page=2&pageSize=2").json()
    first = ask(api, "GET", f"{path}?limit=2").json()
    rest = ask(api, "GET", f"{path}?limit=2&cursor={first['cursor']}").json()

    assert (page["total"], page["totalPages"], page["page"]) == (3, 2, 1)
    assert page["pageSize"] == 2
    assert [row["email"] for row in page["data"]] == ["c2@x.co", "c1@x.co"]
    assert [row["email"] for row in last["data"]] == ["c0@x.co"]
    assert last["total"] == 3
    assert first["total"] == 3
    assert [row["email"] for row in rest["data"]] == ["c0@x.co"]


def test_the_contacts_of_a_list_have_the_latest_members_first(
    api: Api, project: Project
) -> None:
    segment = make_list(api)
    row = Segment.objects.get(pk=segment["id"])
    old, new = make_contact(project, "old@x.co"), make_contact(project, "new@x.co")
    add_members(row, [new.pk])
    SegmentMembership.objects.update(entered_at=Now() - timedelta(days=1))
    add_members(row, [old.pk])
    path = f"/segments/{segment['id']}/contacts"

    page = ask(api, "GET", path).json()
    first = ask(api, "GET", f"{path}?limit=1").json()
    rest = ask(api, "GET", f"{path}?limit=1&cursor={first['cursor']}").json()

    assert [row["email"] for row in page["data"]] == ["old@x.co", "new@x.co"]
    assert page["total"] == 2
    assert [row["email"] for row in rest["data"]] == ["new@x.co"]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=x", "cursor=x", "page=0", "pageSize=-1", "page=1e9"]
)
def test_a_bad_page_is_refused(query: str, api: Api) -> None:
    for segment in (make(api), make_list(api)):
        path = f"/segments/{segment['id']}/contacts?{query}"
        assert ask(api, "GET", path).status_code == 422
    if "page" not in query:
        assert ask(api, "GET", f"/segments?{query}").status_code == 422


# -- members --------------------------------------------------------------------------


def test_members_are_added_by_address(api: Api, project: Project) -> None:
    make_contact(project, "ada@x.co")
    segment = make_list(api)
    path = f"/segments/{segment['id']}/members"

    answer = ask(api, "POST", path, {"emails": ["ADA@x.co", "No@x.co", "not one"]})

    assert answer.status_code == 200
    assert answer.json() == {
        "added": 1,
        "created": 0,
        "notFound": ["No@x.co", "not one"],
    }
    assert ask(api, "GET", f"/segments/{segment['id']}").json()["memberCount"] == 1


def test_missing_contacts_are_made(api: Api, project: Project) -> None:
    segment = make_list(api)

    answer = ask(
        api,
        "POST",
        f"/segments/{segment['id']}/members",
        {"emails": ["New@x.co"], "createMissing": True, "subscribed": False},
    )

    assert answer.json() == {"added": 1, "created": 1, "notFound": []}
    assert not Contact.objects.get(email="new@x.co").subscribed


def test_no_contact_is_made_of_what_is_no_address(api: Api) -> None:
    segment = make_list(api)

    answer = ask(
        api,
        "POST",
        f"/segments/{segment['id']}/members",
        {"emails": ["new@x.co", "not one"], "createMissing": True},
    )

    assert problems(answer).keys() == {"emails.1"}
    assert not Contact.objects.exists()


def test_members_are_added_and_removed_by_id(
    api: Api, project: Project, other_project: NewProject
) -> None:
    ada = make_contact(project, "ada@x.co")
    stranger = make_contact(other_project.project)
    segment = make_list(api)
    path = f"/segments/{segment['id']}/members"
    body = {"contactIds": [str(ada.pk), str(stranger.pk)]}

    added = ask(api, "POST", path, body)
    removed = ask(api, "DELETE", path, body)

    assert added.json() == {"added": 1, "created": 0, "notFound": [str(stranger.pk)]}
    assert removed.json() == {"removed": 1}
    assert ask(api, "GET", f"/segments/{segment['id']}").json()["memberCount"] == 0


def test_removing_says_how_many_contacts_were_matched(
    api: Api, project: Project
) -> None:
    make_contact(project, "ada@x.co")
    make_contact(project, "bert@x.co")
    segment = make_list(api)
    path = f"/segments/{segment['id']}/members"
    ask(api, "POST", path, {"emails": ["ada@x.co"]})

    answer = ask(api, "DELETE", path, {"emails": ["ada@x.co", "bert@x.co", "x@x.co"]})

    assert answer.json() == {"removed": 2}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"emails": []},
        {"emails": "ada@x.co"},
        {"emails": [7]},
        {"emails": [None]},
        {"emails": ["a@x.co"] * 501},
        {"contactIds": ["x"]},
        {"contactIds": []},
        {"emails": ["a@x.co"], "createMissing": "yes"},
    ],
)
def test_bad_members_are_refused(body: Any, api: Api) -> None:
    segment = make_list(api)

    answer = ask(api, "POST", f"/segments/{segment['id']}/members", body)

    assert answer.status_code == 422


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_rule_has_no_members_by_hand(method: str, api: Api) -> None:
    segment = make(api)

    answer = ask(
        api, method, f"/segments/{segment['id']}/members", {"emails": ["a@x.co"]}
    )

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "BAD_REQUEST"


# -- computing ------------------------------------------------------------------------


def test_a_tracked_one_is_computed(api: Api, project: Project) -> None:
    make_contact(project, "ada@x.co", data={"plan": "pro"})
    segment = make(api, trackMembership=True)
    path = f"/segments/{segment['id']}/compute"

    first = ask(api, "POST", path)
    Contact.objects.update(data={"plan": "free"}, updated_at=Now())
    second = ask(api, "POST", path)

    assert first.json() == {"added": 1, "removed": 0, "total": 1, "isComplete": True}
    assert second.json() == {"added": 0, "removed": 1, "total": 0, "isComplete": True}


def test_only_one_computes_at_a_time(api: Api) -> None:
    segment = make(api, trackMembership=True)
    Segment.objects.update(lease_expires_at=Now() + timedelta(minutes=1))

    answer = ask(api, "POST", f"/segments/{segment['id']}/compute")

    assert answer.status_code == 409
    assert answer["Retry-After"] == "5"


def test_one_without_tracking_is_not_computed(api: Api) -> None:
    segment = make(api)

    answer = ask(api, "POST", f"/segments/{segment['id']}/compute")

    assert answer.status_code == 400


def test_a_list_is_only_counted(api: Api, project: Project) -> None:
    segment = make_list(api)
    add_members(Segment.objects.get(pk=segment["id"]), [make_contact(project).pk])
    Segment.objects.update(member_count=9)

    answer = ask(api, "POST", f"/segments/{segment['id']}/compute")

    assert answer.json() == {"added": 0, "removed": 0, "total": 1}


@pytest.mark.parametrize("kind", SegmentType)
def test_a_segment_is_counted_again(
    kind: SegmentType, api: Api, project: Project
) -> None:
    segment = make(api, type=kind)
    contact = make_contact(project, data={"plan": "pro"})
    if kind == SegmentType.STATIC:
        SegmentMembership.objects.create(segment_id=segment["id"], contact=contact)

    answer = ask(api, "POST", f"/segments/{segment['id']}/refresh")

    assert answer.json() == {"memberCount": 1}
    assert ask(api, "GET", f"/segments/{segment['id']}").json()["memberCount"] == 1


# -- strange bodies -------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        b"[]",
        b"7",
        b'"x"',
        b"{",
        b'{"name":"a","name":"b"}',
        b'{"name": NaN}',
        b'{"name":"\\u0000","condition":{}}',
        b'{"name":"\\ud800","condition":{}}',
        b'{"a":' * 2000 + b"1" + b"}" * 2000,
        b'{"name":"a","condition":{"logic":"AND","groups":'
        + b"[" * 99
        + b"]" * 99
        + b"}}",
    ],
)
def test_strange_bodies_are_answered(raw: bytes, api: Api) -> None:
    segment = make_list(api)
    for method, path in [
        ("POST", "/segments"),
        ("PATCH", f"/segments/{segment['id']}"),
        ("POST", f"/segments/{segment['id']}/members"),
        ("DELETE", f"/segments/{segment['id']}/members"),
    ]:
        answer = ask(api, method, path, raw)
        assert 400 <= answer.status_code < 500, (method, path)
    assert Segment.objects.count() == 1


def test_a_cookie_is_no_key(api: Api, client: Client, alice: Any) -> None:
    client.force_login(alice)

    assert client.get("/api/segments").status_code == 401
