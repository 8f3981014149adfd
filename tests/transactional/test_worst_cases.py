"""What must not happen though several things go wrong at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DataError, InternalError, OperationalError
from django.db.models.functions import Now

from contacts.models import Suppression
from plunk.api.idempotency import forget_expired
from plunk.api.models import Heartbeat, IdempotencyKey
from plunk.projects.models import Project
from tests.transactional.conftest import Queue
from tests.transactional.fakes import FakeSes
from transactional import composing, delivery, rate, recording
from transactional.claiming import Choice, claim
from transactional.contents import Draft
from transactional.delivery import drain
from transactional.models import Email, EmailState, Hold, HoldScope, SendingAccount
from transactional.senders import Sender
from transactional.ses import Answer, Outcome
from transactional.sweeping import sweep
from webhooks.models import Notification

pytestmark = pytest.mark.django_db(transaction=True)

PAST = timedelta(seconds=1)
PAUSED = Answer(Outcome.ACCOUNT_HELD, code="SendingPausedException")
UNVERIFIED = Answer(Outcome.DOMAIN_HELD, code="MailFromDomainNotVerifiedException")


def doubt(email: Email) -> None:
    """Put a mail in doubt whose grace period is over."""
    Email.objects.filter(pk=email.pk).update(
        state=EmailState.IN_DOUBT, doubts=1, due_at=Now() - PAST
    )


def test_no_doubt_is_settled_while_ses_was_not_read(queue: Queue, ses: FakeSes) -> None:
    (email,) = queue("ann@example.com")
    doubt(email)
    Notification.objects.create(
        message_id="unread", topic_arn="t", type="Notification", message="{}"
    )
    Notification.objects.update(received_at=Now() - timedelta(seconds=30))

    sweep()
    while_unread = Email.objects.get().state
    Notification.objects.update(applied_at=Now())
    sweep()

    assert while_unread == EmailState.IN_DOUBT
    assert Email.objects.get().state == EmailState.QUEUED


def test_after_an_outage_every_grace_period_starts_anew(
    queue: Queue, ses: FakeSes
) -> None:
    (email,) = queue("ann@example.com")
    sweep()
    doubt(email)
    Heartbeat.objects.filter(name="sweep").update(at=Now() - timedelta(minutes=5))

    sweep()

    assert Email.objects.get().state == EmailState.IN_DOUBT


def test_what_waited_for_days_is_not_given_up_at_its_first_hiccup(
    queue: Queue, ses: FakeSes
) -> None:
    queue("ann@example.com")
    Email.objects.update(created_at=Now() - timedelta(days=3))
    ses.reply = lambda _: Answer(Outcome.RETRY, code="gaierror")

    drain()

    assert Email.objects.get().state == EmailState.QUEUED


def test_a_mail_is_given_up_after_a_day_of_tries(queue: Queue, ses: FakeSes) -> None:
    queue("ann@example.com")
    Email.objects.update(failures=1440)
    ses.reply = lambda _: Answer(Outcome.RETRY, code="gaierror")

    drain()

    assert Email.objects.get().state == EmailState.FAILED


def test_what_was_claimed_and_not_begun_is_put_back_on_an_error(
    queue: Queue, ses: FakeSes, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue("ann@example.com", "bea@example.com")

    def break_down(_: Any) -> None:
        raise OperationalError("the server went away")

    monkeypatch.setattr(composing, "_contents", break_down)

    with pytest.raises(OperationalError):
        drain()

    assert set(Email.objects.values_list("state", "doubts")) == {("QUEUED", 0)}
    assert ses.calls == []


def test_an_answer_that_cannot_be_stored_loses_no_other(
    queue: Queue, ses: FakeSes, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue(*(f"r{i}@example.com" for i in range(5)))
    record = recording.record

    def refuse(attempts: list[recording.Attempt]) -> None:
        if any(each.mail.to_email == "r3@example.com" for each in attempts):
            raise DataError("invalid byte sequence")
        record(attempts)

    monkeypatch.setattr(recording, "record", refuse)

    drain()

    states = dict(Email.objects.values_list("to_email", "state"))
    assert states.pop("r3@example.com") == EmailState.SENDING
    assert set(states.values()) == {EmailState.SENT}


def test_answers_outlive_a_server_that_only_reads(
    queue: Queue, ses: FakeSes, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue("ann@example.com")
    record, tries = recording.record, iter([InternalError("read-only transaction")])

    def refuse_once(attempts: list[recording.Attempt]) -> None:
        for error in tries:
            raise error
        record(attempts)

    monkeypatch.setattr(recording, "record", refuse_once)
    monkeypatch.setattr(delivery, "_DATABASE_PAUSE_SECONDS", 0.01)

    drain()

    assert Email.objects.get().state == EmailState.SENT


def test_texts_of_ses_can_always_be_stored() -> None:
    answer = Answer(
        Outcome.ACCEPTED, message_id="m" * 300, code="c" * 99, message="a\0b\ud800"
    )

    assert len(answer.message_id) == 100
    assert len(answer.code) == 60
    assert answer.message == "ab?"


def test_a_probe_of_the_account_is_no_mail_of_a_held_domain(
    queue: Queue, ses: FakeSes
) -> None:
    queue("ann@example.com", sender=Sender("a@bad.example", "A"))
    queue("bea@example.com", sender=Sender("b@good.example", "B"))
    Hold.objects.create(
        scope=HoldScope.DOMAIN,
        key="bad.example",
        reason="x",
        probe_at=Now() + timedelta(hours=1),
    )
    Hold.objects.create(
        scope=HoldScope.ACCOUNT, key="", reason="paused", probe_at=Now() - PAST
    )

    drain()

    assert [call["to"] for call in ses.calls] == ["bea@example.com"]
    assert not Hold.objects.filter(scope=HoldScope.ACCOUNT).exists()


def test_only_a_probe_ends_a_hold(queue: Queue, ses: FakeSes) -> None:
    queue("ann@example.com", "bea@example.com")
    answers = {"ann@example.com": PAUSED}
    ses.reply = lambda to: answers.get(to, Answer(Outcome.ACCEPTED, message_id=to))

    drain()

    assert Hold.objects.filter(scope=HoldScope.ACCOUNT).exists()


def test_a_probe_looks_past_mail_that_may_not_be_sent(
    queue: Queue, ses: FakeSes, project: Project
) -> None:
    queue(*(f"r{i}@example.com" for i in range(5)), "good@example.com")
    for i in range(5):
        Suppression.objects.create(
            project=project, email=f"r{i}@example.com", reason="BOUNCE"
        )
    Hold.objects.create(
        scope=HoldScope.ACCOUNT, key="", reason="paused", probe_at=Now() - PAST
    )

    drain()

    assert [call["to"] for call in ses.calls] == ["good@example.com"]
    assert not Hold.objects.exists()


def test_a_domains_probe_goes_before_anothers_backlog(
    queue: Queue, ses: FakeSes
) -> None:
    queue(*(f"r{i}@example.com" for i in range(50)))
    queue("late@example.com", sender=Sender("a@held.example", "A"))
    Hold.objects.create(
        scope=HoldScope.DOMAIN, key="held.example", reason="x", probe_at=Now() - PAST
    )

    drain()

    assert not Hold.objects.exists()
    assert Email.objects.filter(state=EmailState.SENT).count() == 51


def test_an_unverified_recipient_holds_nobody(queue: Queue, ses: FakeSes) -> None:
    queue("ann@example.org")
    ses.reply = lambda _: Answer(
        Outcome.DOMAIN_HELD,
        code="MessageRejected",
        message="Email address is not verified. The following identities failed the "
        "check in region US-EAST-1: ann@example.org",
    )

    drain()

    assert Email.objects.get().state == EmailState.FAILED
    assert not Hold.objects.exists()


def test_an_unverified_sender_holds_its_domain(queue: Queue, ses: FakeSes) -> None:
    queue("ann@example.org")
    ses.reply = lambda _: Answer(
        Outcome.DOMAIN_HELD,
        code="MessageRejected",
        message="Email address is not verified. The following identities failed the "
        "check in region US-EAST-1: Acme <sender@example.com>",
    )

    drain()

    assert Email.objects.get().state == EmailState.QUEUED
    assert Hold.objects.get().key == "example.com"


def test_old_figures_of_the_quota_stop_nothing(fast_account: SendingAccount) -> None:
    SendingAccount.objects.update(
        max_24_hours=100, sent_24_hours=100, quota_checked_at=Now()
    )
    fresh = rate.take(5).count
    SendingAccount.objects.update(quota_checked_at=Now() - timedelta(minutes=20))

    assert fresh == 0
    assert rate.take(5).count == 5


def test_a_clock_that_was_ahead_does_not_stop_the_bucket(
    fast_account: SendingAccount,
) -> None:
    SendingAccount.objects.update(
        tokens=0, refilled_at=Now() + timedelta(hours=2), rate=1000, max_rate=1000
    )

    rate.take(1)
    SendingAccount.objects.update(refilled_at=Now() - timedelta(seconds=1))

    assert rate.take(5).count == 5


def test_the_bucket_forgets_a_time_that_lies_ahead(
    fast_account: SendingAccount,
) -> None:
    SendingAccount.objects.update(refilled_at=Now() + timedelta(hours=2))

    rate.take(1)

    account = SendingAccount.objects.annotate(now=Now()).get()
    assert account.refilled_at <= account.now


def test_a_key_that_was_taken_over_is_not_forgotten(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = IdempotencyKey.objects.create(
        project=project, key="k", expires_at=Now() - timedelta(hours=1)
    )
    filter_ = IdempotencyKey.objects.filter

    def take_over_first(**conditions: Any) -> Any:
        if "pk__in" in conditions:
            filter_(pk=row.pk).update(expires_at=Now() + timedelta(hours=1))
        return filter_(**conditions)

    monkeypatch.setattr(IdempotencyKey.objects, "filter", take_over_first)

    assert forget_expired() == 0


def test_a_batch_of_large_mails_is_not_all_in_flight_at_once(
    queue: Queue, ses: FakeSes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "_MOST_BYTES", 1)
    queue(*(f"r{i}@example.com" for i in range(20)))

    assert drain() == 20


def test_what_came_back_from_a_dead_worker_goes_alone(
    queue: Queue, ses: FakeSes, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue(*(f"r{i}@example.com" for i in range(10)))
    queue("suspect@example.com", "other@example.com")
    suspects = ["suspect@example.com", "other@example.com"]
    Email.objects.filter(to_email__in=suspects).update(doubts=1)
    together: list[set[str]] = []

    def watched(call: Any) -> Any:
        def watch(mails: list[Any]) -> Any:
            together.append({mail.to_email for mail in mails})
            return call(mails)

        return watch

    for name in ("compose", "compose_again"):
        monkeypatch.setattr(delivery, name, watched(getattr(delivery, name)))

    assert drain() == 12

    assert {"suspect@example.com"} in together
    assert {"other@example.com"} in together
    assert not any(len(batch) > 1 and batch & set(suspects) for batch in together)


def test_a_claim_left_by_nobody_is_found(queue: Queue, ses: FakeSes) -> None:
    queue("ann@example.com")

    assert len(claim(Choice(limit=5))) == 1
    assert claim(Choice(limit=5)) == []


def test_a_long_text_is_not_kept_in_memory_either(queue: Queue, ses: FakeSes) -> None:
    """A mail by SMTP may be five million characters of text alone."""
    composing._cache.clear()
    queue("a@example.com", draft=Draft("Long", "", text="ten letters " * 50_000))
    queue("b@example.com", draft=Draft("Short", "", text="ten letters"))

    assert drain() == 2

    assert [content.subject for content in composing._cache.values()] == ["Short"]
