"""Conditions on what became of the mail of an earlier step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import pytest

from automations import workflows
from automations.definitions import Step, as_document
from automations.models import Run
from contacts.models import Contact
from plunk.projects.models import Project
from tests.automations.building import chain, definition, live, on, settle, step
from tests.automations.conftest import Track
from tests.automations.events.test_mails import clicked, opened
from tests.transactional.test_feedback import K, bounce, minutes, tell
from transactional.feedback import Feedback, apply_feedback
from transactional.models import Email, EmailState, Template

pytestmark = pytest.mark.django_db

ADDRESS = "rita@example.com"
Tell = Callable[[Email], Sequence[Feedback]]


def _by_scanner(email: Email) -> list[Feedback]:
    detail = {"userAgent": "", "link": "https://example.com/"}
    return [
        tell(email, K.DELIVERY),
        tell(email, K.OPEN, detail=detail, at=minutes(60)),
        tell(email, K.CLICK, detail=detail, at=minutes(60)),
    ]


def _by_person(email: Email) -> list[Feedback]:
    return [tell(email, K.DELIVERY), opened(email)]


def _clicked(email: Email) -> list[Feedback]:
    return [tell(email, K.DELIVERY), clicked(email)]


def _by_both(email: Email) -> list[Feedback]:
    return [*_by_scanner(email), opened(email)]


def _delivered(email: Email) -> list[Feedback]:
    return [tell(email, K.DELIVERY)]


def _bounced(email: Email) -> list[Feedback]:
    return [bounce(email)]


def _bounced_for_now(email: Email) -> list[Feedback]:
    return [bounce(email, "Transient")]


def _nothing(_: Email) -> list[Feedback]:
    return []


def _asks(mail: Step, deed: str) -> tuple[Step, Step, list[tuple[Step, Step, str]]]:
    """Return a condition on a mail, the exit where it holds, and the way there."""
    field = f"step.{mail.id}.{deed}"
    asks = step("CONDITION", field=field, operator="equals", value=True)
    yes = step("EXIT", reason=deed)
    return asks, yes, [(asks, yes, "yes")]


def _tell(happens: Tell) -> None:
    for email in Email.objects.all():
        email.state, email.attempt = EmailState.SENT, 1
        email.message_id = f"ses-{email.pk}-1"
        email.save(update_fields=["state", "attempt", "message_id"])
        apply_feedback(batch=happens(email))


def _end_of_delay() -> datetime:
    until_at = Run.objects.get().until_at
    assert until_at is not None
    return until_at


@pytest.mark.parametrize(
    ("happens", "true"),
    [
        (_nothing, set()),
        (_delivered, {"delivered"}),
        (_by_person, {"delivered", "opened"}),
        # A click proves that somebody reads; an open is counted apart from it.
        (_clicked, {"delivered", "clicked"}),
        (_by_scanner, {"delivered"}),
        (_by_both, {"delivered", "opened"}),
        (_bounced, {"bounced"}),
        (_bounced_for_now, set()),
    ],
)
def test_what_became_of_a_mail_decides(
    project: Project, template: Template, tracked: Track, happens: Tell, true: set[str]
) -> None:
    mail = step("SEND_EMAIL", template=template)
    delay = step("DELAY", amount=1, unit="days")
    steps, ways = [mail, delay], chain(mail, delay)
    last, outcome = delay, ""
    for deed in ("delivered", "opened", "clicked", "bounced"):
        asks = _asks(mail, deed)[0]
        set_ = step("UPDATE_CONTACT", updates={deed: True})
        then = step("UPDATE_CONTACT", updates={"asked": deed})
        steps += [asks, set_, then]
        ways += [(last, asks, outcome), (asks, set_, "yes"), (asks, then, "no")]
        ways += [(set_, then, "")]
        last = then
    live(project, on("asked"), *steps, ways=ways)
    tracked("asked")
    settle()

    _tell(happens)
    settle(_end_of_delay())

    data: dict[str, Any] = Contact.objects.get().data or {}
    assert {deed for deed, value in data.items() if value is True} == true


@pytest.mark.parametrize("is_skipped", [False, True])
def test_of_a_mail_that_was_never_written_nothing_is_true(
    project: Project, newsletter: Template, tracked: Track, *, is_skipped: bool
) -> None:
    mail = step("SEND_EMAIL", template=newsletter)
    asks, yes, ways = _asks(mail, "opened")
    # Skipped for want of consent, or never come to at all.
    if is_skipped:
        live(project, on("asked"), mail, asks, yes, ways=[(mail, asks, ""), *ways])
    else:
        live(project, on("asked"), asks, mail, yes, ways=[*ways, (asks, mail, "no")])
    Contact.objects.create(project=project, email=ADDRESS, subscribed=False)

    tracked("asked")
    settle()

    assert Run.objects.get().exit_reason == ""
    assert not Email.objects.exists()


@pytest.mark.parametrize(
    ("is_opened_again", "is_subscribed", "is_met"),
    [
        (False, True, False),
        (True, True, True),
        # The second visit wrote none: the mail of the first one is still the newest.
        (False, False, True),
    ],
)
def test_of_a_step_that_was_visited_twice_the_newest_mail_counts(
    project: Project,
    newsletter: Template,
    tracked: Track,
    *,
    is_opened_again: bool,
    is_subscribed: bool,
    is_met: bool,
) -> None:
    mail = step("SEND_EMAIL", template=newsletter)
    delay, pause = (step("DELAY", amount=1, unit="days") for _ in range(2))
    asks, yes, _ = _asks(mail, "opened")
    workflow = live(project, on("asked"), mail, delay)
    tracked("asked")
    settle()
    _tell(_by_person)
    Contact.objects.update(subscribed=is_subscribed)

    # Circles cannot be published, but a run can be moved to where its step comes first.
    again = definition(
        on("asked"),
        [delay, mail, pause, asks, yes],
        [(delay, mail, ""), (mail, pause, ""), (pause, asks, ""), (asks, yes, "yes")],
    )
    workflows.save_draft(workflow=workflow, document=as_document(again))
    Run.objects.update(version=workflows.publish(workflow=workflow))
    settle(_end_of_delay())
    if is_opened_again:
        _tell(_by_person)
    settle(_end_of_delay())

    assert Email.objects.count() == (2 if is_subscribed else 1)
    assert (Run.objects.get().exit_reason == "opened") is is_met
