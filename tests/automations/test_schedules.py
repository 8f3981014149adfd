from __future__ import annotations

from datetime import timedelta

import pytest

from automations import schedules, workflows
from automations.definitions import Trigger
from automations.models import Run, TriggerType, Workflow
from contacts import jobs
from contacts.models import Contact, Job, Segment, SegmentType
from contacts.segments.membership import add_members
from contacts.segments.scopes import database_now
from plunk.projects.models import Project
from tests.automations.building import live, step

pytestmark = pytest.mark.django_db


@pytest.fixture
def daily(project: Project) -> Workflow:
    """A workflow that begins at midnight for one contact."""
    segment = Segment.objects.create(
        project=project, name="VIPs", type=SegmentType.STATIC
    )
    contact = Contact.objects.create(project=project, email="rita@example.com")
    add_members(segment, [contact.pk])
    trigger = Trigger(
        TriggerType.SCHEDULE, {"schedule": "@daily", "segmentId": str(segment.pk)}
    )
    return live(project, trigger, step("EXIT"), allow_reentry=True)


def _come_due(workflow: Workflow, **ago: float) -> None:
    at = database_now() - timedelta(**ago)
    Workflow.objects.filter(pk=workflow.pk).update(next_at=at)


def _begin() -> int:
    begun = schedules.begin_due(database_now())
    while jobs.is_anything_due():
        jobs.work()
    return begun


@pytest.mark.parametrize("ago", [0, 30])
def test_a_moment_begins_one_run_however_late_and_however_often_it_is_looked_at(
    daily: Workflow, ago: float
) -> None:
    _come_due(daily, days=ago)

    assert [_begin(), _begin()] == [1, 0]

    assert Run.objects.count() == Job.objects.count() == 1


def test_the_same_moment_asked_for_twice_lets_nobody_in_twice(daily: Workflow) -> None:
    segment_id = Segment.objects.get().pk
    for _ in range(2):
        schedules.ask(daily, segment_id, key="monday", at=database_now())

    _begin()

    assert (Job.objects.count(), Run.objects.count()) == (2, 1)


def test_a_change_just_when_a_moment_has_come_does_not_pass_it_over(
    daily: Workflow,
) -> None:
    _come_due(daily, seconds=1)

    document = daily.draft
    document["steps"][1]["config"] = {"reason": "changed"}
    workflows.save_draft(workflow=daily, document=document)
    workflows.publish(workflow=daily)

    assert _begin() == 1
    daily.refresh_from_db()
    assert daily.next_at is not None
    assert daily.next_at > database_now()


def test_a_moment_that_came_while_it_was_off_begins_nothing(daily: Workflow) -> None:
    _come_due(daily, seconds=1)

    workflows.disable(workflow=daily)
    workflows.enable(workflow=daily)

    assert _begin() == 0
