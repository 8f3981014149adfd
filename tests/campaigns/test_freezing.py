"""Freezing that breaks off: killed, refused, or with its ground taken away."""

from __future__ import annotations

from typing import Any

import pytest

from campaigns import freezing
from campaigns.advancing import advance
from campaigns.lifecycle import resume, send
from campaigns.models import (
    AudienceType,
    CampaignState,
    EventKind,
    Recipient,
    RunState,
)
from contacts import erasing, jobs
from contacts.models import Contact, Job, Segment
from plunk.projects.models import Project
from tests.campaigns.conftest import MakeCampaign, people, work
from tests.campaigns.test_lifecycle import small_chunks
from tests.transactional.fakes import FakeSes
from transactional.tallies import tallies

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    small_chunks(monkeypatch)


_EVERYBODY = {
    "logic": "AND",
    "groups": [
        {"filters": [{"field": "subscribed", "operator": "equals", "value": True}]}
    ],
}


class Killed(BaseException):
    """A worker that ends on the spot: nothing catches it."""


def _kill_at(monkeypatch: pytest.MonkeyPatch, name: str, time: int) -> None:
    """Let a worker die the so-manieth time it comes to a step."""
    step = getattr(freezing.FreezeWorker, name)
    times = iter(range(1, 1000))

    def killed(self: freezing.FreezeWorker, *args: Any, **kwargs: Any) -> Any:
        done = step(self, *args, **kwargs)
        if next(times) == time:
            raise Killed
        return done

    monkeypatch.setattr(freezing.FreezeWorker, name, killed)


def _jobs_until_done() -> None:
    for _ in range(50):
        Job.objects.update(lease_expires_at=None)
        if not jobs.work(seconds=60):
            return


@pytest.mark.parametrize("time", [1, 2, 4])
@pytest.mark.parametrize("name", ["_window", "_frozen", "_add"])
def test_killed_anywhere_everybody_is_written_down_once(
    project: Project,
    make_campaign: MakeCampaign,
    ses: FakeSes,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    time: int,
) -> None:
    people(project, 10)
    run = send(make_campaign())
    _kill_at(monkeypatch, name, time)

    with pytest.raises(Killed):
        _jobs_until_done()
    _jobs_until_done()
    work()

    run.refresh_from_db()
    assert run.state == RunState.DONE
    assert run.figures == {"named": 10, "taken": 10}
    assert sorted(call["to"] for call in ses.calls) == sorted(
        f"r{number}@example.com" for number in range(10)
    )


def test_the_same_chunk_twice_writes_no_mail_twice(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 10)
    campaign = make_campaign()
    run = send(campaign)
    jobs.work(seconds=0)
    Job.objects.update(position={})

    work()

    run.refresh_from_db()
    assert run.state == RunState.DONE
    assert len(ses.calls) == 10
    assert tallies([campaign.pk])[campaign.pk].mails == 10


def test_a_job_that_fails_pauses_the_campaign_and_goes_on_from_there(
    project: Project,
    make_campaign: MakeCampaign,
    ses: FakeSes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    people(project, 10)
    campaign = make_campaign()
    run = send(campaign)
    jobs.work(seconds=0)
    with monkeypatch.context() as patch:
        patch.setattr(freezing.FreezeWorker, "_frozen", lambda *_: 1 / 0)
        for _ in range(4):
            Job.objects.update(lease_expires_at=None)
            jobs.work(seconds=0)
    advance()
    campaign.refresh_from_db()
    state, event = campaign.state, campaign.events.get(kind=EventKind.PAUSED)

    work()
    sent_while_paused = len(ses.calls)
    resume(campaign)
    work()

    campaign.refresh_from_db()
    run.refresh_from_db()
    assert (state, sent_while_paused) == (CampaignState.PAUSED, 0)
    assert event.detail["code"] == "freezing_failed"
    assert "wrong on our side" in event.detail["message"]
    assert run.figures == {"named": 10, "taken": 10}
    assert (campaign.state, len(ses.calls)) == (CampaignState.SENT, 10)


def test_a_job_that_is_gone_is_done_from_the_beginning(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 10)
    campaign = make_campaign()
    run = send(campaign)
    jobs.work(seconds=0)
    Job.objects.all().delete()
    advance()

    resume(campaign)
    work()

    run.refresh_from_db()
    assert run.figures == {"named": 10, "taken": 10}
    assert len(ses.calls) == 10


def test_a_job_that_somebody_cancels_does_not_leave_it_hanging(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 10)
    campaign = make_campaign()
    send(campaign)
    jobs.cancel(Job.objects.get())

    advance()

    campaign.refresh_from_db()
    assert campaign.state == CampaignState.PAUSED


def test_a_segment_that_is_gone_stops_it_with_a_reason(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 10)
    segment = Segment.objects.create(project=project, name="All", condition=_EVERYBODY)
    campaign = make_campaign(audience_type=AudienceType.SEGMENT, segment=segment)
    send(campaign)
    Segment.objects.filter(pk=segment.pk).delete()

    work()

    campaign.refresh_from_db()
    assert campaign.state == CampaignState.PAUSED
    assert not ses.calls
    event = campaign.events.get(kind=EventKind.PAUSED)
    assert event.detail["message"] == "The campaign’s segment was deleted."


def test_a_filter_that_names_what_is_gone_stops_it_with_a_reason(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 10)
    segment = Segment.objects.create(project=project, name="All", condition=_EVERYBODY)
    member = {"field": f"segment.{segment.pk}", "operator": "memberOfSegment"}
    campaign = make_campaign(
        audience_type=AudienceType.FILTERED,
        condition={"logic": "AND", "groups": [{"filters": [member]}]},
    )
    send(campaign)
    Segment.objects.filter(pk=segment.pk).delete()

    work()

    campaign.refresh_from_db()
    assert campaign.state == CampaignState.PAUSED
    assert not ses.calls
    assert "no meaning" in campaign.events.get(kind=EventKind.PAUSED).detail["message"]


def test_who_is_erased_meanwhile_is_left_out(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    contacts = people(project, 10)
    campaign = make_campaign()
    send(campaign)
    jobs.work(seconds=0)
    gone = [contacts[1].pk, contacts[8].pk]

    erasing.erase(project_id=project.pk, contact_ids=gone)
    work()

    campaign.refresh_from_db()
    assert campaign.state == CampaignState.SENT
    assert len(ses.calls) == 8
    assert tallies([campaign.pk])[campaign.pk].mails == 8


@pytest.mark.parametrize("count", [1, 3, 6])
def test_chosen_contacts_fill_their_chunks_exactly(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes, count: int
) -> None:
    campaign = make_campaign(audience_type=AudienceType.RECIPIENTS)
    for one in people(project, 8)[:count]:
        Recipient.objects.create(campaign=campaign, contact=one)
    send(campaign)

    work()

    campaign.refresh_from_db()
    assert campaign.state == CampaignState.SENT
    assert len(ses.calls) == count


def test_who_comes_after_the_launch_is_not_meant(
    project: Project, make_campaign: MakeCampaign, ses: FakeSes
) -> None:
    people(project, 4)
    run = send(make_campaign())
    Contact.objects.create(project=project, email="late@example.com")

    work()

    run.refresh_from_db()
    assert "late@example.com" not in {call["to"] for call in ses.calls}
    assert run.figures["named"] == 4


def test_a_chunk_that_breaks_off_is_tried_in_smaller_pieces(
    project: Project, make_campaign: MakeCampaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freezing, "_LEAST", 1)
    people(project, 10)
    send(make_campaign())
    worker = freezing.FreezeWorker(Job.objects.get())

    looked_at = [
        worker._window({"size": 8}, failures=failures).looked_at
        for failures in (0, 1, 3, 20)
    ]

    assert looked_at == [8, 4, 1, 1]
