from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from automations.models import Workflow
from plunk.projects.models import Project, User
from tests.automations.building import live, on, settle, step
from tests.automations.conftest import Track
from transactional.models import Template

_CANVAS = re.compile(r"/workflows/[0-9a-f-]{36}/$")
Shown = Callable[..., str]
Post = Callable[..., Any]


@pytest.fixture
def member(client: Client, bob: User) -> Client:
    """Bob, who is neither owner nor admin: every member makes workflows."""
    client.force_login(bob)
    return client


@pytest.fixture
def url(project: Project) -> str:
    return f"/projects/{project.pk}/workflows"


@pytest.fixture
def shown(member: Client, url: str) -> Shown:
    """Return what bob sees at a path below the workflows."""

    def show(path: str = "", **query: Any) -> str:
        response = member.get(f"{url}/{path}", query)
        assert response.status_code == 200
        return response.content.decode()

    return show


@pytest.fixture
def post(member: Client, url: str) -> Post:
    """Post fields to a path below the workflows; return the page that follows.

    That of the canvas has tests of its own: there, the redirection is returned.
    """

    def send(path: str, **fields: Any) -> Any:
        response = member.post(f"{url}/{path}", fields)
        if response.status_code != 302 or _CANVAS.search(response["Location"]):
            return response
        return member.get(response["Location"])

    return send


@pytest.fixture
def pausing(project: Project) -> Workflow:
    """A workflow in which everybody waits two days."""
    pause = step("DELAY", amount=2, unit="days")
    return live(project, on("signed-up"), pause, step("EXIT"))


@pytest.fixture
def parked(project: Project, template: Template, tracked: Track) -> Workflow:
    """A workflow with rita parked in it: its template is gone."""
    workflow = live(project, on("signed-up"), step("SEND_EMAIL", template=template))
    Template.objects.filter(pk=template.pk).update(deleted_at="2026-01-01T00:00:00Z")
    tracked("signed-up")
    settle()
    return workflow
