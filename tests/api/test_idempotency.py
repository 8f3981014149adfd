"""`Idempotency-Key` on both hot routes: robustness D1 to D8."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from django.test import Client

from automations.models import Occurrence
from contacts.models import Contact
from plunk.api.idempotency import forget_expired
from plunk.api.models import IdempotencyKey
from plunk.projects.models import Project
from tests.conftest import Api
from transactional import templates
from transactional.models import Domain, Email, MailKind, Template

MAIL = {"to": "ann@example.com", "subject": "Hello", "body": "<p>Hello</p>"}
EVENT = {"event": "signed-up", "email": "ann@example.com"}
BODIES: dict[str, dict[str, Any]] = {"/v1/send": MAIL, "/v1/track": EVENT}
DONE: dict[str, Callable[[], int]] = {
    "/v1/send": lambda: Email.objects.count(),
    "/v1/track": lambda: Occurrence.objects.count(),
}

pytestmark = pytest.mark.django_db
each_route = pytest.mark.parametrize("path", BODIES)


def once(api: Api, path: str, body: Any = None, key: str = "k-1") -> Any:
    body = body or BODIES[path.removeprefix("/api").rstrip("/")]
    return api.post(path, body, HTTP_IDEMPOTENCY_KEY=key)


def code_of(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


@each_route
@pytest.mark.parametrize("key", ["", "x" * 256, "ä", "\x7f", "a\tb", "a\nb", "\x00"])
def test_a_malformed_key_is_refused(api: Api, path: str, key: str) -> None:
    """D1."""
    assert code_of(once(api, path, key=key)) == (400, "BAD_REQUEST")
    assert DONE[path]() == 0


@each_route
@pytest.mark.parametrize("key", ["x", "x" * 255, "a b~!\"'%", "\\"])
def test_any_printable_key_is_taken(api: Api, path: str, key: str) -> None:
    """D1."""
    assert once(api, path, key=key).status_code == 200


@each_route
def test_a_repetition_gets_the_same_answer_and_does_nothing(
    api: Api, path: str
) -> None:
    """D2."""
    first = once(api, path)
    second = once(api, path)
    slashed = once(api, f"/api{path}/")

    assert first.status_code == second.status_code == slashed.status_code == 200
    assert first.json() == second.json() == slashed.json()
    assert "Idempotent-Replayed" not in first
    assert second["Idempotent-Replayed"] == slashed["Idempotent-Replayed"] == "true"
    assert DONE[path]() == 1


@pytest.mark.parametrize("key", ["order-1001", "x" * 255])
def test_a_public_key_occupies_none_of_the_servers_keys(
    api: Api, public_api: Api, key: str
) -> None:
    """The public key is in every browser, and order numbers are easily guessed."""
    first = once(public_api, "/v1/track", key=key)
    sent = once(api, "/v1/send", key=key)
    again = once(public_api, "/v1/track", key=key)

    assert first.status_code == sent.status_code == again.status_code == 200
    assert "Idempotent-Replayed" not in sent
    assert again["Idempotent-Replayed"] == "true"
    assert (Email.objects.count(), Occurrence.objects.count()) == (1, 1)


def test_no_key_of_a_server_is_read_as_a_public_one(api: Api, public_api: Api) -> None:
    once(public_api, "/v1/track")
    stored = IdempotencyKey.objects.get().key

    assert code_of(once(api, "/v1/send", key=stored)) == (400, "BAD_REQUEST")
    assert once(api, "/v1/send", key=stored[1:]).status_code == 200


@each_route
def test_the_order_of_members_is_no_difference(api: Api, path: str) -> None:
    """D2."""
    once(api, path)

    again = once(api, path, dict(reversed(BODIES[path].items())))

    assert again["Idempotent-Replayed"] == "true"


@each_route
def test_another_body_under_the_same_key_is_refused(api: Api, path: str) -> None:
    """D2: whether the other body is good or not; the first was done."""
    once(api, path)

    other = once(api, path, BODIES[path] | {"data": {"a": 1}})
    broken = once(api, path, {"email": "nonsense", "to": 7})

    assert code_of(other) == code_of(broken) == (409, "IDEMPOTENCY_KEY_REUSED")
    assert "suggestion" in other.json()["error"]
    assert DONE[path]() == 1


def test_a_repetition_is_answered_whatever_became_of_template_and_domain(
    api: Api, project: Project, settings: Any
) -> None:
    """D2: the mail was sent; an error now would make the client send another."""
    settings.REQUIRES_VERIFIED_DOMAIN = True
    Domain.objects.create(project=project, name="example.com", verified_at=Now())
    template = Template.objects.create(
        project=project, name="T", subject="s", body="b", kind=MailKind.TRANSACTIONAL
    )
    body = {
        "to": "ann@example.com",
        "template": str(template.pk),
        "from": "a@example.com",
    }
    first = once(api, "/v1/send", body)
    Domain.objects.all().delete()
    templates.delete(template=template)

    second = once(api, "/v1/send", body)

    assert first.status_code == 200, first.json()
    assert second.json() == first.json()
    assert Email.objects.count() == 1


@each_route
def test_after_a_refusal_the_key_is_free(api: Api, path: str) -> None:
    """D4."""
    refused = once(api, path, {"to": "nobody", "email": "nobody"})

    repaired = once(api, path)

    assert refused.status_code == 422
    assert repaired.status_code == 200
    assert DONE[path]() == 1


def test_marketing_that_was_refused_leaves_nothing_and_frees_the_key(
    api: Api, project: Project
) -> None:
    """D4: a refusal in the middle of the work."""
    template = Template.objects.create(
        project=project, name="T", subject="s", body="b", kind=MailKind.MARKETING
    )
    body = {"to": "ann@example.com", "template": str(template.pk)}

    refused = once(api, "/v1/send", body)
    stored = (Contact.objects.count(), Email.objects.count())
    agreed = once(api, "/v1/send", body | {"subscribed": True})

    assert code_of(refused) == (400, "CONTACT_UNSUBSCRIBED")
    assert stored == (0, 0)
    assert agreed.status_code == 200


@each_route
def test_after_an_error_of_ours_the_key_is_free(
    api: Api, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A 5xx that was rolled back releases the key."""
    monkeypatch.setattr("plunk.api.idempotency._remember", _broken)
    failed = once(api, path)
    monkeypatch.undo()

    again = once(api, path)

    assert code_of(failed) == (500, "INTERNAL_SERVER_ERROR")
    assert "secret detail" not in failed.content.decode()
    assert again.status_code == 200
    assert "Idempotent-Replayed" not in again
    assert DONE[path]() == 1


def _broken(*args: object) -> None:
    raise RuntimeError("secret detail")


def test_a_key_of_one_route_is_not_good_for_another(api: Api) -> None:
    """D5."""
    once(api, "/v1/track")

    assert code_of(once(api, "/v1/send")) == (409, "IDEMPOTENCY_KEY_REUSED")


def test_another_project_has_keys_of_its_own(api: Api, stranger_api: Api) -> None:
    """D5."""
    mine, theirs = once(api, "/v1/send"), once(stranger_api, "/v1/send")

    assert mine.status_code == theirs.status_code == 200
    assert mine.json() != theirs.json()
    assert Email.objects.count() == 2


@each_route
@pytest.mark.parametrize(("age", "is_replayed"), [(-1, True), (1, False)])
def test_a_key_lives_for_24_hours(
    api: Api, path: str, age: int, *, is_replayed: bool
) -> None:
    """D8: a second before and a second after; whether or not the sweep has come."""
    once(api, path)
    moved = timedelta(hours=24, seconds=age)
    IdempotencyKey.objects.update(expires_at=F("expires_at") - moved)

    forgotten = forget_expired()
    again = once(api, path)

    assert forgotten == (0 if is_replayed else 1)
    assert ("Idempotent-Replayed" in again) is is_replayed
    assert DONE[path]() == (1 if is_replayed else 2)


@each_route
def test_an_expired_key_is_taken_over_before_the_sweep_comes(
    api: Api, path: str
) -> None:
    """D8."""
    once(api, path)
    IdempotencyKey.objects.update(expires_at=Now() - timedelta(seconds=1))

    other = once(api, path, BODIES[path] | {"data": {"a": 1}})
    again = once(api, path, BODIES[path] | {"data": {"a": 1}})

    assert other.status_code == 200
    assert again["Idempotent-Replayed"] == "true"
    assert IdempotencyKey.objects.count() == 1


@each_route
@pytest.mark.parametrize("hours", [-25, -1, 1, 25])
def test_the_clock_of_the_web_server_decides_nothing(
    api: Api, path: str, hours: int
) -> None:
    """D8: the database's clock does."""
    once(api, path)

    with time_machine.travel(timedelta(hours=hours)):
        again = once(api, path)
        key = IdempotencyKey.objects.annotate(now=Now()).get()

    assert again["Idempotent-Replayed"] == "true"
    left = key.expires_at - key.now
    assert timedelta(hours=23, minutes=59) < left <= timedelta(hours=24)


def test_the_answers_are_kept_in_the_database_alone(api: Api) -> None:
    """D7: whatever Redis or the process forgets."""
    first = once(api, "/v1/send")

    kept = IdempotencyKey.objects.get()

    assert kept.response == first.content.decode()
    assert kept.expires_at - kept.created_at == timedelta(hours=24)


@pytest.mark.django_db(transaction=True)
@each_route
def test_of_twenty_at_once_one_is_done(api: Api, path: str) -> None:
    """D2: the others get its answer, or hear that it is still being worked on."""
    barrier = Barrier(20)

    def call(_: int) -> tuple[int, str, bool]:
        try:
            barrier.wait(20)
            response = once(Api(Client(), api.key), path)
            body = response.json()
            said = (
                body["timestamp"]
                if response.status_code == 200
                else body["error"]["code"]
            )
            return response.status_code, said, "Idempotent-Replayed" in response
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(call, range(20)))

    assert DONE[path]() == 1
    statuses = Counter(status for status, _, _ in answers)
    assert set(statuses) <= {200, 409}
    good = [(said, replayed) for status, said, replayed in answers if status == 200]
    assert len({said for said, _ in good}) == 1
    assert [replayed for _, replayed in good].count(False) == 1
    assert {said for status, said, _ in answers if status == 409} <= {
        "IDEMPOTENCY_KEY_REUSED"
    }


@pytest.mark.django_db(transaction=True)
@each_route
def test_twenty_at_once_without_a_key_are_all_done(api: Api, path: str) -> None:
    """One contact, one definition, twenty mails or events; nothing deadlocks."""
    barrier = Barrier(20)

    def call(number: int) -> int:
        try:
            barrier.wait(20)
            body = BODIES[path] | {"data": {f"k{number}": number}}
            status: int = Api(Client(), api.key).post(path, body).status_code
            return status
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(call, range(20)))

    assert statuses == [200] * 20
    assert DONE[path]() == 20
    assert Contact.objects.get().data == {f"k{i}": i for i in range(20)}
