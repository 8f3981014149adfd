"""What the page of a job says of each kind."""

from __future__ import annotations

from itertools import product

import pytest
from django.test import Client
from django.utils.html import escape

from automations import bulk, dropping
from automations.models import Workflow
from contacts import jobs
from contacts.models import Job, JobKind, JobState
from plunk.ids import new_id_text
from plunk.projects.models import Project
from tests.automations.building import settle
from tests.automations.conftest import Track
from tests.automations.pages.conftest import Post

_SAID = {
    JobKind.ENROL: ("Begin “Welcome” for a segment", "7 contacts", "Kept out"),
    JobKind.CANCEL_RUNS: ("Cancel everybody in “Welcome”", "7 runs", "Cancelled"),
    JobKind.RESUME_RUNS: ("Resume everybody parked in “Welcome”", "7 runs", "On the"),
    JobKind.MOVE_RUNS: ("Move people in “Welcome” to", "7 runs", "Moved"),
    JobKind.DROP_FLOW: ("Delete “Welcome”", "7 runs", "Runs deleted"),
    JobKind.DROP_EVENT: ("Delete the event “Welcome”", "7 occurrences", "Deleted"),
    JobKind.SUBSCRIBE: ("Subscribe contacts", "7 contacts", "Unchanged"),
    JobKind.UNSUBSCRIBE: ("Unsubscribe contacts", "7 contacts", "Unchanged"),
    JobKind.DELETE: ("Delete contacts", "7 contacts", "Not possible"),
    JobKind.ADD: ("Add contacts to a segment", "7 contacts", "Unchanged"),
    JobKind.DROP_FIELD: ("Remove a field", "7 contacts", "Done"),
    JobKind.FREEZE: ("Launch a campaign", "7 contacts"),
    JobKind.PREFLIGHT: ("Check a campaign", "7 contacts"),
}


def test_each_kind_of_job_has_its_own_words(
    member: Client, project: Project, pausing: Workflow
) -> None:
    wrong = []
    for kind, state in product(_SAID, [JobState.ACTIVE, JobState.COMPLETED]):
        is_kept = kind != JobKind.DROP_FLOW
        job = Job.objects.create(
            project=project,
            kind=kind,
            state=state,
            done=7,
            total=10,
            parameters={
                "workflow": str(pausing.pk) if is_kept else new_id_text(),
                "name": "Welcome",
            },
        )
        page = member.get(f"/projects/{project.pk}/jobs/{job.pk}/").content.decode()
        asked = member.get(f"/projects/{project.pk}/jobs/{job.pk}/cancel/")
        ends = is_kept and kind != JobKind.DROP_EVENT and state == JobState.ACTIVE
        found = [escape(words) in page for words in _SAID[kind]]
        found += [(f"jobs/{job.pk}/cancel/" in page) == ends]
        found += [(asked.status_code == 200) == ends]
        if not all(found):
            wrong.append((kind, state, found))

    assert set(_SAID) == set(JobKind) - {JobKind.IMPORT}
    assert not wrong


def test_many_are_cancelled_by_a_job_that_the_page_leads_to(
    post: Post, pausing: Workflow, tracked: Track, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MOST_AT_ONCE", 1)
    monkeypatch.setattr(dropping, "MOST_AT_ONCE", 1)
    for name in "ab":
        tracked("signed-up", f"{name}@example.com")
    settle()

    begun = post(f"{pausing.pk}/cancel-all/")
    while jobs.work(seconds=10):
        continue
    gone = post(f"{pausing.pk}/delete/", people="end")

    assert "Cancel everybody in “Welcome”" in begun.content.decode()
    assert Job.objects.get(kind=JobKind.CANCEL_RUNS).counts == {"success": 2}
    assert "is deleted" in gone.content.decode()
    assert Workflow.objects.get().deleted_at is not None
