from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.db.models.functions import Now
from pytest_django.fixtures import Settings

from automations.models import (
    CallState,
    WebhookAttempt,
    WebhookCall,
    WebhookEndpoint,
)
from automations.webhooks import calling, claiming, recording, retries, signing
from automations.webhooks.claiming import claim
from plunk.projects.models import Project
from tests.automations.webhooks.conftest import Owe, Serve, make_due
from tests.outbound.receiver import Got, Receiver, after, answer, hang

pytestmark = pytest.mark.django_db


def is_signed_by(got: Got, secret: str) -> list[bool]:
    """Say for each signature of a request whether a secret made it."""
    expected = signing.sign(
        secret=secret,
        message_id=got.headers["webhook-id"],
        timestamp=int(got.headers["webhook-timestamp"]),
        body=got.body,
    )
    return [one == expected for one in got.headers["webhook-signature"].split(" ")]


def test_a_call_arrives_signed_and_is_written_down(
    owe: Owe, receiver: Receiver, project: Project
) -> None:
    receiver.speak = answer(201, b"taken \x00 \xff")
    (call,) = owe(receiver.url + "?x=1", headers={"X-Mine": "1"})

    assert calling.drain() == 1

    (got,) = receiver.got
    assert (got.method, got.path, got.body) == ("POST", "/hook?x=1", b'{"a":1}')
    assert got.headers["x-mine"] == "1"
    assert got.headers["webhook-id"] == str(call.pk)
    assert abs(int(got.headers["webhook-timestamp"]) - time.time()) < 30
    assert is_signed_by(got, signing.secret_of(project).secret) == [True]
    call.refresh_from_db()
    assert (call.state, call.status, call.error) == (CallState.DELIVERED, 201, "")
    assert call.finished_at is not None
    attempt = WebhookAttempt.objects.get()
    assert (attempt.number, attempt.status) == (1, 201)
    assert attempt.response == "taken  \ufffd"
    assert calling.drain() == 0


def test_a_call_that_failed_comes_again_with_its_id_and_a_fresh_signature(
    owe: Owe, receiver: Receiver, project: Project
) -> None:
    receiver.speak = answer(500, b"broken")
    (call,) = owe(receiver.url)
    calling.drain()
    call.refresh_from_db()
    assert (call.state, call.status, call.tries) == (CallState.PENDING, 500, 1)
    assert call.error == "The server answered 500."
    wait = WebhookCall.objects.annotate(now=Now()).get(pk=call.pk)
    left = wait.due_at - wait.now
    assert timedelta(seconds=3) < left <= timedelta(seconds=6)
    assert calling.drain() == 0, "its time has not come"

    time.sleep(1.1)
    receiver.speak = answer()
    make_due(call)
    calling.drain()

    first, second = receiver.got
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == str(call.pk)
    stamps = [int(got.headers["webhook-timestamp"]) for got in receiver.got]
    assert stamps[0] < stamps[1]
    assert is_signed_by(second, signing.secret_of(project).secret) == [True]
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]
    call.refresh_from_db()
    assert call.state == CallState.DELIVERED
    assert list(WebhookAttempt.objects.order_by("number").values_list("status")) == [
        (500,),
        (200,),
    ]


@pytest.mark.parametrize("status", [302, 400, 401, 404, 408, 422, 429, 500, 501, 503])
def test_whatever_is_not_2xx_is_tried_again(
    status: int, owe: Owe, receiver: Receiver
) -> None:
    """As the standard has it: only 2xx is a success, and only 410 is an end."""
    receiver.speak = answer(status, Location="http://127.0.0.1:1/")
    (call,) = owe(receiver.url)

    calling.drain()

    call.refresh_from_db()
    assert (call.state, call.status) == (CallState.PENDING, status)
    assert len(receiver.got) == 1


def test_it_is_tried_for_more_than_a_day_and_then_given_up(
    owe: Owe, receiver: Receiver
) -> None:
    receiver.speak = answer(500)
    (call,) = owe(receiver.url)
    waited = timedelta()

    for tries in range(1, retries.MOST_TRIES + 1):
        make_due(call)
        assert calling.drain() == 1, tries
        row = WebhookCall.objects.annotate(now=Now()).get(pk=call.pk)
        if row.state == CallState.PENDING:
            waited += row.due_at - row.now

    assert waited >= timedelta(hours=24)
    assert (row.state, row.tries) == (CallState.FAILED, retries.MOST_TRIES)
    assert WebhookAttempt.objects.count() == retries.MOST_TRIES
    assert {got.headers["webhook-id"] for got in receiver.got} == {str(call.pk)}


def test_an_endpoint_that_asks_for_time_is_left_alone(
    owe: Owe, receiver: Receiver
) -> None:
    receiver.speak = answer(429, Retry_After="3600")
    (call,) = owe(receiver.url)
    calling.drain()
    (other,) = owe(receiver.url)

    assert calling.drain() == 0

    row = WebhookCall.objects.annotate(now=Now()).get(pk=call.pk)
    left = row.due_at - row.now
    assert timedelta(minutes=59) < left < timedelta(hours=2)
    other.refresh_from_db()
    assert other.state == CallState.PENDING


def test_gone_disables_the_endpoint_and_replay_needs_it_enabled(
    owe: Owe, receiver: Receiver
) -> None:
    receiver.speak = answer(410)
    (call,) = owe(receiver.url)
    calling.drain()

    call.refresh_from_db()
    assert call.state == CallState.FAILED
    endpoint = WebhookEndpoint.objects.get()
    assert endpoint.disabled_at is not None
    assert "410" in endpoint.disabled_reason

    (later,) = owe(receiver.url)
    assert calling.drain() == 0
    later.refresh_from_db()
    assert later.state == CallState.FAILED
    assert "disabled" in later.error
    assert len(receiver.got) == 1


def test_an_endpoint_that_fails_for_days_is_disabled(
    owe: Owe, receiver: Receiver
) -> None:
    receiver.speak = answer(503)
    (call,) = owe(receiver.url)
    calling.drain()
    endpoints = WebhookEndpoint.objects.filter(pk=call.endpoint_id)
    assert endpoints.get().failing_since is not None
    assert endpoints.get().disabled_at is None

    endpoints.update(failing_since=Now() - timedelta(days=5, minutes=1))
    make_due(call)
    calling.drain()

    assert "five days" in endpoints.get().disabled_reason
    claiming.fail_unwanted()
    call.refresh_from_db()
    assert call.state == CallState.FAILED


def test_an_endpoint_that_lost_many_calls_is_disabled(
    owe: Owe, receiver: Receiver
) -> None:
    receiver.speak = answer(500)
    calls = owe(receiver.url, retries.MOST_GIVEN_UP)
    WebhookCall.objects.update(tries=retries.MOST_TRIES - 1)
    for call in calls:
        make_due(call)

    assert calling.drain() == retries.MOST_GIVEN_UP

    assert "Many calls failed" in WebhookEndpoint.objects.get().disabled_reason


def test_one_good_answer_forgives_everything(owe: Owe, receiver: Receiver) -> None:
    receiver.speak = answer(500)
    (call,) = owe(receiver.url)
    calling.drain()

    receiver.speak = answer(204, b"")
    make_due(call)
    calling.drain()

    endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.failing_since, endpoint.rests_until) == (None, None)


def test_an_address_inside_is_never_called_and_not_tried_again(
    owe: Owe, settings: Settings, receiver: Receiver
) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = []
    (call,) = owe(receiver.url)

    calling.drain()

    call.refresh_from_db()
    assert call.state == CallState.FAILED
    assert "not on the open net" in call.error
    assert receiver.connections == 0
    assert WebhookEndpoint.objects.get().failing_since is None


def test_a_header_that_breaks_lines_is_refused_before_anything_is_sent(
    owe: Owe, receiver: Receiver
) -> None:
    (call,) = owe(receiver.url, headers={"X": "a\r\nEvil: 1"})

    calling.drain()

    call.refresh_from_db()
    assert (call.state, receiver.connections) == (CallState.FAILED, 0)


def test_after_a_rotation_there_are_two_signatures(
    owe: Owe, receiver: Receiver, project: Project
) -> None:
    old = signing.secret_of(project).secret
    new = signing.rotate(project).secret
    owe(receiver.url)

    calling.drain()

    (got,) = receiver.got
    assert is_signed_by(got, new) == [True, False]
    assert is_signed_by(got, old) == [False, True]


def test_a_dead_endpoint_delays_no_other(
    owe: Owe, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calling, "CALL_SECONDS", 6.0)
    dead, alive = serve(hang(20)), serve()
    owe(dead.url, 50)
    calls = owe(alive.url, 20)

    begun = time.time()
    original = calling._Drain._begin

    def begin(drain: calling._Drain) -> int:
        if len(alive.got) == len(calls):
            calling.stop.set()  # the dead one's fifty would take minutes
            return 0
        return original(drain)

    monkeypatch.setattr(calling._Drain, "_begin", begin)
    calling.drain()

    assert max(got.at for got in alive.got) - begun < 5
    assert dead.most_at_once <= 4


def test_an_endpoint_has_few_calls_at_once_and_one_while_it_fails(
    owe: Owe, serve: Serve
) -> None:
    slow = serve(after(0.1, answer()))
    owe(slow.url, 12)
    assert calling.drain() == 12
    assert 1 < slow.most_at_once <= 4

    failing = serve(after(0.05, answer(500)))
    owe(failing.url)
    calling.drain()
    owe(failing.url, 6)
    calling.drain()
    assert len(failing.got) == 7
    assert failing.most_at_once == 1


def test_failing_endpoints_leave_threads_for_the_others(owe: Owe) -> None:
    """However many there are, and however long they have waited."""
    for number in range(20):
        owe(f"http://127.0.0.1:{number + 1}/", 2)
    WebhookEndpoint.objects.update(failing_since=Now())
    WebhookCall.objects.update(due_at=Now() - timedelta(hours=1))
    owe("http://127.0.0.1:99/", 3)

    claimed = claim(8, failing_limit=4)
    others = claim(8, failing_limit=0)

    assert sum(call.is_failing for call in claimed) == 4
    assert sum(not call.is_failing for call in claimed) == 3
    assert others == []


def test_endpoints_take_turns(owe: Owe) -> None:
    """One that is owed much gets no more than the others where there is little room."""
    owe("http://127.0.0.1:1/", 30)
    owe("http://127.0.0.1:2/", 2)
    owe("http://127.0.0.1:3/", 2)

    claimed = claim(5, failing_limit=2)

    counts = Counter(call.url for call in claimed)
    assert sorted(counts.values()) == [1, 2, 2]


def test_a_worker_that_dies_before_it_wrote_down_is_followed_by_another(
    owe: Owe, receiver: Receiver
) -> None:
    (call,) = owe(receiver.url)
    (lost,) = claim(5, failing_limit=5)
    calling._call(calling._Errand(lost, [signing.rotate(call.project).secret], None))  # type: ignore[arg-type]
    assert calling.drain() == 0, "its lease has not ended"

    WebhookCall.objects.update(lease_expires_at=Now())
    assert calling.drain() == 1

    assert [got.headers["webhook-id"] for got in receiver.got] == [str(call.pk)] * 2
    call.refresh_from_db()
    assert (call.state, call.attempt) == (CallState.DELIVERED, 2)
    first, second = WebhookAttempt.objects.order_by("number")
    assert "worker ended" in first.error
    assert second.status == 200

    recording.record([recording.Outcome(lost, lost.claimed_at, status=500)])
    call.refresh_from_db()
    assert call.state == CallState.DELIVERED, "the dead one's answer comes too late"


def test_a_worker_that_stops_puts_back_what_it_has_not_begun(
    owe: Owe, receiver: Receiver
) -> None:
    (call,) = owe(receiver.url)
    (claimed,) = claim(5, failing_limit=5)
    calling.stop.set()

    assert calling._call(calling._Errand(claimed, [], None)) is None  # type: ignore[arg-type]
    recording.put_back([claimed])

    call.refresh_from_db()
    assert (call.state, call.attempt, call.tries) == (CallState.PENDING, 0, 0)
    assert receiver.connections == 0


def test_a_call_that_was_erased_meanwhile_is_not_written_down(
    owe: Owe, receiver: Receiver
) -> None:
    (call,) = owe(receiver.url)
    (claimed,) = claim(5, failing_limit=5)
    call.delete()

    recording.record([recording.Outcome(claimed, claimed.claimed_at, status=200)])

    assert not WebhookAttempt.objects.exists()


def test_a_disabled_project_calls_nobody(
    owe: Owe, receiver: Receiver, project: Project
) -> None:
    (call,) = owe(receiver.url)
    Project.objects.filter(pk=project.pk).update(is_disabled=True)

    assert calling.drain() == 0

    call.refresh_from_db()
    assert call.state == CallState.FAILED
    assert "project is disabled" in call.error


def test_a_restored_database_calls_nobody(
    owe: Owe, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    owe(receiver.url)
    monkeypatch.setattr(calling, "check_fence", lambda: False)

    assert calling.drain() == 0
    assert receiver.connections == 0


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_call_once(owe: Owe, serve: Serve) -> None:
    servers = [serve() for _ in range(3)]
    calls = [call for server in servers for call in owe(server.url, 10)]

    def work(_: int) -> int:
        try:
            return calling.drain()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(work, range(4)))

    assert sum(done) == len(calls)
    got = [one.headers["webhook-id"] for server in servers for one in server.got]
    assert sorted(got) == sorted(str(call.pk) for call in calls)
    assert not WebhookCall.objects.exclude(state=CallState.DELIVERED).exists()


@pytest.mark.django_db(transaction=True)
def test_a_process_calls_beside_what_it_does(owe: Owe, receiver: Receiver) -> None:
    owe(receiver.url, 3)

    begun = time.monotonic()
    calling.start()
    assert time.monotonic() - begun < 1
    calling.start()
    deadline = time.monotonic() + 10
    while len(receiver.got) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    calling.finish()

    assert WebhookCall.objects.filter(state=CallState.DELIVERED).count() == 3
