"""Counting days once, and adding what came since."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from automations.events import counting, stats
from automations.events.counting import count_days, midnight
from automations.events.deleting import event_named
from automations.models import Event, EventDay, Occurrence
from contacts.models import Contact
from contacts.segments.scopes import database_now
from plunk.projects.models import Project
from tests.automations.events.conftest import happen
from tests.pages.rows import make_contact

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make it noon of a certain day for whoever asks."""
    for module in (counting, stats):
        monkeypatch.setattr(module, "database_now", lambda: NOON)


def at(project: Project, moment: datetime, times: int = 1) -> Event:
    event, _ = Event.objects.get_or_create(project=project, name="x")
    first = min(moment, datetime(2026, 1, 1, tzinfo=UTC))
    Event.objects.filter(pk=event.pk).update(created_at=first)
    Occurrence.objects.bulk_create(
        [
            Occurrence(project=project, event=event, created_at=moment)
            for _ in range(times)
        ]
    )
    event.refresh_from_db()
    return event


def days() -> dict[date, int]:
    return dict(EventDay.objects.values_list("day", "occurrences"))


@pytest.mark.usefixtures("now")
def test_a_day_is_counted_from_midnight_to_midnight(project: Project) -> None:
    step = timedelta(microseconds=1)
    at(project, midnight(date(2026, 3, 8)) - step)
    at(project, midnight(date(2026, 3, 8)), 2)
    at(project, midnight(date(2026, 3, 9)) - step, 3)
    at(project, midnight(date(2026, 3, 9)), 4)
    event = at(project, midnight(date(2026, 3, 10)), 5)

    count_days()

    event.refresh_from_db()
    assert days() == {date(2026, 3, 7): 1, date(2026, 3, 8): 5, date(2026, 3, 9): 4}
    assert (event.counted, event.counted_until) == (10, date(2026, 3, 10))
    assert stats.total(event) == stats.Total(15)


def test_a_day_is_left_alone_for_an_hour(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = at(project, datetime(2026, 3, 9, 12, tzinfo=UTC))
    soon = datetime(2026, 3, 10, 0, 59, tzinfo=UTC)

    monkeypatch.setattr(counting, "database_now", lambda: soon)
    count_days()
    early = days()
    monkeypatch.setattr(counting, "database_now", lambda: soon + timedelta(minutes=1))
    count_days()

    assert (early, days()) == ({}, {date(2026, 3, 9): 1})
    event.refresh_from_db()
    assert event.counted == 1


@pytest.mark.usefixtures("now")
def test_counting_again_changes_nothing(project: Project) -> None:
    event = at(project, datetime(2026, 3, 1, tzinfo=UTC), 3)

    assert count_days() > 0
    assert count_days() == 0

    event.refresh_from_db()
    assert event.counted == 3


@pytest.mark.usefixtures("now")
def test_many_events_of_different_ages_are_counted(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "_BATCH", 3)
    for number in range(8):
        event = Event.objects.create(project=project, name=f"e{number}")
        moment = NOON - timedelta(days=10 * number)
        Event.objects.filter(pk=event.pk).update(created_at=moment)
        Occurrence.objects.create(project=project, event=event)
        Occurrence.objects.filter(event=event).update(created_at=moment)

    count_days()

    counted = set(Event.objects.values_list("name", "counted"))
    assert counted == {(f"e{number}", 1 if number else 0) for number in range(8)}
    assert not Event.objects.exclude(counted_until=NOON.date()).exists()


@pytest.mark.usefixtures("now")
def test_parts_of_days_are_counted_exactly(project: Project) -> None:
    at(project, datetime(2026, 3, 5, 6, tzinfo=UTC))
    at(project, datetime(2026, 3, 5, 18, tzinfo=UTC), 2)
    at(project, datetime(2026, 3, 6, 6, tzinfo=UTC), 4)
    at(project, datetime(2026, 3, 7, 6, tzinfo=UTC), 8)
    at(project, datetime(2026, 3, 10, 6, tzinfo=UTC), 16)
    count_days()

    def count(begin: datetime | None, end: datetime | None) -> int:
        found = stats.between(project.pk, begin, end)
        return sum(number.count for _, number in found)

    noon = datetime(2026, 3, 5, 12, tzinfo=UTC)
    assert count(None, None) == 31
    assert count(noon, None) == 30
    assert count(None, noon) == 1
    assert count(noon, datetime(2026, 3, 7, 5, tzinfo=UTC)) == 6
    assert count(noon, noon + timedelta(hours=1)) == 0
    assert count(midnight(date(2026, 3, 6)), midnight(date(2026, 3, 8))) == 12
    # What is counted is not looked at any more, but for the parts.
    whole = Occurrence.objects.filter(created_at__lt=midnight(date(2026, 3, 10)))
    whole.delete()
    assert count(None, None) == 31


@pytest.mark.usefixtures("now")
def test_the_days_of_an_event_end_with_today(project: Project) -> None:
    at(project, NOON - timedelta(days=2), 2)
    event = at(project, NOON - timedelta(hours=1), 3)
    before = stats.by_day(project.pk, [event], 3)
    count_days()
    event.refresh_from_db()

    assert before == stats.by_day(project.pk, [event], 3)
    assert before == ({event.pk: [2, 0, 3]}, False)


def test_beyond_a_limit_the_rest_is_estimated(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stats, "MOST_COUNTED", 40)
    event = happen(project, "x", times=0, days_ago=1.5)
    now = database_now()
    Occurrence.objects.bulk_create(
        [
            Occurrence(
                project=project,
                event=event,
                created_at=now - timedelta(minutes=18 * number + 1),
            )
            for number in range(100)
        ]
    )

    found = stats.total(event)

    assert found.is_estimate
    # At that pace since the day began on which it was made: 36 to 60 hours.
    assert 60 <= found.count <= 260


def test_contacts_are_counted_once(
    project: Project, ann: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    happen(project, "x", contact=ann, times=3)
    happen(project, "x", times=2)
    event = happen(project, "x", contact=make_contact(project))

    exact = stats.unique_contacts(event, stats.total(event))
    monkeypatch.setattr(stats, "MOST_COUNTED", 10)
    about = stats.unique_contacts(event, stats.Total(11))

    assert exact == stats.Total(2)
    assert about.is_estimate
    assert 1 <= about.count <= 11


def test_names_are_found_as_they_are(project: Project) -> None:
    happen(project, "x")

    assert event_named(project.pk, "x").name == "x"
