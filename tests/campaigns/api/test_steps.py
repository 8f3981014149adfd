"""Sending, stopping and trying campaigns in the current generation, through HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.models import Campaign, CampaignState, Recipient, Run
from contacts.models import Contact, Suppression
from contacts.segments.scopes import database_now
from plunk.projects.models import Project, User
from tests.campaigns.conftest import MakeCampaign, people, work
from tests.conftest import Api
from tests.contacts.api.conftest import assert_error
from tests.transactional.fakes import FakeSes
from transactional.models import Email, EmailState, Source
from transactional.ses import Answer, Outcome

pytestmark = pytest.mark.django_db(transaction=True)


def step(
    api: Api, campaign: Campaign, name: str, body: dict[str, Any] | None = None
) -> Any:
    return api.post(f"/api/campaigns/{campaign.pk}/{name}", body or {})


def read(api: Api, campaign: Campaign, what: str = "", **query: Any) -> Any:
    return api.get(f"/api/campaigns/{campaign.pk}{what}", **query).json()


def test_sent_now_it_reaches_everybody_and_is_counted(
    api: Api, project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 10)
    Contact.objects.filter(email="r3@example.com").update(subscribed=False)
    campaign = make_campaign()

    answer = step(api, campaign, "send")
    work()

    body = answer.json()
    assert (answer.status_code, body["success"]) == (200, True)
    assert (body["data"]["status"], body["data"]["project"]) == (
        "SENDING",
        {"name": "Acme"},
    )
    assert isinstance(body["message"], str)
    after = read(api, campaign)["data"]
    assert (after["status"], after["totalRecipients"], after["sentCount"]) == (
        "SENT",
        9,
        9,
    )
    assert after["sentAt"] is not None
    assert len(ses.calls) == 9


def test_a_second_click_is_a_conflict(
    api: Api, project: Project, make_campaign: MakeCampaign
) -> None:
    people(project, 1)
    campaign = make_campaign()

    answers = [step(api, campaign, "send") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 409, 409]
    assert_error(answers[1], 409, "CONFLICT")
    assert Run.objects.count() == 1


def test_the_same_key_is_answered_and_sends_once(
    api: Api, project: Project, make_campaign: MakeCampaign
) -> None:
    people(project, 1)
    path = f"/api/campaigns/{make_campaign().pk}/send"

    first = api.post(path, {}, HTTP_IDEMPOTENCY_KEY="launch")
    again = api.post(path, {}, HTTP_IDEMPOTENCY_KEY="launch")

    assert (again.status_code, again.json()) == (200, first.json())
    assert Run.objects.count() == 1


@pytest.mark.parametrize(
    ("audience", "changes"),
    [
        ("RECIPIENTS", {}),
        ("SEGMENT", {}),
        ("ALL", {"subject": ""}),
        ("ALL", {"body": " "}),
    ],
)
def test_what_cannot_go_is_refused(
    api: Api, make_campaign: MakeCampaign, audience: str, changes: dict[str, Any]
) -> None:
    campaign = make_campaign(audience_type=audience, **changes)

    assert_error(step(api, campaign, "send"), 400, "BAD_REQUEST")
    assert Campaign.objects.get().state == CampaignState.DRAFT


def test_nobody_left_is_a_campaign_sent_to_nobody(
    api: Api, project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    """H8."""
    people(project, 1)
    Suppression.objects.create(project=project, email="r0@example.com", reason="BOUNCE")
    campaign = make_campaign()

    step(api, campaign, "send")
    work()

    stats = read(api, campaign, "/stats")["data"]
    assert read(api, campaign)["data"]["status"] == "SENT"
    assert (stats["totalRecipients"], stats["openRate"]) == (0, 0)


# -- on schedule -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["scheduledFor", "scheduledAt"])
def test_scheduled_moved_and_taken_off(
    api: Api, make_campaign: MakeCampaign, name: str
) -> None:
    campaign = make_campaign()
    first = database_now() + timedelta(days=1)
    later = database_now() + timedelta(days=2)

    scheduled = step(api, campaign, "send", {name: first.isoformat()}).json()
    moved = step(api, campaign, "send", {name: later.isoformat()}).json()
    cancelled = step(api, campaign, "cancel")

    assert scheduled["data"]["status"] == "SCHEDULED"
    assert scheduled["data"]["project"] == {"name": "Acme"}
    assert moved["data"]["scheduledFor"] == later.isoformat(
        timespec="milliseconds"
    ).replace("+00:00", "Z")
    body = cancelled.json()
    assert (cancelled.status_code, body["data"]["status"]) == (200, "DRAFT")
    assert (body["revertPending"], body["data"]["scheduledFor"]) == (False, None)


@pytest.mark.parametrize(
    ("local", "moment"),
    [
        ("2027-03-28T02:30:00", "2027-03-28T01:30:00.000Z"),
        ("2027-10-31T02:30", "2027-10-31T00:30:00.000Z"),
        ("2027-07-01T12:00:00", "2027-07-01T10:00:00.000Z"),
        ("2027-07-01T12:00:00Z", "2027-07-01T12:00:00.000Z"),
    ],
)
def test_a_local_time_is_one_of_its_zone(
    api: Api, make_campaign: MakeCampaign, local: str, moment: str
) -> None:
    """H6: a time that is left out, and one that comes twice."""
    campaign = make_campaign()

    answer = step(
        api, campaign, "send", {"scheduledFor": local, "timezone": "Europe/Berlin"}
    )

    data = answer.json()["data"]
    assert (data["scheduledFor"], data["timezone"]) == (moment, "Europe/Berlin")


@pytest.mark.parametrize(
    "body",
    [
        {"scheduledFor": "2027-03-28T02:30:00"},
        {"scheduledFor": "2027-03-28"},
        {"scheduledFor": "tomorrow"},
        {"scheduledFor": ""},
        {"scheduledFor": 1_800_000_000},
        {"scheduledFor": "2027-06-30T23:59:60Z"},
        {"scheduledFor": "10000-01-01T00:00:00Z"},
        {"scheduledFor": "9999-12-31T23:59:59-10:00"},
        {"scheduledFor": "2020-01-01T00:00:00Z"},
        {"scheduledFor": "2027-02-30T00:00:00Z"},
        {"scheduledFor": "2027-03-28T02:30", "timezone": "Europe/Nowhere"},
        {"scheduledFor": "2027-03-28T02:30", "timezone": "../etc/passwd"},
    ],
)
def test_a_moment_that_is_none_is_refused(
    api: Api, make_campaign: MakeCampaign, body: dict[str, Any]
) -> None:
    campaign = make_campaign()

    assert_error(
        step(api, campaign, "send", body), 422, "VALIDATION_ERROR", "scheduledFor"
    )
    assert Campaign.objects.get().state == CampaignState.DRAFT


def test_a_moment_just_gone_is_now(
    api: Api, project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 1)
    campaign = make_campaign()
    just_now = database_now() - timedelta(seconds=30)

    step(api, campaign, "send", {"scheduledFor": just_now.isoformat()})
    work()

    assert read(api, campaign)["data"]["status"] == "SENT"


# -- while it goes ---------------------------------------------------------------------


def test_paused_it_stands_still_and_resumed_it_ends(
    api: Api, project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 5)
    campaign = make_campaign()
    step(api, campaign, "send")

    paused = step(api, campaign, "pause").json()
    work()
    before = len(ses.calls)
    twice = step(api, campaign, "pause")
    resumed = step(api, campaign, "resume").json()
    work()

    states = (paused["data"]["status"], resumed["data"]["status"])
    assert states == ("PAUSED", "SENDING")
    assert_error(twice, 409, "CONFLICT")
    assert (before, len(ses.calls)) == (0, 5)


def test_cancelled_before_anything_left_it_becomes_a_draft(
    api: Api, project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 5)
    campaign = make_campaign()
    step(api, campaign, "send")

    cancelled = step(api, campaign, "cancel").json()
    again = step(api, campaign, "cancel")
    work()

    assert cancelled["revertPending"] is True
    assert cancelled["data"]["status"] == "CANCELLED"
    assert again.status_code == 200
    after = read(api, campaign)["data"]
    assert (after["status"], after["revertPending"]) == ("DRAFT", False)
    assert not ses.calls


@pytest.mark.parametrize("name", ["pause", "resume", "cancel", "again"])
def test_a_draft_has_nothing_to_stop(
    api: Api, make_campaign: MakeCampaign, name: str
) -> None:
    answer = step(api, make_campaign(), name, {"kind": "RETRY"})

    assert_error(answer, 409, "CONFLICT")


def test_sent_again_to_those_who_failed_and_who_did_not_open(
    api: Api, project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 4)
    campaign = make_campaign()
    ses.reply = lambda to: (
        Answer(Outcome.REJECTED, code="MessageRejected", message="no")
        if to == "r2@example.com"
        else Answer(Outcome.ACCEPTED, message_id=f"of-{to}")
    )
    step(api, campaign, "send")
    work()
    ses.reply = None

    retried = step(api, campaign, "again", {"kind": "retry"})
    work()
    Email.objects.filter(to_email="r0@example.com").update(opened_at=database_now())
    bad = step(api, campaign, "again", {"kind": "REMINDER", "subject": "{{ oh"})
    step(api, campaign, "again", {"kind": "REMINDER", "subject": "Did you see?"})
    work()

    assert (retried.status_code, retried.json()["data"]["status"]) == (200, "SENDING")
    assert_error(bad, 422, "VALIDATION_ERROR", "subject")
    reminded = Email.objects.filter(run=3).select_related("content")
    assert sorted(mail.to_email for mail in reminded) == [
        "r1@example.com",
        "r2@example.com",
        "r3@example.com",
    ]
    assert {mail.content.subject for mail in reminded} == {"Did you see?"}
    assert read(api, campaign)["data"]["totalRecipients"] == 4


@pytest.mark.parametrize("body", [{}, {"kind": "FIRST"}, {"kind": 7}])
def test_again_says_to_whom(
    api: Api, make_campaign: MakeCampaign, body: dict[str, Any]
) -> None:
    campaign = make_campaign(state="SENT")

    assert_error(step(api, campaign, "again", body), 422, "VALIDATION_ERROR", "kind")


# -- tests -----------------------------------------------------------------------------


def test_a_test_goes_to_a_member_filled_in(
    api: Api, project: Project, make_campaign: MakeCampaign, alice: User, ses: FakeSes
) -> None:
    people(project, 1, data={"name": "Grace"})
    campaign = make_campaign()

    answer = step(api, campaign, "test", {"email": "Alice@Example.com"})
    work()

    assert (answer.status_code, answer.json()["success"]) == (200, True)
    mail = Email.objects.get(source=Source.TEST)
    assert mail.to_email == "alice@example.com"
    assert b"Subject: [Test] News for Grace" in ses.calls[0]["raw"]
    assert Campaign.objects.get().state == CampaignState.DRAFT


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "VALIDATION_ERROR"),
        ({"email": "nonsense"}, 422, "VALIDATION_ERROR"),
        ({"email": ["a@example.com"]}, 422, "VALIDATION_ERROR"),
        ({"email": "charlie@example.com"}, 403, "FORBIDDEN"),
    ],
)
def test_a_test_goes_to_nobody_else(
    api: Api,
    make_campaign: MakeCampaign,
    charlie: User,
    body: dict[str, Any],
    status: int,
    code: str,
) -> None:
    answer = step(api, make_campaign(), "test", body)

    fields = ["email"] if status == 422 else []
    assert_error(answer, status, code, *fields)
    assert not Email.objects.exists()


# -- what became of it -----------------------------------------------------------------


@pytest.fixture
def ended(
    api: Api, project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> Campaign:
    """A campaign of eight mails: what became of each is written on it."""
    people(project, 8)
    campaign = make_campaign()
    step(api, campaign, "send")
    work()
    now = database_now()
    became: list[dict[str, Any]] = [
        {"state": EmailState.BOUNCED, "bounced_at": now},
        {"state": EmailState.BOUNCED, "bounced_at": now},
        {"state": EmailState.COMPLAINED, "complained_at": now, "delivered_at": now},
        {"state": EmailState.DELIVERED, "delivered_at": now, "opened_at": now},
        {
            "state": EmailState.DELIVERED,
            "delivered_at": now,
            "opened_at": now,
            "clicked_at": now,
        },
        {"state": EmailState.FAILED, "sent_at": None, "error_code": "no"},
    ]
    for number, values in enumerate(became):
        mail = Email.objects.filter(to_email=f"r{number}@example.com")
        mail.update(**values)
    return campaign


def test_figures_and_shares(api: Api, ended: Campaign) -> None:
    stats = read(api, ended, "/stats")

    assert stats["success"] is True
    data = stats["data"]
    counts = {name: data[name] for name in data if name.endswith("Count")}
    assert {name: count for name, count in counts.items() if count} == {
        "sentCount": 7,
        "deliveredCount": 3,
        "openedCount": 2,
        "clickedCount": 1,
        "bouncedCount": 2,
        "complainedCount": 1,
        "failedCount": 1,
    }
    assert (data["totalRecipients"], data["openRate"], data["bounceRate"]) == (
        8,
        28.57,
        28.57,
    )
    assert data["unsubscribeRate"] == 0


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [
        ("", [0, 1, 2, 3, 4, 5, 6, 7]),
        ("bounced", [0, 1]),
        ("COMPLAINED", [2]),
        ("delivered", [2, 3, 4]),
        ("opened", [3, 4]),
        ("clicked", [4]),
        ("notOpened", [6, 7]),
        ("failed", [5]),
        ("sent", [0, 1, 2, 3, 4, 6, 7]),
        ("waiting", []),
        ("skipped", []),
        ("suppressed", []),
        ("cancelled", []),
    ],
)
def test_recipients_by_what_became_of_them(
    api: Api, ended: Campaign, kind: str, numbers: list[int]
) -> None:
    seen: list[str] = []
    cursor, totals = "", set()
    while True:
        page = read(api, ended, "/recipients", kind=kind, limit=2, cursor=cursor)
        assert page["items"] == page["data"]
        assert page["hasMore"] is (page["cursor"] is not None)
        seen += [row["email"] for row in page["data"]]
        totals.add(page.get("total"))
        cursor = page["nextCursor"]
        if cursor is None:
            break

    assert sorted(seen) == [f"r{number}@example.com" for number in numbers]
    is_counted = kind != "notOpened"
    assert (len(numbers) in totals) is is_counted


def test_a_recipient_says_what_became_of_it(api: Api, ended: Campaign) -> None:
    (row,) = read(api, ended, "/recipients", kind="complained")["data"]

    assert row["email"] == "r2@example.com"
    assert (row["status"], row["run"]) == ("COMPLAINED", 1)
    assert row["occurredAt"] == row["complainedAt"]
    assert row["openedAt"] is None


def test_cursors_are_of_one_list(
    api: Api, ended: Campaign, make_campaign: MakeCampaign
) -> None:
    path = f"/api/campaigns/{ended.pk}/recipients"
    cursor = api.get(path, limit=2).json()["cursor"]
    other = f"/api/campaigns/{make_campaign().pk}/recipients"

    for response, field in (
        (api.get(path, kind="opened", cursor=cursor), "cursor"),
        (api.get(other, cursor=cursor), "cursor"),
        (api.get(path, cursor="x"), "cursor"),
        (api.get(path, kind="nonsense"), "kind"),
        (api.get(path, limit="0"), "limit"),
    ):
        assert_error(response, 422, "VALIDATION_ERROR", field)


def test_pages_of_recipients_ask_few_questions(api: Api, ended: Campaign) -> None:
    api.get(f"/api/campaigns/{ended.pk}/recipients")

    with CaptureQueriesContext(connection) as queries:
        api.get(f"/api/campaigns/{ended.pk}/recipients", limit=5)

    assert len(queries) <= 12
    assert not Recipient.objects.exists()
