"""Imports beside each other and beside tracked events, about the same people."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from contacts import jobs
from contacts.importing import import_file
from contacts.importing.portable import PortableWriter
from contacts.importing.postgres import PostgresWriter
from contacts.models import Contact, Door, JobState
from contacts.upserting import CONTACT_CTE, Person, contact_params, upsert_contacts
from plunk.postgresql import fetch_all, is_postgresql
from plunk.projects.models import Project

# Threads have connections of their own.
pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE = 60


def track(project: Project, emails: list[str]) -> None:
    """Find or make several people in one statement, as a mail to many does."""
    do = _in_one_statement if is_postgresql() else upsert_contacts
    do(
        project_id=project.pk,
        people=[Person(email, {"tracked": True}) for email in emails],
        subscribed_when_new=True,
        door=Door.TRACK,
    )


def _in_one_statement(**given: Any) -> None:
    fetch_all(f"WITH {CONTACT_CTE} SELECT * FROM contact", contact_params(**given))


def test_nobody_waits_in_a_circle_and_nobody_is_there_twice(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PortableWriter, "chunk_rows", 20)
    monkeypatch.setattr(PostgresWriter, "chunk_rows", 20)
    emails = [f"u{number:02}@example.com" for number in range(PEOPLE)]
    starting = Barrier(6)

    def importing(order: list[str]) -> Callable[[], object]:
        raw = "email,imported\n" + "".join(f"{email},yes\n" for email in order)
        job = import_file(
            project_id=project.pk, file=io.BytesIO(raw.encode()), name="x.csv"
        )
        return partial(jobs.work, seconds=60, only=job.pk)

    def together(work: Callable[[], object]) -> None:
        starting.wait()
        try:
            work()
        finally:
            connection.close()

    works = [
        importing(emails),
        importing(emails[::-1]),
        importing(emails[::2] + emails[1::2]),
        *(
            partial(track, project, part)
            for part in (emails, emails[::-1], emails[20:])
        ),
    ]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(together, works))

    found = Counter(Contact.objects.values_list("email", flat=True))
    assert found == dict.fromkeys(emails, 1)
    for contact in Contact.objects.all():
        assert contact.data == {"imported": True, "tracked": True}
    done = list(project.contact_jobs.all())
    assert {job.state for job in done} == {JobState.COMPLETED}
    assert {job.counts["rows"] for job in done} == {PEOPLE}
