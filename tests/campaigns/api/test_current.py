"""Campaigns in the current generation, through HTTP (contract 2.6 and 4.7)."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.models import Campaign, CampaignState, Run
from contacts.models import Contact, Segment, Topic
from plunk.projects.creating import NewProject
from plunk.projects.models import Project
from tests.campaigns.api.bodies import BODY, CONDITION
from tests.campaigns.conftest import MakeCampaign, people
from tests.conftest import NOBODY, Api
from tests.contacts.api.conftest import assert_error

pytestmark = pytest.mark.django_db

#: The members that the contract names.
MEMBERS = {
    *("id", "name", "description", "status", "subject", "body", "from", "fromName"),
    *("replyTo", "type", "audienceType", "audienceCondition", "segmentId"),
    *("scheduledFor", "totalRecipients", "sentCount", "deliveredCount"),
    *("openedCount", "clickedCount", "bouncedCount", "complainedCount"),
    *("unsubscribedCount", "archived", "projectId", "sentAt", "createdAt"),
    *("updatedAt", "segment"),
}


def created(api: Api, **changes: Any) -> dict[str, Any]:
    response = api.post("/api/campaigns", BODY | changes)
    assert response.status_code == 201, response.json()
    found: dict[str, Any] = response.json()["data"]
    return found


def put(api: Api, campaign: Any, body: dict[str, Any], method: str = "PUT") -> Any:
    pk = campaign["id"] if isinstance(campaign, dict) else campaign.pk
    return api.send(method, f"/api/campaigns/{pk}", body)


def test_a_draft_is_made_and_read_back(api: Api, project: Project) -> None:
    people(project, 3)

    made = api.post("/api/campaigns", BODY | {"replyTo": "help@example.com"})
    read = api.get(f"/api/campaigns/{made.json()['data']['id']}")

    body = made.json()
    assert (made.status_code, body["success"]) == (201, True)
    assert body["data"].keys() >= MEMBERS
    assert body["data"] | BODY == body["data"]
    assert body["data"]["status"] == "DRAFT"
    assert body["data"]["type"] == "MARKETING"
    assert body["data"]["totalRecipients"] == 3
    assert body["data"]["sentAt"] is None
    assert (read.status_code, read.json()) == (200, body)


def test_what_the_contract_requires_is_named(api: Api) -> None:
    response = api.post("/api/campaigns", {})

    fields = ("name", "subject", "body", "from", "audienceType")
    assert_error(response, 422, "VALIDATION_ERROR", *fields)
    assert not Campaign.objects.exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "x" * 101}, "name"),
        ({"subject": ""}, "subject"),
        ({"subject": "a\nb"}, "subject"),
        ({"subject": "{% if %}"}, "subject"),
        ({"body": "{{ oh"}, "body"),
        ({"from": "nobody"}, "from"),
        ({"from": {"name": "Acme"}}, "from.email"),
        ({"replyTo": "a@b.co\r\nBcc: x@y.co"}, "replyTo"),
        ({"fromName": "x" * 101}, "fromName"),
        ({"type": "SPAM"}, "type"),
        ({"audienceType": "FRIENDS"}, "audienceType"),
        ({"audienceType": "SEGMENT"}, "segmentId"),
        ({"audienceType": "SEGMENT", "segmentId": "x"}, "segmentId"),
        ({"audienceType": "SEGMENT", "segmentId": NOBODY}, "segmentId"),
        ({"audienceType": "FILTERED"}, "audienceCondition"),
        (
            {"audienceType": "FILTERED", "audienceCondition": {"logic": "AND"}},
            "audienceCondition.groups",
        ),
        ({"topicId": NOBODY}, "topicId"),
        ({"excludedSegmentIds": [NOBODY]}, "excludedSegmentIds.0"),
        ({"recipients": [NOBODY], "audienceType": None}, "recipients.0"),
        ({"recipients": ["ann"], "audienceType": "RECIPIENTS"}, "recipients.0"),
        ({"deadline": "2026-03-29T02:30"}, "deadline"),
        ({"tracking": "yes"}, "tracking"),
        ({"style": "FANCY"}, "style"),
    ],
)
def test_what_is_wrong_is_named(api: Api, changes: dict[str, Any], field: str) -> None:
    response = api.post("/api/campaigns", BODY | changes)

    assert_error(response, 422, "VALIDATION_ERROR", field)
    assert not Campaign.objects.exists()
    assert not Contact.objects.exists()


def test_a_sender_that_is_not_verified_is_forbidden(api: Api, settings: Any) -> None:
    settings.REQUIRES_VERIFIED_DOMAIN = True

    response = api.post("/api/campaigns", BODY)

    assert_error(response, 403, "DOMAIN_NOT_VERIFIED")


def test_a_sender_may_come_with_its_name(api: Api) -> None:
    made = created(api, **{"from": {"email": "a@example.com", "name": "Ann"}})

    assert (made["from"], made["fromName"]) == ("a@example.com", "Ann")


def test_an_audience_of_every_kind(api: Api, project: Project) -> None:
    people(project, 2, data={"plan": "pro"})
    contact = Contact.objects.earliest("pk")
    segment = Segment.objects.create(project=project, name="S", condition=CONDITION)
    topic = Topic.objects.create(project=project, name="T")

    of_segment = created(
        api, audienceType="segment", segmentId=str(segment.pk), topicId=str(topic.pk)
    )
    filtered = created(api, audienceType="FILTERED", audienceCondition=CONDITION)
    chosen = created(
        api, audienceType=None, recipients=[str(contact.pk), "new@example.com"]
    )
    without = created(api, excludedSegmentIds=[str(segment.pk)])

    assert (of_segment["segment"]["name"], of_segment["segmentId"]) == (
        "S",
        str(segment.pk),
    )
    assert of_segment["topicId"] == str(topic.pk)
    assert filtered["audienceCondition"] == CONDITION
    assert chosen["audienceType"] == "RECIPIENTS"
    totals = [one["totalRecipients"] for one in (of_segment, filtered, chosen)]
    assert totals == [2, 2, 2]
    assert without["excludedSegmentIds"] == [str(segment.pk)]
    # The new one, who came with the third campaign.
    assert without["totalRecipients"] == 1


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_put_changes_what_is_given(api: Api, project: Project, method: str) -> None:
    people(project, 2)
    made = created(api, description="Old", topicId=None)

    changed = put(
        api, made, {"description": "New", "recipients": ["r0@example.com"]}, method
    )
    same = put(api, made, {"description": None, "name": "Spring"}, method)

    data = changed.json()["data"]
    assert (changed.status_code, data["description"]) == (200, "New")
    assert (data["subject"], data["version"]) == (BODY["subject"], 2)
    assert (data["audienceType"], data["totalRecipients"]) == ("RECIPIENTS", 1)
    assert same.json()["data"] == data


def test_an_older_version_is_a_conflict(api: Api) -> None:
    made = created(api)
    put(api, made, {"name": "Mine", "version": 1})

    late = put(api, made, {"name": "Yours", "version": 1})
    wrong = put(api, made, {"name": "Yours", "version": "1"})

    assert_error(late, 409, "CONFLICT")
    assert_error(wrong, 422, "VALIDATION_ERROR", "version")
    assert Campaign.objects.get().name == "Mine"


@pytest.mark.parametrize("state", ["SENDING", "PAUSED", "SENT", "CANCELLED"])
def test_what_was_launched_is_neither_changed_nor_deleted(
    api: Api, make_campaign: MakeCampaign, state: str
) -> None:
    campaign = make_campaign(state=state)

    assert_error(put(api, campaign, {"name": "x"}), 409, "CONFLICT")
    assert_error(api.send("DELETE", f"/api/campaigns/{campaign.pk}"), 409, "CONFLICT")
    assert Campaign.objects.get().name == "Spring"


def test_the_segment_of_a_scheduled_campaign_stays(api: Api, project: Project) -> None:
    first, second = (
        Segment.objects.create(project=project, name=name, condition=CONDITION)
        for name in ("A", "B")
    )
    made = created(api, audienceType="SEGMENT", segmentId=str(first.pk))
    Campaign.objects.update(state=CampaignState.SCHEDULED)

    other = put(api, made, {"segmentId": str(second.pk)})
    same = put(api, made, {"segmentId": str(first.pk), "name": "New"})

    assert_error(other, 400, "BAD_REQUEST")
    assert same.json()["data"]["name"] == "New"


def test_a_draft_is_deleted(api: Api) -> None:
    made = created(api)

    response = api.send("DELETE", f"/api/campaigns/{made['id']}")

    assert (response.status_code, response.json()["success"]) == (200, True)
    assert_error(api.get(f"/api/campaigns/{made['id']}"), 404, "CAMPAIGN_NOT_FOUND")


def test_a_copy_is_a_draft_with_zeros(api: Api) -> None:
    made = created(api, recipients=["a@example.com"], audienceType=None)
    Campaign.objects.update(state=CampaignState.SENT)

    response = api.post(f"/api/campaigns/{made['id']}/duplicate", {})

    copy = response.json()["data"]
    assert response.status_code == 201
    assert (copy["name"], copy["status"], copy["sentCount"]) == (
        "Spring (Copy)",
        "DRAFT",
        0,
    )
    assert copy["audienceType"] == "RECIPIENTS"
    assert copy["body"] == made["body"]


def test_a_draft_is_made_once_for_each_idempotency_key(api: Api) -> None:
    first = api.post("/api/campaigns", BODY, HTTP_IDEMPOTENCY_KEY="one")
    again = api.post("/api/campaigns", BODY, HTTP_IDEMPOTENCY_KEY="one")

    assert (again.status_code, again["Idempotent-Replayed"]) == (201, "true")
    assert again.json() == first.json()
    assert Campaign.objects.count() == 1


# -- the list --------------------------------------------------------------------------


def test_the_list_is_paged_by_cursor_and_by_number(
    api: Api, make_campaign: MakeCampaign
) -> None:
    names = [make_campaign(name=f"c{number}").name for number in range(5)]

    seen: list[str] = []
    cursor: Any = ""
    for _ in range(3):
        page = api.get("/api/campaigns", limit=2, cursor=cursor).json()
        seen += [one["name"] for one in page["data"]]
        cursor = page["nextCursor"]
    numbered = api.get("/api/campaigns", page=2, pageSize=2).json()

    assert seen == names[::-1]
    assert (cursor, page["hasMore"], page["items"]) == (None, False, page["data"])
    assert [one["name"] for one in numbered["data"]] == ["c2", "c1"]
    assert (numbered["total"], numbered["totalPages"], numbered["page"]) == (5, 3, 2)
    assert "success" not in page
    assert page["data"][0].keys() >= MEMBERS


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ["News", "Old"]),
        ({"status": "sent"}, ["Old"]),
        ({"status": "DRAFT,SENT"}, ["News", "Old"]),
        ({"status": "PAUSED"}, []),
        ({"archived": "true"}, ["Away"]),
        ({"archived": "false"}, ["News", "Old"]),
        ({"search": "lunch"}, ["Old"]),
        ({"search": "NEWS"}, ["News"]),
        ({"search": "chef@"}, ["Old"]),
        ({"search": "nothing"}, []),
        ({"sort": "name", "dir": "desc"}, ["Old", "News"]),
        ({"sort": "name", "dir": "asc"}, ["News", "Old"]),
        ({"sort": "nonsense"}, ["News", "Old"]),
    ],
)
def test_the_list_is_filtered_and_sorted(
    api: Api, make_campaign: MakeCampaign, query: dict[str, str], names: list[str]
) -> None:
    make_campaign(name="Away", archived_at="2026-01-01T00:00Z")
    make_campaign(
        name="Old", subject="Lunch", state="SENT", from_email="chef@example.com"
    )
    make_campaign(name="News", subject="Spring", from_email="a@example.com")

    found = api.get("/api/campaigns", **query).json()

    assert [one["name"] for one in found["data"]] == names


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"status": "DONE"}, "status"),
        ({"archived": "maybe"}, "archived"),
        ({"limit": "0"}, "limit"),
        ({"cursor": "x"}, "cursor"),
        ({"page": "-1"}, "page"),
    ],
)
def test_a_wrong_query_is_named(api: Api, query: dict[str, str], field: str) -> None:
    response = api.get("/api/campaigns", **query)

    assert_error(response, 422, "VALIDATION_ERROR", field)


def test_a_list_asks_the_same_of_ten_and_of_twenty(
    api: Api, project: Project, make_campaign: MakeCampaign
) -> None:
    segment = Segment.objects.create(project=project, name="S", condition=CONDITION)
    statements = []
    # The first request also looks the key up.
    api.get("/api/campaigns")
    for _ in range(2):
        for _ in range(10):
            campaign = make_campaign(state="SENT", segment=segment)
            campaign.excluded_segments.add(segment)
            Run.objects.create(campaign=campaign, from_email="a@example.com")
        with CaptureQueriesContext(connection) as queries:
            assert api.get("/api/campaigns").status_code == 200
        statements.append(len(queries))

    assert statements[0] == statements[1]


# -- many at once ----------------------------------------------------------------------


def test_many_are_deleted_or_none(api: Api, make_campaign: MakeCampaign) -> None:
    first, second = make_campaign(), make_campaign()
    sent = make_campaign(state="SENT")
    ids = [str(first.pk), str(second.pk)]

    mixed = api.post(
        "/api/campaigns/bulk-update", {"ids": [*ids, str(sent.pk)], "delete": True}
    )
    foreign = api.post(
        "/api/campaigns/bulk-update", {"ids": [*ids, NOBODY], "delete": True}
    )
    nothing = api.post("/api/campaigns/bulk-update", {"ids": ids})
    deleted = api.post("/api/campaigns/bulk-update", {"ids": ids, "delete": True})

    assert_error(mixed, 409, "CONFLICT")
    assert_error(foreign, 404, "CAMPAIGN_NOT_FOUND")
    assert nothing.json() == {"updated": 0}
    assert deleted.json() == {"deleted": 2}
    assert list(Campaign.objects.all()) == [sent]


def test_many_are_put_away_and_taken_out(api: Api, make_campaign: MakeCampaign) -> None:
    ids = [str(make_campaign(state="SENT").pk) for _ in range(2)]
    path = "/api/campaigns/bulk-update"

    away = api.post(path, {"ids": ids, "archived": True})
    listed = api.get("/api/campaigns").json()["total"]
    back = api.post(path, {"ids": ids[:1], "archived": False})
    both = api.post(path, {"ids": ids, "archived": True, "delete": True})
    none = api.post(path, {"ids": []})

    assert (away.json(), listed, back.json()) == ({"updated": 2}, 0, {"updated": 1})
    assert api.get("/api/campaigns").json()["total"] == 1
    assert_error(both, 422, "VALIDATION_ERROR", "archived")
    assert_error(none, 422, "VALIDATION_ERROR", "ids")


def test_archive_and_unarchive(api: Api, make_campaign: MakeCampaign) -> None:
    campaign = make_campaign()
    path = f"/api/campaigns/{campaign.pk}"

    away = api.post(f"{path}/archive", {}).json()
    back = api.post(f"{path}/unarchive", {}).json()
    Campaign.objects.update(state=CampaignState.SENDING)
    refused = api.post(f"{path}/archive", {})

    assert (away["success"], away["data"]["archived"]) == (True, True)
    assert back["data"]["archived"] is False
    assert_error(refused, 409, "CONFLICT")


# -- of others -------------------------------------------------------------------------


def test_what_another_project_has_is_not_found(
    stranger_api: Api, make_campaign: MakeCampaign, other_project: NewProject
) -> None:
    path = f"/api/campaigns/{make_campaign().pk}"

    for response in (
        stranger_api.get(path),
        stranger_api.send("PUT", path, {"name": "taken"}),
        stranger_api.send("DELETE", path),
        stranger_api.post(f"{path}/send", {}),
        stranger_api.get(f"{path}/stats"),
        stranger_api.get("/api/campaigns/nonsense"),
    ):
        assert_error(response, 404, "CAMPAIGN_NOT_FOUND")
    assert stranger_api.get("/api/campaigns").json()["data"] == []
