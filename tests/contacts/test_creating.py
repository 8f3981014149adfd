"""Contacts made and changed one at a time."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db.models.functions import Now

from contacts.creating import (
    ContactNotFound,
    EmailTaken,
    change_contact,
    create_contact,
    upsert_contact,
)
from contacts.data import DataChange
from contacts.ledger import Act
from contacts.models import Confirmation, ConsentChange, Contact, Door
from plunk.api.errors import Invalid
from plunk.projects.models import Project, User

pytestmark = pytest.mark.django_db

ANN = "ann@example.com"
BY_API = Act(Door.API)


def upsert(project: Project, **values: Any) -> tuple[Contact, bool]:
    given: dict[str, Any] = {
        "email": ANN,
        "subscribed": None,
        "data": DataChange(),
        "door": Door.API,
    }
    return upsert_contact(project_id=project.pk, **(given | values))


def change(contact: Contact, **values: Any) -> Contact:
    return change_contact(
        project_id=contact.project_id,
        contact_id=contact.pk,
        **({"act": BY_API} | values),
    )


def entries() -> list[tuple[str, str]]:
    return list(
        ConsentChange.objects.order_by("created_at", "pk").values_list("kind", "door")
    )


@pytest.mark.parametrize(
    ("given", "stored"), [(None, True), (True, True), (False, False)]
)
def test_a_new_contact_is_subscribed_unless_told_otherwise(
    project: Project, *, given: bool | None, stored: bool
) -> None:
    contact, is_new = upsert(project, subscribed=given)

    assert (contact.subscribed, is_new) == (stored, True)
    assert contact.consent_source == Door.API
    assert entries() == ([("SUBSCRIBED", "API")] if stored else [])


def test_a_second_time_changes_and_says_so(project: Project) -> None:
    first, _ = upsert(project, data=DataChange(stored={"a": 1, "b": 2}))

    second, is_new = upsert(
        project,
        subscribed=False,
        data=DataChange(stored={"b": 3, "c": [4]}, removed=["a"]),
    )

    assert (second.pk, is_new, second.subscribed) == (first.pk, False, False)
    assert second.data == {"b": 3, "c": [4]}
    assert entries() == [("SUBSCRIBED", "API"), ("UNSUBSCRIBED", "API")]


def test_a_second_time_without_a_word_keeps_the_consent(project: Project) -> None:
    upsert(project, subscribed=False)

    contact, _ = upsert(project, data=DataChange(stored={"a": 1}))

    assert contact.subscribed is False


def test_the_members_name_is_in_the_ledger(project: Project, alice: User) -> None:
    upsert(project, door=Door.DASHBOARD, user=alice)

    entry = ConsentChange.objects.get()
    assert (entry.user, entry.door) == (alice, Door.DASHBOARD)


def test_two_projects_have_their_own_contacts(
    project: Project, other_project: Any
) -> None:
    ours, _ = upsert(project)
    theirs, is_new = upsert(other_project.project)

    assert is_new
    assert ours.pk != theirs.pk


def test_creating_what_exists_is_refused_and_changes_nothing(project: Project) -> None:
    upsert(project, data=DataChange(stored={"a": 1}))
    before = Contact.objects.values().get()

    with pytest.raises(EmailTaken):
        create_contact(
            project_id=project.pk,
            email=ANN,
            subscribed=False,
            data=DataChange(stored={"a": 2}),
            door=Door.API,
        )

    assert Contact.objects.values().get() == before


def test_a_change_merges_key_by_key(project: Project) -> None:
    contact, _ = upsert(project, data=DataChange(stored={"a": 1, "b": {"x": 1}}))

    changed = change(
        contact, data=DataChange(stored={"b": {"y": 2}}, removed=["a", "none"])
    )

    assert changed.data == {"b": {"y": 2}}
    assert changed.updated_at >= contact.updated_at


def test_what_python_takes_for_equal_is_a_change_all_the_same(project: Project) -> None:
    contact, _ = upsert(project, data=DataChange(stored={"a": 1}))

    changed = change(contact, data=DataChange(stored={"a": True}))

    assert changed.data is not None
    assert changed.data["a"] is True


def test_data_is_wiped_as_a_whole(project: Project) -> None:
    contact, _ = upsert(project, data=DataChange(stored={"a": 1}))

    assert change(contact, wipe_data=True).data is None
    again = change(contact, wipe_data=True, data=DataChange(stored={"b": 2}))
    assert again.data == {"b": 2}


def test_no_change_leaves_the_time_of_the_last_one(project: Project) -> None:
    contact, _ = upsert(project, data=DataChange(stored={"a": 1}))

    same = change(contact, email=ANN, data=DataChange(stored={"a": 1}), subscribed=True)

    assert same.updated_at == contact.updated_at


def test_a_new_address_is_one_that_nobody_has_proven(project: Project) -> None:
    contact, _ = upsert(project)
    Contact.objects.update(confirmed_at=contact.created_at)

    changed = change(contact, email="ann@example.org")

    assert changed.email == "ann@example.org"
    assert changed.confirmed_at is None


def test_the_address_of_another_contact_is_refused(project: Project) -> None:
    contact, _ = upsert(project)
    upsert(project, email="bea@example.com")

    with pytest.raises(EmailTaken):
        change(
            contact,
            email="bea@example.com",
            subscribed=False,
            data=DataChange(stored={"a": 1}),
        )

    contact.refresh_from_db()
    assert (contact.email, contact.subscribed, contact.data) == (ANN, True, None)


def test_nobody_changes_what_is_not_theirs(
    project: Project, other_project: Any
) -> None:
    contact, _ = upsert(project)

    for project_id, contact_id in (
        (other_project.project.pk, contact.pk),
        (project.pk, uuid4()),
    ):
        with pytest.raises(ContactNotFound):
            change_contact(
                project_id=project_id,
                contact_id=contact_id,
                subscribed=False,
                act=BY_API,
            )

    contact.refresh_from_db()
    assert contact.subscribed


def test_what_grows_too_large_is_refused_whole(project: Project) -> None:
    contact, _ = upsert(project)
    huge = DataChange(stored={f"k{i}": "x" * 60_000 for i in range(5)})

    with pytest.raises(Invalid):
        upsert(project, subscribed=False, data=huge)
    with pytest.raises(Invalid):
        change(contact, subscribed=False, data=huge)

    contact.refresh_from_db()
    assert (contact.subscribed, contact.data) == (True, None)


@pytest.fixture
def asking(project: Project) -> Project:
    """A project with double opt-in."""
    Project.objects.filter(pk=project.pk).update(double_opt_in=True)
    return project


def pending() -> list[str]:
    return list(Confirmation.objects.values_list("contact__email", flat=True))


def test_a_new_contact_is_asked_first_where_the_project_wants_that(
    asking: Project,
) -> None:
    contact, _ = upsert(asking)
    other = create_contact(
        project_id=asking.pk,
        email="bea@example.com",
        subscribed=True,
        data=DataChange(),
        door=Door.API,
    )

    assert (contact.subscribed, other.subscribed) == (False, False)
    assert sorted(pending()) == [ANN, "bea@example.com"]


def test_who_is_not_to_be_subscribed_is_not_asked(asking: Project) -> None:
    upsert(asking, subscribed=False)

    assert pending() == []


def test_a_known_contact_is_asked_before_it_is_subscribed(asking: Project) -> None:
    upsert(asking, subscribed=False)

    contact, _ = upsert(asking, subscribed=True)

    assert not contact.subscribed
    assert pending() == [ANN]


def test_a_new_address_is_asked_first(asking: Project) -> None:
    contact = Contact.objects.create(project=asking, email=ANN, confirmed_at=Now())

    changed = change(contact, email="new@example.com")

    assert not changed.subscribed
    assert pending() == ["new@example.com"]


def test_a_new_address_that_is_not_wanted_is_not_asked(asking: Project) -> None:
    contact = Contact.objects.create(project=asking, email=ANN, confirmed_at=Now())

    changed = change(contact, email="new@example.com", subscribed=False)

    assert not changed.subscribed
    assert pending() == []
