from __future__ import annotations

import json
import logging
import threading
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings as django_settings
from django.db import DatabaseError, Error, connection
from django.db.models import F
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact, Suppression
from plunk.projects.models import Project
from tests.transactional.mails import make_email
from tests.webhooks import sns
from tests.webhooks.conftest import Post
from transactional import feedback
from transactional.models import Email, EmailState
from webhooks import applying
from webhooks.models import Notification
from webhooks.tasks import apply_notifications, forget_applied


def store(message: Any, **fields: Any) -> Notification:
    """Store a notification as the door does."""
    text = message if isinstance(message, str) else json.dumps(message)
    row = Notification.objects.create(
        message_id=str(uuid4()),
        topic_arn=sns.TOPIC,
        type="Notification",
        message=text,
        **fields,
    )
    row.refresh_from_db()
    return row


def about(email: Email, name: str, **mail: Any) -> dict[str, Any]:
    """Return a fixture's event of this mail."""
    event = sns.ses_event(name, tags=sns.tags(email), **mail)
    return json.loads(  # type: ignore[no-any-return]
        json.dumps(event).replace("dana@example.com", email.to_email)
    )


def make_due() -> None:
    Notification.objects.filter(applied_at=None).update(due_at=Now())


def test_a_mail_s_whole_story_arrives_through_the_door(
    post: Post, email: Email
) -> None:
    for name in ["click", "delivery", "send", "open", "complaint", "delivery"]:
        assert post(sns.envelope(json.dumps(about(email, name)))).status_code == 200

    assert applying.apply_due() == 6

    email.refresh_from_db()
    assert (email.state, email.opens, email.clicks) == (EmailState.COMPLAINED, 1, 1)
    assert None not in (email.sent_at, email.delivered_at, email.complained_at)
    assert email.message_id == sns.ses_event("send")["mail"]["messageId"]
    assert not Contact.objects.get(pk=email.contact_id).subscribed
    outcomes = Notification.objects.order_by("outcome").values_list(
        "outcome", flat=True
    )
    assert list(outcomes) == ["applied"] * 5 + ["repeated"]
    assert not Notification.objects.filter(applied_at=None).exists()
    assert applying.apply_due() == 0


def test_not_spam_opts_nobody_out(post: Post, email: Email) -> None:
    post(sns.envelope(json.dumps(about(email, "complaint_not_spam"))))

    apply_notifications()

    assert Contact.objects.get(pk=email.contact_id).subscribed
    assert not Suppression.objects.exists()


def test_an_identity_s_own_bounce_finds_its_mail(project: Project) -> None:
    event = sns.ses_event("identity_bounce")
    email = make_email(
        project, state=EmailState.SENT, message_id=event["mail"]["messageId"]
    )
    store(event)

    applying.apply_due()

    email.refresh_from_db()
    assert email.state == EmailState.BOUNCED
    assert Suppression.objects.get().email == email.to_email


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        ("Successfully validated SNS topic for Amazon SES.", "ignored: not JSON"),
        ("", "ignored: not JSON"),
        ("[1]", "ignored: unknown event type ''"),
        ({"eventType": "Levitate"}, "ignored: unknown event type 'Levitate'"),
        ({"eventType": "Open"}, "ignored: names no mail"),
    ],
)
def test_what_is_no_event_is_put_aside(post: Post, message: Any, outcome: str) -> None:
    text = message if isinstance(message, str) else json.dumps(message)
    assert post(sns.envelope(text)).status_code == 200

    applying.apply_due()

    row = Notification.objects.get()
    assert (row.outcome, row.applied_at is None) == (outcome, False)


def test_an_event_with_next_to_nothing_in_it_is_applied(email: Email) -> None:
    store({"eventType": "Delivery", "mail": {"tags": sns.tags(email)}})

    applying.apply_due()

    email.refresh_from_db()
    assert email.state == EmailState.DELIVERED
    assert email.delivered_at is not None


def test_an_unknown_mail_is_waited_for(project: Project) -> None:
    ghost = make_email(project)
    event = about(ghost, "delivery")
    Email.objects.all().delete()
    store(event)

    applying.apply_due()

    row = Notification.objects.annotate(now=Now()).get()
    assert (row.applied_at, row.attempts) == (None, 1)
    wait = Notification.objects.values_list(F("due_at") - Now(), flat=True).get()
    assert timedelta(seconds=10) < wait <= timedelta(seconds=15)
    assert applying.apply_due() == 0
    email = make_email(project, id=ghost.pk)
    make_due()
    applying.apply_due()
    email.refresh_from_db()
    assert email.state == EmailState.DELIVERED


def test_a_mail_still_unknown_after_a_quarter_of_an_hour_is_dropped(
    project: Project,
) -> None:
    event = about(make_email(project), "bounce_permanent")
    Email.objects.all().delete()
    store(event)
    Notification.objects.update(received_at=Now() - timedelta(minutes=14))
    applying.apply_due()
    assert Notification.objects.filter(applied_at=None).exists()

    Notification.objects.update(received_at=Now() - timedelta(minutes=15), due_at=Now())
    applying.apply_due()

    row = Notification.objects.get()
    assert (row.outcome, row.applied_at is None) == ("dropped: no such mail", False)
    assert not Suppression.objects.exists()


def test_the_waits_for_an_unknown_mail_add_up_to_its_time() -> None:
    waits = [applying._delay(applying._Fate.UNKNOWN, count) for count in range(6)]

    assert sum(waits, timedelta()) >= applying.PARKING
    assert applying._delay(applying._Fate.UNKNOWN, 30_000) == applying.PARKING


def test_an_earlier_attempt_s_event_comes_back_after_the_current_one(
    project: Project,
) -> None:
    email = make_email(project, attempt=2)
    store(sns.ses_event("send", tags=sns.tags(email, attempt=1)))

    applying.apply_due()
    email.refresh_from_db()
    assert email.state == EmailState.SENDING
    Email.objects.update(state=EmailState.IN_DOUBT)
    make_due()
    applying.apply_due()

    email.refresh_from_db()
    row = Notification.objects.get()
    assert (email.state, row.outcome, row.attempts) == (EmailState.SENT, "repeated", 0)


# -- faults ---------------------------------------------------------------------------


@pytest.fixture
def poisoned(monkeypatch: pytest.MonkeyPatch) -> Email:
    """Let the event of one mail break whatever holds it, while it is in the fixture."""
    opt_out = feedback._opt_out

    def break_one(entries: Any) -> None:
        entries = list(entries)
        if any(entry.email.to_email.startswith("poison") for entry in entries):
            raise DatabaseError("half-way\x00")
        opt_out(entries)

    monkeypatch.setattr(feedback, "_opt_out", break_one)
    return Email()


@pytest.mark.usefixtures("poisoned")
def test_one_that_breaks_waits_and_the_others_go_on(project: Project) -> None:
    mails = [
        make_email(project, to_email=f"{name}@example.com")
        for name in ["a", "poison", "b"]
    ]
    for mail in mails:
        store(about(mail, "bounce_permanent", messageId=f"ses-{mail.to_email}"))

    assert applying.apply_due() == 3

    states = {mail.to_email: mail.state for mail in Email.objects.all()}
    assert states == {
        "a@example.com": EmailState.BOUNCED,
        "poison@example.com": EmailState.SENDING,
        "b@example.com": EmailState.BOUNCED,
    }
    row = Notification.objects.get(applied_at=None)
    assert (row.attempts, row.outcome) == (1, "DatabaseError: half-way")
    assert Suppression.objects.count() == 2
    assert applying.apply_due() == 0


def test_what_broke_half_way_is_applied_once_later(
    project: Project, monkeypatch: pytest.MonkeyPatch, request: Any
) -> None:
    email = make_email(project, to_email="poison@example.com")
    store(about(email, "open"))
    with monkeypatch.context():
        request.getfixturevalue("poisoned")
        applying.apply_due()
        assert email.events.count() == 0
    monkeypatch.undo()

    make_due()
    applying.apply_due()

    email.refresh_from_db()
    assert (email.opens, email.events.count()) == (1, 1)


@pytest.mark.usefixtures("poisoned")
def test_one_that_breaks_twenty_times_is_parked(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    store(about(make_email(project, to_email="poison@example.com"), "open"))
    waits = []

    with caplog.at_level(logging.ERROR, logger="webhooks.applying"):
        for _ in range(applying.MAX_ATTEMPTS):
            make_due()
            assert applying.apply_due() == 1
            waits.append(
                Notification.objects.values_list(F("due_at") - Now(), flat=True).get()
            )

    row = Notification.objects.get()
    assert row.applied_at is not None
    assert row.outcome == "parked: DatabaseError: half-way"
    assert "given up" in caplog.text
    assert waits[0] < timedelta(seconds=3) < waits[5] < waits[18]
    assert waits[18] <= timedelta(hours=1)


@pytest.mark.django_db(transaction=True)
def test_a_lost_connection_is_nobody_s_failure(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2):
        mail = make_email(project, to_email=f"d{number}@example.com")
        store(about(mail, "delivery", messageId=f"ses-{number}"))

    def lose_connection(_: object) -> None:
        connection.connection.close()
        Email.objects.exists()

    with monkeypatch.context() as patch:
        patch.setattr(feedback, "_opt_out", lose_connection)
        with pytest.raises(Error):
            applying.apply_due()

    rows = Notification.objects.values_list("attempts", "outcome", "applied_at")
    assert set(rows) == {(0, "", None)}
    assert not Email.objects.exclude(state=EmailState.SENDING).exists()
    assert applying.apply_due() == 2


# -- many at once ---------------------------------------------------------------------


def test_many_take_as_many_statements_as_few(project: Project) -> None:
    def cost(count: int) -> int:
        for number in range(count):
            mail = make_email(project, to_email=f"{uuid4()}@example.com")
            store(about(mail, "delivery", messageId=f"{count}-{number}"))
        with CaptureQueriesContext(connection) as queries:
            assert applying.apply_due() == count
        # SQLite runs a statement a row in what is one call.
        return sum(
            "UPDATE transactional_email" not in query["sql"] for query in queries
        )

    assert cost(10) == cost(20) <= 16


def test_more_than_a_batch_is_drained(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "BATCH", 3)
    for number in range(7):
        mail = make_email(project, to_email=f"d{number}@example.com")
        store(about(mail, "delivery", messageId=f"ses-{number}"))

    assert applying.apply_due() == 7
    assert Email.objects.filter(state=EmailState.DELIVERED).count() == 7


def test_a_drain_ends_when_its_time_is_over(email: Email) -> None:
    store(about(email, "open"))

    assert applying.apply_due(seconds=0) == 0


@pytest.mark.django_db(transaction=True)
def test_drains_at_once_apply_everything_once(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "BATCH", 5)
    mails = [
        make_email(project, to_email=f"d{number}@example.com") for number in range(12)
    ]
    for name in ["click", "complaint", "open", "delivery", "send", "open"]:
        for mail in reversed(mails):
            store(about(mail, name, messageId=f"ses-{mail.to_email}"))
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        applying.apply_due(seconds=20)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not Notification.objects.filter(applied_at=None).exists()
    assert set(Email.objects.values_list("state", "opens", "clicks")) == {
        (EmailState.COMPLAINED, 1, 1)
    }
    assert Suppression.objects.count() == 12
    assert set(Notification.objects.values_list("outcome", flat=True)) == {
        "applied",
        "repeated",
    }


# -- retention ------------------------------------------------------------------------


def test_receipts_are_kept_for_seven_days(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    ages = [0, 6.9, 7.1, 8, 30]
    for days in ages:
        store("x", applied_at=Now() - timedelta(days=days))
    store("x", received_at=Now() - timedelta(days=90))
    forget = applying.forget_applied
    monkeypatch.setattr(applying, "forget_applied", lambda: forget(batch=2))

    forget_applied()

    assert Notification.objects.count() == 3


def test_the_sweeps_are_on_the_beat_s_schedule() -> None:
    tasks = {entry["task"] for entry in django_settings.CELERY_BEAT_SCHEDULE.values()}

    assert {
        "webhooks.tasks.apply_notifications",
        "webhooks.tasks.forget_applied",
    } <= tasks
