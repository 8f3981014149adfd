"""All runs of a workflow at once: by jobs that may break off anywhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from automations import bulk, dropping, running, workflows
from automations.models import (
    Event,
    Listener,
    Run,
    RunState,
    StepTemplate,
    Visit,
    Workflow,
)
from automations.tallies import HERE, tallies
from contacts import jobs
from contacts.models import Job, JobKind, JobState
from contacts.segments.scopes import database_now
from plunk.projects.models import Project, User
from tests.automations.building import live, on, settle, step
from tests.automations.conftest import Track
from transactional.models import Email, Template

_PEOPLE = 5


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs are many, and a batch has two."""
    monkeypatch.setattr(bulk, "MOST_AT_ONCE", 1)
    monkeypatch.setattr(dropping, "MOST_AT_ONCE", 1)
    monkeypatch.setattr(running, "BATCH", 2)
    monkeypatch.setattr(dropping, "_BATCH", 2)


@pytest.fixture
def crowded(project: Project, template: Template, tracked: Track) -> Workflow:
    """A workflow in which five wait for two days, and then get a mail."""
    pause = step("DELAY", amount=2, unit="days")
    mail = step("SEND_EMAIL", template=template)
    wait = step("WAIT_FOR_EVENT", eventName="paid")
    workflow = live(project, on("asked"), pause, mail, wait)
    for number in range(_PEOPLE):
        tracked("asked", f"p{number}@example.com")
    settle()
    return workflow


def chunk() -> bool:
    """Let a worker do one chunk of the job; say whether there is more."""
    return jobs.work(seconds=0)


def finish(job: Job) -> Job:
    """Work until the job is over, with every other worker killed after its chunk."""
    for _ in range(100):
        killed = Job.objects.filter(pk=job.pk, state=JobState.ACTIVE)
        killed.update(lease_expires_at=database_now() - timedelta(seconds=1))
        if not chunk():
            break
    job.refresh_from_db()
    return job


def states() -> Counter[str]:
    return Counter(Run.objects.values_list("state", flat=True))


def inside(workflow: Workflow) -> int:
    """Return how many the figures say are inside."""
    return sum(step_.get(HERE, 0) for step_ in tallies(workflow.pk).values())


def new_version(workflow: Workflow, **config: Any) -> Any:
    workflow = workflows.workflow_of(workflow.project_id, workflow.pk)
    document = workflow.draft
    document["steps"][1]["config"] |= config
    workflows.save_draft(workflow=workflow, document=document)
    return workflows.publish(workflow=workflow)


def _cancel(workflow: Workflow) -> bulk.Done:
    return bulk.cancel_all(workflow)


def _resume(workflow: Workflow) -> bulk.Done:
    for run in Run.objects.filter(workflow=workflow):
        running.park(run, "broken")
    return bulk.resume_all(workflow)


def _move(workflow: Workflow) -> bulk.Done:
    return bulk.move_all(workflow, new_version(workflow, amount=3))


@pytest.mark.parametrize(
    ("act", "ends_in", "are_inside"),
    [
        (_cancel, {RunState.CANCELLED: _PEOPLE}, 0),
        (_resume, {RunState.RUNNING: _PEOPLE}, _PEOPLE),
        (_move, {RunState.WAITING: _PEOPLE}, _PEOPLE),
    ],
)
def test_many_are_changed_batch_by_batch_whoever_dies_on_the_way(
    crowded: Workflow,
    act: Callable[[Workflow], bulk.Done],
    ends_in: dict[str, int],
    are_inside: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done = act(crowded)
    job = done.job
    assert job is not None
    chunk()
    job.refresh_from_db()
    total, done_first = job.total, job.done
    kept = running._note_here if act is not _move else running._is_shared
    name = kept.__name__

    def dies(*_: object, **__: object) -> None:
        raise ValueError("killed")

    monkeypatch.setattr(running, name, dies)
    while job.failures == 0:
        # What broke off has changed nothing, whatever it had done already.
        before = states()
        chunk()
        job.refresh_from_db()
    unchanged = states() == before
    monkeypatch.setattr(running, name, kept)
    Job.objects.update(lease_expires_at=None)
    finish(job)

    assert unchanged
    assert (total, done_first <= 2) == (_PEOPLE, True)
    assert (job.state, job.done, job.total) == (JobState.COMPLETED, _PEOPLE, _PEOPLE)
    assert job.counts == {"success": _PEOPLE}
    assert states() == ends_in
    assert inside(crowded) == are_inside
    if act is _move:
        assert set(Run.objects.values_list("version__number", flat=True)) == {2}


def test_few_are_changed_while_one_waits(
    crowded: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MOST_AT_ONCE", _PEOPLE)
    monkeypatch.setattr(running, "BATCH", _PEOPLE)

    moved = bulk.move_all(crowded, new_version(crowded, amount=3))
    cancelled = bulk.cancel_all(crowded)

    assert (moved, cancelled) == (bulk.Done(_PEOPLE), bulk.Done(_PEOPLE))
    assert not Job.objects.exists()


def test_a_move_takes_nobody_back_from_a_version_that_came_later(
    crowded: Workflow,
) -> None:
    done = bulk.move_all(crowded, new_version(crowded, amount=3))
    third = new_version(crowded, amount=4)
    Run.objects.filter(pk=Run.objects.order_by("pk")[0].pk).update(version=third)

    assert done.job is not None
    finish(done.job)

    numbers = Counter(Run.objects.values_list("version__number", flat=True))
    assert numbers == {2: _PEOPLE - 1, 3: 1}


def test_a_deleted_workflow_is_gone_at_once_and_its_rows_follow(
    crowded: Workflow,
    template: Template,
    tracked: Track,
    project: Project,
    client: Client,
    alice: User,
) -> None:
    client.force_login(alice)
    dropping.delete(workflow=crowded, ends_runs=True)
    page = client.get(f"/projects/{project.pk}/workflows/{crowded.pk}/runs/")
    run_page = client.get(
        f"/projects/{project.pk}/workflows/{crowded.pk}/runs/{Run.objects.all()[0].pk}/"
    )
    listed = client.get(f"/projects/{project.pk}/workflows/").content.decode()
    still_there = Run.objects.count()
    tracked("asked", "late@example.com")
    chunk()
    some_left = Run.objects.count()
    # The engine takes nobody any further, and nobody goes in.
    settle(database_now() + timedelta(days=3))
    left = states()

    with pytest.raises(workflows.WorkflowNotFound):
        workflows.workflow_of(project.pk, crowded.pk)
    assert (page.status_code, run_page.status_code) == (404, 404)
    assert "No such workflow" in listed or str(crowded.pk) not in listed
    assert (still_there, some_left) == (_PEOPLE, _PEOPLE - 2)
    assert left == {RunState.CANCELLED: _PEOPLE - 2}
    assert not Email.objects.exists()
    assert not Listener.objects.exists()
    assert not StepTemplate.objects.filter(template=template).exists()

    job = finish(Job.objects.get(kind=JobKind.DROP_FLOW))

    assert (job.state, job.done) == (JobState.COMPLETED, _PEOPLE)
    for model in (Workflow, Run, Visit):
        assert not model.objects.exists()
    assert not Event.objects.filter(is_heard=True).exists()


def test_what_is_left_of_a_deleted_workflow_is_removed_though_the_job_ended(
    crowded: Workflow,
) -> None:
    dropping.delete(workflow=crowded, ends_runs=True)
    chunk()
    Job.objects.update(state=JobState.FAILED)

    begun = [dropping.resume_dropping(), dropping.resume_dropping()]
    finish(Job.objects.get(state=JobState.WAITING))

    assert begun == [1, 0]
    assert not Workflow.objects.exists()
    assert dropping.resume_dropping() == 0


def test_people_inside_keep_a_workflow_from_being_deleted(crowded: Workflow) -> None:
    with pytest.raises(workflows.HasRuns):
        dropping.delete(workflow=crowded)

    assert Run.objects.count() == _PEOPLE
