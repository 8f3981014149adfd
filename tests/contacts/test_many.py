from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from contacts import jobs
from contacts.models import Contact, Job, JobKind, JobState, Segment, SegmentType
from plunk.projects.creating import NewProject
from plunk.projects.models import Project, User
from tests.pages.rows import make_contact


@pytest.fixture
def admin(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def url(project: Project) -> str:
    return f"/projects/{project.pk}/contacts/bulk/"


@pytest.fixture
def people(project: Project) -> list[Contact]:
    return [
        make_contact(project, f"{name}@example.com", subscribed=name != "cem")
        for name in ("ada", "ben", "cem")
    ]


@pytest.fixture
def segment(project: Project) -> Segment:
    return Segment.objects.create(project=project, name="VIP", type=SegmentType.STATIC)


def confirm(client: Client, url: str, number: int, **fields: Any) -> Job:
    """Confirm what a page asked; return the job that began."""
    answer = client.post(url, {"confirm": number, "number": number, **fields})
    job = Job.objects.get()
    assert answer["Location"] == url.replace("contacts/bulk", f"jobs/{job.pk}")
    while jobs.work(seconds=1):
        pass
    job.refresh_from_db()
    assert job.state == JobState.COMPLETED, job.failed_reason
    return job


@pytest.mark.parametrize("action", ["subscribe", "unsubscribe", "segment", "delete"])
def test_the_number_is_said_before_anything_happens(
    admin: Client, url: str, people: list[Contact], segment: Segment, action: str
) -> None:
    ids = [contact.pk for contact in people[:2]]

    answer = admin.post(url, {"action": action, "scope": "ids", "id": ids})

    assert "2 contacts" in answer.content.decode()
    assert not Job.objects.exists()


def test_those_chosen_are_unsubscribed(
    admin: Client, url: str, people: list[Contact], alice: User
) -> None:
    ids = [contact.pk for contact in people[:2]]

    job = confirm(admin, url, 2, action="unsubscribe", scope="ids", id=ids)

    assert (job.kind, job.user) == (JobKind.UNSUBSCRIBE, alice)
    assert not Contact.objects.filter(subscribed=True).exists()


@pytest.mark.parametrize("everybody", [{"scope": "all"}, {"everybody": "yes"}])
def test_all_that_match_are_subscribed(
    admin: Client, url: str, people: list[Contact], everybody: dict[str, str]
) -> None:
    query = {"action": "subscribe", "query": "state=unsubscribed"}

    page = admin.post(url, query | everybody)
    confirm(admin, url, 1, **query, **everybody)

    assert page.context["number"] == 1
    assert "Not subscribed" in page.content.decode()
    assert Contact.objects.filter(subscribed=True).count() == 3


def test_all_that_match_go_into_a_segment(
    admin: Client, url: str, people: list[Contact], segment: Segment
) -> None:
    job = confirm(
        admin, url, 3, action="segment", scope="all", query="q=@ex", into=segment.pk
    )

    assert job.counts == {"success": 3, "unchanged": 0}
    segment.refresh_from_db()
    assert segment.member_count == 3


@pytest.mark.parametrize("which", ["dynamic", "foreign", "none", "nonsense", "empty"])
def test_only_a_segment_kept_by_hand_takes_contacts(
    admin: Client,
    url: str,
    people: list[Contact],
    project: Project,
    other_project: NewProject,
    which: str,
) -> None:
    static = {"name": "theirs", "type": SegmentType.STATIC}
    into = {
        "dynamic": Segment.objects.create(project=project, name="rule").pk,
        "foreign": Segment.objects.create(project=other_project.project, **static).pk,
        "none": uuid4(),
        "nonsense": "x",
        "empty": "",
    }[which]

    answer = admin.post(
        url,
        {"action": "segment", "scope": "all", "confirm": 3, "number": 3, "into": into},
    )

    assert answer.status_code == 200
    assert b"theirs" not in answer.content
    assert not Job.objects.exists()


def test_deleting_needs_the_number_in_writing(
    admin: Client, url: str, people: list[Contact]
) -> None:
    fields = {"action": "delete", "scope": "all", "query": "q=ada"}

    wrong = admin.post(url, {**fields, "confirm": "2", "number": "1"})
    assert "This is not 1" in wrong.content.decode()
    assert not Job.objects.exists()
    confirm(admin, url, 1, **fields)

    assert Contact.objects.count() == 2


def test_a_member_deletes_nobody(
    client: Client, url: str, people: list[Contact], bob: User
) -> None:
    client.force_login(bob)

    answer = client.post(
        url, {"action": "delete", "scope": "all", "confirm": 3, "number": 3}
    )

    assert answer.status_code == 403
    assert not Job.objects.exists()


def test_those_chosen_are_exported(
    admin: Client, url: str, people: list[Contact]
) -> None:
    answer: Any = admin.post(url, {"action": "export", "id": [people[1].pk]})

    content = b"".join(answer.streaming_content)
    assert b"ben@example.com" in content
    assert b"ada@example.com" not in content


def test_all_that_match_are_exported_by_their_page(
    admin: Client, url: str, project: Project
) -> None:
    answer = admin.post(url, {"action": "export", "scope": "all", "query": "q=ada"})

    assert answer["Location"] == f"/projects/{project.pk}/contacts/export/?q=ada"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"action": "unsubscribe"},
        {"action": "unsubscribe", "scope": "ids", "id": ["nonsense", "\x00", ""]},
        {"action": "nonsense", "scope": "all"},
    ],
)
def test_nothing_chosen_changes_nothing(
    admin: Client, url: str, people: list[Contact], fields: dict[str, Any]
) -> None:
    answer = admin.post(url, fields)

    assert answer.status_code == 302
    assert not Job.objects.exists()


def test_contacts_of_others_are_as_good_as_none(
    admin: Client, url: str, other_project: NewProject
) -> None:
    theirs = make_contact(other_project.project, "ann@example.com")
    fields = {"action": "unsubscribe", "id": [theirs.pk], "confirm": 1, "number": 1}

    answer = admin.post(url, fields)

    assert answer.context["number"] == 0
    assert b"ann@example.com" not in answer.content
    assert not Job.objects.exists()


def test_a_segment_that_is_gone_ends_the_job(
    admin: Client, url: str, people: list[Contact], segment: Segment
) -> None:
    query = f"segment={segment.pk}"
    answer = admin.post(url, {"action": "delete", "scope": "all", "query": query})
    assert answer.context["number"] == 0

    segment.memberships.create(contact=people[0])
    admin.post(
        url,
        {
            "action": "delete",
            "scope": "all",
            "query": query,
            "confirm": 1,
            "number": 1,
        },
    )
    segment.delete()
    jobs.work(seconds=1)

    job = Job.objects.get()
    assert job.state == JobState.FAILED
    assert "not there any more" in job.failed_reason
    assert Contact.objects.count() == 3
