from __future__ import annotations

from urllib.parse import quote
from uuid import uuid4

from django.test import Client

from plunk.projects.creating import NewProject, create_project
from plunk.projects.models import Project, User


def test_an_anonymous_visitor_is_sent_to_log_in_and_back(
    client: Client, project: Project
) -> None:
    answer = client.get(f"/projects/{project.pk}/")

    assert answer.status_code == 302
    back = quote(f"/projects/{project.pk}/", safe="")
    assert answer["Location"] == f"/auth/login/?next={back}"


def test_a_poll_of_a_visitor_who_was_logged_out_leads_the_whole_page_to_log_in(
    client: Client, project: Project
) -> None:
    answer = client.get(
        f"/projects/{project.pk}/activity/?after=x",
        headers={
            "HX-Request": "true",
            "HX-Current-URL": f"http://testserver/projects/{project.pk}/",
        },
    )

    assert answer["HX-Redirect"].startswith("/auth/login/?next=")
    assert "activity" not in answer["HX-Redirect"]


def test_a_member_sees_the_project(client: Client, project: Project, bob: User) -> None:
    client.force_login(bob)

    answer = client.get(f"/projects/{project.pk}/")

    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]


def test_a_stranger_is_answered_as_if_the_project_did_not_exist(
    client: Client, project: Project, charlie: User, other_project: NewProject
) -> None:
    client.force_login(charlie)

    known = client.get(f"/projects/{project.pk}/")
    unknown = client.get(f"/projects/{uuid4()}/")

    assert known.status_code == unknown.status_code == 404
    assert known.content == unknown.content


def test_home_leads_to_the_project_that_was_open_last(
    client: Client, project: Project, alice: User
) -> None:
    second = create_project(name="Second", owner=alice).project
    client.force_login(alice)
    client.get(f"/projects/{second.pk}/")

    answer = client.get("/")

    assert answer["Location"] == f"/projects/{second.pk}/"


def test_home_leads_somebody_without_a_project_to_a_new_one(
    client: Client, charlie: User
) -> None:
    client.force_login(charlie)

    assert client.get("/")["Location"] == "/projects/new/"
