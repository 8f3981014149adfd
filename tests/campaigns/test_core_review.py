"""What happens to campaigns between two statements, and after what nobody expects."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from campaigns import advancing
from campaigns.errors import NobodyToSendTo
from campaigns.freezing import FreezeWorker
from campaigns.lifecycle import archive, cancel, schedule, send, send_again
from campaigns.models import (
    AudienceType,
    Campaign,
    CampaignState,
    Run,
    RunKind,
    RunState,
)
from contacts import jobs
from contacts.models import Job, JobState, Segment, SegmentType
from contacts.segments.keeping import delete_segment
from contacts.segments.scopes import database_now
from plunk.postgresql import is_postgresql
from plunk.projects.models import Project
from tests.campaigns.conftest import MakeCampaign, people, work
from tests.campaigns.test_lifecycle import small_chunks
from tests.transactional.fakes import FakeSes
from transactional import streams
from transactional.models import Email, EmailState, Stream, StreamState
from transactional.ses import Answer, Outcome
from transactional.tallies import tallies, tallies_of_runs

pytestmark = pytest.mark.django_db(transaction=True)


def _frozen(campaign: Campaign) -> None:
    send(campaign)
    while jobs.work(seconds=60):
        continue


class _AfterTheFirstLook:
    """Does something once, right after the first statement that reads mails."""

    def __init__(self, deed: Callable[[], Any]) -> None:
        self.deed: Callable[[], Any] | None = deed

    def __call__(self, execute: Any, sql: str, *rest: Any) -> Any:
        found = execute(sql, *rest)
        deed = self.deed
        if deed and "SELECT" in sql[:8] and "transactional_email" in sql:
            self.deed = None
            deed()
        return found


@pytest.mark.parametrize("before", [EmailState.SENDING, EmailState.IN_DOUBT])
def test_a_mail_that_is_put_back_while_we_look_is_owed(
    project: Project,
    make_campaign: MakeCampaign,
    ses: FakeSes,
    before: EmailState,
) -> None:
    people(project, 1)
    campaign = make_campaign()
    _frozen(campaign)
    Email.objects.update(state=before, due_at=Now())
    look = _AfterTheFirstLook(lambda: Email.objects.update(state=EmailState.QUEUED))

    with connection.execute_wrapper(look):
        owes = streams.owes(campaign.pk)

    assert owes
    assert Email.objects.get().state == EmailState.QUEUED


def test_who_slept_through_another_launch_takes_nothing_back(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 3)
    campaign = make_campaign()
    _frozen(campaign)
    cancel(campaign)

    assert not advancing._become_draft(campaign.pk)

    campaign.refresh_from_db()
    assert campaign.state == CampaignState.CANCELLED
    assert Run.objects.get().state == RunState.CANCELLED
    assert Stream.objects.get().state == StreamState.CANCELLED
    work()
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.DRAFT


def test_each_contact_of_a_later_run_is_counted_once(
    project: Project,
    make_campaign: MakeCampaign,
    ses: FakeSes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small_chunks(monkeypatch)
    people(project, 8)
    campaign = make_campaign()
    send(campaign)
    work()
    Email.objects.update(state=EmailState.DELIVERED, delivered_at=Now())
    send_again(campaign, RunKind.REMINDER)
    work()

    third = send_again(campaign, RunKind.REMINDER)
    work()

    third.refresh_from_db()
    assert third.figures == {"named": 8, "taken": 8}
    assert tallies_of_runs(campaign.pk)[3].mails == 8


def test_a_mail_that_arrives_while_they_are_written_down_counts_once(
    project: Project,
    make_campaign: MakeCampaign,
    ses: FakeSes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small_chunks(monkeypatch)
    people(project, 8)
    campaign = make_campaign()
    send(campaign)
    work()
    run = send_again(campaign, RunKind.REMINDER)
    jobs.work(seconds=0)
    Email.objects.filter(run=1).update(state=EmailState.DELIVERED, delivered_at=Now())
    work()

    run.refresh_from_db()
    assert run.figures == {"named": 8, "taken": 8}


def test_what_may_have_left_before_it_was_refused_is_not_tried_again(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 3)
    campaign = make_campaign()
    ses.reply = lambda to: Answer(Outcome.REJECTED, code="MessageRejected", message="")
    send(campaign)
    work()
    # Of its first attempt the answer was lost.
    Email.objects.filter(to_email="r1@example.com").update(
        doubts=1, possible_duplicates=1
    )
    ses.reply = None
    ses.calls.clear()

    send_again(campaign, RunKind.RETRY)
    work()

    assert sorted(call["to"] for call in ses.calls) == [
        "r0@example.com",
        "r2@example.com",
    ]
    with pytest.raises(NobodyToSendTo):
        send_again(campaign, RunKind.RETRY)


@pytest.mark.parametrize("kind", [AudienceType.SEGMENT, AudienceType.FILTERED])
def test_a_later_run_needs_no_segment_any_more(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes, kind: AudienceType
) -> None:
    people(project, 2, data={"plan": "pro"})
    has_plan = {"field": "data.plan", "operator": "equals", "value": "pro"}
    segment = Segment.objects.create(
        project=project,
        name="Pro",
        type=SegmentType.DYNAMIC,
        condition={"logic": "AND", "groups": [{"filters": [has_plan]}]},
    )
    is_in = {"field": f"segment.{segment.pk}", "operator": "memberOfSegment"}
    whom = (
        {"segment": segment}
        if kind is AudienceType.SEGMENT
        else {"condition": {"logic": "AND", "groups": [{"filters": [is_in]}]}}
    )
    campaign = make_campaign(audience_type=kind, **whom)
    send(campaign)
    work()
    assert len(ses.calls) == 2
    delete_segment(project_id=project.pk, segment_id=segment.pk)

    send_again(campaign, RunKind.REMINDER)
    work()

    campaign.refresh_from_db()
    assert campaign.state == CampaignState.SENT
    assert len(ses.calls) == 4


@pytest.mark.parametrize("step", ["send", "schedule"])
def test_what_goes_out_is_not_in_the_archive(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes, step: str
) -> None:
    people(project, 1)
    campaign = make_campaign()
    archive(campaign)

    if step == "send":
        send(campaign)
    else:
        schedule(campaign, at=database_now())

    campaign.refresh_from_db()
    assert campaign.archived_at is None


def test_erased_mails_do_not_make_it_go_backwards(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    campaign = make_campaign()
    send(campaign)
    Campaign.objects.update(
        sampled_at=database_now() - timedelta(seconds=2), sampled_sent=100, rate=1.0
    )

    advancing._sample()

    campaign.refresh_from_db()
    assert 0 < campaign.rate < 1
    assert (campaign.sampled_sent, tallies([campaign.pk])[campaign.pk].sent) == (0, 0)


def test_cancelled_in_the_middle_of_a_chunk_nothing_of_it_stays(
    project: Project,
    make_campaign: MakeCampaign,
    ses: FakeSes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    people(project, 4)
    campaign = make_campaign()
    run = send(campaign)
    frozen = FreezeWorker._frozen

    def slowly(worker: FreezeWorker, window: Any) -> dict[str, int]:
        found = frozen(worker, window)
        assert Email.objects.count() == 4
        Run.objects.update(state=RunState.CANCELLED)
        return found

    monkeypatch.setattr(FreezeWorker, "_frozen", slowly)
    jobs.work()

    # What was done in the chunk's own transaction is undone with it.
    run.refresh_from_db()
    assert run.state == RunState.FREEZING
    assert not run.figures
    assert not Email.objects.exists()
    assert Job.objects.filter(state=JobState.FAILED).exists()


def test_a_cancellation_waits_for_no_chunk(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    if not is_postgresql():
        pytest.skip("elsewhere everybody who writes waits for everybody")
    people(project, 4)
    campaign = make_campaign()
    run = send(campaign)
    is_held, may_go_on = Event(), Event()

    def chunk() -> None:
        with transaction.atomic():
            list(Job.objects.select_for_update())
            is_held.set()
            may_go_on.wait(20)
        connection.close()

    run.refresh_from_db()
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(chunk)
        assert is_held.wait(10)
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '500ms'")
        try:
            cancelled = cancel(campaign)
        finally:
            may_go_on.set()
            done.result(10)
            with connection.cursor() as cursor:
                cursor.execute("RESET lock_timeout")
    work()

    campaign.refresh_from_db()
    assert cancelled.revert_pending
    assert campaign.state == CampaignState.DRAFT
    assert not Email.objects.exists()
    assert not jobs.is_anything_due()
