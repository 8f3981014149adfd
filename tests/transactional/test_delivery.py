"""The worker: what goes to SES, and what is written down about it."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from uuid import UUID

import pytest
from django.db.models.functions import Now

from contacts.models import Contact, Suppression
from plunk.projects.models import Project
from tests.transactional.conftest import Queue
from tests.transactional.fakes import FakeSes
from transactional import delivery, mime, recording
from transactional.claiming import Choice, Claimed, claim
from transactional.composing import Composed, compose
from transactional.delivery import drain
from transactional.models import (
    Email,
    EmailEvent,
    EmailState,
    Hold,
    MailKind,
    SendingAccount,
)
from transactional.ses import Answer, Outcome
from transactional.sweeping import sweep

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_queued_mail_is_sent_once_and_recorded(queue: Queue, ses: FakeSes) -> None:
    (email,) = queue("ann@example.com")

    sent = drain()
    again = drain()

    email.refresh_from_db()
    assert (sent, again, len(ses.calls)) == (1, 0, 1)
    assert email.state == EmailState.SENT
    assert email.message_id == "fake-000001"
    assert email.sent_at is not None
    assert email.lease_expires_at is None


def test_ids_of_mail_attempt_and_project_go_along_as_tags(
    queue: Queue, ses: FakeSes, project: Project
) -> None:
    (email,) = queue("ann@example.com")

    drain()

    assert ses.calls[0]["tags"] == {
        "plunk_email": str(email.pk),
        "plunk_attempt": "1",
        "plunk_project": str(project.pk),
    }


def test_hundreds_of_mails_go_out_once_each(queue: Queue, ses: FakeSes) -> None:
    for batch in range(5):
        queue(*(f"r{batch}-{i}@example.com" for i in range(50)))

    drain()

    assert sorted(call["to"] for call in ses.calls) == sorted(
        Email.objects.filter(state=EmailState.SENT).values_list("to_email", flat=True)
    )
    assert len(ses.calls) == 250


def test_a_suppressed_address_gets_nothing(
    queue: Queue, ses: FakeSes, project: Project
) -> None:
    (email,) = queue("ann@example.com")
    Suppression.objects.create(
        project=project, email="ann@example.com", reason="BOUNCE"
    )

    drain()

    email.refresh_from_db()
    assert email.state == EmailState.SUPPRESSED
    assert ses.calls == []


def test_consent_is_asked_again_in_the_moment_of_sending(
    queue: Queue, ses: FakeSes
) -> None:
    (email,) = queue("ann@example.com", kind=MailKind.MARKETING, subscribed=True)
    Contact.objects.update(subscribed=False)

    drain()

    email.refresh_from_db()
    assert email.state == EmailState.SKIPPED
    assert ses.calls == []


def test_transactional_mail_goes_to_the_unsubscribed(
    queue: Queue, ses: FakeSes
) -> None:
    queue("ann@example.com")
    Contact.objects.update(subscribed=False)

    drain()

    assert len(ses.calls) == 1


def test_mail_of_a_disabled_project_is_cancelled(
    queue: Queue, ses: FakeSes, project: Project
) -> None:
    (email,) = queue("ann@example.com")
    Project.objects.filter(pk=project.pk).update(is_disabled=True)

    drain()

    email.refresh_from_db()
    assert email.state == EmailState.CANCELLED
    assert ses.calls == []


def test_one_mail_that_cannot_be_rendered_stops_no_other(
    queue: Queue, ses: FakeSes, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue("bad@example.com", "good@example.com")
    build = mime.build_message

    def break_for_bad(**kwargs: object) -> bytes:
        if kwargs["envelope"].to_email == "bad@example.com":  # type: ignore[attr-defined]
            raise ValueError("broken")
        return build(**kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr("transactional.composing.build_message", break_for_bad)

    drain()

    assert Email.objects.get(to_email="bad@example.com").state == EmailState.FAILED
    assert Email.objects.get(to_email="good@example.com").state == EmailState.SENT


def test_an_answer_that_was_lost_is_a_doubt_not_a_retry(
    queue: Queue, ses: FakeSes
) -> None:
    (email,) = queue("ann@example.com")
    ses.reply = lambda _: Answer(Outcome.UNKNOWN, code="ConnectionResetError")

    drain()
    drain()

    email.refresh_from_db()
    assert email.state == EmailState.IN_DOUBT
    assert email.doubts == 1
    assert len(ses.calls) == 1


def test_a_doubt_without_word_from_ses_is_sent_once_more_after_the_grace(
    queue: Queue, ses: FakeSes
) -> None:
    (email,) = queue("ann@example.com")
    ses.reply = lambda _: Answer(Outcome.UNKNOWN)
    drain()

    sweep()
    calls_in_grace = len(ses.calls)
    for _ in range(2):
        Email.objects.update(due_at=Now() - timedelta(seconds=1))
        sweep()
        drain()

    email.refresh_from_db()
    assert calls_in_grace == 1
    assert len(ses.calls) == 2
    assert email.possible_duplicates == 1
    assert email.state == EmailState.FAILED
    assert email.error_code == "unknown_outcome"


def test_a_dead_workers_mail_is_in_doubt_when_its_lease_is_over(
    queue: Queue, ses: FakeSes
) -> None:
    (email,) = queue("ann@example.com")
    claim(Choice(limit=10))

    sweep()
    in_lease = Email.objects.get().state
    Email.objects.update(lease_expires_at=Now() - timedelta(seconds=1))
    sweep()

    email.refresh_from_db()
    assert in_lease == EmailState.SENDING
    assert email.state == EmailState.IN_DOUBT
    assert email.error_code == "lease_expired"


def test_a_mail_that_kills_its_worker_is_quarantined_after_three(
    queue: Queue, ses: FakeSes
) -> None:
    queue("ann@example.com")

    for _ in range(3):
        assert len(claim(Choice(limit=9)) + claim(Choice(limit=9, suspects=True))) == 1
        Email.objects.update(lease_expires_at=Now() - timedelta(seconds=1))
        sweep()
        Email.objects.filter(state=EmailState.IN_DOUBT).update(due_at=Now())
        sweep()

    assert Email.objects.get().state == EmailState.FAILED
    assert claim(Choice(limit=10)) == []


def test_a_late_acceptance_settles_the_doubt(queue: Queue, ses: FakeSes) -> None:
    (email,) = queue("ann@example.com")
    (mail,) = claim(Choice(limit=1))
    Email.objects.update(lease_expires_at=Now() - timedelta(seconds=1))
    sweep()

    recording.record(
        [recording.Attempt(mail, Answer(Outcome.ACCEPTED, message_id="late"))]
    )

    email.refresh_from_db()
    assert email.state == EmailState.SENT
    assert email.message_id == "late"


def test_a_late_failure_of_an_old_attempt_changes_nothing(
    queue: Queue, ses: FakeSes
) -> None:
    (email,) = queue("ann@example.com")
    (old,) = claim(Choice(limit=1))
    Email.objects.update(state=EmailState.QUEUED, lease_expires_at=None)
    claim(Choice(limit=1))

    recording.record([recording.Attempt(old, Answer(Outcome.REJECTED))])
    recording.record([recording.Attempt(old, Answer(Outcome.RETRY))])

    email.refresh_from_db()
    assert (email.state, email.attempt) == (EmailState.SENDING, 2)


def test_the_call_is_not_begun_when_the_lease_is_nearly_over(
    queue: Queue, ses: FakeSes, settings: pytest.FixtureRequest
) -> None:
    (email,) = queue("ann@example.com")
    settings.DELIVERY_LEASE_SECONDS = 1  # type: ignore[attr-defined]

    drain(seconds=0.2)

    email.refresh_from_db()
    assert ses.calls == []
    assert email.state == EmailState.QUEUED


def test_throttled_mail_goes_back_and_halves_the_rate(
    queue: Queue, ses: FakeSes
) -> None:
    (email,) = queue("ann@example.com")
    ses.reply = lambda _: Answer(Outcome.THROTTLED)

    drain()

    email.refresh_from_db()
    assert email.state == EmailState.QUEUED
    assert email.failures == 0
    assert SendingAccount.objects.get().rate < 0.6e6


def test_a_rejected_mail_fails_after_one_call(queue: Queue, ses: FakeSes) -> None:
    (email,) = queue("ann@example.com")
    ses.reply = lambda _: Answer(Outcome.REJECTED, code="MessageRejected")

    drain()
    drain()

    email.refresh_from_db()
    assert email.state == EmailState.FAILED
    assert email.error_code == "MessageRejected"
    assert len(ses.calls) == 1
    assert EmailEvent.objects.get().kind == "FAILURE"


def test_a_paused_account_holds_everything_and_fails_nothing(
    queue: Queue, ses: FakeSes
) -> None:
    queue(*(f"r{i}@example.com" for i in range(50)))
    paused = Answer(Outcome.ACCOUNT_HELD, code="SendingPausedException")
    ses.reply = lambda _: paused

    drain()
    calls = len(ses.calls)
    drain()
    calls_while_held = len(ses.calls) - calls
    Hold.objects.update(probe_at=Now() - timedelta(seconds=1))
    drain()
    probes = len(ses.calls) - calls - calls_while_held
    ses.reply = None
    Hold.objects.update(probe_at=Now() - timedelta(seconds=1))
    drain()
    drain()

    assert calls_while_held == 0
    assert probes == 1
    assert Email.objects.filter(state=EmailState.SENT).count() == 50
    assert not Hold.objects.exists()


def test_the_daily_quota_is_probed_by_one_mail_every_ten_minutes(
    queue: Queue, ses: FakeSes, settings: pytest.FixtureRequest
) -> None:
    queue("ann@example.com", "bea@example.com")
    ses.reply = lambda _: Answer(Outcome.QUOTA, message="Daily message quota exceeded")

    drain()

    hold = Hold.objects.annotate(now=Now()).get()
    assert hold.reason == "daily quota"
    assert hold.probe_at is not None
    assert hold.probe_at - hold.now > timedelta(minutes=9)
    assert Email.objects.filter(state=EmailState.QUEUED).count() == 2


def test_one_held_domain_stops_no_other(queue: Queue, ses: FakeSes) -> None:
    from transactional.senders import Sender

    queue("ann@example.com", sender=Sender("a@held.example", "A"))
    held = Answer(Outcome.DOMAIN_HELD, code="MailFromDomainNotVerifiedException")
    ses.reply = lambda _: held
    drain()
    ses.reply = None
    queue("bea@example.com", sender=Sender("b@fine.example", "B"))
    queue("cid@example.com", sender=Sender("c@held.example", "C"))

    drain()

    states = dict(Email.objects.values_list("to_email", "state"))
    assert states == {
        "ann@example.com": "QUEUED",
        "bea@example.com": "SENT",
        "cid@example.com": "QUEUED",
    }
    Hold.objects.update(probe_at=Now() - timedelta(seconds=1))
    drain()
    drain()
    assert set(Email.objects.values_list("state", flat=True)) == {"SENT"}


def test_what_was_filled_in_is_remembered(queue: Queue, ses: FakeSes) -> None:
    (email,) = queue("ann@example.com")
    Contact.objects.update(data={"name": "Ann", "secret": "x"})

    drain()
    Contact.objects.update(data={"name": "Changed"})

    from transactional.reprinting import preview

    email = Email.objects.select_related("content", "contact").get()
    assert email.filled_in == {"name": "Ann"}
    assert email.variables is None
    assert preview(email).subject == "Hello Ann"


def test_what_a_mail_was_made_of_is_written_down_before_it_leaves(
    queue: Queue, ses: FakeSes
) -> None:
    """Robust against a worker that is killed between the call and its answer."""
    queue("ann@example.com")
    Contact.objects.update(data={"name": "Ann", "secret": "x"})

    (made,) = compose(claim(Choice(limit=1)))
    assert isinstance(made, Composed)
    ours = recording.write_ahead([(made.mail, made.trace)])

    email = Email.objects.get()
    assert ours == {email.pk}
    assert email.state == EmailState.SENDING
    assert email.filled_in == {"name": "Ann"}
    assert bytes(email.digest or b"") == sha256(made.raw).digest()


def test_a_mail_that_is_no_longer_ours_does_not_leave(
    queue: Queue, ses: FakeSes, monkeypatch: pytest.MonkeyPatch
) -> None:
    (email,) = queue("ann@example.com")
    write_ahead = recording.write_ahead

    def erased_before(traces: list[tuple[Claimed, recording.Trace]]) -> set[UUID]:
        Email.objects.filter(pk=email.pk).delete()
        return write_ahead(traces)

    monkeypatch.setattr("transactional.recording.write_ahead", erased_before)

    drain()

    assert ses.calls == []


def test_nothing_is_claimed_once_the_process_must_stop(
    queue: Queue, ses: FakeSes, monkeypatch: pytest.MonkeyPatch
) -> None:
    (email,) = queue("ann@example.com")
    delivery.stop.set()
    try:
        drain()
    finally:
        delivery.stop.clear()

    email.refresh_from_db()
    assert email.state == EmailState.QUEUED
    assert ses.calls == []


def test_a_temporary_refusal_is_tried_again_later(queue: Queue, ses: FakeSes) -> None:
    (email,) = queue("ann@example.com")
    ses.reply = lambda _: Answer(Outcome.RETRY, code="InternalFailure")
    drain()
    after_first = Email.objects.get().state
    ses.reply = None
    Email.objects.update(due_at=Now())

    drain()

    email.refresh_from_db()
    assert after_first == EmailState.QUEUED
    assert (email.state, email.failures) == (EmailState.SENT, 1)
