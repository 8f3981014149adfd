"""The pages about webhooks."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext

from automations.models import CallState, WebhookCall, WebhookEndpoint
from automations.webhooks import calling, signing
from plunk.ids import new_id
from plunk.projects.models import Project, User
from tests.automations.webhooks.conftest import Owe
from tests.outbound.receiver import Receiver, answer

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def where(project: Project, rest: str = "") -> str:
    return f"/projects/{project.pk}/webhooks/{rest}"


def html(browser: Client, project: Project, rest: str = "") -> str:
    response = browser.get(where(project, rest))
    assert response.status_code == 200
    return response.content.decode()


def test_where_nothing_was_called_a_page_says_how_to_begin(
    browser: Client, project: Project
) -> None:
    assert "Nothing was called yet" in html(browser, project)
    assert "No endpoints yet" in html(browser, project, "endpoints/")


def test_the_log_lists_calls_and_narrows_them(
    browser: Client, project: Project, owe: Owe
) -> None:
    for number, state in enumerate(CallState.values):
        (call,) = owe(f"https://{number}.example/hook")
        WebhookCall.objects.filter(pk=call.pk).update(state=state)

    def shown(query: str) -> set[str]:
        response = browser.get(where(project, query))
        return {call.state for call, _ in response.context["rows"]}

    assert shown("") == set(CallState.values)
    assert shown("?show=failed") == {"FAILED"}
    assert shown("?show=waiting") == {"PENDING", "CALLING"}
    assert shown("?show=nonsense") == set(CallState.values)
    endpoint = WebhookEndpoint.objects.get(url="https://2.example")
    assert shown(f"?endpoint={endpoint.pk}") == {CallState.values[2]}
    assert shown(f"?endpoint={new_id()}") == set()
    assert shown("?endpoint=x") == set(CallState.values)


def test_the_log_has_pages(browser: Client, project: Project, owe: Owe) -> None:
    calls = owe("https://x.example/", 60)

    first = browser.get(where(project)).context["page"]
    second = browser.get(where(project, f"?cursor={first.next}")).context["page"]

    seen = {call.pk for call in [*first.rows, *second.rows]}
    assert (len(first.rows), second.next) == (50, None)
    assert seen == {call.pk for call in calls}


def test_one_call_shows_what_was_sent_and_every_answer(
    browser: Client, project: Project, owe: Owe, receiver: Receiver
) -> None:
    receiver.speak = answer(500, b"<b>broken</b>")
    (call,) = owe(receiver.url, headers={"X-Mine": "<i>"}, body='{"name":"<Ann>"}')
    calling.drain()

    page = html(browser, project, f"calls/{call.pk}/")

    assert "&lt;b&gt;broken&lt;/b&gt;" in page
    assert "<b>broken" not in page
    assert "&quot;name&quot;: &quot;&lt;Ann&gt;&quot;" in page
    assert "X-Mine" in page
    assert str(call.pk) in page
    assert "The server answered 500." in page
    assert "try 1 of 11" in page


def test_a_call_is_replayed_from_its_page(
    browser: Client, project: Project, owe: Owe, receiver: Receiver
) -> None:
    (call,) = owe(receiver.url)
    calling.drain()

    response = browser.post(where(project, f"calls/{call.pk}/replay/"), follow=True)

    assert "called again, with the same id" in response.content.decode()
    assert calling.drain() == 1
    assert len(receiver.got) == 2


def test_a_disabled_endpoint_is_told_on_every_page_and_can_be_enabled(
    browser: Client, project: Project, owe: Owe, receiver: Receiver
) -> None:
    receiver.speak = answer(410)
    (call,) = owe(receiver.url)
    calling.drain()
    endpoint = WebhookEndpoint.objects.get()

    for rest in ("", "endpoints/", f"calls/{call.pk}/"):
        assert "410 Gone" in html(browser, project, rest), rest
    refused = browser.post(where(project, f"calls/{call.pk}/replay/"), follow=True)
    assert "Enable the endpoint first" in refused.content.decode()

    receiver.speak = answer()
    base = f"endpoints/{endpoint.pk}/"
    browser.post(where(project, f"{base}switch/"), {"to": "on"})
    assert "Replay what failed" in html(browser, project, "endpoints/")
    done = browser.post(where(project, f"{base}replay/"), follow=True)
    assert "One call is made again" in done.content.decode()
    assert calling.drain() == 1

    browser.post(where(project, f"{base}switch/"), {"to": "off"})
    assert "Somebody of this project" in html(browser, project, "endpoints/")


def test_the_secret_is_for_admins_and_is_replaced_after_a_question(
    browser: Client, project: Project, bob: User
) -> None:
    old = signing.secret_of(project).secret
    page = html(browser, project, "secret/")
    assert old.replace("+", "&#x2B;") in page or old in page

    assert "24 hours" in html(browser, project, "secret/replace/")
    assert signing.secret_of(project).secret == old
    browser.post(where(project, "secret/replace/"))
    new = signing.secret_of(project).secret
    assert new != old
    page = html(browser, project, "secret/")
    assert new in page
    assert old not in page
    assert "signs too, until" in page

    assert "cannot be undone" in html(browser, project, "secret/end-old/")
    browser.post(where(project, "secret/end-old/"))
    assert signing.secrets_of({project.pk})[project.pk] == [new]

    browser.force_login(bob)
    for rest in ("secret/", "secret/replace/", "secret/end-old/"):
        assert browser.get(where(project, rest)).status_code == 403
        assert browser.post(where(project, rest)).status_code in {403, 405}
    assert html(browser, project)


@pytest.mark.parametrize("rest", ["", "?show=failed", "endpoints/"])
def test_a_list_costs_the_same_with_ten_rows_and_twenty(
    rest: str, browser: Client, project: Project, owe: Owe
) -> None:
    costs = []
    for turn in range(2):
        for number in range(10):
            owe(f"https://{turn}-{number}.example/")
        WebhookCall.objects.update(state=CallState.FAILED)
        WebhookEndpoint.objects.filter(url__contains="5").update(disabled_at=Now())
        browser.get(where(project, rest))
        with CaptureQueriesContext(connection) as captured:
            browser.get(where(project, rest))
        costs.append(len(captured))

    assert costs[0] == costs[1] <= 8


def test_a_call_costs_the_same_however_often_it_was_tried(
    browser: Client, project: Project, owe: Owe, receiver: Receiver
) -> None:
    (call,) = owe(receiver.url)
    costs = []
    for turn in range(2):
        for number in range(10):
            call.attempts.create(number=turn * 10 + number, status=500)
        browser.get(where(project, f"calls/{call.pk}/"))
        with CaptureQueriesContext(connection) as captured:
            browser.get(where(project, f"calls/{call.pk}/"))
        costs.append(len(captured))

    assert costs[0] == costs[1] <= 8
