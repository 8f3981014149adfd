"""`/contacts/public/:id`: contract 2.4; S1 and S21 of the weaknesses not to copy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import orjson
import pytest
from django.test import Client, override_settings

from contacts.ledger import Act
from contacts.links import Purpose, token_of
from contacts.models import ChangeKind, Confirmation, ConsentChange, Contact, Door
from contacts.subscriptions import set_subscribed
from plunk.api import ratelimit
from plunk.projects.models import Project
from tests.pages.rows import make_contact

MASKED = "d•••@example.com"
_NO_DAYS: list[Any] = [0, -1, 367, 2**53, 1.5, "14", True, [], {}]


@pytest.fixture
def dana(project: Project) -> Contact:
    return make_contact(project, "dana@example.com", data={"locale": "zh-TW"})


def url(contact: Contact, purpose: Purpose | None = None, act: str = "") -> str:
    token = str(contact.pk)
    if purpose:
        token = token_of(purpose, project_id=contact.project_id, contact_id=contact.pk)
    return f"/api/contacts/public/{token}" + (f"/{act}" if act else "")


def post(client: Client, path: str, body: Any = None) -> Any:
    raw = b"" if body is None else orjson.dumps(body)
    return client.post(path, raw, content_type="application/json")


def leave(contact: Contact) -> None:
    set_subscribed(
        project_id=contact.project_id,
        contact_id=contact.pk,
        subscribed=False,
        act=Act(Door.PAGE),
    )


def is_subscribed(contact: Contact) -> bool:
    return Contact.objects.get(pk=contact.pk).subscribed


@pytest.mark.parametrize("purpose", [None, *Purpose])
def test_a_contact_is_told_of_itself(
    client: Client, dana: Contact, purpose: Purpose | None
) -> None:
    answer = client.get(url(dana, purpose))

    assert answer.json() == {
        "id": str(dana.pk),
        "email": "dana@example.com" if purpose else MASKED,
        "subscribed": True,
        "language": "zh-TW",
    }
    assert "no-store" in answer["Cache-Control"]
    assert "Access-Control-Allow-Origin" not in answer


@pytest.mark.parametrize("purpose", [None, Purpose.UNSUBSCRIBE, Purpose.MANAGE])
def test_a_contact_leaves_by_any_link_for_it(
    client: Client, dana: Contact, purpose: Purpose | None
) -> None:
    mail = uuid4()
    path = url(dana, purpose, "unsubscribe")

    answers = [post(client, f"{path}?e={mail}") for _ in range(2)]

    email = "dana@example.com" if purpose else MASKED
    expected = {"id": str(dana.pk), "email": email, "subscribed": False}
    assert [answer.json() for answer in answers] == [expected, expected]
    entry = ConsentChange.objects.get()
    assert (entry.kind, entry.door) == (ChangeKind.UNSUBSCRIBED, Door.PAGE)
    assert "public API" in entry.reason
    assert (str(mail) in entry.reason) is (purpose is None)


def test_a_bare_id_subscribes_who_never_left(client: Client, project: Project) -> None:
    new = make_contact(
        project, "dana@example.com", subscribed=False, consent_source=Door.API
    )

    answer = post(client, url(new, None, "subscribe"))

    assert answer.status_code == 200
    assert answer.json() == {"id": str(new.pk), "email": MASKED, "subscribed": True}


def test_a_bare_id_has_who_left_asked_by_mail(client: Client, dana: Contact) -> None:
    leave(dana)

    answer = post(client, url(dana, None, "subscribe"))

    assert answer.status_code == 202
    assert answer.json() == {
        "id": str(dana.pk),
        "email": MASKED,
        "subscribed": False,
        "confirmationSent": True,
    }
    assert not is_subscribed(dana)
    assert Confirmation.objects.filter(contact=dana).exists()


@pytest.mark.parametrize("purpose", [Purpose.SUBSCRIBE, Purpose.MANAGE])
def test_a_signed_link_brings_back_who_left(
    client: Client, dana: Contact, purpose: Purpose
) -> None:
    leave(dana)

    answer = post(client, url(dana, purpose, "subscribe"))

    assert answer.status_code == 200
    assert is_subscribed(dana)


@pytest.mark.parametrize(
    ("purpose", "act"),
    [
        (Purpose.UNSUBSCRIBE, "subscribe"),
        (Purpose.SUBSCRIBE, "unsubscribe"),
        (Purpose.SUBSCRIBE, "snooze"),
    ],
)
def test_a_token_does_only_what_it_is_for(
    client: Client, dana: Contact, purpose: Purpose, act: str
) -> None:
    answer = post(client, url(dana, purpose, act), {"days": 14})

    assert answer.status_code == 404
    assert not ConsentChange.objects.exists()


@pytest.mark.parametrize("purpose", [None, Purpose.UNSUBSCRIBE, Purpose.MANAGE])
def test_a_contact_pauses(
    client: Client, dana: Contact, purpose: Purpose | None
) -> None:
    answer = post(client, url(dana, purpose, "snooze"), {"days": 14})

    assert answer.json()["subscribed"] is False
    assert answer.json()["snoozedUntil"].endswith("Z")
    assert Contact.objects.get().snoozed_until


def test_a_pause_brings_nobody_back(client: Client, dana: Contact) -> None:
    leave(dana)

    answer = post(client, url(dana, Purpose.MANAGE, "snooze"), {"days": 14})

    assert answer.json()["snoozedUntil"] is None
    assert Contact.objects.get().snoozed_until is None


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        *[{"days": days} for days in _NO_DAYS],
        {"days": None},
    ],
)
def test_a_pause_needs_a_number_of_days(
    client: Client, dana: Contact, body: Any
) -> None:
    answer = post(client, url(dana, None, "snooze"), body)

    assert answer.status_code == 422
    assert answer.json()["error"]["errors"][0]["field"] == "days"
    assert is_subscribed(dana)


@pytest.mark.parametrize(
    "raw", [b"{", b"[1]", b'{"days": NaN}', b'{"days": 1, "days": 2}', b"\xff"]
)
def test_a_pause_is_told_in_json(client: Client, dana: Contact, raw: bytes) -> None:
    answer = client.post(
        url(dana, None, "snooze"), raw, content_type="application/json"
    )

    assert answer.status_code == 400
    assert is_subscribed(dana)


@pytest.mark.parametrize("act", ["", "subscribe", "unsubscribe", "snooze"])
@pytest.mark.parametrize(
    "token", ["x", "%00", "%ED%A0%80", "x" * 5000, "{unknown}", "a.b"]
)
def test_an_id_of_nobody_is_not_found(
    client: Client, dana: Contact, act: str, token: str
) -> None:
    token = token.replace("{unknown}", str(uuid4()))
    path = f"/api/contacts/public/{token}" + (f"/{act}" if act else "")

    answer = post(client, path, {"days": 1}) if act else client.get(path)

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] in {
        "CONTACT_NOT_FOUND",
        "RESOURCE_NOT_FOUND",
    }


@pytest.mark.parametrize("act", ["subscribe", "unsubscribe", "snooze"])
def test_looking_does_nothing(client: Client, dana: Contact, act: str) -> None:
    for method in ("get", "head", "options", "put", "delete"):
        assert getattr(client, method)(url(dana, None, act)).status_code == 405
    assert is_subscribed(dana)


@pytest.fixture
def _no_redis() -> Iterator[None]:
    ratelimit._make_local.cache_clear()
    yield
    ratelimit._make_local.cache_clear()


@pytest.mark.usefixtures("_no_redis")
@override_settings(API_RATE_LIMIT_PER_MINUTE=1000, REDIS_URL="")
def test_one_contact_and_one_address_have_limits(
    client: Client, dana: Contact, project: Project
) -> None:
    of_one = [client.get(url(dana)).status_code for _ in range(21)]
    other = make_contact(project, "other@example.com")
    of_another = client.get(url(other)).status_code
    guesses = [client.get(f"/api/contacts/public/{uuid4()}") for _ in range(60)]
    elsewhere = client.get(url(other), REMOTE_ADDR="203.0.113.9").status_code

    assert of_one[:20] == [200] * 20
    assert of_one[20] == 429
    assert of_another == 200
    assert guesses[-1].status_code == 429
    assert int(guesses[-1]["Retry-After"]) >= 1
    assert elsewhere == 200


@pytest.mark.usefixtures("_no_redis")
@override_settings(
    API_RATE_LIMIT_PER_MINUTE=1000, REDIS_URL="", ALLAUTH_TRUSTED_PROXY_COUNT=1
)
def test_a_visitor_cannot_choose_where_they_come_from(client: Client, db: None) -> None:
    codes = {
        client.get(
            f"/api/contacts/public/{uuid4()}",
            HTTP_X_FORWARDED_FOR=f"203.0.113.{number}, 198.51.100.7",
        ).status_code
        for number in range(61)
    }

    assert codes == {404, 429}
