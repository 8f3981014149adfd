"""One thing done to many contacts, chunk by chunk."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from automations.models import Occurrence
from contacts import bulk, jobs, walking
from contacts.bulk import Selection, begin_bulk
from contacts.models import ConsentChange, Contact, Job, JobKind, JobState
from plunk.projects.creating import NewProject
from plunk.projects.models import Project, User
from tests.pages.rows import make_contact, make_email

pytestmark = pytest.mark.django_db


def people(project: Project, count: int, **values: Any) -> list[UUID]:
    made = Contact.objects.bulk_create(
        Contact(project=project, email=f"c{number}@example.com", **values)
        for number in range(count)
    )
    return [contact.pk for contact in made]


def run(
    project: Project, kind: JobKind, selection: Selection, user: User | None = None
) -> Job:
    job = begin_bulk(project_id=project.pk, kind=kind, selection=selection, user=user)
    while jobs.work(seconds=60):
        pass
    return Job.objects.get(pk=job.pk)


def figures(job: Job) -> tuple[int, int, int, int]:
    told = bulk.result(job)
    return (
        told["totalRequested"],
        told["successCount"],
        told["unchangedCount"],
        told["failureCount"],
    )


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a few contacts are many chunks, and windows of all kinds."""
    monkeypatch.setattr(walking, "CHUNK", 4)
    monkeypatch.setattr(walking, "_FIRST_WINDOW", 3)
    monkeypatch.setattr(walking, "_LAST_WINDOW", 12)


def test_those_named_are_unsubscribed_and_nobody_else(project: Project) -> None:
    ids = people(project, 11)

    job = run(project, JobKind.UNSUBSCRIBE, Selection.of_ids(ids[:9]))

    assert job.state == JobState.COMPLETED
    assert figures(job) == (9, 9, 0, 0)
    assert set(
        Contact.objects.filter(subscribed=True).values_list("pk", flat=True)
    ) == set(ids[9:])
    entries = ConsentChange.objects.filter(kind="UNSUBSCRIBED", origin_id=job.pk)
    assert entries.count() == 9
    told = Occurrence.objects.filter(event__name="contact.unsubscribed")
    assert told.count() == 9


@pytest.mark.parametrize("kind", [JobKind.SUBSCRIBE, JobKind.UNSUBSCRIBE])
def test_a_repetition_changes_nothing(project: Project, kind: JobKind) -> None:
    """E9."""
    ids = people(project, 7, subscribed=kind == JobKind.UNSUBSCRIBE)
    run(project, kind, Selection.of_ids(ids))
    before = list(Contact.objects.order_by("pk").values())

    job = run(project, kind, Selection.of_ids(ids))

    assert figures(job) == (7, 0, 7, 0)
    assert list(Contact.objects.order_by("pk").values()) == before


def test_ids_of_others_are_reported_like_unknown_ones(
    project: Project, other_project: NewProject
) -> None:
    """E9."""
    (own,) = people(project, 1)
    (theirs,) = people(other_project.project, 1)
    nobody = uuid4()

    job = run(project, JobKind.DELETE, Selection.of_ids([theirs, own, nobody]))

    assert figures(job) == (3, 1, 0, 2)
    assert job.errors == [
        {"contactId": str(pk), "email": None, "error": "Contact not found."}
        for pk in (theirs, nobody)
    ]
    assert list(Contact.objects.values_list("pk", flat=True)) == [theirs]


def test_an_id_named_twice_is_one(project: Project) -> None:
    (own,) = people(project, 1)

    job = run(project, JobKind.UNSUBSCRIBE, Selection.of_ids([own, own]))

    assert figures(job) == (1, 1, 0, 0)


def test_a_deleted_contact_takes_what_is_its_own_along(project: Project) -> None:
    contact = make_contact(project, "ann@example.com")
    make_email(project, contact)
    (other,) = people(project, 1)

    job = run(project, JobKind.DELETE, Selection.of_ids([contact.pk]))

    assert figures(job) == (1, 1, 0, 0)
    assert Contact.objects.get().pk == other
    assert run(project, JobKind.DELETE, Selection.of_ids([contact.pk])).counts == {
        "failure": 1
    }


@pytest.mark.parametrize("count", [0, 1, 3, 4, 12, 40])
def test_everybody_a_question_finds(
    project: Project, other_project: NewProject, count: int
) -> None:
    people(project, count)
    people(other_project.project, 2)
    out = Contact.objects.create(
        project=project, email="out@example.org", subscribed=False
    )

    job = run(
        project,
        JobKind.UNSUBSCRIBE,
        Selection.of_query(search="@example.com", subscribed=True),
    )

    assert figures(job) == (count, count, 0, 0)
    assert (job.done, job.total) == (count, count)
    ours = Contact.objects.filter(project=project)
    assert not ours.filter(subscribed=True).exists()
    theirs = Contact.objects.filter(project=other_project.project)
    assert theirs.filter(subscribed=True).count() == 2
    assert not ConsentChange.objects.filter(contact=out).exists()


def test_few_among_many_are_found(project: Project) -> None:
    people(project, 60)
    Contact.objects.filter(email__startswith="c7").update(subscribed=False)

    job = run(project, JobKind.DELETE, Selection.of_query(subscribed=False))

    assert figures(job) == (1, 1, 0, 0)
    assert Contact.objects.count() == 59


def test_who_is_left_out_stays(project: Project) -> None:
    ids = people(project, 10)

    job = run(project, JobKind.DELETE, Selection.of_query(exclude=ids[2:5]))

    assert figures(job) == (7, 7, 0, 0)
    assert set(Contact.objects.values_list("pk", flat=True)) == set(ids[2:5])


def test_who_comes_later_is_not_meant(project: Project) -> None:
    people(project, 5)
    job = begin_bulk(
        project_id=project.pk, kind=JobKind.DELETE, selection=Selection.of_query()
    )
    late = Contact.objects.create(project=project, email="late@example.com")

    Contact.objects.filter(pk=late.pk).update(
        created_at=job.created_at.replace(year=job.created_at.year + 1)
    )

    while jobs.work(seconds=60):
        pass

    assert list(Contact.objects.values_list("pk", flat=True)) == [late.pk]


def test_a_job_goes_on_where_its_worker_died(project: Project) -> None:
    """Between chunks, at every place there is."""
    people(project, 20)
    begin_bulk(
        project_id=project.pk, kind=JobKind.UNSUBSCRIBE, selection=Selection.of_query()
    )

    turns = 0
    while jobs.work(seconds=0):
        turns += 1

    job = Job.objects.get()
    assert turns > 4
    assert job.attempt == turns + 1
    assert figures(job) == (20, 20, 0, 0)
    assert ConsentChange.objects.filter(origin_id=job.pk).count() == 20


def test_the_member_who_asked_is_in_the_ledger(project: Project, alice: User) -> None:
    ids = people(project, 2)

    run(project, JobKind.UNSUBSCRIBE, Selection.of_ids(ids), alice)

    entries = ConsentChange.objects.filter(user=alice, door="DASHBOARD")
    assert entries.count() == 2


def test_a_selection_is_the_same_when_read_back() -> None:
    for selection in (
        Selection.of_ids([uuid4(), uuid4()]),
        Selection.of_query(search="x", subscribed=False, exclude=[uuid4()]),
        Selection.of_query(),
    ):
        assert Selection.from_parameters(selection.as_parameters()) == selection


def test_a_selection_stays_within_its_project(
    project: Project, other_project: NewProject
) -> None:
    theirs = people(other_project.project, 3)
    own = people(project, 3)

    for selection in (Selection.of_ids([*theirs, *own]), Selection.of_query()):
        found = selection.queryset(project.pk).values_list("pk", flat=True)
        assert set(found) == set(own)
