"""The engine against an interpreter: the same mails, at the same moments.

`WORKFLOW_EXAMPLES` in the environment makes it run longer: the number of worlds.
`WORKFLOW_SEED` runs one world alone.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plunk.projects.models import Project
from tests.automations.oracle.dying import dying
from tests.automations.oracle.enacting import Step, World, make_segments, work
from tests.automations.oracle.interpreter import Life, Rules
from tests.automations.oracle.worlds import Maker
from transactional.models import Template

EXAMPLES = int(os.environ.get("WORKFLOW_EXAMPLES", "15"))
SEED = os.environ.get("WORKFLOW_SEED")
PEOPLE = 3

_examples = settings(
    max_examples=1 if SEED else EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
_seeds = st.just(int(SEED)) if SEED else st.integers(min_value=0, max_value=2**63)


@_examples
@given(seed=_seeds)
@pytest.mark.django_db
def test_the_engine_sends_what_the_interpreter_says(
    project: Project, template: Template, newsletter: Template, seed: int
) -> None:
    with transaction.atomic(), pytest.MonkeyPatch.context() as patch:
        _compare(project, seed, [template, newsletter], patch)
        transaction.set_rollback(True)


@_examples
@given(seed=_seeds)
@pytest.mark.django_db
def test_workers_that_are_killed_and_woken_twice_send_the_same(
    project: Project, template: Template, newsletter: Template, seed: int
) -> None:
    with transaction.atomic(), pytest.MonkeyPatch.context() as patch:

        def mortal(immortal: Step) -> Step:
            return dying(patch, random.Random(seed), immortal)

        _compare(project, seed, [template, newsletter], patch, mortal)
        transaction.set_rollback(True)


def _compare(
    project: Project,
    seed: int,
    templates: list[Template],
    patch: pytest.MonkeyPatch,
    mortal: Callable[[Step], Step] | None = None,
) -> None:
    segments = make_segments(project)
    ids = {name: segment.pk for name, segment in segments.items()}
    maker = Maker(seed, templates, ids)
    people = maker.people(PEOPLE)
    stories = maker.stories()
    deeds = maker.deeds(people, stories)
    everybody = {person.number for person in people}
    stays = {name: everybody for name in ids if name.startswith("remove")}
    stays["vips"] = {n for n in everybody if maker.random.random() < 0.6}
    most_an_hour = maker.random.choice([1, 2, 100])
    world = World(
        project,
        people,
        stories,
        segments,
        stays,
        beginning=maker.beginning,
        end=maker.end,
        most_an_hour=most_an_hour,
        patch=patch,
        is_doubled=mortal is not None,
    )

    world.live(deeds, mortal(work) if mortal else work)

    rules = Rules(
        maker.beginning,
        {templates[1].pk},
        most_an_hour,
        ids,
        {"segmentId": str(ids["pros"]), "segmentName": "pros"},
    )
    told = sorted(deeds + maker.clocks(stories), key=lambda deed: deed.at)
    lives = []
    for person in people:
        inside = {ids[name] for name, who in stays.items() if person.number in who}
        life = Life(person, stories, rules, inside)
        life.live(
            [one for one in told if one.person in (None, person.number)], maker.end
        )
        lives.append(life)
    _check(world, lives)


def _check(world: World, lives: list[Life]) -> None:
    assert world.mails() == sorted(mail for life in lives for mail in life.mails)
    assert world.calls() == sorted(call for life in lives for call in life.calls)
    for life, contact in zip(lives, world.contacts, strict=True):
        contact.refresh_from_db()
        assert (contact.data or {}, contact.subscribed) == (life.data, life.subscribed)
        assert world.stays(life.person.number) == life.stays
    assert world.runs() == sorted(
        (life.person.number, run.story.number, run.started, run.step, run.state)
        for life in lives
        for run in life.runs
    )
    world.check()
