"""An import end to end: who is made, changed and left alone, and what is counted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError
from django.db.models.functions import Now

from contacts import jobs
from contacts.importing import (
    Column,
    MappingError,
    Options,
    made_by,
    preview,
    start,
    statistics,
    tidy,
    try_out,
)
from contacts.importing import worker as working
from contacts.importing.cells import CellType
from contacts.importing.mapping import Target
from contacts.importing.portable import PortableWriter
from contacts.importing.postgres import PostgresWriter
from contacts.models import (
    ConsentChange,
    Contact,
    ImportPiece,
    ImportSeen,
    Job,
    JobState,
    RejectedRow,
    Suppression,
)
from plunk.postgresql import fetch_all, is_postgresql
from plunk.projects.models import Project, User
from tests.contacts.importing.files import figures, finished, imported, started, stored

pytestmark = pytest.mark.django_db

EMAIL = Column(Target.EMAIL)


def data(kind: CellType = CellType.TEXT, key: str = "plan") -> Column:
    return Column(Target.DATA, key, kind)


def contact(email: str) -> Contact:
    return Contact.objects.get(email=email)


def test_a_row_is_a_contact(project: Project) -> None:
    job = imported(
        project, "email,name,age\nAnn@Example.com,Ann,41\nbob@example.com,Bob,\n"
    )

    assert job.state == JobState.COMPLETED, job.failed_reason
    assert figures(job) == {"rows": 2, "created": 2}
    ann = contact("ann@example.com")
    assert ann.data == {"name": "Ann", "age": 41}
    assert ann.subscribed
    assert (ann.consent_source, ann.import_id) == ("IMPORT", job.pk)
    assert contact("bob@example.com").data == {"name": "Bob"}
    assert job.done == job.total


def test_a_second_time_changes_nothing(project: Project) -> None:
    content = "email,name\nann@example.com,Ann\nbob@example.com,\n"
    first = imported(project, content)
    before = list(Contact.objects.order_by("pk").values())

    second = imported(project, content)

    assert figures(second) == {"rows": 2, "unchanged": 2}
    assert list(Contact.objects.order_by("pk").values()) == before
    assert contact("ann@example.com").import_id == first.pk


def test_data_is_merged_and_an_empty_cell_leaves_it(project: Project) -> None:
    Contact.objects.create(
        project=project, email="ann@example.com", data={"name": "Ann", "plan": "free"}
    )

    job = imported(project, "email,name,plan\nann@example.com,,pro\n")

    assert figures(job) == {"rows": 1, "updated": 1}
    assert contact("ann@example.com").data == {"name": "Ann", "plan": "pro"}


def test_case_variants_are_one_contact_and_the_last_row_wins(project: Project) -> None:
    """F5."""
    job = imported(
        project,
        "email,name,plan\nANN@example.com,Ann,free\nbob@example.com,Bob,\n"
        "ann@EXAMPLE.com,,pro\n",
    )

    assert figures(job) == {"rows": 3, "created": 2, "duplicates": 1}
    assert contact("ann@example.com").data == {"name": "Ann", "plan": "pro"}


@pytest.fixture
def two_rows_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PortableWriter, "chunk_rows", 2)
    monkeypatch.setattr(PostgresWriter, "chunk_rows", 2)


@pytest.mark.usefixtures("two_rows_a_chunk")
@pytest.mark.parametrize("is_known", [False, True])
def test_an_address_that_comes_again_in_a_later_chunk_is_a_duplicate(
    project: Project, is_known: bool
) -> None:
    if is_known:
        Contact.objects.create(project=project, email="ann@example.com")
    job = imported(
        project,
        "email,plan\nann@example.com,free\nbob@example.com,\n"
        "cay@example.com,\nANN@example.com,pro\n",
    )

    known, made = ({"updated": 1}, 2) if is_known else ({}, 3)
    assert figures(job) == {"rows": 4, "created": made, "duplicates": 1, **known}
    assert contact("ann@example.com").data == {"plan": "pro"}


@pytest.mark.usefixtures("two_rows_a_chunk")
def test_a_rehearsal_counts_exactly_and_writes_nothing(project: Project) -> None:
    Contact.objects.create(project=project, email="ann@example.com", data={"a": "x"})
    Contact.objects.create(project=project, email="bob@example.com", data={"a": "x"})
    content = (
        "email,a,subscribed\nann@example.com,x,\nbob@example.com,y,\n"
        "new@example.com,z,\nnonsense,4,\nNEW@example.com,5,\nbob@example.com,y,no\n"
        "cay@example.com,1,maybe\n"
    )
    draft = stored(project, content)
    columns = preview(draft).columns
    before = list(Contact.objects.order_by("pk").values())

    dry = finished(try_out(draft, columns=columns, options=Options()))

    assert list(Contact.objects.order_by("pk").values()) == before
    assert dry.state == JobState.COMPLETED, dry.failed_reason
    draft.refresh_from_db()
    assert draft.state == JobState.DRAFT
    start(draft, columns=columns, options=Options())
    real = finished(draft)
    assert real.counts == dry.counts
    assert figures(real) == {
        "rows": 7,
        "created": 1,
        "updated": 1,
        "unchanged": 1,
        "duplicates": 2,
        "rejected": 2,
        "unsubscribed": 1,
    }
    assert not ConsentChange.objects.filter(origin_id=dry.pk).exists()


def test_whoever_unsubscribed_stays_so(project: Project) -> None:
    """F4."""
    Contact.objects.create(project=project, email="ann@example.com", subscribed=False)

    job = imported(project, "email,subscribed\nann@example.com,yes\n")

    assert figures(job) == {"rows": 1, "unchanged": 1}
    assert not contact("ann@example.com").subscribed
    assert not ConsentChange.objects.exists()


def test_a_stated_reason_brings_people_back_through_the_ledger(
    project: Project, alice: User
) -> None:
    left = Contact.objects.create(
        project=project, email="ann@example.com", subscribed=False
    )

    job = imported(
        project,
        "email,subscribed\nann@example.com,yes\n",
        user=alice,
        resubscribe=True,
        reason="Signed up again at the fair.",
    )

    assert figures(job) == {"rows": 1, "updated": 1, "subscribed": 1}
    assert contact("ann@example.com").subscribed
    entries = ConsentChange.objects.order_by("pk").values_list(
        "kind", "door", "contact", "reason", "origin_id"
    )
    reason = "Signed up again at the fair."
    assert list(entries) == [
        ("IMPORTED", "IMPORT", None, reason, job.pk),
        ("SUBSCRIBED", "IMPORT", left.pk, reason, job.pk),
    ]
    assert ConsentChange.objects.get(kind="IMPORTED").user == alice


def test_without_a_reason_nobody_is_brought_back(project: Project) -> None:
    job = stored(project, "email,subscribed\nann@example.com,yes\n")

    with pytest.raises(MappingError) as caught:
        start(
            job,
            columns=preview(job).columns,
            options=Options(resubscribe=True, reason=" "),
        )

    assert caught.value.field == "reason"
    job.refresh_from_db()
    assert job.state == JobState.DRAFT


def test_a_no_unsubscribes_and_is_in_the_ledger(project: Project) -> None:
    known = Contact.objects.create(project=project, email="ann@example.com")

    job = imported(project, "email,subscribed\nann@example.com,no\nbob@example.com,0\n")

    assert figures(job) == {"rows": 2, "created": 1, "updated": 1, "unsubscribed": 1}
    assert not contact("ann@example.com").subscribed
    assert not contact("bob@example.com").subscribed
    assert ConsentChange.objects.get().contact == known


@pytest.mark.parametrize("chosen", [True, False])
def test_the_default_is_for_new_contacts_only(project: Project, chosen: bool) -> None:
    Contact.objects.create(
        project=project, email="ann@example.com", subscribed=not chosen
    )

    imported(project, "email\nann@example.com\nbob@example.com\n", subscribe_new=chosen)

    assert contact("ann@example.com").subscribed is not chosen
    assert contact("bob@example.com").subscribed is chosen


def test_double_opt_in_asks_new_contacts(project: Project) -> None:
    Project.objects.update(double_opt_in=True)

    job = imported(project, "email,subscribed\nann@example.com,\nbob@example.com,no\n")

    assert figures(job) == {"rows": 2, "created": 2, "asked": 1}
    ann = contact("ann@example.com")
    assert not ann.subscribed
    assert hasattr(ann, "confirmation")
    assert not hasattr(contact("bob@example.com"), "confirmation")


def test_who_confirmed_elsewhere_is_not_asked(project: Project) -> None:
    Project.objects.update(double_opt_in=True)

    job = imported(project, "email\nann@example.com\n", is_confirmed=True)

    assert figures(job) == {"rows": 1, "created": 1}
    ann = contact("ann@example.com")
    assert ann.subscribed
    assert ann.confirmed_at


@pytest.mark.usefixtures("two_rows_a_chunk")
@pytest.mark.parametrize("breaks_at", [1, 2, 3, 4])
def test_an_import_that_dies_goes_on_with_exact_totals(
    project: Project, monkeypatch: pytest.MonkeyPatch, breaks_at: int
) -> None:
    """F3: a chunk and its figures are one transaction; a new object takes over."""
    Contact.objects.create(project=project, email="u1@example.com", data={"n": "x"})
    lines = [f"u{number % 6}@example.com,{number}" for number in range(9)]
    job = started(project, "\n".join(["email,n", *lines, "broken,1"]))
    calls = 0
    keep = working._keep_rejected

    def die_once(*given: Any) -> None:
        nonlocal calls
        calls += 1
        keep(*given)
        if calls == breaks_at:
            raise RuntimeError("the power is gone")

    monkeypatch.setattr(working, "_keep_rejected", die_once)
    jobs.work(seconds=60)
    Job.objects.update(lease_expires_at=None)
    job = finished(job)

    assert job.state == JobState.COMPLETED
    assert figures(job) == {
        "rows": 10,
        "created": 5,
        "updated": 1,
        "duplicates": 3,
        "rejected": 1,
    }
    assert Contact.objects.count() == 6
    assert contact("u0@example.com").data == {"n": 6}
    assert [row.number for row in RejectedRow.objects.all()] == [11]


def test_the_file_is_gone_when_the_import_is_done(project: Project) -> None:
    job = started(project, "email\nann@example.com\n")
    assert ImportPiece.objects.count() == 1

    finished(job)

    assert not ImportPiece.objects.exists()


def test_a_contact_that_would_grow_too_large_is_rejected_alone(
    project: Project,
) -> None:
    full = {f"k{number}": "x" * 60_000 for number in range(4)}
    Contact.objects.create(project=project, email="ann@example.com", data=full)
    cell = "y" * 60_000

    job = imported(project, f"email,more\nann@example.com,{cell}\nbob@example.com,1\n")

    assert figures(job) == {"rows": 2, "created": 1, "rejected": 1}
    assert contact("ann@example.com").data == full
    row = RejectedRow.objects.get()
    assert (row.number, row.email) == (2, "ann@example.com")
    assert "256 KiB" in row.reason


def test_other_projects_are_not_touched(project: Project, other_project: Any) -> None:
    theirs = other_project.project
    Contact.objects.create(project=theirs, email="ann@example.com", subscribed=False)

    job = imported(project, "email,n\nann@example.com,1\n")

    assert figures(job) == {"rows": 1, "created": 1}
    assert Contact.objects.get(project=theirs).data is None


def test_types_are_kept(project: Project) -> None:
    columns = [
        EMAIL,
        data(CellType.NUMBER, "n"),
        data(CellType.BOOLEAN, "b"),
        data(CellType.DATE, "d"),
        data(CellType.LIST, "l"),
        data(CellType.TEXT, "t"),
    ]

    job = imported(
        project,
        "email,n,b,d,l,t\nann@example.com,1.5,yes,31.3.2026,a|b,007\n"
        'bob@example.com,x,perhaps,never,"[1, ""two""]",1\n'
        'cay@example.com,-3,0,2026-03-31T10:00:00+02:00,"[1, ""two""]",\n',
        columns=columns,
    )

    assert figures(job) == {"rows": 3, "created": 2, "rejected": 1}
    assert contact("ann@example.com").data == {
        "n": 1.5,
        "b": True,
        "d": "2026-03-31",
        "l": ["a", "b"],
        "t": "007",
    }
    assert contact("cay@example.com").data == {
        "n": -3,
        "b": False,
        "d": "2026-03-31T08:00:00.000Z",
        "l": [1, "two"],
    }
    row = RejectedRow.objects.get()
    assert row.reason == "“n” is not a number such as 42 or 3.14."
    assert row.cells[0] == "bob@example.com"


def test_what_an_import_remembers_goes(project: Project) -> None:
    Contact.objects.create(project=project, email="ann@example.com")
    imported(project, "email\nann@example.com\n")
    assert ImportSeen.objects.exists()

    tidy()

    assert not ImportSeen.objects.exists()


def test_whoever_is_suppressed_stays_so(project: Project) -> None:
    """F4."""
    Suppression.objects.create(
        project=project, email="ann@example.com", reason="BOUNCE"
    )

    imported(project, "email,subscribed\nann@example.com,yes\n")

    assert Suppression.objects.exists()


def test_a_stated_reason_lifts_suppressions_of_those_who_did_not_say_no(
    project: Project, alice: User
) -> None:
    for name in ("ann", "bob", "cay"):
        Suppression.objects.create(
            project=project, email=f"{name}@example.com", reason="BOUNCE"
        )
    content = "email,subscribed\nANN@example.com,yes\nbob@example.com,no\n"
    draft = stored(project, content)
    options = Options(release_suppressed=True, reason="Their server was mended.")
    columns = preview(draft).columns

    dry = finished(try_out(draft, columns=columns, options=options))
    assert Suppression.objects.count() == 3
    start(draft, columns=columns, options=options, user=alice)
    job = finished(draft)

    assert job.counts == dry.counts
    assert job.counts["released"] == 1
    left = Suppression.objects.order_by("email").values_list("email", flat=True)
    assert list(left) == ["bob@example.com", "cay@example.com"]
    assert ConsentChange.objects.filter(
        kind="RELEASED", contact__email="ann@example.com"
    ).exists()


def test_rejected_rows_go_after_a_month(project: Project) -> None:
    job = imported(project, "email,subscribed\nANN@x.co,?\nbob@x.co,1\n")
    late = imported(project, "email\nnobody\n")
    assert RejectedRow.objects.count() == 2

    Job.objects.filter(pk=job.pk).update(finished_at=Now() - timedelta(days=31))
    tidy()
    assert RejectedRow.objects.get().job == late
    Job.objects.update(finished_at=Now() - timedelta(days=31))
    tidy()

    assert not RejectedRow.objects.exists()
    assert late.counts["rejected"] == 1


def test_who_came_by_an_import_is_known(project: Project) -> None:
    Contact.objects.create(project=project, email="old@example.com")
    first = imported(project, "email\nann@example.com\nold@example.com\n")
    second = imported(project, "email\nbob@example.com\nann@example.com\n")
    rows = Contact.objects.filter(project=project)

    assert made_by(rows, first.pk).get().email == "ann@example.com"
    assert made_by(rows, second.pk).get().email == "bob@example.com"
    assert not made_by(rows, stored(project, "email\n").pk).exists()
    assert not made_by(rows, uuid4()).exists()


def test_a_draft_lives_for_a_day(project: Project) -> None:
    draft = stored(project, "email\nann@example.com\n")
    tidy()
    assert ImportPiece.objects.exists()

    Job.objects.update(created_at=Now() - timedelta(days=2))
    tidy()

    draft.refresh_from_db()
    assert draft.state == JobState.CANCELLED
    assert not ImportPiece.objects.exists()


def test_what_went_wrong_never_repeats_an_address(project: Project) -> None:
    """The job outlives the erasure of those who are in its file."""
    job = imported(
        project,
        "email,ok\nann@example.com,x\nann@@example.com,1\nann@localhost,1\n",
    )

    assert job.counts["rejected"] == 2
    assert "ann" not in str(job.errors)


def test_a_deadlock_costs_a_moment_and_not_a_lease(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as with a bulk change of the same contacts, which locks by id."""
    job = started(project, "email\nann@example.com\n")

    def lose(*_: Any) -> None:
        raise OperationalError("deadlock detected")

    with monkeypatch.context() as patch:
        patch.setattr(working, "_keep_rejected", lose)
        with pytest.raises(OperationalError):
            jobs.work(seconds=60)

    soon = Now() + timedelta(seconds=10)
    assert Job.objects.get(lease_expires_at__lt=soon).failures == 1
    Job.objects.update(lease_expires_at=None)
    assert figures(finished(job)) == {"rows": 1, "created": 1}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("rows", [3, 2])
def test_the_planner_hears_of_many_new_contacts(
    project: Project, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    """At once, and not only when the autovacuum comes by; of a few it hears later."""
    if not is_postgresql():
        return
    monkeypatch.setattr(statistics, "MANY", 3)
    fetch_all("ANALYZE contacts_contact", {})
    emails = [f"c{number}@example.com" for number in range(rows)]

    assert imported(project, "\n".join(["email", *emails])).state == JobState.COMPLETED

    ((known,),) = fetch_all(
        "SELECT reltuples::int FROM pg_class WHERE oid = 'contacts_contact'::regclass",
        {},
    )
    assert known == (rows if rows >= 3 else 0)


@pytest.mark.django_db(transaction=True)
def test_statistics_that_cannot_be_had_are_no_failure(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statistics, "MANY", 1)
    monkeypatch.setattr(statistics, "_LIMITS", "SELECT no_such_column")

    job = imported(project, "email\nann@example.com\n")

    assert (job.state, figures(job)["created"]) == (JobState.COMPLETED, 1)
