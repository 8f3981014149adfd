"""How many contacts there are, however they came, changed and went."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from contacts import counting
from contacts.counting import count_contacts, count_up_to, fold
from contacts.models import Contact, ContactTally, Door
from contacts.upserting import Person, upsert_contacts
from plunk.postgresql import fetch_all, is_postgresql
from plunk.projects.creating import NewProject
from plunk.projects.models import Project

pytestmark = pytest.mark.django_db


def people(project: Project, start: int, count: int, **values: bool) -> None:
    Contact.objects.bulk_create(
        Contact(project=project, email=f"c{start + number}@example.com", **values)
        for number in range(count)
    )


def counted(project: Project) -> tuple[int, int, int]:
    everybody, of_them, others = (
        count_contacts(project.pk, subscribed=subscribed)
        for subscribed in (None, True, False)
    )
    return everybody, of_them, others


def test_nobody(project: Project) -> None:
    assert counted(project) == (0, 0, 0)


def test_who_comes_changes_and_goes(
    project: Project, other_project: NewProject
) -> None:
    people(other_project.project, 0, 5)
    people(project, 0, 7)
    people(project, 7, 3, subscribed=False)
    assert counted(project) == (10, 7, 3)

    contacts = Contact.objects.filter(project=project)
    contacts.filter(email__in=["c0@example.com", "c9@example.com"]).update(
        subscribed=False
    )
    contacts.filter(email="c8@example.com").update(subscribed=True)
    contacts.update(data={"a": 1})
    assert counted(project) == (10, 7, 3)

    contacts.filter(email__in=["c1@example.com", "c7@example.com"]).delete()
    fold()

    assert counted(project) == (8, 6, 2)
    assert counted(other_project.project) == (5, 5, 0)


def test_who_was_there_is_not_counted_again(project: Project) -> None:
    for number in range(3):
        upsert_contacts(
            project_id=project.pk,
            people=[Person(f"c{n}@example.com", {"n": number}) for n in range(4)],
            subscribed_when_new=True,
            door=Door.API,
        )

    assert counted(project) == (4, 4, 0)


def test_what_is_rolled_back_never_counted(project: Project) -> None:
    with transaction.atomic():
        people(project, 0, 3)
        transaction.set_rollback(True)

    assert counted(project) == (0, 0, 0)


def test_folding_leaves_a_note_a_project_and_none_of_an_empty_one(
    project: Project, other_project: NewProject
) -> None:
    for number in range(5):
        people(project, number, 1)
    people(other_project.project, 0, 2)
    Contact.objects.filter(project=other_project.project).delete()

    fold()

    assert counted(project) == (5, 5, 0)
    assert counted(other_project.project) == (0, 0, 0)
    assert ContactTally.objects.count() == int(is_postgresql())


def test_a_table_that_is_emptied_has_nobody(project: Project) -> None:
    people(project, 0, 3)

    if is_postgresql():
        fetch_all("SET CONSTRAINTS ALL IMMEDIATE", {})
        fetch_all("TRUNCATE contacts_contact CASCADE", {})
    else:
        Contact.objects.all().delete()

    assert counted(project) == (0, 0, 0)
    people(project, 3, 2)
    assert counted(project) == (2, 2, 0)


def test_a_count_is_one_statement(project: Project) -> None:
    people(project, 0, 3)

    with CaptureQueriesContext(connection) as captured:
        count_contacts(project.pk)

    assert len(captured) == 1
    if is_postgresql():
        assert '"contacts_contact"' not in captured[0]["sql"]


def test_what_a_search_finds_is_counted_up_to_a_bound(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "MOST_COUNTED", 3)
    rows = Contact.objects.filter(project=project).order_by("-created_at")

    people(project, 0, 3)
    assert count_up_to(rows) == 3
    people(project, 3, 1)
    assert count_up_to(rows) is None


def leave(everyone: Barrier) -> None:
    """Close the sessions of one thread, once each thread is here."""
    everyone.wait()
    connections.close_all()


@pytest.mark.django_db(transaction=True)
def test_counts_are_exact_while_everybody_writes_and_folds(project: Project) -> None:
    def write(number: int) -> None:
        people(project, 100 * number, 5)
        Contact.objects.filter(email=f"c{100 * number}@example.com").update(
            subscribed=False
        )
        Contact.objects.filter(email=f"c{100 * number + 1}@example.com").delete()
        fold()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda work: work(), [partial(write, n) for n in range(30)]))
        everyone = Barrier(6)
        list(pool.map(leave, [everyone] * 6))

    assert counted(project) == (120, 90, 30)
