"""From `POST /v1/send` to SES and its answers: robustness C15 to C18 and N3 to N8.

SES is the simulator in the box, over real HTTP; what is a minute there is a fraction
of a second here.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from threading import Thread
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from pytest_django.live_server_helper import LiveServer

from contacts.models import Contact, Suppression
from plunk.projects.models import Project, Tracker
from plunk.simulator.faults import faults
from plunk.simulator.models import SimulatedMessage
from tests.conftest import Api
from tests.transactional.mails import into_stream
from transactional import holds, lines, ses, templates
from transactional.delivery import drain
from transactional.gallery import GALLERY
from transactional.models import (
    CompiledContent,
    Email,
    EmailState,
    Hold,
    Lane,
    SavedBy,
    SendingAccount,
)
from transactional.reprinting import reprint
from transactional.sweeping import sweep

MAIL: dict[str, Any] = {
    "to": "ann@example.com",
    "subject": "Hello",
    "body": "<p>Hello</p>",
}

NEWSLETTER = next(it for it in GALLERY if it.slug == "newsletter")
HIGH_NUMBERS = "{% if n > 3 %}<p>{{ n }}</p>{% endif %}"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def simulator(
    live_server: LiveServer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    settings.AWS_ENDPOINT_URL = f"{live_server.url}/simulator"
    settings.SES_CONNECT_TIMEOUT_SECONDS = 3.0
    settings.SES_READ_TIMEOUT_SECONDS = 30.0
    settings.SES_FOLLOWS_QUOTA = False
    ses._target.cache_clear()
    # A kept one would keep a thread of the server, with its database session, waiting.
    monkeypatch.setattr(lines, "KEPT_SECONDS", 0.0)
    faults.reset()
    faults.set({"feedback": False})
    SendingAccount.objects.create(pk=1, max_rate=2000.0, rate=2000.0, tokens=500.0)
    yield
    faults.reset()
    ses._target.cache_clear()


def send(api: Api, count: int = 1, **changes: Any) -> None:
    for first in range(0, count, 50):
        to = [f"r{n}@example.com" for n in range(first, min(first + 50, count))]
        response = api.post("/v1/send", MAIL | {"to": to} | changes)
        assert response.status_code == 200, response.json()


def states() -> dict[str, int]:
    return dict(Counter(Email.objects.values_list("state", flat=True)))


def calls() -> Counter[str]:
    """Return how often SES accepted a mail to each recipient."""
    found: Counter[str] = Counter()
    for recipients in SimulatedMessage.objects.values_list("recipients", flat=True):
        found.update(recipients)
    return found


def work_until(done: Callable[[], bool], *, seconds: float = 90.0) -> None:
    """Be the worker and its schedule until something is so."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, (states(), list(Hold.objects.values()))
        sweep()
        drain(seconds=1.0)
        Email.objects.filter(state=EmailState.QUEUED).update(due_at=Now())
        time.sleep(0.02)


def all_sent(count: int) -> Callable[[], bool]:
    return lambda: states() == {EmailState.SENT: count}


def probe_now() -> None:
    Hold.objects.filter(probe_at__isnull=False).update(
        probe_at=Now() - timedelta(seconds=1)
    )


def test_what_was_sent_is_what_arrives(api: Api) -> None:
    """C15 to C17, from JSON to the bytes SES was given."""
    html = "<p>Grüße 🦄 שלום {{ name }}</p>\r\n<pre>  a\tb </pre>" + "x" * 2000
    response = api.post(
        "/v1/send",
        {
            "to": {"email": "ann@example.com", "name": "Ann Müller"},
            "from": {"email": "hi@example.com", "name": "Acme, Inc."},
            "subject": "Grüße, {{ name }} 🦄",
            "body": html,
            "reply": "reply@example.com",
            "headers": {"X-Tag": "a b", "References": "<1@example.com>"},
            "data": {"name": "<Ann>"},
            "attachments": [
                {"filename": "Rechnung für März 🦄.pdf", "content": "JVBERg=="},
                {
                    "filename": "logo.png",
                    "content": "iVBO",
                    "contentType": "image/png",
                    "disposition": "inline",
                    "contentId": "logo",
                },
            ],
        },
    )
    assert response.status_code == 200, response.json()

    work_until(all_sent(1))

    raw = bytes(SimulatedMessage.objects.get().raw)
    message = message_from_bytes(raw, policy=policy.default)
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert [part.defects for part in message.walk()] == [[]] * 7
    assert message["Subject"] == "Grüße, <Ann> 🦄"
    assert str(message["To"]) == "Ann Müller <ann@example.com>"
    assert str(message["From"]) == '"Acme, Inc." <hi@example.com>'
    assert message["Reply-To"] == "reply@example.com"
    assert (message["X-Tag"], message["References"]) == ("a b", "<1@example.com>")
    assert "List-Unsubscribe" not in message
    html_part = message.get_body(("html",))
    assert html_part is not None
    assert html_part.get_content() == html.replace("{{ name }}", "&lt;Ann&gt;")
    names = {part.get_filename() for part in message.walk()}
    assert names == {None, "Rechnung für März 🦄.pdf", "logo.png"}


def test_transactional_mail_reaches_who_opted_out(api: Api) -> None:
    """C18."""
    api.post(
        "/v1/track", {"event": "x", "email": "r0@example.com", "subscribed": False}
    )
    send(api)

    work_until(all_sent(1))

    assert Contact.objects.get().subscribed is False


@pytest.mark.parametrize("reason", ["BOUNCE", "COMPLAINT", "MANUAL"])
def test_who_is_suppressed_gets_an_answer_and_no_mail(
    api: Api, project: Project, reason: str
) -> None:
    """C18."""
    Suppression.objects.create(project=project, email="r0@example.com", reason=reason)
    send(api)

    drain(seconds=1.0)

    assert states() == {EmailState.SUPPRESSED: 1}
    assert calls() == {}


def test_throttled_mail_is_all_sent_once(api: Api) -> None:
    """N3: a third of all calls are too fast; none is lost, failed or sent early."""
    faults.set({"throttle": 30})
    send(api, 100)
    drain(seconds=1.0)
    early = states()
    slowest = SendingAccount.objects.get().rate
    work_until(lambda: states().get(EmailState.SENT, 0) > 50)
    faults.set({"throttle": 0})

    work_until(all_sent(100))

    assert EmailState.FAILED not in early
    assert slowest < 2000
    assert set(calls().values()) == {1}
    assert len(calls()) == 100


def test_the_daily_quota_stops_everything_and_goes_on_by_itself(api: Api) -> None:
    """N4: one mail in ten minutes asks whether it is over."""
    faults.set({"quota": 100})
    send(api, 30)
    drain(seconds=1.0)
    tried = faults.counted("quota")
    for _ in range(5):
        drain(seconds=0.2)
    tried_while_held = faults.counted("quota") - tried
    hold = Hold.objects.annotate(now=Now()).get()
    assert hold.probe_at is not None
    pause = hold.probe_at - hold.now
    probe_now()
    drain(seconds=1.0)
    probes = faults.counted("quota") - tried - tried_while_held
    faults.set({"quota": 0})
    probe_now()

    work_until(all_sent(30))

    assert (tried_while_held, probes) == (0, 1)
    assert hold.reason == holds.DAILY_QUOTA
    assert timedelta(minutes=9) < pause <= timedelta(minutes=10)
    assert set(calls().values()) == {1}


def test_campaigns_leave_a_part_of_the_day_to_transactional_mail(
    api: Api, project: Project
) -> None:
    """N4."""
    SendingAccount.objects.update(
        max_24_hours=100.0, sent_24_hours=95.0, quota_checked_at=Now()
    )
    send(api, 3)
    into_stream(project, Email.objects.filter(to_email="r0@example.com"))

    drain(seconds=1.0)

    assert states() == {EmailState.SENT: 2, EmailState.QUEUED: 1}
    assert Email.objects.get(state=EmailState.QUEUED).lane == Lane.CAMPAIGN


def test_a_rejected_mail_fails_after_one_call_and_stops_no_other(api: Api) -> None:
    """N5."""
    faults.set({"rejected": 100})
    send(api, 1)
    drain(seconds=1.0)
    drain(seconds=0.5)
    faults.set({"rejected": 0})
    response = api.post("/v1/send", MAIL)

    work_until(lambda: states() == {EmailState.FAILED: 1, EmailState.SENT: 1})

    assert response.status_code == 200
    assert faults.counted("rejected") == 1
    assert Email.objects.get(state=EmailState.FAILED).error_code == "MessageRejected"


@pytest.mark.parametrize("fault", ["paused", "suspended"])
def test_a_paused_account_fails_nothing_and_goes_on(api: Api, fault: str) -> None:
    """N6."""
    faults.set({fault: 100})
    send(api, 40)
    drain(seconds=1.0)
    tried = faults.counted(fault)
    drain(seconds=0.5)
    tried_while_held = faults.counted(fault) - tried
    held = states()
    faults.set({fault: 0})
    probe_now()

    work_until(all_sent(40))

    assert held == {EmailState.QUEUED: 40}
    assert tried_while_held == 0
    assert not Hold.objects.exists()
    assert set(calls().values()) == {1}


def test_while_nobody_answers_nothing_fails_and_nothing_is_sent_twice(
    api: Api, live_server: LiveServer, settings: Any
) -> None:
    """N7: connect refused."""
    settings.AWS_ENDPOINT_URL = "http://127.0.0.1:1"
    ses._target.cache_clear()
    send(api, 20)
    for _ in range(3):
        drain(seconds=0.5)
        Email.objects.update(due_at=Now())
    away = states()
    settings.AWS_ENDPOINT_URL = f"{live_server.url}/simulator"
    ses._target.cache_clear()

    work_until(all_sent(20))

    assert away == {EmailState.QUEUED: 20}
    assert set(calls().values()) == {1}
    assert not Email.objects.filter(possible_duplicates__gt=0).exists()


def test_an_answer_that_was_lost_is_a_doubt_and_not_a_second_mail(api: Api) -> None:
    """1b: accepted, then dropped, hung, or a 500 in front of it."""
    for number, fault in enumerate(("drop_after", "e500_after")):
        faults.set({"drop_after": 0, "e500_after": 0})
        faults.set({fault: 100})
        response = api.post("/v1/send", MAIL | {"to": f"d{number}@example.com"})
        assert response.status_code == 200
        drain(seconds=1.0)
    faults.set({"drop_after": 0, "e500_after": 0})
    for _ in range(3):
        sweep()
        drain(seconds=0.3)

    doubts = Email.objects.filter(state=EmailState.IN_DOUBT)
    assert doubts.filter(to_email="d0@example.com").exists()
    assert calls()["d0@example.com"] == 1
    assert calls()["d1@example.com"] <= 2


def test_slow_calls_of_campaigns_leave_slots_to_transactional_mail(
    api: Api, project: Project, settings: Any
) -> None:
    """N8: SES takes half a second for each call, and a campaign has all the slots."""
    faults.set({"latency_ms": 500})
    send(api, 200)
    into_stream(project, Email.objects.all())
    worker = Thread(target=_drain_in_thread, args=(30.0,))
    worker.start()
    time.sleep(1.0)

    started = time.monotonic()
    api.post("/v1/send", MAIL | {"to": "urgent@example.com"})
    while calls()["urgent@example.com"] == 0 and time.monotonic() - started < 20:
        time.sleep(0.05)
    waited = time.monotonic() - started
    faults.set({"latency_ms": 0})
    worker.join(60)

    # Behind all that was queued before, it would be 25 seconds.
    assert waited < 10
    assert Email.objects.get(to_email="urgent@example.com").lane == Lane.TRANSACTIONAL


def _drain_in_thread(seconds: float) -> None:
    try:
        drain(seconds=seconds)
    finally:
        connection.close()


def test_a_mail_to_many_is_shown_again_as_the_simulator_received_it(
    api: Api, project: Project
) -> None:
    """To the byte, in the design, with Liquid, in three languages, counted by us."""
    Project.objects.filter(pk=project.pk).update(
        tracker=Tracker.OWN, postal_address="1 Mill Lane", color="#117a65"
    )
    template = templates.create(
        project_id=project.pk,
        written={
            "name": "News",
            "subject": "{{ name | upcase }}, it is {{ 'now' | date: '%Y' }}",
            "preheader": "For {{ name ?? you }}",
            "body": NEWSLETTER.body + HIGH_NUMBERS,
            "from_email": "news@example.com",
        },
        saved_by=SavedBy.PAGE,
    )
    for number in range(30):
        data = {
            "name": f"Zoë <{number}>",
            "n": number / 4,
            "locale": ("en", "de", "ja")[number % 3],
        }
        body = {"to": f"r{number}@example.com", "template": str(template.pk)}
        answer = api.post("/v1/send", body | {"data": data, "subscribed": True})
        assert answer.status_code == 200, answer.json()

    drain()
    Contact.objects.update(data={"name": "Somebody else"})
    Project.objects.filter(pk=project.pk).update(color="#ff0000", tracker=Tracker.SES)
    templates.delete(template=template)

    received = {it.message_id: bytes(it.raw) for it in SimulatedMessage.objects.all()}
    assert len(received) == 30
    for email in Email.objects.all():
        made = reprint(email)
        assert made.is_exact
        assert made.raw == received[str(email.message_id)]
    assert CompiledContent.objects.count() == 3
