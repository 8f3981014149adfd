"""The compiler against the oracle: the same people for every tree, on both databases.

`FILTER_EXAMPLES` in the environment makes it run longer: the number of worlds.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from django.db.models import QuerySet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contacts.segments import matching as matching_module
from contacts.segments.compiling import Form, compile_tree, contacts_of
from contacts.segments.matching import candidates, matching, newest
from contacts.segments.scopes import scope_of
from contacts.segments.tree import Tree, as_json
from plunk.projects.models import Project
from tests.contacts.segments.oracle import Mail, Person, World
from tests.contacts.segments.worlds import Maker, store


@pytest.fixture(autouse=True, scope="module")
def _short_stretches() -> Iterator[None]:
    """Let a page of these few people take every way that one of a million does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching_module, "STRETCHES", (1, 2))
        yield


EXAMPLES = int(os.environ.get("FILTER_EXAMPLES", "15"))
PEOPLE = 8
TREES = 16

_examples = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
_seeds = st.integers(min_value=0, max_value=2**63)


@_examples
@given(seed=_seeds)
@pytest.mark.django_db
def test_every_tree_matches_whom_the_oracle_says(project: Project, seed: int) -> None:
    maker = Maker(seed)
    world = maker.world(PEOPLE)
    with transaction.atomic():
        store(project, world, maker.now)
        for _ in range(TREES):
            _compare(project, world, maker, maker.tree())
        transaction.set_rollback(True)


def _compare(project: Project, world: World, maker: Maker, tree: Tree) -> None:
    expected = world.matching(tree, maker.now)
    scope = scope_of(project.pk, tree, now=maker.now)
    probed = contacts_of(compile_tree(tree, scope), scope, Form.PROBE)

    said = json.dumps(as_json(tree), ensure_ascii=False)
    assert _ids(matching(project.pk, tree, now=maker.now)) == expected, said
    assert _ids(probed) == expected, said
    # Of equal times, SQLite's lists have the longer spelling first.
    if len({it.created_at for it in world.people}) == PEOPLE:
        rows = matching(project.pk, tree, now=maker.now)
        first = list(rows.order_by("-created_at", "-id")[:3])
        assert newest(project.pk, tree, 3, now=maker.now) == first, said


def _ids(rows: QuerySet[Any]) -> set[UUID]:
    return set(rows.values_list("pk", flat=True))


@_examples
@given(seed=_seeds)
@pytest.mark.django_db
def test_whose_answer_changes_is_a_candidate(project: Project, seed: int) -> None:
    maker = Maker(seed)
    world = maker.world(PEOPLE)
    since = maker.now - maker.random.choice(
        [timedelta(0), timedelta(microseconds=1), timedelta(hours=1), timedelta(days=3)]
    )
    for person in world.people:
        person.updated_at = _last_change(person, since)
    with transaction.atomic():
        store(project, world, maker.now)
        for _ in range(TREES):
            tree = maker.tree()
            before = _as_of(world, since).matching(tree, since)
            changed = before ^ world.matching(tree, maker.now)
            found = list(candidates(project.pk, tree, since, maker.now))
            said = json.dumps(as_json(tree), ensure_ascii=False)
            assert changed <= set(found), said
            assert len(found) == len(set(found)), said
        transaction.set_rollback(True)


def _last_change(person: Person, since: datetime) -> datetime:
    """Return when a row was written last: long ago unless its own times say later."""
    times = [person.created_at, person.consent_at, person.confirmed_at or since]
    return max(times) if max(times) > since else since - timedelta(days=500)


def _as_of(world: World, at: datetime) -> World:
    """Return the world without what people did after a moment."""
    people = [
        replace(
            person,
            events=[(name, when) for name, when in person.events if when <= at],
            mails=[
                Mail(
                    mail.campaign_id,
                    {name: when for name, when in mail.times.items() if when <= at},
                )
                for mail in person.mails
            ],
        )
        for person in world.people
    ]
    return World(people, world.topics, world.segments, world.campaigns)
