"""The pages about segments, and what the builder asks while one writes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact, Segment, SegmentMembership, SegmentType
from contacts.segments.keeping import create_segment
from contacts.segments.membership import add_members, members_of, remove_members
from contacts.segments.updating import update
from plunk.projects.creating import NewProject
from plunk.projects.models import Project, User
from tests.conftest import NOBODY
from tests.pages.rows import make_contact, make_occurrence

pytestmark = pytest.mark.django_db


def one_rule(**rule: Any) -> dict[str, Any]:
    return {"logic": "AND", "groups": [{"filters": [rule]}]}


PRO = one_rule(field="data.plan", operator="equals", value="pro")


@pytest.fixture
def member(client: Client, bob: User) -> Client:
    client.force_login(bob)
    return client


@pytest.fixture
def url(project: Project) -> str:
    return f"/projects/{project.pk}/segments/"


def make_list(project: Project, name: str = "Guests") -> Segment:
    return create_segment(project_id=project.pk, name=name, type=SegmentType.STATIC)


def make_rule(project: Project, *, track: bool = False) -> Segment:
    return create_segment(
        project_id=project.pk, name="VIP", condition=PRO, track_membership=track
    )


def text_of(answer: Any) -> str:
    assert answer.status_code == 200
    return str(answer.content.decode())


# -- the list -------------------------------------------------------------------------


def test_an_empty_list_says_what_a_segment_is(member: Client, url: str) -> None:
    assert "A segment is a rule" in text_of(member.get(url))


def test_the_list_has_size_and_rule_in_words(
    member: Client, url: str, project: Project
) -> None:
    make_contact(project, data={"plan": "pro"})
    make_rule(project)
    make_list(project)

    text = text_of(member.get(url))

    assert "VIP" in text
    assert "plan" in text
    assert "put on this list by hand" in text


def test_the_list_costs_the_same_with_ten_and_twenty(
    member: Client, url: str, project: Project
) -> None:
    costs = []
    for _ in range(2):
        for _ in range(5):
            make_rule(project)
            make_list(project)
        member.get(url)
        with CaptureQueriesContext(connection) as captured:
            member.get(url)
        costs.append(len(captured))

    assert costs[0] == costs[1]
    assert costs[0] <= 14


# -- one segment ----------------------------------------------------------------------


def test_a_page_shows_who_is_in_it(member: Client, url: str, project: Project) -> None:
    make_contact(project, "ada@x.co", data={"plan": "pro"})
    make_contact(project, "bert@x.co")
    segment = make_rule(project)

    text = text_of(member.get(f"{url}{segment.pk}/"))

    assert "ada@x.co" in text
    assert "bert@x.co" not in text


def test_its_members_come_in_pages(member: Client, url: str, project: Project) -> None:
    segment = make_list(project)
    people = [make_contact(project, f"c{number}@x.co") for number in range(60)]
    add_members(segment, [person.pk for person in people])

    seen: list[str] = []
    query = ""
    for _ in range(3):
        text = text_of(member.get(f"{url}{segment.pk}/{query}"))
        rows = text.split("<tbody>")[1].split("</tbody>")[0]
        seen += [person.email for person in people if f">{person.email}<" in rows]
        query = "?cursor=" + text.rpartition("cursor=")[2].split('"')[0]

    assert len(seen) == 60
    assert set(seen) == {person.email for person in people}


@pytest.mark.parametrize("track", [False, True])
def test_a_page_costs_the_same_with_ten_members_and_twenty(
    track: bool, member: Client, url: str, project: Project
) -> None:
    segment = make_rule(project, track=track)
    costs = []
    for _ in range(2):
        for _ in range(10):
            make_contact(project, data={"plan": "pro"})
        update(segment)
        member.get(f"{url}{segment.pk}/")
        with CaptureQueriesContext(connection) as captured:
            member.get(f"{url}{segment.pk}/")
        costs.append(len(captured))

    assert costs[0] == costs[1]
    assert costs[0] <= 16


def test_who_was_in_it_on_a_date(member: Client, url: str, project: Project) -> None:
    ada, bert = make_contact(project, "ada@x.co"), make_contact(project, "bert@x.co")
    segment = make_list(project)
    add_members(segment, [ada.pk])
    SegmentMembership.objects.update(entered_at=F("entered_at") - timedelta(days=9))
    remove_members(segment, [ada.pk])
    add_members(segment, [bert.pk])
    day = (datetime.now(UTC) - timedelta(days=5)).date()

    text = text_of(member.get(f"{url}{segment.pk}/", {"on": day.isoformat()}))
    rows = text.split("<tbody>")[1].split("</tbody>")[0]

    assert "ada@x.co" in rows
    assert "bert@x.co" not in rows


@pytest.mark.parametrize("on", ["x", "2026-02-31", "99999-01-01", "0001-01-01", "\x00"])
def test_a_strange_date_is_no_error(
    on: str, member: Client, url: str, project: Project
) -> None:
    segment = make_list(project)

    assert member.get(f"{url}{segment.pk}/", {"on": on}).status_code == 200


def test_somebody_is_in_it_and_why(member: Client, url: str, project: Project) -> None:
    make_contact(project, "ada@x.co", data={"plan": "pro"})
    make_contact(project, "bert@x.co", data={"plan": "free"})
    segment = make_rule(project)
    page = f"{url}{segment.pk}/"

    yes = text_of(member.get(page, {"email": "ADA@x.co"}))
    no = text_of(member.get(page, {"email": "bert@x.co"}))

    assert "is in it." in yes
    assert "is not in it." in no
    assert "free" in no


def test_somebodys_stays_are_told(member: Client, url: str, project: Project) -> None:
    ada = make_contact(project, "ada@x.co")
    segment = make_list(project)
    add_members(segment, [ada.pk])
    remove_members(segment, [ada.pk])

    text = text_of(member.get(f"{url}{segment.pk}/", {"email": "ada@x.co"}))

    assert "is not in it." in text
    assert "In it from" in text


@pytest.mark.parametrize("email", ["no@x.co", "not one", "\x00@x.co", "x" * 9000])
def test_an_unknown_address_is_said_to_be_one(
    email: str, member: Client, url: str, project: Project
) -> None:
    segment = make_rule(project)

    text = text_of(member.get(f"{url}{segment.pk}/", {"email": email}))

    assert "is in it." not in text


def test_an_address_of_others_is_nobodys(
    member: Client, url: str, project: Project, other_project: NewProject
) -> None:
    make_contact(other_project.project, "ada@x.co", data={"plan": "pro"})
    segment = make_rule(project)

    text = text_of(member.get(f"{url}{segment.pk}/", {"email": "ada@x.co"}))

    assert "No contact has this address." in text


def test_comings_and_goings_are_shown(
    member: Client, url: str, project: Project
) -> None:
    ada = make_contact(project, "ada@x.co", data={"plan": "pro"})
    segment = make_rule(project, track=True)
    update(segment)
    Contact.objects.filter(pk=ada.pk).update(data={}, updated_at=Now())
    update(segment)

    text = text_of(member.get(f"{url}{segment.pk}/"))

    assert "Came: " in text
    assert "Went: " in text
    assert "segment.vip.entry" in text


def test_a_condition_that_cannot_be_asked_is_no_error(
    member: Client, url: str, project: Project
) -> None:
    other = make_list(project, "Other")
    field = f"segment.{other.pk}"
    segment = create_segment(
        project_id=project.pk,
        name="Broken",
        condition=one_rule(field=field, operator="memberOfSegment"),
    )
    Segment.objects.filter(pk=other.pk).delete()

    assert "cannot be asked" in text_of(member.get(f"{url}{segment.pk}/"))
    assert member.get(url).status_code == 200
    assert member.get(f"{url}{segment.pk}/edit/").status_code == 200
    assert member.post(f"{url}{segment.pk}/count/").status_code == 302


def test_it_is_counted_now(member: Client, url: str, project: Project) -> None:
    segment = make_rule(project)
    make_contact(project, data={"plan": "pro"})

    member.post(f"{url}{segment.pk}/count/")

    segment.refresh_from_db()
    assert segment.member_count == 1


def test_it_leads_to_an_export_of_its_contacts(
    member: Client, url: str, project: Project
) -> None:
    make_contact(project, "ada@x.co", data={"plan": "pro"})
    make_contact(project, "bert@x.co")
    segment = make_rule(project)

    text = text_of(member.get(f"{url}{segment.pk}/"))
    path = f"/projects/{project.pk}/contacts/export/?segment={segment.pk}"
    assert path in text
    content = member.get(f"{path}&download").getvalue()

    assert b"ada@x.co" in content
    assert b"bert@x.co" not in content


# -- members of a list ----------------------------------------------------------------


def test_pasted_addresses_are_put_in(
    member: Client, url: str, project: Project
) -> None:
    make_contact(project, "ada@x.co")
    make_contact(project, "bert@x.co")
    segment = make_list(project)

    answer = member.post(
        f"{url}{segment.pk}/members/",
        {
            "addresses": "Ada <ADA@x.co>, Bert <bert@x.co>",
            "action": "add",
            "missing": "leave",
        },
    )

    assert answer.status_code == 302
    assert members_of(segment).count() == 2


def test_addresses_without_a_contact_are_left_in_the_form(
    member: Client, url: str, project: Project
) -> None:
    make_contact(project, "ada@x.co")
    segment = make_list(project)

    text = text_of(
        member.post(
            f"{url}{segment.pk}/members/",
            {"addresses": "ada@x.co new@x.co", "action": "add", "missing": "leave"},
        )
    )

    assert "new@x.co" in text
    assert "ada@x.co" not in text.split("<textarea")[1]
    assert Contact.objects.count() == 1


def test_missing_contacts_can_be_made(
    member: Client, url: str, project: Project
) -> None:
    segment = make_list(project)

    member.post(
        f"{url}{segment.pk}/members/",
        {"addresses": "new@x.co;b@x.co", "action": "add", "missing": "created"},
    )

    assert members_of(segment).count() == 2
    assert not Contact.objects.filter(subscribed=True).exists()


def test_members_are_taken_out(member: Client, url: str, project: Project) -> None:
    ada, bert = make_contact(project, "ada@x.co"), make_contact(project, "bert@x.co")
    segment = make_list(project)
    add_members(segment, [ada.pk, bert.pk])

    member.post(
        f"{url}{segment.pk}/members/",
        {"addresses": "ada@x.co", "action": "remove", "missing": "leave"},
    )
    member.post(f"{url}{segment.pk}/remove/", {"contact": str(bert.pk)})

    assert members_of(segment).count() == 0


@pytest.mark.parametrize(
    "addresses", ["", "not one", "a@x.co b@", "\x00", "x" * 700_000]
)
def test_what_is_no_address_is_said(
    addresses: str, member: Client, url: str, project: Project
) -> None:
    segment = make_list(project)

    text = text_of(
        member.post(
            f"{url}{segment.pk}/members/",
            {"addresses": addresses, "action": "add", "missing": "subscribed"},
        )
    )

    assert "errorlist" in text
    assert not Contact.objects.exists()


def test_a_rule_has_no_members_by_hand(
    member: Client, url: str, project: Project
) -> None:
    segment = make_rule(project)

    assert member.get(f"{url}{segment.pk}/members/").status_code == 404
    assert member.post(f"{url}{segment.pk}/remove/").status_code == 404


@pytest.mark.parametrize("contact", ["", "x", NOBODY])
def test_nobody_is_not_taken_out(
    contact: str, member: Client, url: str, project: Project
) -> None:
    segment = make_list(project)

    answer = member.post(f"{url}{segment.pk}/remove/", {"contact": contact})

    assert answer.status_code in {302, 404}


# -- making and changing --------------------------------------------------------------


def test_a_segment_is_made(member: Client, url: str, project: Project) -> None:
    make_contact(project, data={"plan": "pro"})
    member.get(f"{url}new/")

    answer = member.post(
        f"{url}new/",
        {"name": "VIP", "condition": json.dumps(PRO), "track_membership": "on"},
    )

    segment = Segment.objects.get()
    assert answer["Location"] == f"{url}{segment.pk}/"
    assert segment.condition == PRO
    assert segment.track_membership
    assert segment.member_count == 1


def test_a_list_is_made(member: Client, url: str) -> None:
    member.get(f"{url}new/?type=static")

    member.post(f"{url}new/?type=static", {"name": "Guests"})

    assert Segment.objects.get().type == SegmentType.STATIC


@pytest.mark.parametrize(
    ("condition", "field"),
    [
        ("", "condition"),
        ("{", "condition"),
        ("[]", "condition"),
        ("\x00", "condition"),
        ('{"logic": "AND"}', "condition.groups"),
        (
            json.dumps(one_rule(field="data.plan", operator="equals")),
            "condition.groups.0.filters.0.value",
        ),
        (
            json.dumps(
                one_rule(field=f"segment.{uuid4()}", operator="memberOfSegment")
            ),
            "condition.groups.0.filters.0.field",
        ),
    ],
)
def test_what_is_wrong_is_shown_and_nothing_is_lost(
    condition: str, field: str, member: Client, url: str
) -> None:
    text = text_of(
        member.post(f"{url}new/", {"name": "My name", "condition": condition})
    )

    assert field in text
    assert "My name" in text
    assert 'data-unsaved="yes"' in text
    assert not Segment.objects.exists()


def test_a_name_is_needed(member: Client, url: str) -> None:
    text = text_of(member.post(f"{url}new/", {"condition": json.dumps(PRO)}))

    assert "This field is required." in text
    assert "&quot;data.plan&quot;" in text


def test_a_segment_is_changed(member: Client, url: str, project: Project) -> None:
    segment = make_rule(project, track=True)
    text = text_of(member.get(f"{url}{segment.pk}/edit/"))
    assert "&quot;data.plan&quot;" in text

    member.post(
        f"{url}{segment.pk}/edit/",
        {"name": "New", "description": "", "condition": json.dumps(PRO)},
    )

    segment.refresh_from_db()
    assert (segment.name, segment.track_membership) == ("New", False)


def test_what_somebody_called_a_thing_is_no_markup(
    member: Client, url: str, project: Project
) -> None:
    evil = "</script><script>alert(1)</script>"
    make_contact(project, data={evil: evil})
    make_occurrence(project, make_contact(project), evil)
    segment = create_segment(
        project_id=project.pk,
        name=evil,
        condition=one_rule(field=f"event.{evil}", operator="triggered"),
    )

    for path in ("", f"{segment.pk}/", f"{segment.pk}/edit/", f"{segment.pk}/delete/"):
        assert evil not in text_of(member.get(url + path))


# -- deleting -------------------------------------------------------------------------


def test_deleting_asks_first(member: Client, url: str, project: Project) -> None:
    segment = make_list(project)
    page = f"{url}{segment.pk}/delete/"

    assert "cannot be undone" in text_of(member.get(page))
    assert Segment.objects.exists()
    member.post(page)

    assert not Segment.objects.exists()


def test_what_is_used_is_not_deleted(
    member: Client, url: str, project: Project
) -> None:
    segment = make_list(project)
    other = create_segment(
        project_id=project.pk,
        name="Other",
        condition=one_rule(field=f"segment.{segment.pk}", operator="memberOfSegment"),
    )

    text = text_of(member.post(f"{url}{segment.pk}/delete/"))

    assert f"{url}{other.pk}/" in text
    assert Segment.objects.count() == 2


# -- while one writes -----------------------------------------------------------------


def preview(member: Client, url: str, body: Any, **extra: Any) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body)
    return member.post(f"{url}preview/", raw, content_type="application/json", **extra)


def test_who_matches_is_counted_and_shown(
    member: Client, url: str, project: Project
) -> None:
    ada = make_contact(project, "ada@x.co", data={"plan": "pro"})
    make_contact(project, "bert@x.co")

    body = preview(member, url, {"condition": PRO, "token": "t"}).json()

    assert body["count"] == 1
    assert [person["email"] for person in body["sample"]] == ["ada@x.co"]
    assert body["sample"][0]["url"].endswith(f"/contacts/{ada.pk}/")
    assert "plan" in body["sentence"]


def test_a_condition_may_be_ten_levels_deep(member: Client, url: str) -> None:
    tree = PRO
    for _ in range(9):
        tree = {"logic": "AND", "groups": [{"conditions": tree}]}
    deeper = {"logic": "AND", "groups": [{"conditions": tree}]}

    assert preview(member, url, {"condition": tree}).status_code == 200
    assert preview(member, url, {"condition": deeper}).status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"condition": None},
        {"condition": []},
        {"condition": {}},
        {"condition": PRO, "token": 7},
        {"condition": one_rule(field="x", operator="equals")},
        b"",
        b"[]",
        b"{",
        b"\xff",
        b'{"condition":' + b"[" * 5000,
        b" " * 600_000,
    ],
)
def test_what_is_wrong_is_an_answer(body: Any, member: Client, url: str) -> None:
    answer = preview(member, url, body)

    assert 400 <= answer.status_code < 500
    assert answer["Content-Type"] == "application/json"
    assert answer.json()["message"]


def test_another_site_cannot_ask(bob: User, url: str) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(bob)

    assert preview(strict, url, {"condition": PRO}).status_code == 403


def test_values_are_suggested(member: Client, url: str, project: Project) -> None:
    for plan in ("pro", "pro", "free"):
        make_contact(project, data={"plan": plan})

    answer = member.get(f"{url}values/", {"field": "data.plan"})

    assert answer.json() == {"values": ["pro", "free"]}


@pytest.mark.parametrize("field", ["", "email", "data.\x00", "data." + "x" * 2000])
def test_values_of_nothing_are_refused(field: str, member: Client, url: str) -> None:
    assert member.get(f"{url}values/", {"field": field}).status_code == 400
