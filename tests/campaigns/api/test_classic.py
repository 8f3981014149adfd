"""Campaigns in the classic generation, through HTTP (contract 2.4, 4.7; P5-P8)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from campaigns.models import AudienceType, Campaign, CampaignState, Recipient, Variant
from contacts.models import ConsentChange, Contact
from contacts.segments.scopes import database_now
from plunk.projects.creating import NewProject
from plunk.projects.models import Project, User
from tests.campaigns.api.bodies import CLASSIC
from tests.campaigns.conftest import MakeCampaign, people, work
from tests.conftest import NOBODY, Api
from tests.contacts.api.conftest import assert_error
from tests.transactional.fakes import FakeSes
from transactional.models import Email, Source

pytestmark = pytest.mark.django_db(transaction=True)

K = {
    *("id", "subject", "body", "email", "from", "status", "delivered", "style"),
    *("projectId", "createdAt", "updatedAt"),
}


def created(api: Api, **changes: Any) -> dict[str, Any]:
    response = api.post("/v1/campaigns", CLASSIC | changes)
    assert response.status_code == 200, response.json()
    found: dict[str, Any] = response.json()
    return found


def send(api: Api, campaign: dict[str, Any], **body: Any) -> Any:
    return api.post("/v1/campaigns/send", {"id": campaign["id"], **body})


def read(api: Api, campaign: dict[str, Any]) -> Any:
    return api.get(f"/v1/campaigns/{campaign['id']}").json()


@pytest.mark.parametrize("door", ["/v1/campaigns", "/api/v1/campaigns/"])
def test_p5_a_campaign_is_made(api: Api, project: Project, door: str) -> None:
    response = api.post(door, CLASSIC | {"email": "", "ignored": 1})

    body = response.json()
    assert (response.status_code, body.keys()) == (200, K)
    assert body | {"subject": "Hi", "body": "<p>Hi</p>", "style": "PLUNK"} == body
    assert (body["status"], body["delivered"], body["email"], body["from"]) == (
        "DRAFT",
        None,
        None,
        None,
    )
    assert body["projectId"] == str(project.pk)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"subject": "x" * 71}, "subject"),
        ({"subject": ""}, "subject"),
        ({"subject": None}, "subject"),
        ({"body": ""}, "body"),
        ({"body": None}, "body"),
        ({"body": 7}, "body"),
        ({"recipients": None}, "recipients"),
        ({"recipients": "all"}, "recipients"),
        ({"recipients": ["all", "ann"]}, "recipients.0"),
        ({"recipients": ["ann@example.com", NOBODY]}, "recipients.1"),
        ({"recipients": ["a b@example.com"]}, "recipients.0"),
        ({"recipients": [7]}, "recipients.0"),
        ({"style": "FANCY"}, "style"),
        ({"email": "nobody"}, "email"),
        ({"from": "a\r\nBcc: x@y.co"}, "from"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_stored(
    api: Api, changes: dict[str, Any], field: str
) -> None:
    response = api.post("/v1/campaigns", CLASSIC | changes)

    named = {one["field"] for one in response.json()["details"]["errors"]}
    assert response.status_code == 422
    assert field in named
    assert isinstance(response.json()["error"], str)
    assert not Campaign.objects.exists()
    assert not Contact.objects.exists()


def test_seventy_characters_are_a_subject(api: Api) -> None:
    made = created(api, subject="x" * 70, style="html", **{"from": "Acme"})

    assert (made["subject"], made["style"], made["from"]) == ("x" * 70, "HTML", "Acme")


def test_a_sender_that_is_not_verified_is_forbidden(api: Api, settings: Any) -> None:
    settings.REQUIRES_VERIFIED_DOMAIN = True

    response = api.post("/v1/campaigns", CLASSIC | {"email": "a@example.com"})

    assert_error(response, 403, "DOMAIN_NOT_VERIFIED")


def test_recipients_are_found_or_made_once(api: Api, project: Project) -> None:
    (known,) = people(project, 1, subscribed=False)
    chosen = ["New@Example.com", "R0@example.com", str(known.pk), "new@example.com"]

    made = created(api, recipients=chosen)
    again = created(api, recipients=chosen)

    new = Contact.objects.get(email="new@example.com")
    assert Contact.objects.count() == 2
    assert (new.subscribed, Contact.objects.get(pk=known.pk).subscribed) == (
        True,
        False,
    )
    assert ConsentChange.objects.filter(contact=new.pk).count() == 1
    for campaign in (made, again):
        ids = [row["id"] for row in read(api, campaign)["recipients"]]
        assert ids == [str(new.pk), str(known.pk)]


def test_contacts_of_others_are_refused_by_place(
    api: Api, other_project: NewProject
) -> None:
    """S5."""
    theirs = Contact.objects.create(project=other_project.project, email="x@y.org")

    response = api.post(
        "/v1/campaigns", CLASSIC | {"recipients": ["a@example.com", str(theirs.pk)]}
    )

    assert_error(response, 422, "VALIDATION_ERROR", "recipients.1")
    assert not Campaign.objects.exists()


def test_p7_put_changes_it_and_answers_with_the_new_recipients(api: Api) -> None:
    made = created(api, recipients=["a@example.com"])

    changed = api.send(
        "PUT",
        "/v1/campaigns",
        CLASSIC
        | {"id": made["id"], "subject": "Other", "recipients": ["b@example.com"]},
    )

    body = changed.json()
    assert (changed.status_code, body.keys()) == (200, K | {"recipients", "emails"})
    assert (body["subject"], body["emails"]) == ("Other", [])
    b = Contact.objects.get(email="b@example.com")
    assert body["recipients"] == [{"id": str(b.pk)}]
    assert Campaign.objects.get().name == "Other"


def test_a_put_needs_what_a_post_needs(api: Api) -> None:
    made = created(api)

    response = api.send("PUT", "/v1/campaigns", {"id": made["id"]})

    assert_error(response, 422, "VALIDATION_ERROR", "subject", "body", "recipients")


@pytest.mark.parametrize("by", ["body", "query", "path"])
def test_p8_delete_answers_with_what_was(api: Api, by: str) -> None:
    made = created(api, recipients=["a@example.com"])
    pk = made["id"]

    if by == "body":
        response = api.send("DELETE", "/v1/campaigns", {"id": pk})
    else:
        place = f"?id={pk}" if by == "query" else f"/{pk}"
        response = api.send("DELETE", f"/v1/campaigns{place}")

    body = response.json()
    assert (response.status_code, body["id"]) == (200, pk)
    assert len(body["recipients"]) == 1
    assert not Campaign.objects.exists()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"/v1/campaigns/{NOBODY}", None),
        ("GET", "/v1/campaigns/nonsense", None),
        ("PUT", "/v1/campaigns", CLASSIC | {"id": NOBODY}),
        ("DELETE", "/v1/campaigns", {"id": NOBODY}),
        ("POST", "/v1/campaigns/send", {"id": NOBODY, "live": True}),
        ("POST", "/v1/campaigns/send", {"id": NOBODY}),
        ("POST", "/v1/campaigns/duplicate", {"id": "x"}),
    ],
)
def test_what_is_not_there_is_not_found(
    api: Api, method: str, path: str, body: Any
) -> None:
    assert_error(api.send(method, path, body), 404, "CAMPAIGN_NOT_FOUND")


@pytest.mark.parametrize("body", [{}, {"id": None}, {"id": 7}])
def test_without_an_id_it_is_said_so(api: Api, body: dict[str, Any]) -> None:
    for method, path in (
        ("POST", "/v1/campaigns/send"),
        ("POST", "/v1/campaigns/duplicate"),
        ("PUT", "/v1/campaigns"),
        ("DELETE", "/v1/campaigns"),
    ):
        response = api.send(method, path, CLASSIC | body)
        assert_error(response, 422, "VALIDATION_ERROR", "id")


def test_a_copy_says_the_same_to_nobody_yet(api: Api) -> None:
    made = created(api, recipients=["a@example.com"], email="a@example.com")

    response = api.post("/v1/campaigns/duplicate", {"id": made["id"]})

    copy = response.json()
    own = {"id", "createdAt", "updatedAt"}
    assert (response.status_code, copy.keys()) == (200, K)
    assert {name: copy[name] for name in K - own} == {
        name: made[name] for name in K - own
    }
    assert not Recipient.objects.filter(campaign=copy["id"]).exists()
    assert_error(send(api, copy, live=True), 400, "BAD_REQUEST")


# -- sending ---------------------------------------------------------------------------


def test_p6_live_goes_to_everybody_subscribed(
    api: Api, project: Project, ses: FakeSes
) -> None:
    people(project, 5)
    Contact.objects.filter(email="r2@example.com").update(subscribed=False)
    made = created(api)

    answer = send(api, made, live=True)
    delivering = read(api, made)
    work()
    delivered = read(api, made)

    assert (answer.status_code, answer.json()) == (200, {})
    assert delivering["status"] == delivered["status"] == "DELIVERED"
    assert delivered["delivered"] is not None
    assert len(ses.calls) == 4
    assert len(delivered["recipients"]) == len(delivered["emails"]) == 4
    mail = delivered["emails"][0]
    assert mail.keys() == {"id", "status", "contact"}
    assert (mail["status"], mail["contact"].keys()) == ("SENT", {"id", "email"})


def test_a_delay_is_a_schedule_in_minutes(api: Api) -> None:
    made = created(api)

    answer = send(api, made, live=True, delay=90)

    campaign = Campaign.objects.get()
    assert answer.json() == {}
    assert read(api, made)["status"] == "SCHEDULED"
    assert campaign.scheduled_at is not None
    left = campaign.scheduled_at - database_now()
    assert timedelta(minutes=89) < left <= timedelta(minutes=90)


@pytest.mark.parametrize(
    "delay", [-1, 1.5, "5", True, 10**12, 1e300, [], {"minutes": 1}]
)
def test_a_delay_that_is_none_is_refused(api: Api, delay: Any) -> None:
    made = created(api)

    assert_error(
        api.post(
            "/v1/campaigns/send",
            b'{"id": "%s", "live": true, "delay": %s}'
            % (made["id"].encode(), _written(delay)),
        ),
        422,
        "VALIDATION_ERROR",
        "delay",
    )
    assert Campaign.objects.get().state == CampaignState.DRAFT


def _written(value: Any) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize("live", [False, None])
def test_not_live_it_is_a_test_to_each_member(
    api: Api, project: Project, alice: User, bob: User, ses: FakeSes, live: Any
) -> None:
    people(project, 1, data={"name": "Grace"})
    made = created(api, subject="Hello {{ name }}", email="from@example.com")

    answer = send(api, made, live=live)
    work()

    mails = Email.objects.filter(source=Source.TEST)
    assert answer.json() == {}
    assert sorted(mail.to_email for mail in mails) == [
        "alice@example.com",
        "bob@example.com",
    ]
    assert {mail.from_email for mail in mails} == {"from@example.com"}
    assert len(ses.calls) == 2
    for call in ses.calls:
        # Nobody sees who else got it.
        head = call["raw"].partition(b"\r\n\r\n")[0]
        assert b"Subject: [Test] Hello Grace" in head
        assert (b"To: alice@" in head) != (b"To: bob@" in head)
    assert read(api, made)["status"] == "DRAFT"


def test_what_was_sent_is_neither_sent_nor_changed_again(
    api: Api, project: Project
) -> None:
    people(project, 1)
    made = created(api)
    send(api, made, live=True)

    assert_error(send(api, made, live=True), 409, "CONFLICT")
    assert_error(
        api.send("PUT", "/v1/campaigns", CLASSIC | {"id": made["id"]}), 409, "CONFLICT"
    )
    assert_error(
        api.send("DELETE", "/v1/campaigns", {"id": made["id"]}), 409, "CONFLICT"
    )


def test_the_same_key_is_done_once(api: Api, project: Project) -> None:
    people(project, 1)
    made = [
        api.post("/v1/campaigns", CLASSIC, HTTP_IDEMPOTENCY_KEY="make").json()
        for _ in range(2)
    ]
    body = {"id": made[0]["id"], "live": True}

    sent = [
        api.post("/v1/campaigns/send", body, HTTP_IDEMPOTENCY_KEY="send")
        for _ in range(2)
    ]

    assert made[0] == made[1]
    assert [answer.status_code for answer in sent] == [200, 200]
    assert Campaign.objects.count() == 1


def test_lists_in_an_answer_have_an_end(
    api: Api, make_campaign: MakeCampaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("campaigns.api.classic.MOST_LISTED", 3)
    made = created(api, recipients=[f"p{n}@example.com" for n in range(5)])

    assert len(read(api, made)["recipients"]) == 3


def test_both_generations_speak_of_the_same_campaign(api: Api) -> None:
    made = created(api)

    seen = api.get(f"/api/campaigns/{made['id']}").json()["data"]

    assert (seen["subject"], seen["audienceType"]) == ("Hi", AudienceType.ALL)
    assert Variant.objects.get().subject == "Hi"
