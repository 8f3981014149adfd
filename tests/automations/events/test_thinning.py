"""Occurrences past their time go, in chunks; what was counted stays counted."""

from __future__ import annotations

from collections import Counter

import pytest
from pytest_django import Settings

from automations.events import stats, thinning
from automations.events.counting import count_days
from automations.models import Arrival, Event, EventDay, Occurrence
from plunk.projects.models import Project
from tests.automations.events.conftest import happen

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setattr(thinning, "CHUNK", 2)
    settings.EVENTS_KEPT_DAYS = 30


@pytest.fixture
def bought(project: Project) -> Event:
    """What happened five times long ago and twice yesterday; another one once."""
    happen(project, "bought", times=5, days_ago=40)
    happen(project, "asked", days_ago=33)
    return happen(project, "bought", times=2, days_ago=1)


def left() -> Counter[str]:
    return Counter(Occurrence.objects.values_list("event__name", flat=True))


def test_everything_is_kept_for_ever_unless_it_is_told_otherwise(
    bought: Event, settings: Settings
) -> None:
    count_days()
    settings.EVENTS_KEPT_DAYS = 0

    assert not thinning.forget_old()
    assert left() == {"bought": 7, "asked": 1}


def test_what_is_old_goes_chunk_by_chunk_and_the_figures_stay(bought: Event) -> None:
    count_days()
    bought.refresh_from_db()
    before = stats.total(bought), list(EventDay.objects.values_list("day", flat=True))

    turns = [(thinning.forget_old(seconds=0), left()["bought"]) for _ in range(2)]
    while thinning.forget_old():
        continue

    bought.refresh_from_db()
    after = stats.total(bought), list(EventDay.objects.values_list("day", flat=True))
    assert turns == [(True, 5), (True, 3)]
    assert left() == {"bought": 2}
    assert after == before
    assert after[0] == stats.Total(7)


def test_what_is_not_counted_yet_stays(bought: Event) -> None:
    assert not thinning.forget_old()
    assert left() == {"bought": 7, "asked": 1}


def test_what_the_engine_has_not_seen_stays(bought: Event) -> None:
    count_days()
    waiting = Occurrence.objects.filter(event__name="asked").get()
    Arrival.objects.create(occurrence=waiting)

    while thinning.forget_old():
        continue

    assert left() == {"bought": 2, "asked": 1}
