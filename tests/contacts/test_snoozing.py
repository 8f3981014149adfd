"""A pause: out until a day, then in again (contract 4.10)."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from automations.models import Occurrence
from contacts import snoozing, subscriptions
from contacts.ledger import Act
from contacts.models import ChangeKind, ConsentChange, Contact, Door
from contacts.snoozing import snooze, wake_due
from contacts.subscriptions import set_subscribed
from plunk.api.errors import Invalid
from plunk.projects.creating import NewProject
from plunk.projects.models import Project
from tests.conftest import Api
from tests.pages.rows import make_contact

ACT = Act(Door.PAGE)


@pytest.fixture
def dana(project: Project) -> Contact:
    return make_contact(project, "dana@example.com", confirmed_at=Now())


def in_days(days: float) -> datetime:
    return timezone.now() + timedelta(days=days)


def pause(contact: Contact, until: datetime) -> bool:
    return snooze(
        project_id=contact.project_id, contact_id=contact.pk, until=until, act=ACT
    )


def end_all_pauses() -> None:
    Contact.objects.filter(snoozed_until__isnull=False).update(
        snoozed_until=Now() - timedelta(seconds=1)
    )


def kinds() -> list[str]:
    entries = ConsentChange.objects.order_by("created_at", "pk")
    return list(entries.values_list("kind", flat=True))


def news() -> list[str]:
    rows = Occurrence.objects.order_by("created_at", "pk")
    return [row for row in rows.values_list("event__name", flat=True) if "." in row]


def test_a_pause_unsubscribes_and_says_until_when(dana: Contact) -> None:
    until = in_days(14)

    assert pause(dana, until)

    dana.refresh_from_db()
    assert not dana.subscribed
    assert dana.snoozed_until == until
    assert dana.confirmed_at
    assert kinds() == [ChangeKind.SNOOZED]
    assert f"until {until:%Y-%m-%d}" in ConsentChange.objects.get().reason
    assert news() == ["contact.unsubscribed"]


def test_it_ends_by_itself(dana: Contact) -> None:
    pause(dana, in_days(14))
    assert wake_due() == 0
    end_all_pauses()

    assert wake_due() == 1
    assert wake_due() == 0

    dana.refresh_from_db()
    assert dana.subscribed
    assert dana.snoozed_until is None
    assert dana.consent_source == Door.SNOOZE
    assert kinds() == [ChangeKind.SNOOZED, ChangeKind.SUBSCRIBED]
    assert news() == ["contact.unsubscribed", "contact.subscribed"]


def test_a_new_end_is_no_second_leaving(dana: Contact) -> None:
    first, second = in_days(14), in_days(30)
    pause(dana, first)

    assert pause(dana, second)
    assert not pause(dana, second)

    dana.refresh_from_db()
    assert dana.snoozed_until == second
    assert kinds() == [ChangeKind.SNOOZED, ChangeKind.SNOOZED]
    assert news() == ["contact.unsubscribed"]


def test_whoever_left_for_good_cannot_pause(dana: Contact) -> None:
    set_subscribed(
        project_id=dana.project_id, contact_id=dana.pk, subscribed=False, act=ACT
    )

    assert not pause(dana, in_days(14))

    dana.refresh_from_db()
    assert dana.snoozed_until is None


@pytest.mark.parametrize("subscribed", [True, False])
def test_any_other_word_ends_the_pause(dana: Contact, *, subscribed: bool) -> None:
    """To leave for good is no flip any more, and yet they never come back."""
    pause(dana, in_days(14))

    changed = set_subscribed(
        project_id=dana.project_id,
        contact_id=dana.pk,
        subscribed=subscribed,
        act=Act(Door.API),
    )

    dana.refresh_from_db()
    assert changed is subscribed
    assert dana.subscribed is subscribed
    assert dana.snoozed_until is None
    assert dana.consent_source == Door.API
    assert kinds()[1:] == [
        ChangeKind.SUBSCRIBED if subscribed else ChangeKind.UNSUBSCRIBED
    ]
    assert len(news()) == (2 if subscribed else 1)


def test_to_be_tracked_as_unsubscribed_ends_it_too(dana: Contact, api: Api) -> None:
    pause(dana, in_days(14))

    body = {"email": dana.email, "event": "left", "subscribed": False}
    assert api.post("/v1/track", body).status_code == 200

    dana.refresh_from_db()
    assert dana.snoozed_until is None


def test_an_event_alone_ends_nothing(dana: Contact, api: Api) -> None:
    until = in_days(14)
    pause(dana, until)

    api.post("/v1/track", {"email": dana.email, "event": "bought"})

    dana.refresh_from_db()
    assert dana.snoozed_until == until


def test_the_past_is_refused(dana: Contact) -> None:
    with pytest.raises(Invalid):
        pause(dana, in_days(-1))

    dana.refresh_from_db()
    assert dana.subscribed


def test_what_is_not_ours_is_unknown(dana: Contact, other_project: NewProject) -> None:
    for project_id, contact_id in [
        (other_project.project.pk, dana.pk),
        (dana.project_id, uuid4()),
    ]:
        assert not snooze(
            project_id=project_id, contact_id=contact_id, until=in_days(1), act=ACT
        )

    dana.refresh_from_db()
    assert dana.subscribed


def test_many_wake_in_batches_of_their_projects(
    project: Project, other_project: NewProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snoozing, "_BATCH", 3)
    for number in range(7):
        pause(make_contact(project, f"a{number}@example.com"), in_days(1))
        pause(make_contact(other_project.project, f"b{number}@example.com"), in_days(1))
    end_all_pauses()

    assert wake_due() == 14

    assert Contact.objects.filter(subscribed=True, snoozed_until=None).count() == 14
    assert kinds().count(ChangeKind.SUBSCRIBED) == 14


def test_killed_on_the_way_nobody_is_told_twice(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snoozing, "_BATCH", 2)
    for number in range(5):
        pause(make_contact(project, f"a{number}@example.com"), in_days(1))
    end_all_pauses()
    settled: list[int] = []
    settle = subscriptions.settle

    def die_in_the_second_batch(**arguments: object) -> None:
        settle(**arguments)  # type: ignore[arg-type]
        settled.append(1)
        if len(settled) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(subscriptions, "settle", die_in_the_second_batch)
    with pytest.raises(KeyboardInterrupt):
        wake_due()
    assert Contact.objects.filter(subscribed=True).count() == 2

    assert wake_due() == 3

    assert kinds().count(ChangeKind.SUBSCRIBED) == 5
    assert news().count("contact.subscribed") == 5


def test_a_contact_that_is_in_already_does_not_wake_for_ever(project: Project) -> None:
    make_contact(project, snoozed_until=Now())

    assert wake_due() == 1
    assert wake_due() == 0
