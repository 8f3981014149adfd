"""P21: who is tracked as not subscribed gets a mail, and its link subscribes them."""

from __future__ import annotations

import email
import json
import re
from collections.abc import Callable
from email import policy
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from contacts.models import Contact
from plunk.projects.creating import NewProject
from tests.automations.building import settle
from tests.transactional.fakes import FakeSes
from transactional.delivery import drain
from transactional.models import SendingAccount


@pytest.mark.django_db(transaction=True)
def test_a_click_in_the_mail_of_a_workflow_subscribes(
    client: Client, new_project: NewProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    ses = FakeSes()
    monkeypatch.setattr("transactional.delivery.lines", ses.lines)
    SendingAccount.objects.create(pk=1, max_rate=1e6, rate=1e6, tokens=1e5)
    ask = _asking(client, new_project)
    template = ask(
        "/templates",
        name="Please confirm",
        subject="Please confirm",
        body='<p><a href="{{subscribeUrl}}">Yes, it is me</a></p>',
        type="TRANSACTIONAL",
        **{"from": "hello@example.com"},
    )
    workflow = ask("/workflows", name="Double opt-in", eventName="signed-up")
    step = {"type": "SEND_EMAIL", "name": "Ask", "position": {"x": 0, "y": 0}}
    ask(f"/workflows/{workflow}/steps", **step, config={}, templateId=template)
    ask(f"/workflows/{workflow}", "patch", enabled=True)

    event = {"event": "signed-up", "email": "newbie@example.com", "subscribed": False}
    ask("/v1/track", **event)
    settle()
    drain(seconds=5.0)

    assert not Contact.objects.get().subscribed
    (call,) = ses.calls
    message = email.message_from_bytes(call["raw"], policy=policy.default)
    body = message.get_body(("html",))
    assert body is not None
    link = re.search(r'href="([^"]+)"[^>]*>Yes, it is me', body.get_content())
    assert link is not None
    parts = urlsplit(link[1].replace("&amp;", "&"))
    place = f"{parts.path}?{parts.query}".rstrip("?")
    page = client.get(place, follow=True)
    answer = client.post(page.request["PATH_INFO"], follow=True)

    assert answer.status_code == 200
    assert Contact.objects.get().subscribed


def _asking(client: Client, made: NewProject) -> Callable[..., str]:
    """Return a function that asks the API, and returns the id of what it answered."""

    def ask(path: str, method: str = "post", **body: Any) -> str:
        answer = client.generic(
            method.upper(),
            f"/api{path}",
            json.dumps(body),
            content_type="application/json",
            headers={"Authorization": f"Bearer {made.secret.value}"},
        )
        assert answer.status_code < 300, answer.content
        return str(answer.json().get("id", ""))

    return ask
