"""Steps of a campaign that come at the wrong moment, twice, or all at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.models.functions import Now
from django.utils import timezone

from campaigns import advancing, drafts
from campaigns.advancing import advance, launch_due
from campaigns.errors import NobodyToSendTo, WrongState
from campaigns.lifecycle import (
    archive,
    cancel,
    pause,
    resume,
    schedule,
    send,
    send_again,
    send_due,
    unschedule,
)
from campaigns.models import (
    Campaign,
    CampaignEvent,
    CampaignState,
    EventKind,
    Run,
    RunKind,
)
from contacts import jobs
from contacts.models import Suppression
from plunk.api.health import beat
from plunk.projects.models import Project
from tests.campaigns.conftest import MakeCampaign, people, work
from tests.transactional.fakes import FakeSes
from transactional import streams, sweeping
from transactional.models import Email, EmailState, Stream, StreamState
from transactional.tallies import tallies

pytestmark = pytest.mark.django_db(transaction=True)

_THREADS = 8
_SOON = timedelta(hours=1)


def _at_once(work_: Callable[[int], Any], times: int) -> list[Any]:
    """Do something so often in threads that begin together; errors are results."""
    barrier = Barrier(min(times, _THREADS))

    def one(number: int) -> Any:
        try:
            if number < _THREADS:
                barrier.wait(10)
            return work_(number)
        except Exception as error:  # noqa: BLE001 - they are what is asked for
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(one, range(times)))


def _mails_a_contact() -> set[int]:
    contacts = list(Email.objects.values_list("contact_id", flat=True))
    return {contacts.count(one) for one in contacts}


def _make_due(campaign: Campaign) -> None:
    past = timezone.now() - timedelta(seconds=5)
    Campaign.objects.filter(pk=campaign.pk).update(scheduled_at=past)


# -- once ------------------------------------------------------------------------------


def test_twenty_clicks_at_once_send_it_once(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 5)
    campaign = make_campaign()

    results = _at_once(lambda _: send(campaign), 20)
    work()

    assert sum(isinstance(result, Run) for result in results) == 1
    assert sum(isinstance(result, WrongState) for result in results) == 19
    assert len(ses.calls) == 5
    assert _mails_a_contact() == {1}


def test_schedulers_and_clicks_at_once_send_it_once(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 5)
    campaign = make_campaign()
    schedule(campaign, at=timezone.now())
    _make_due(campaign)

    results = _at_once(
        lambda number: send(campaign) if number % 2 else launch_due(), _THREADS
    )
    work()

    assert not [r for r in results if isinstance(r, OperationalError)]
    assert Run.objects.count() == 1
    assert len(ses.calls) == 5
    assert not CampaignEvent.objects.filter(kind=EventKind.FAILED).exists()


def test_of_launch_and_cancel_at_once_both_are_told_the_truth(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 5)
    campaign = make_campaign()
    schedule(campaign, at=timezone.now())
    _make_due(campaign)

    _at_once(lambda number: cancel(campaign) if number else launch_due(), 2)
    work()

    campaign.refresh_from_db()
    assert campaign.state == CampaignState.DRAFT
    assert not ses.calls
    assert not Email.objects.exists()


def test_what_was_moved_to_another_time_is_not_launched(
    project: Project,
    make_campaign: MakeCampaign,
    ses: FakeSes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    people(project, 2)
    campaign = make_campaign()
    schedule(campaign, at=timezone.now())
    _make_due(campaign)

    def moved_just_before(row: Campaign) -> Run:
        schedule(campaign, at=timezone.now() + _SOON)
        return send_due(row)

    monkeypatch.setattr("campaigns.advancing.send_due", moved_just_before)
    launch_due()

    campaign.refresh_from_db()
    assert campaign.state == CampaignState.SCHEDULED
    assert not Run.objects.exists()


def test_an_edit_and_a_launch_at_once_send_one_version(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 6)
    campaign = make_campaign(subject="old")

    def step(number: int) -> Any:
        if number:
            return drafts.change(campaign=campaign, written={"subject": "new"})
        return send(campaign)

    results = _at_once(step, 2)
    work()

    was_changed = not isinstance(results[1], WrongState)
    subjects = {mail.content.subject for mail in Email.objects.all()}
    assert subjects == {"new" if was_changed else "old"}
    assert len(ses.calls) == 6
    with pytest.raises(WrongState):
        drafts.change(campaign=campaign, written={"subject": "later"})


# -- scheduled -------------------------------------------------------------------------


def test_what_cannot_go_out_when_due_is_a_draft_again_and_says_why(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 2)
    campaign, other = make_campaign(), make_campaign(name="Other")
    schedule(campaign, at=timezone.now())
    schedule(other, at=timezone.now())
    _make_due(campaign)
    _make_due(other)
    campaign.variants.update(subject=" ")

    work()

    campaign.refresh_from_db()
    other.refresh_from_db()
    assert (campaign.state, campaign.scheduled_at) == (CampaignState.DRAFT, None)
    assert "no subject" in campaign.events.get(kind=EventKind.FAILED).detail["message"]
    assert other.state == CampaignState.SENT


def test_one_that_breaks_keeps_no_other_from_its_launch(
    project: Project,
    make_campaign: MakeCampaign,
    ses: FakeSes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    people(project, 2)
    broken, fine = make_campaign(), make_campaign(name="Fine")
    for campaign in (broken, fine):
        schedule(campaign, at=timezone.now())
        _make_due(campaign)

    def send_or_break(row: Campaign) -> Run:
        if row.pk == broken.pk:
            raise ZeroDivisionError
        return send_due(row)

    monkeypatch.setattr("campaigns.advancing.send_due", send_or_break)
    advance()

    fine.refresh_from_db()
    broken.refresh_from_db()
    assert fine.state == CampaignState.SENDING
    assert broken.state == CampaignState.SCHEDULED


def test_a_campaign_of_a_disabled_project_does_not_start(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 2)
    campaign = make_campaign()
    schedule(campaign, at=timezone.now())
    _make_due(campaign)
    Project.objects.filter(pk=project.pk).update(is_disabled=True)

    work()

    campaign.refresh_from_db()
    assert campaign.state == CampaignState.DRAFT
    assert not Email.objects.exists()


def test_off_the_schedule_it_stays(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    campaign = make_campaign()
    schedule(campaign, at=timezone.now() + _SOON, zone="Europe/Berlin")

    unschedule(campaign)
    work()

    campaign.refresh_from_db()
    assert (campaign.state, campaign.schedule_zone) == (CampaignState.DRAFT, "")


# -- nobody, and one who breaks --------------------------------------------------------


@pytest.mark.parametrize("count", [0, 3])
def test_a_campaign_that_nobody_gets_is_sent(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes, count: int
) -> None:
    for one in people(project, count):
        Suppression.objects.create(project=project, email=one.email, reason="BOUNCE")
    campaign = make_campaign()

    send(campaign)
    work()

    campaign.refresh_from_db()
    assert campaign.state == CampaignState.SENT
    assert tallies([campaign.pk])[campaign.pk].mails == 0
    assert not ses.calls


# -- paused and resumed ----------------------------------------------------------------


def test_resumed_twice_it_goes_on_once(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 5)
    campaign = make_campaign()
    send(campaign)
    pause(campaign)

    results = _at_once(lambda _: resume(campaign), 4)
    work()

    assert sum(isinstance(result, WrongState) for result in results) == 3
    assert len(ses.calls) == 5


@pytest.mark.parametrize("step", [pause, cancel, resume, archive])
def test_what_has_not_begun_or_is_over_cannot_be_stopped(
    project: Project, make_campaign: MakeCampaign, step: Callable[[Campaign], Campaign]
) -> None:
    campaign = make_campaign()
    if step is archive:
        send(campaign)

    with pytest.raises(WrongState):
        step(campaign)


def test_in_doubt_while_paused_a_mail_waits_for_the_resumption(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 1)
    campaign = make_campaign()
    send(campaign)
    while jobs.work():
        continue
    Email.objects.update(doubts=1, possible_duplicates=1)
    pause(campaign)

    work()
    before = len(ses.calls)
    resume(campaign)
    work()

    assert (before, len(ses.calls)) == (0, 1)


def test_a_disabled_project_waits_and_goes_on(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 5)
    campaign = make_campaign()
    send(campaign)
    while jobs.work():
        continue
    Email.objects.filter(to_email="r0@example.com").update(doubts=1)
    Project.objects.filter(pk=project.pk).update(is_disabled=True)

    work()
    before = len(ses.calls)
    Project.objects.filter(pk=project.pk).update(is_disabled=False)
    work()

    campaign.refresh_from_db()
    assert (before, len(ses.calls)) == (0, 5)
    assert campaign.state == CampaignState.SENT


# -- cancelled -------------------------------------------------------------------------


def test_a_mail_that_may_have_left_is_no_cancelled_one(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 4)
    campaign = make_campaign()
    send(campaign)
    while jobs.work():
        continue
    queued, in_doubt = Email.objects.order_by("pk")[:2]
    Email.objects.filter(pk=queued.pk).update(doubts=1, possible_duplicates=1)
    Email.objects.filter(pk=in_doubt.pk).update(
        state=EmailState.IN_DOUBT, doubts=1, error_code="answer_lost"
    )

    answered = cancel(campaign)
    streams.withdraw_cancelled()
    _settle_doubts()
    work()

    campaign.refresh_from_db()
    figures = tallies([campaign.pk])[campaign.pk]
    assert not answered.revert_pending
    assert campaign.state == CampaignState.CANCELLED
    assert (figures.cancelled, figures.failed, figures.possible_duplicates) == (2, 2, 0)
    assert set(
        Email.objects.filter(state=EmailState.FAILED).values_list(
            "error_code", flat=True
        )
    ) == {"unknown_outcome"}
    assert not ses.calls
    assert Stream.objects.get().state == StreamState.DONE
    with pytest.raises(NobodyToSendTo):
        send_again(campaign, RunKind.RETRY)


def _settle_doubts() -> None:
    Email.objects.filter(state=EmailState.IN_DOUBT).update(due_at=Now())
    beat("sweep")
    sweeping.sweep()


def test_what_is_still_being_withdrawn_is_not_let_go_by_another_run(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 6)
    campaign = make_campaign()
    send(campaign)
    while jobs.work():
        continue
    failed = Email.objects.order_by("pk")[0]
    Email.objects.filter(pk=failed.pk).update(state=EmailState.FAILED)
    cancel(campaign)

    with pytest.raises(WrongState, match="withdrawn"):
        send_again(campaign, RunKind.RETRY)
    work()
    send_again(campaign, RunKind.RETRY)
    work()

    assert [call["to"] for call in ses.calls] == [failed.to_email]


def test_cancelled_while_it_is_frozen_nothing_more_is_written(
    project: Project,
    make_campaign: MakeCampaign,
    ses: FakeSes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small_chunks(monkeypatch)
    people(project, 10)
    campaign = make_campaign()
    run = send(campaign)
    jobs.work(seconds=0)

    cancel(campaign)
    cancel(campaign)
    written = Email.objects.count()
    work()

    campaign.refresh_from_db()
    assert 0 < written < 10
    assert campaign.state == CampaignState.DRAFT
    assert not Email.objects.exists()
    assert not Run.objects.filter(pk=run.pk).exists()
    assert not ses.calls


def test_cancelled_in_the_middle_of_its_chunks_by_many_nothing_waits_in_a_circle(
    project: Project,
    make_campaign: MakeCampaign,
    ses: FakeSes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small_chunks(monkeypatch)
    people(project, 40)
    campaign = make_campaign()
    send(campaign)

    def step(number: int) -> Any:
        return cancel(campaign) if number % 2 else jobs.work(seconds=2)

    results = _at_once(step, 6)
    work()

    campaign.refresh_from_db()
    assert not [r for r in results if isinstance(r, OperationalError)]
    assert campaign.state == CampaignState.DRAFT
    assert not Email.objects.exists()


def test_many_mails_are_deleted_before_it_is_a_draft(
    project: Project,
    make_campaign: MakeCampaign,
    ses: FakeSes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(advancing, "_BATCH", 3)
    people(project, 10)
    campaign = make_campaign()
    send(campaign)
    while jobs.work():
        continue
    cancel(campaign)
    streams.withdraw_cancelled()
    monkeypatch.setattr(advancing, "_REVERT_SECONDS", 0.0)

    is_draft = [advancing.revert(campaign.pk) for _ in range(4)]

    campaign.refresh_from_db()
    assert is_draft == [False, False, False, True]
    assert campaign.state == CampaignState.DRAFT
    assert not Email.objects.exists()


# -- again -----------------------------------------------------------------------------


def test_who_was_reached_by_a_retry_is_not_tried_again(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 3)
    campaign = make_campaign()
    send(campaign)
    work()
    Email.objects.filter(to_email="r1@example.com").update(
        state=EmailState.FAILED, sent_at=None
    )
    send_again(campaign, RunKind.RETRY)
    work()

    with pytest.raises(NobodyToSendTo):
        send_again(campaign, RunKind.RETRY)

    campaign.refresh_from_db()
    assert campaign.state == CampaignState.SENT
    assert len(ses.calls) == 4


def test_who_clicked_has_read_it_and_reminders_can_follow_each_other(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 4)
    campaign = make_campaign()
    send(campaign)
    work()
    Email.objects.filter(to_email="r0@example.com").update(clicked_at=timezone.now())
    Email.objects.filter(to_email="r1@example.com").update(
        machine_opens=2, machine_clicks=1
    )

    send_again(campaign, RunKind.REMINDER, subject="Second")
    work()
    Email.objects.filter(run=2, to_email="r2@example.com").update(
        opened_at=timezone.now()
    )
    third = send_again(campaign, RunKind.REMINDER, subject="Third")
    work()

    to = [call["to"] for call in ses.calls]
    assert third.number == 3
    assert {one: to.count(one) for one in set(to)} == {
        "r0@example.com": 1,
        "r1@example.com": 3,
        "r2@example.com": 2,
        "r3@example.com": 3,
    }
    assert {mail.content.subject for mail in Email.objects.filter(run=3)} == {"Third"}


def test_an_archived_campaign_that_is_sent_again_is_on_the_table(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 2)
    campaign = make_campaign()
    send(campaign)
    work()
    archive(campaign)
    archive(campaign)

    send_again(campaign, RunKind.REMINDER)
    work()

    campaign.refresh_from_db()
    assert campaign.archived_at is None
    assert campaign.events.filter(kind=EventKind.ARCHIVED).count() == 1


def small_chunks(monkeypatch: pytest.MonkeyPatch, size: int = 3) -> None:
    monkeypatch.setattr("campaigns.freezing._WINDOW", size)
    monkeypatch.setattr("campaigns.freezing._PORTABLE_WINDOW", size)
    monkeypatch.setattr("campaigns.freezing._MOST", size)


def test_sweeps_at_once_finish_it_once(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 3)
    campaign = make_campaign()
    send(campaign)
    while jobs.work():
        continue
    Email.objects.update(state=EmailState.SENT, sent_at=Now())

    results = _at_once(lambda _: advance(), 4)

    campaign.refresh_from_db()
    assert results == [None] * 4
    assert campaign.state == CampaignState.SENT
    assert campaign.events.filter(kind=EventKind.FINISHED).count() == 1
