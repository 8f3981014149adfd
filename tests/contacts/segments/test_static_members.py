"""Members of static segments: put in and taken out by id and by address."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db.models import F
from django.db.models.functions import Now
from pytest_django import DjangoAssertNumQueries

from contacts.ledger import Act
from contacts.models import (
    ConsentChange,
    Contact,
    Door,
    Segment,
    SegmentMembership,
    SegmentType,
)
from contacts.segments.by_address import add_addresses, remove_addresses
from contacts.segments.membership import (
    add_members,
    forget,
    history,
    members_of,
    remove_members,
)
from plunk.projects.creating import NewProject
from plunk.projects.models import Project
from tests.pages.rows import make_contact

pytestmark = pytest.mark.django_db
API = Act(Door.API)


@pytest.fixture
def segment(project: Project) -> Segment:
    return Segment.objects.create(
        project=project, name="Guests", type=SegmentType.STATIC
    )


def emails_in(segment: Segment) -> list[str]:
    return sorted(members_of(segment).values_list("contact__email", flat=True))


def test_members_are_counted_once(project: Project, segment: Segment) -> None:
    people = [make_contact(project) for _ in range(3)]
    ids = [person.pk for person in people]

    assert add_members(segment, [*ids, ids[0]]) == 3
    assert add_members(segment, ids) == 0

    segment.refresh_from_db()
    assert segment.member_count == 3
    assert members_of(segment).count() == 3


def test_more_members_than_a_transaction_takes(
    project: Project, segment: Segment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("contacts.segments.membership.BATCH", 2)
    ids = [make_contact(project).pk for _ in range(5)]

    assert add_members(segment, ids) == 5
    assert remove_members(segment, ids[1:]) == 4

    segment.refresh_from_db()
    assert segment.member_count == 1


def test_contacts_of_others_are_like_those_nobody_has(
    segment: Segment, other_project: NewProject
) -> None:
    stranger = make_contact(other_project.project)

    assert add_members(segment, [stranger.pk, uuid4()]) == 0
    assert not SegmentMembership.objects.exists()


def test_coming_back_is_a_new_stay(project: Project, segment: Segment) -> None:
    ada = make_contact(project)

    add_members(segment, [ada.pk])
    remove_members(segment, [ada.pk])
    add_members(segment, [ada.pk])

    assert segment.memberships.count() == 2
    assert members_of(segment).count() == 1
    segment.refresh_from_db()
    assert segment.member_count == 1


def test_who_was_in_it_on_a_date_can_be_told(
    project: Project, segment: Segment
) -> None:
    ada, bert = make_contact(project, "ada@x.co"), make_contact(project, "bert@x.co")
    add_members(segment, [ada.pk])
    SegmentMembership.objects.update(entered_at=F("entered_at") - timedelta(days=10))
    remove_members(segment, [ada.pk])
    SegmentMembership.objects.update(exited_at=F("exited_at") - timedelta(days=4))
    add_members(segment, [bert.pk])
    now = Contact.objects.annotate(now=Now()).values_list("now", flat=True)[0]

    def who(days: int) -> list[str]:
        rows = history(segment, now - timedelta(days=days))
        return sorted(rows.values_list("email", flat=True))

    assert who(11) == []
    assert who(6) == ["ada@x.co"]
    assert who(2) == []
    assert who(-1) == ["bert@x.co"]


def test_an_address_is_added_once_in_any_spelling(
    project: Project, segment: Segment
) -> None:
    make_contact(project, "ada@x.co")

    added = add_addresses(segment, ["ada@x.co", "ada@x.co", "no@x.co"], act=API)

    assert (added.found, added.new, added.created) == (1, 1, 0)
    assert added.missing == ["no@x.co"]
    assert emails_in(segment) == ["ada@x.co"]


def test_missing_contacts_are_made_if_that_is_wished(
    project: Project, segment: Segment
) -> None:
    make_contact(project, "ada@x.co", subscribed=False)

    added = add_addresses(
        segment, ["ada@x.co", "new@x.co"], create_missing=True, act=API
    )

    assert (added.found, added.new, added.created) == (2, 2, 1)
    new = Contact.objects.get(email="new@x.co")
    assert new.subscribed
    assert new.consent_source == Door.API
    assert ConsentChange.objects.filter(contact=new, kind="SUBSCRIBED").count() == 1
    assert not Contact.objects.get(email="ada@x.co").subscribed


def test_made_contacts_need_not_be_subscribed(segment: Segment) -> None:
    add_addresses(segment, ["new@x.co"], create_missing=True, subscribed=False, act=API)

    assert not Contact.objects.get(email="new@x.co").subscribed
    assert not ConsentChange.objects.exists()


def test_removing_counts_the_contacts_that_were_named(
    project: Project, segment: Segment
) -> None:
    ada, bert = make_contact(project, "ada@x.co"), make_contact(project, "bert@x.co")
    add_members(segment, [ada.pk, bert.pk])

    assert remove_addresses(segment, ["ada@x.co", "no@x.co"]) == 1
    assert emails_in(segment) == ["bert@x.co"]


def test_the_cost_does_not_grow_with_the_addresses(
    project: Project,
    segment: Segment,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    addresses = [f"c{number}@x.co" for number in range(300)]
    for address in addresses[::2]:
        make_contact(project, address)

    with django_assert_max_num_queries(30):
        added = add_addresses(segment, addresses, create_missing=True, act=API)

    assert (added.found, added.created) == (300, 150)


def test_deleted_contacts_are_forgotten_by_the_size(
    project: Project, segment: Segment
) -> None:
    people = [make_contact(project) for _ in range(3)]
    add_members(segment, [person.pk for person in people])

    forget([people[0].pk, people[1].pk])

    segment.refresh_from_db()
    assert segment.member_count == 1
