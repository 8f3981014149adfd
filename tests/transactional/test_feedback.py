from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contacts.models import Contact, Suppression
from contacts.signals import contacts_unsubscribed
from plunk.ids import new_id
from plunk.projects.models import Project
from tests.transactional.mails import make_email
from transactional import feedback as feedback_module
from transactional import signals
from transactional.feedback import Feedback, Result, apply_feedback
from transactional.models import Email, EmailEvent, EmailEventKind, EmailState

K, S = EmailEventKind, EmailState
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PROOFS = [K.SEND, K.DELIVERY, K.DELIVERY_DELAY, K.BOUNCE, K.COMPLAINT, K.OPEN, K.CLICK]
GIVEN_UP = [S.FAILED, S.CANCELLED, S.SKIPPED, S.SUPPRESSED]


def minutes(count: float) -> datetime:
    return NOON + timedelta(minutes=count)


def tell(email: Email, kind: EmailEventKind, **changes: Any) -> Feedback:
    """Return what SES says of a mail's current attempt, after `changes`."""
    attempt = changes.get("attempt", email.attempt)
    values: dict[str, Any] = {
        "kind": kind,
        "email_id": email.pk,
        "attempt": attempt,
        "message_id": f"ses-{email.pk}-{attempt}",
        "at": minutes(5),
        "recipients": (email.to_email,),
        "detail": {},
        "key": f"{kind}-{attempt}",
        "mailed_at": minutes(1),
    }
    return Feedback(**(values | changes))


def bounce(email: Email, kind: str = "Permanent", **changes: Any) -> Feedback:
    detail = {"bounceType": kind, "feedbackId": "feedback-1"}
    return tell(email, K.BOUNCE, detail=detail, key=f"bounce-{kind}", **changes)


def complaint(email: Email, kind: str = "abuse", **changes: Any) -> Feedback:
    detail = {"complaintFeedbackType": kind, "feedbackId": "feedback-2"}
    return tell(email, K.COMPLAINT, detail=detail, key=f"complaint-{kind}", **changes)


def apply(*batch: Feedback) -> list[Result]:
    return apply_feedback(batch=batch)


@pytest.fixture
def email(project: Project) -> Email:
    return make_email(project)


# -- what settles what ----------------------------------------------------------------


@pytest.mark.parametrize("kind", PROOFS)
@pytest.mark.parametrize("state", [S.QUEUED, S.SENDING, S.IN_DOUBT, *GIVEN_UP])
def test_every_proof_of_acceptance_settles_the_attempt(
    project: Project, state: EmailState, kind: EmailEventKind
) -> None:
    email = make_email(
        project, state=state, lease_expires_at=NOON, error_code="x", error="y"
    )

    results = apply(tell(email, kind))

    assert results == [Result.APPLIED]
    email.refresh_from_db()
    expected = {K.DELIVERY: S.DELIVERED, K.COMPLAINT: S.COMPLAINED}.get(kind, S.SENT)
    assert email.state == expected
    assert email.message_id == f"ses-{email.pk}-1"
    assert email.sent_at == minutes(1)
    assert email.lease_expires_at is None
    assert (email.error_code, email.error) == ("", "")


@pytest.mark.parametrize("state", [S.QUEUED, S.SENDING, S.IN_DOUBT])
def test_a_changed_subscription_proves_nothing(
    project: Project, state: EmailState
) -> None:
    email = make_email(project, state=state)

    apply(tell(email, K.SUBSCRIPTION))

    email.refresh_from_db()
    assert (email.state, email.sent_at, email.events.count()) == (state, None, 1)


@pytest.mark.parametrize("state", [S.QUEUED, S.IN_DOUBT, *GIVEN_UP])
def test_proof_of_an_earlier_attempt_keeps_a_mail_from_going_again(
    project: Project, state: EmailState
) -> None:
    email = make_email(project, state=state, attempt=2)

    results = apply(tell(email, K.SEND, attempt=1))

    assert results == [Result.APPLIED]
    email.refresh_from_db()
    assert (email.state, email.attempt) == (S.SENT, 2)
    assert email.message_id == f"ses-{email.pk}-1"


def test_proof_of_an_earlier_attempt_leaves_a_sending_worker_its_mail(
    project: Project,
) -> None:
    email = make_email(project, attempt=2, lease_expires_at=NOON)
    earlier = tell(email, K.DELIVERY, attempt=1)

    results = apply(earlier)

    assert results == [Result.WAITING]
    email.refresh_from_db()
    assert (email.state, email.lease_expires_at, email.message_id) == (
        S.SENDING,
        NOON,
        None,
    )
    assert email.events.get().attempt == 1


@pytest.mark.parametrize("answer", [S.SENT, S.QUEUED, S.IN_DOUBT, S.FAILED])
def test_it_counts_once_the_worker_has_its_answer(
    project: Project, answer: EmailState
) -> None:
    email = make_email(project, attempt=2)
    earlier = tell(email, K.DELIVERY, attempt=1)
    apply(earlier)
    message_id = "ses-of-2" if answer == S.SENT else None
    Email.objects.update(state=answer, message_id=message_id)

    results = apply(earlier)

    assert results == [Result.REPEATED]
    email.refresh_from_db()
    assert (email.state, email.delivered_at) == (S.DELIVERED, minutes(5))
    assert email.message_id == (message_id or f"ses-{email.pk}-1")
    assert email.events.count() == 1


def test_the_mail_is_named_by_its_current_attempt(project: Project) -> None:
    email = make_email(project, state=S.QUEUED, attempt=2)

    apply(tell(email, K.SEND, attempt=1))
    apply(tell(email, K.SEND, attempt=2))
    apply(tell(email, K.OPEN, attempt=1))

    email.refresh_from_db()
    assert email.message_id == f"ses-{email.pk}-2"


def test_an_attempt_that_a_restored_database_never_made_settles_it(
    project: Project,
) -> None:
    email = make_email(project, state=S.QUEUED, attempt=0)

    apply(tell(email, K.SEND, attempt=1))

    email.refresh_from_db()
    assert email.state == S.SENT


@pytest.mark.parametrize("state", [S.QUEUED, S.SENDING, S.IN_DOUBT, S.SENT, *GIVEN_UP])
@pytest.mark.parametrize(
    ("kind", "detail", "code", "error"),
    [
        (K.REJECT, {"reason": "Bad content"}, "SES_REJECT", "Bad content"),
        (
            K.RENDERING_FAILURE,
            {"errorMessage": "no name"},
            "SES_RENDERING_FAILURE",
            "no name",
        ),
    ],
)
def test_a_mail_that_ses_took_and_would_not_send_has_failed(
    project: Project,
    state: EmailState,
    kind: EmailEventKind,
    detail: dict[str, str],
    code: str,
    error: str,
) -> None:
    email = make_email(project, state=state, lease_expires_at=NOON)

    apply(tell(email, kind, detail=detail))

    email.refresh_from_db()
    assert (email.state, email.error_code, email.error) == (S.FAILED, code, error)
    assert email.lease_expires_at is None


@pytest.mark.parametrize("state", [S.DELIVERED, S.BOUNCED, S.COMPLAINED])
def test_a_late_reject_changes_nothing(project: Project, state: EmailState) -> None:
    email = make_email(project, state=state)

    apply(tell(email, K.REJECT))

    email.refresh_from_db()
    assert (email.state, email.error_code) == (state, "")


@pytest.mark.parametrize("state", [S.QUEUED, S.SENDING, S.IN_DOUBT])
def test_the_reject_of_an_earlier_attempt_is_history(
    project: Project, state: EmailState
) -> None:
    email = make_email(project, state=state, attempt=2)

    results = apply(tell(email, K.REJECT, attempt=1))

    email.refresh_from_db()
    assert (results, email.state, email.events.count()) == ([Result.APPLIED], state, 1)


def test_a_rejected_mail_stays_failed_whatever_send_says(email: Email) -> None:
    apply(tell(email, K.REJECT))

    apply(tell(email, K.SEND))

    email.refresh_from_db()
    assert (email.state, email.error_code) == (S.FAILED, "SES_REJECT")


# -- bounces and complaints -----------------------------------------------------------


def test_a_permanent_bounce_opts_the_recipient_out(email: Email) -> None:
    news: list[str] = []
    listen = lambda reason, **_: news.append(reason)  # noqa: E731
    contacts_unsubscribed.connect(listen)

    apply(bounce(email))

    contacts_unsubscribed.disconnect(listen)
    email.refresh_from_db()
    suppression = Suppression.objects.get()
    assert (email.state, email.bounced_at) == (S.BOUNCED, minutes(5))
    assert not Contact.objects.get(pk=email.contact_id).subscribed
    assert (suppression.email, suppression.reason, suppression.source) == (
        "dana@example.com",
        "BOUNCE",
        "feedback-1",
    )
    assert news == ["bounce"]


def test_a_bounce_of_somebody_elses_address_opts_nobody_out(email: Email) -> None:
    Contact.objects.filter(pk=email.contact_id).update(email="other@example.com")

    apply(bounce(email))

    assert Contact.objects.get(pk=email.contact_id).subscribed
    assert Suppression.objects.get().email == "dana@example.com"


@pytest.mark.parametrize("kind", ["Transient", "Undetermined", "permanent?", ""])
@pytest.mark.parametrize("state", [S.SENT, S.DELIVERED])
def test_any_other_bounce_is_only_noted(
    project: Project, kind: str, state: EmailState
) -> None:
    email = make_email(project, state=state)

    apply(bounce(email, kind))

    email.refresh_from_db()
    assert (email.state, email.bounced_at, email.events.count()) == (state, None, 1)
    assert Contact.objects.get(pk=email.contact_id).subscribed
    assert not Suppression.objects.exists()


def test_a_complaint_opts_the_recipient_out_and_outweighs_a_bounce(
    email: Email,
) -> None:
    apply(bounce(email), complaint(email))

    email.refresh_from_db()
    assert (email.state, email.complained_at) == (S.COMPLAINED, minutes(5))
    assert not Contact.objects.get(pk=email.contact_id).subscribed
    assert Suppression.objects.get().reason == "COMPLAINT"


def test_not_spam_is_only_noted(email: Email) -> None:
    told: list[Any] = []
    listen = lambda **news: told.append(news)  # noqa: E731
    signals.email_complained.connect(listen)

    apply(complaint(email, "not-spam"))

    signals.email_complained.disconnect(listen)
    email.refresh_from_db()
    assert (email.state, email.complained_at) == (S.SENT, None)
    assert Contact.objects.get(pk=email.contact_id).subscribed
    assert not Suppression.objects.exists()
    assert told == []
    assert email.events.count() == 1


@pytest.mark.parametrize("recipients", [(), ("eve@example.com",), ("",)])
def test_nobody_is_opted_out_for_another_address(
    email: Email, recipients: tuple[str, ...]
) -> None:
    apply(bounce(email, recipients=recipients), complaint(email, recipients=recipients))

    assert Contact.objects.get(pk=email.contact_id).subscribed
    assert not Suppression.objects.exists()


def test_only_the_project_s_own_contact_is_opted_out(
    email: Email, other_project: Any
) -> None:
    stranger = make_email(other_project.project)

    apply(bounce(email))

    assert Contact.objects.get(pk=stranger.contact_id).subscribed
    assert Suppression.objects.get().project_id == email.project_id


def test_a_bounce_told_again_does_not_opt_out_who_came_back(email: Email) -> None:
    apply(bounce(email))
    Contact.objects.update(subscribed=True)
    Suppression.objects.all().delete()

    results = apply(bounce(email))

    assert results == [Result.REPEATED]
    assert Contact.objects.get(pk=email.contact_id).subscribed
    assert not Suppression.objects.exists()


# -- times, counts, news --------------------------------------------------------------


def test_opens_and_clicks_are_counted_once_each(email: Email) -> None:
    first = tell(email, K.OPEN, key="open-1", at=minutes(9))
    second = tell(email, K.OPEN, key="open-2", at=minutes(7))
    click = tell(email, K.CLICK, at=minutes(8))

    apply(first, click, first)
    apply(second, click)

    email.refresh_from_db()
    assert (email.opens, email.opened_at) == (2, minutes(7))
    assert (email.clicks, email.clicked_at) == (1, minutes(8))
    assert email.state == S.SENT


def test_what_machines_do_is_counted_apart_and_dates_nothing(email: Email) -> None:
    apple = {"userAgent": "Mozilla/5.0"}
    apply(
        tell(email, K.OPEN, key="apple", at=minutes(6), detail=apple),
        _click(email, "a", minutes(7), userAgent="Barracuda Sentinel (EE)"),
    )

    email.refresh_from_db()
    assert (email.opens, email.machine_opens, email.opened_at) == (0, 1, None)
    assert (email.clicks, email.machine_clicks, email.clicked_at) == (0, 1, None)
    assert email.state == S.SENT

    apply(tell(email, K.OPEN, at=minutes(9)), _click(email, "a", minutes(10)))

    email.refresh_from_db()
    assert (email.opens, email.machine_opens, email.opened_at) == (1, 1, minutes(9))
    assert (email.clicks, email.machine_clicks) == (1, 1)
    assert email.clicked_at == minutes(10)


def test_a_late_delivery_shows_that_a_click_came_too_soon(email: Email) -> None:
    apply(_click(email, "a", minutes(5)))
    email.refresh_from_db()
    assert (email.clicks, email.machine_clicks) == (1, 0)

    apply(tell(email, K.DELIVERY, at=minutes(5) - timedelta(seconds=1)))
    email.refresh_from_db()
    assert (email.clicks, email.machine_clicks, email.clicked_at) == (0, 1, None)

    apply(tell(email, K.DELIVERY, at=minutes(3), key="an earlier one"))
    email.refresh_from_db()
    assert (email.clicks, email.clicked_at) == (1, minutes(5))
    assert email.events.get(kind=K.CLICK).detail == {"link": "a"}


def test_whether_it_was_a_machine_is_told_upward(email: Email) -> None:
    heard = []

    def hear(**news: Any) -> None:
        heard.append((news["is_machine"], news["event"].detail.get("machine")))

    signals.email_opened.connect(hear)
    signals.email_clicked.connect(hear)
    apply(
        tell(email, K.OPEN, detail={"userAgent": "Mozilla/5.0"}),
        _click(email, "a", minutes(8)),
    )
    signals.email_opened.disconnect(hear)
    signals.email_clicked.disconnect(hear)

    assert heard == [(True, "apple"), (False, None)]


def test_a_mail_that_is_shown_around_does_not_grow_for_ever(
    email: Email, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feedback_module, "MOST_SEEN", 3)
    for minute in range(6, 12):
        apply(_click(email, "a", minutes(minute)))

    email.refresh_from_db()
    assert (email.clicks, email.events.count()) == (3, 3)
    assert apply(tell(email, K.DELIVERY)) == [Result.APPLIED]


@pytest.mark.parametrize("state", [S.QUEUED, S.SENDING, S.IN_DOUBT, S.FAILED])
def test_our_own_links_prove_nothing_about_the_sending(
    project: Project, state: str
) -> None:
    email = make_email(project, state=state, attempt=2)
    click = replace(_click(email, "a", minutes(8)), is_proof=False, message_id="")

    assert apply(replace(click, attempt=None)) == [Result.APPLIED]

    email.refresh_from_db()
    assert (email.state, email.clicks, email.sent_at) == (state, 1, None)


def test_a_time_that_ses_did_not_give_is_the_database_s(email: Email) -> None:
    apply(tell(email, K.DELIVERY, at=None, mailed_at=None))

    email.refresh_from_db()
    assert email.delivered_at
    assert email.delivered_at == email.sent_at == email.events.get().at
    assert abs(email.delivered_at - email.created_at) < timedelta(minutes=1)


def test_a_mail_is_found_by_its_message_id_where_the_tag_is_missing(
    project: Project,
) -> None:
    email = make_email(project, state=S.SENT, message_id="ses-1")
    untagged = {"email_id": None, "attempt": None, "message_id": "ses-1"}

    results = apply(
        tell(email, K.DELIVERY, **untagged),
        tell(email, K.DELIVERY, **untagged | {"message_id": "ses-2"}),
        tell(email, K.DELIVERY, **untagged | {"message_id": ""}),
        tell(email, K.DELIVERY, email_id=new_id(), message_id="ses-1"),
    )

    assert results == [Result.APPLIED] + [Result.UNKNOWN] * 3
    email.refresh_from_db()
    assert email.state == S.DELIVERED


def test_nothing_at_all_is_nothing(db: None) -> None:
    assert apply() == []


@dataclass
class _Ear:
    """Hears every signal once."""

    heard: list[tuple[str, dict[str, Any]]]

    def listener(self, name: str) -> Callable[..., None]:
        def listen(**news: Any) -> None:
            self.heard.append((name, news))

        return listen


def test_each_new_event_is_told_once_and_upward(email: Email) -> None:
    ear = _Ear([])
    names = ["sent", "delivered", "bounced", "complained", "opened", "clicked"]
    listeners = {name: ear.listener(name) for name in names}
    for name, listener in listeners.items():
        getattr(signals, f"email_{name}").connect(listener)
    batch = [
        tell(email, K.SEND),
        tell(email, K.DELIVERY),
        bounce(email, "Transient"),
        bounce(email),
        complaint(email),
        tell(email, K.OPEN),
        tell(
            email,
            K.CLICK,
            detail={"link": "https://example.com/"},
            at=minutes(6),
        ),
        tell(email, K.DELIVERY_DELAY),
        tell(email, K.REJECT),
        tell(email, K.SUBSCRIPTION),
    ]

    apply(*batch, *batch)
    apply(*batch)

    for name, listener in listeners.items():
        getattr(signals, f"email_{name}").disconnect(listener)
    assert [name for name, _ in ear.heard] == [*names[:3], *names[2:]]
    assert [news["is_permanent"] for name, news in ear.heard if name == "bounced"] == [
        False,
        True,
    ]
    assert {news["email"].pk for _, news in ear.heard} == {email.pk}
    assert ear.heard[-1][1]["event"].detail == {"link": "https://example.com/"}


# -- whatever the order ---------------------------------------------------------------


def _story(email: Email) -> list[Feedback]:
    """Return everything that may be said of a mail, of two attempts."""
    earlier: dict[str, Any] = {"attempt": 1, "mailed_at": minutes(0)}
    return [
        tell(email, K.SEND),
        tell(email, K.DELIVERY),
        tell(email, K.DELIVERY, at=minutes(3), key="delivery-again"),
        tell(email, K.DELIVERY_DELAY),
        bounce(email),
        bounce(email, "Transient"),
        complaint(email),
        complaint(email, "not-spam"),
        tell(email, K.OPEN, key="open-1"),
        tell(email, K.OPEN, key="open-2", at=minutes(4)),
        tell(email, K.CLICK),
        tell(email, K.REJECT, detail={"reason": "Bad content"}),
        tell(email, K.RENDERING_FAILURE, detail={"errorMessage": "no name"}),
        tell(email, K.SUBSCRIPTION),
        tell(email, K.SEND, **earlier),
        tell(email, K.DELIVERY, **earlier),
        tell(email, K.OPEN, **earlier),
        tell(email, K.REJECT, **earlier),
        # Two links in one second, of which the first came too soon for either delivery.
        _click(email, "a", minutes(3) + timedelta(seconds=1)),
        _click(email, "b", minutes(3) + timedelta(seconds=1.5)),
        _click(email, "b", minutes(3) + timedelta(seconds=2.3)),
        _click(email, "b", minutes(5) + timedelta(seconds=1), userAgent="Mozilla/5.0"),
        tell(email, K.OPEN, key="head", at=minutes(9), detail={"method": "HEAD"}),
    ]


def _click(email: Email, link: str, at: datetime, **detail: str) -> Feedback:
    detail = {"link": link} | detail
    return tell(email, K.CLICK, key=f"click-{link}-{at}", at=at, detail=detail)


def _ending(project: Project, state: str, plan: Sequence[Sequence[int]]) -> Any:
    """Return what a mail has become after batches of events, and undo all of it."""
    with transaction.atomic():
        email = make_email(
            project, state=state, attempt=2, lease_expires_at=NOON, error_code="x"
        )
        story = _story(email)
        for batch in plan:
            apply(*(story[number] for number in batch))
        # What had to wait comes back until it no longer has to.
        apply(*(story[number] for batch in plan for number in batch))
        email.refresh_from_db()
        contact = Contact.objects.get(pk=email.contact_id)
        fields = (
            "state error_code error lease_expires_at sent_at delivered_at bounced_at "
            "complained_at opened_at clicked_at opens clicks machine_opens "
            "machine_clicks"
        )
        ending = (
            {name: getattr(email, name) for name in fields.split()},
            (email.message_id or "")[-2:],
            sorted(
                (event.key, event.at, (event.detail or {}).get("machine"))
                for event in email.events.all()
            ),
            contact.subscribed,
            list(Suppression.objects.values_list("reason", flat=True)),
        )
        transaction.set_rollback(True)
    return ending


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    state=st.sampled_from([*S.values]),
    told=st.lists(st.integers(0, 22), min_size=1, max_size=10),
    shuffles=st.integers(0, 2**32),
)
def test_the_ending_is_the_same_in_every_order_and_for_every_repetition(
    project: Project, state: str, told: list[int], shuffles: int
) -> None:
    chance = random.Random(shuffles)
    in_order = [[number] for number in sorted(set(told))]
    shuffled = told + chance.choices(told, k=4)
    chance.shuffle(shuffled)
    cut = chance.randrange(len(shuffled))

    endings = [
        _ending(project, state, plan)
        for plan in (in_order, in_order[::-1], [shuffled[:cut], shuffled[cut:]])
    ]

    assert endings[0] == endings[1] == endings[2]


# -- cost and faults ------------------------------------------------------------------


def test_many_events_take_as_many_statements_as_few(project: Project) -> None:
    def cost(count: int) -> int:
        mails = [
            make_email(project, to_email=f"d{new_id()}@example.com")
            for _ in range(count)
        ]
        batch = [tell(mail, kind) for mail in mails for kind in (K.SEND, K.DELIVERY)]
        with CaptureQueriesContext(connection) as queries:
            apply(*batch)
        assert Email.objects.filter(state=S.DELIVERED).count() >= count
        # SQLite's executemany is one call, and a statement a row in this count.
        return sum(not query["sql"].startswith("UPDATE") for query in queries)

    assert cost(10) == cost(20) <= 8


def test_many_opens_and_clicks_take_as_many_statements_as_few(project: Project) -> None:
    def cost(count: int) -> int:
        mails = [
            make_email(project, to_email=f"d{new_id()}@example.com")
            for _ in range(count)
        ]
        apply(*(_click(mail, "a", minutes(6)) for mail in mails))
        with CaptureQueriesContext(connection) as queries:
            # The first click of each turns out to be a scanner's.
            apply(*(_click(mail, "b", minutes(6)) for mail in mails))
        assert Email.objects.filter(machine_clicks=2, clicks=0).count() >= count
        mine = (q["sql"] for q in queries if "transactional_emailevent" in q["sql"])
        return len(list(mine))

    assert cost(10) == cost(20) <= 4


def test_a_break_half_way_leaves_nothing(
    email: Email, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise IntegrityError("half-way")

    with monkeypatch.context() as patch:
        patch.setattr(feedback_module, "_opt_out", broken)
        with pytest.raises(IntegrityError):
            apply(bounce(email))

    email.refresh_from_db()
    assert (email.state, email.events.count()) == (S.SENDING, 0)
    assert apply(bounce(email)) == [Result.APPLIED]


def test_a_key_belongs_to_its_mail(project: Project) -> None:
    mails = [make_email(project, to_email=f"d{n}@example.com") for n in range(2)]
    batch = [tell(mail, K.OPEN, key="the same") for mail in mails]

    results = apply(*batch, replace(batch[0]))

    assert results == [Result.APPLIED, Result.APPLIED, Result.REPEATED]
    assert EmailEvent.objects.count() == 2
