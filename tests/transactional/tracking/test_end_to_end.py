"""Each level that decides about tracking, with each counter, to SES and back."""

from __future__ import annotations

import re
from email import message_from_bytes
from html import unescape

import orjson
import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from plunk.projects.models import Project, Tracker
from plunk.simulator.models import PendingFeedback, SimulatedMessage
from plunk.simulator.storing import NotCounted, report
from tests.conftest import Api
from tests.transactional.test_send_delivery import simulator, work_until
from transactional import presets
from transactional.feedback import apply_feedback
from transactional.models import Email, EmailState
from webhooks.events import read_event

__all__ = ["simulator"]

#: What the project says, the template (if any), the mail; and whether it is tracked.
LEVELS: list[tuple[str, bool | None, bool | None, bool]] = [
    ("ENABLED", None, None, True),
    ("DISABLED", None, None, False),
    ("MARKETING_ONLY", None, None, False),
    ("DISABLED", True, None, True),
    ("ENABLED", False, None, False),
    ("ENABLED", True, False, False),
    ("DISABLED", False, True, True),
]
URL = "https://shop.example.com/?a=1&b=2"
BODY = '<p><a href="https://shop.example.com/?a=1&amp;b={{ n }}">Shop</a></p>'
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/141.0 Safari/537.36"

pytestmark = pytest.mark.django_db(transaction=True)


def html_of(message: SimulatedMessage) -> str:
    for part in message_from_bytes(bytes(message.raw)).walk():
        if part.get_content_type() == "text/html":
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            return content.decode()
    raise AssertionError("no HTML")


def template(api: Api, *, tracks: bool | None) -> str:
    made = api.post(
        "/api/templates",
        {
            "name": "Receipt",
            "subject": "Hello",
            "body": BODY,
            "type": "TRANSACTIONAL",
            "from": "hello@example.com",
            "tracking": tracks,
        },
    )
    assert made.status_code == 201, made.json()
    return str(made.json()["id"])


@pytest.mark.parametrize("tracker", [Tracker.SES, Tracker.OWN])
def test_each_level_decides_over_the_one_above_it(
    api: Api, client: Client, project: Project, settings: Settings, tracker: Tracker
) -> None:
    for mode, of_template, of_mail, is_tracked in LEVELS:
        Project.objects.filter(pk=project.pk).update(tracking=mode, tracker=tracker)
        presets._known.clear()
        body: dict[str, object] = {"to": "ann@example.com", "data": {"n": 2}}
        if of_template is None:
            body |= {"subject": "Hello", "body": BODY}
        else:
            body["template"] = template(api, tracks=of_template)
        if of_mail is not None:
            body["tracking"] = of_mail
        assert api.post("/v1/send", body).status_code == 200
        work_until(lambda: not Email.objects.exclude(state=EmailState.SENT).exists())

        email = Email.objects.latest("created_at")
        message = SimulatedMessage.objects.get(message_id=email.message_id)
        level = (mode, of_template, of_mail)
        if tracker == Tracker.OWN:
            _seen_by_us(client, settings, message, is_tracked=is_tracked)
        else:
            _seen_by_ses(settings, message, is_tracked=is_tracked)
        email.refresh_from_db()
        assert (email.opens, email.clicks) == (int(is_tracked),) * 2, level


def _seen_by_us(
    client: Client, settings: Settings, message: SimulatedMessage, *, is_tracked: bool
) -> None:
    """Follow the link and load the picture of a mail, as its recipient would."""
    assert message.configuration_set == settings.SES_CONFIGURATION_SET_NO_TRACKING
    with pytest.raises(NotCounted):
        report(message=message, kind="Open")
    html = html_of(message)
    assert ("/t/" in html) is is_tracked
    (link,) = (unescape(it) for it in re.findall('href="([^"]+)"', html))
    if not is_tracked:
        assert link == URL
        assert "<img" not in html
        return
    (picture,) = re.findall('<img src="([^"]+)"', html)
    here = settings.APP_URI
    agent = {"User-Agent": CHROME}
    answer = client.get(link.removeprefix(here), headers=agent)
    assert answer["Location"] == URL
    assert client.get(picture.removeprefix(here), headers=agent).status_code == 200


def _seen_by_ses(
    settings: Settings, message: SimulatedMessage, *, is_tracked: bool
) -> None:
    html = html_of(message)
    assert "/t/" not in html
    silent = settings.SES_CONFIGURATION_SET_NO_TRACKING
    counts = settings.AWS_SES_CONFIGURATION_SET
    assert message.configuration_set == (counts if is_tracked else silent)
    for kind in ("Open", "Click"):
        if not is_tracked:
            with pytest.raises(NotCounted):
                report(message=message, kind=kind)
            continue
        report(message=message, kind=kind, detail={"userAgent": CHROME})
        told = PendingFeedback.objects.latest("pk").envelope["Message"]
        assert orjson.loads(told)["eventType"] == kind
        apply_feedback(batch=[read_event(told)])
