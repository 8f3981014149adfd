from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from automations.models import (
    CallState,
    WebhookAttempt,
    WebhookCall,
    WebhookEndpoint,
)
from automations.webhooks import calling, replaying, retries
from automations.webhooks.claiming import claim
from contacts.erasing import erase
from contacts.models import Contact
from plunk.projects.models import Project
from tests.automations.webhooks.conftest import Owe
from tests.outbound.receiver import Receiver, answer

pytestmark = pytest.mark.django_db


def give_up(*calls: WebhookCall) -> None:
    WebhookCall.objects.filter(pk__in=[call.pk for call in calls]).update(
        state=CallState.FAILED, tries=retries.MOST_TRIES, attempt=11, finished_at=Now()
    )


def test_a_replay_is_a_new_attempt_under_the_same_id(
    owe: Owe, receiver: Receiver
) -> None:
    (call,) = owe(receiver.url)
    calling.drain()

    replaying.replay(call)
    calling.drain()

    assert [got.headers["webhook-id"] for got in receiver.got] == [str(call.pk)] * 2
    assert WebhookAttempt.objects.filter(call=call).count() == 2


def test_a_replay_has_a_whole_day_again(owe: Owe, receiver: Receiver) -> None:
    receiver.speak = answer(500)
    (call,) = owe(receiver.url)
    give_up(call)

    replaying.replay(call)
    calling.drain()

    call.refresh_from_db()
    assert (call.state, call.tries, call.attempt) == (CallState.PENDING, 1, 12)
    assert call.finished_at is None


def test_a_call_that_waits_may_be_made_now(owe: Owe, receiver: Receiver) -> None:
    receiver.speak = answer(500)
    (call,) = owe(receiver.url)
    calling.drain()

    replaying.replay(call)

    assert calling.drain() == 1


def test_what_is_being_called_is_not_called_twice(owe: Owe, receiver: Receiver) -> None:
    (call,) = owe(receiver.url)
    claim(1, failing_limit=1)

    with pytest.raises(replaying.BeingCalled):
        replaying.replay(call)


def test_all_that_failed_of_an_endpoint_is_called_again(
    owe: Owe, receiver: Receiver
) -> None:
    calls = owe(receiver.url, 5)
    give_up(*calls)
    (other,) = owe("http://127.0.0.1:9/")
    give_up(other)

    assert replaying.replay_failed(calls[0].endpoint) == 5
    assert calling.drain() == 5

    assert {got.headers["webhook-id"] for got in receiver.got} == {
        str(call.pk) for call in calls
    }
    other.refresh_from_db()
    assert other.state == CallState.FAILED


def test_a_disabled_endpoint_is_enabled_before_anything_is_replayed(
    owe: Owe, receiver: Receiver
) -> None:
    (call,) = owe(receiver.url)
    assert replaying.disable(call.endpoint, reason="By hand.")
    assert not replaying.disable(call.endpoint, reason="Again.")
    calling.drain()
    call.refresh_from_db()
    assert call.state == CallState.FAILED

    with pytest.raises(replaying.EndpointDisabled):
        replaying.replay_failed(call.endpoint)
    with pytest.raises(replaying.EndpointDisabled):
        replaying.replay(WebhookCall.objects.select_related("endpoint").get())

    assert replaying.enable(call.endpoint)
    assert not replaying.enable(call.endpoint)
    assert replaying.replay_failed(call.endpoint) == 1
    assert calling.drain() == 1


def test_old_calls_are_forgotten_and_others_are_not(
    owe: Owe, receiver: Receiver
) -> None:
    calls = owe(receiver.url, 4)
    calling.drain()
    ages = [31, 29, 31]
    for call, days in zip(calls, ages, strict=False):
        WebhookCall.objects.filter(pk=call.pk).update(
            created_at=Now() - timedelta(days=days),
            finished_at=Now() - timedelta(days=days),
        )
    WebhookCall.objects.filter(pk=calls[2].pk).update(state=CallState.PENDING)

    assert replaying.forget_old() == 1

    left = set(WebhookCall.objects.values_list("pk", flat=True))
    assert left == {call.pk for call in calls[1:]}
    assert WebhookEndpoint.objects.count() == 1


def test_calls_about_a_contact_are_erased_with_it(
    owe: Owe, receiver: Receiver, project: Project
) -> None:
    ann = Contact.objects.create(project=project, email="ann@example.com")
    owe(receiver.url, 2, contact_id=ann.pk)
    (other,) = owe(receiver.url)
    calling.drain()

    erase(project_id=project.pk, contact_ids=[ann.pk])

    assert WebhookCall.objects.get() == other
    assert WebhookAttempt.objects.get().call_id == other.pk
