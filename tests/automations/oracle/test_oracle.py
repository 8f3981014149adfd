"""The engine against an interpreter: the same mails, at the same moments.

`WORKFLOW_EXAMPLES` in the environment makes it run longer: the number of worlds.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Min
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from automations import tallies, workflows
from automations.definitions import as_document
from automations.engine import acting, arrivals, turns, writing
from automations.models import (
    ACTIVE,
    Arrival,
    Event,
    Occurrence,
    Run,
    Visit,
    Workflow,
    WorkflowKind,
)
from automations.tallies import HERE
from contacts.models import Contact
from plunk.projects.models import Project
from tests.automations.oracle.interpreter import Deed, Life, Mail, Person, Story
from tests.automations.oracle.worlds import BEGINNING, Maker
from transactional.models import Email, Source, Template

EXAMPLES = int(os.environ.get("WORKFLOW_EXAMPLES", "15"))
END = BEGINNING + timedelta(days=3)
PEOPLE = 3

_examples = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
_seeds = st.integers(min_value=0, max_value=2**63)


class Killed(BaseException):
    """A worker that was killed: nothing catches it, and its transaction is gone."""


@_examples
@given(seed=_seeds)
@pytest.mark.django_db
def test_the_engine_sends_what_the_interpreter_says(
    project: Project, template: Template, newsletter: Template, seed: int
) -> None:
    with transaction.atomic():
        _compare(project, seed, [template, newsletter], turns.step)
        transaction.set_rollback(True)


@_examples
@given(seed=_seeds)
@pytest.mark.django_db
def test_workers_that_are_killed_and_woken_twice_send_the_same(
    project: Project, template: Template, newsletter: Template, seed: int
) -> None:
    with transaction.atomic(), pytest.MonkeyPatch.context() as patch:
        dies = _dying(patch, random.Random(seed))
        _compare(project, seed, [template, newsletter], dies)
        transaction.set_rollback(True)


def _dying(
    patch: pytest.MonkeyPatch, chance: random.Random
) -> Callable[[datetime], int]:
    """Return a step of a worker that may be killed at anything it does."""

    def mortal(work: Callable[..., Any]) -> Callable[..., Any]:
        def dies(*args: Any, **kwargs: Any) -> Any:
            if chance.random() < 0.08:
                raise Killed
            answer = work(*args, **kwargs)
            if chance.random() < 0.08:
                raise Killed
            return answer

        return dies

    for module, names in (
        (acting, ("owe", "merge_data")),
        (acting, ("act",)),
        (writing, ("_update_runs", "_update_visits")),
        (tallies, ("note",)),
        (arrivals, ("_wake", "enter")),
    ):
        for name in names:
            patch.setattr(module, name, mortal(getattr(module, name)))

    def step(now: datetime) -> int:
        for _ in range(500):
            try:
                with transaction.atomic():
                    return turns.step(now)
            except Killed:
                continue
        raise AssertionError("no worker ever lived long enough")

    return step


def _compare(
    project: Project,
    seed: int,
    templates: list[Template],
    step: Callable[[datetime], int],
) -> None:
    maker = Maker(seed, templates)
    people = maker.people(PEOPLE)
    stories = [maker.story(number) for number in range(maker.random.choice([1, 2, 3]))]
    deeds = maker.deeds(people, maker.random.randrange(3, 24))
    world = _World(project, people, stories, is_doubled=step is not turns.step)

    world.live(deeds, step)

    lives = [Life(person, stories, {templates[1].pk}) for person in people]
    for life in lives:
        mine = [deed for deed in deeds if deed.person == life.person.number]
        life.live(mine, END)
    expected = sorted(mail for life in lives for mail in life.mails)
    assert world.mails() == expected
    for life, contact in zip(lives, world.contacts, strict=True):
        contact.refresh_from_db()
        assert (contact.data or {}) == life.data
    world.check()


class _World:
    def __init__(
        self,
        project: Project,
        people: list[Person],
        stories: list[Story],
        *,
        is_doubled: bool,
    ) -> None:
        self.project = project
        self.is_doubled = is_doubled
        self.contacts = [
            Contact.objects.create(
                project=project,
                email=f"p{person.number}@example.com",
                subscribed=person.subscribed,
                data=person.data or None,
            )
            for person in people
        ]
        self.workflows = [self._made(story) for story in stories]

    def _made(self, story: Story) -> Workflow:
        kind = WorkflowKind.ACTION if story.is_action else WorkflowKind.WORKFLOW
        return workflows.create(
            project_id=self.project.pk,
            name=f"Story {story.number}",
            trigger=story.definition.trigger,
            document=as_document(story.definition),
            allow_reentry=story.allow_reentry,
            kind=kind,
            enabled=True,
        )

    def live(self, deeds: list[Deed], step: Callable[[datetime], int]) -> None:
        for moment, deed in self._moments(deeds):
            if deed is not None:
                self._do(deed)
            for _ in range(200):
                if not step(moment):
                    break
            else:
                raise AssertionError("the engine does not come to rest")

    def _moments(self, deeds: list[Deed]) -> Iterator[tuple[datetime, Deed | None]]:
        """Go through time: to the next event, or to the next run that is due."""
        coming = list(deeds)
        while True:
            active = Run.objects.filter(state__in=ACTIVE)
            due = active.aggregate(first=Min("due_at"))["first"]
            if coming and (due is None or coming[0].at <= due):
                deed = coming.pop(0)
                yield deed.at, deed
            elif due is not None and due <= END:
                yield due, None
            else:
                return

    def _do(self, deed: Deed) -> None:
        event, _ = Event.objects.get_or_create(project=self.project, name=deed.name)
        occurrence = Occurrence.objects.create(
            project=self.project,
            event=event,
            contact=self.contacts[deed.person],
            data=deed.data or None,
            created_at=deed.at,
        )
        if event.is_heard:
            for _ in range(2 if self.is_doubled else 1):
                Arrival.objects.create(occurrence=occurrence, due_at=deed.at)

    def mails(self) -> list[Mail]:
        """Return who was written to by which step, and when."""
        visits = Visit.objects.filter(
            pk__in=Email.objects.filter(source=Source.WORKFLOW).values("origin_id")
        ).select_related("run")
        people = {contact.pk: n for n, contact in enumerate(self.contacts)}
        stories = {workflow.pk: n for n, workflow in enumerate(self.workflows)}
        return sorted(
            (
                people[visit.run.contact_id],
                stories[visit.run.workflow_id],
                visit.step_id,
                visit.completed_at or BEGINNING,
            )
            for visit in visits
        )

    def check(self) -> None:
        """Check that mails and figures are what the rows say."""
        mails = Email.objects.filter(source=Source.WORKFLOW)
        assert mails.values("origin_id").distinct().count() == mails.count()
        for workflow in self.workflows:
            runs = Run.objects.filter(workflow=workflow, state__in=ACTIVE)
            for step_id, figures in tallies.tallies(workflow.pk).items():
                assert figures.get(HERE, 0) == runs.filter(step_id=step_id).count()
        assert not Arrival.objects.exists()
