"""The topics of a project: arranged by admins, seen by members."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contacts import arranging
from contacts.models import Topic, TopicChoice
from plunk.projects.creating import NewProject
from plunk.projects.models import Project, User
from tests.pages.rows import make_contact


@pytest.fixture
def owner(client: Client, alice: User, project: Project) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def url(project: Project) -> str:
    return f"/projects/{project.pk}/settings/topics/"


def make(project: Project, name: str, **values: Any) -> Topic:
    return arranging.create_topic(
        project_id=project.pk,
        name=name,
        description="",
        is_opt_out=values.get("is_opt_out", True),
    )


def names(project: Project) -> list[str]:
    rows = arranging.topics_in_order(project.pk)
    return [row.topic.name for row in rows if row.topic.archived_at is None]


def test_without_topics_the_page_says_what_they_are(owner: Client, url: str) -> None:
    assert b"No topics yet" in owner.get(url).content


@pytest.mark.parametrize(
    ("rule", "is_opt_out"), [("everybody", True), ("joined", False)]
)
def test_a_topic_is_made(
    owner: Client, url: str, project: Project, rule: str, is_opt_out: bool
) -> None:
    answer = owner.post(
        f"{url}new/", {"name": " News ", "description": "Weekly", "rule": rule}
    )

    topic = Topic.objects.get()
    assert answer["Location"] == url
    assert (topic.project_id, topic.name) == (project.pk, "News")
    assert (topic.description, topic.is_opt_out) == ("Weekly", is_opt_out)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": " "},
        {"name": "x" * 101},
        {"name": "two\nlines"},
        {"name": "nul\x00"},
        {"description": "x" * 301},
        {"rule": "nobody"},
        {"rule": ""},
        {"name": "Taken"},
    ],
)
def test_a_topic_that_cannot_be_is_not_made(
    owner: Client, url: str, project: Project, fields: dict[str, str]
) -> None:
    make(project, "Taken")

    answer = owner.post(f"{url}new/", {"name": "New", "rule": "joined", **fields})

    assert answer.status_code == 200
    assert Topic.objects.count() == 1


def test_there_are_only_so_many(
    owner: Client, url: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arranging, "MAX_TOPICS", 1)
    topic = make(project, "One")

    answer = owner.post(f"{url}new/", {"name": "Two", "rule": "joined"})
    arranging.archive_topic(topic=topic)
    make(project, "Three")
    owner.post(f"{url}{topic.pk}/restore/")

    assert b"may have 1 topics" in answer.content
    assert names(project) == ["Three"]


def test_words_change_and_the_rule_does_not(
    owner: Client, url: str, project: Project
) -> None:
    topic = make(project, "News")

    owner.post(
        f"{url}{topic.pk}/", {"name": "Letters", "description": "x", "rule": "joined"}
    )

    topic.refresh_from_db()
    assert (topic.name, topic.description, topic.is_opt_out) == ("Letters", "x", True)


def test_a_name_that_is_taken_is_not_given_again(
    owner: Client, url: str, project: Project
) -> None:
    topic = make(project, "News")
    arranging.archive_topic(topic=make(project, "Old"))

    answer = owner.post(f"{url}{topic.pk}/", {"name": "Old"})

    assert b"maybe archived" in answer.content
    assert names(project) == ["News"]


def test_topics_are_put_in_order(owner: Client, url: str, project: Project) -> None:
    first, _, third = (make(project, name) for name in ("One", "Two", "Three"))

    owner.post(f"{url}{third.pk}/move/", {"to": "up"})
    owner.post(f"{url}{first.pk}/move/", {"to": "up"})
    owner.post(f"{url}{first.pk}/move/", {"to": "down"})

    assert names(project) == ["Three", "One", "Two"]


def test_archiving_asks_first_and_can_be_undone(
    owner: Client, url: str, project: Project
) -> None:
    topic = make(project, "News")
    contact = make_contact(project, "ada@example.com")
    TopicChoice.objects.create(topic=topic, contact=contact, is_joined=False)

    asked = owner.get(f"{url}{topic.pk}/archive/")
    was_there = names(project)
    owner.post(f"{url}{topic.pk}/archive/")
    was_gone = names(project)
    owner.post(f"{url}{topic.pk}/restore/")

    assert b"What they chose is kept" in asked.content
    assert (was_there, was_gone, names(project)) == (["News"], [], ["News"])
    assert TopicChoice.objects.count() == 1


def test_people_are_counted_by_what_they_chose_and_no_further_than_is_shown(
    owner: Client, url: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arranging, "COUNTED", 2)
    left = make(project, "Left by two")
    joined = make(project, "Joined by three", is_opt_out=False)
    for number in range(3):
        contact = make_contact(project, f"{number}@example.com")
        TopicChoice.objects.create(topic=left, contact=contact, is_joined=number == 0)
        TopicChoice.objects.create(topic=joined, contact=contact, is_joined=True)

    with CaptureQueriesContext(connection) as queries:
        rows = {row.topic.name: row for row in arranging.topics_in_order(project.pk)}
    statements = len(queries)
    page = " ".join(owner.get(url).content.decode().split())

    assert statements == 2
    assert (rows["Left by two"].count, rows["Left by two"].is_more) == (2, False)
    assert rows["Joined by three"].is_more
    assert "2 left" in page
    assert "2+ joined" in page


def test_a_member_sees_topics_and_changes_none(
    client: Client, url: str, project: Project, bob: User
) -> None:
    topic = make(project, "News")
    client.force_login(bob)

    page = client.get(url).content

    assert b"News" in page
    assert b"New topic" not in page
    assert b"Archive" not in page
    for action in ("move", "restore", "archive"):
        assert client.post(f"{url}{topic.pk}/{action}/").status_code == 403


def test_a_topic_of_another_project_is_not_moved(
    owner: Client, url: str, other_project: NewProject
) -> None:
    foreign = make(other_project.project, "Theirs")

    for action in ("", "archive/", "restore/", "move/"):
        answer = owner.post(f"{url}{foreign.pk}/{action}", {"name": "Mine"})
        assert answer.status_code == 404
    assert names(other_project.project) == ["Theirs"]


def test_names_are_only_text(owner: Client, url: str, project: Project) -> None:
    make(project, "<script>alert(1)</script>")

    assert b"<script>alert" not in owner.get(url).content
