from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from campaigns.models import Campaign
from plunk.projects.models import Project, User

Shown = Callable[..., str]


@pytest.fixture
def member(client: Client, bob: User) -> Client:
    """Bob, who is neither owner nor admin: every member makes campaigns."""
    client.force_login(bob)
    return client


@pytest.fixture
def url(project: Project) -> str:
    return f"/projects/{project.pk}/campaigns"


@pytest.fixture
def shown(member: Client, url: str) -> Shown:
    """Return what bob sees at a path below the campaigns."""

    def show(path: str = "", **query: Any) -> str:
        response = member.get(f"{url}/{path}", query)
        assert response.status_code == 200
        return response.content.decode()

    return show


@pytest.fixture
def post(member: Client, url: str) -> Callable[..., Any]:
    """Post fields to a path below the campaigns."""

    def send(path: str, fields: dict[str, Any] | None = None) -> Any:
        return member.post(f"{url}/{path}", fields or {})

    return send


def fresh(campaign: Campaign) -> Campaign:
    """Return a campaign as it is in the database by now."""
    return Campaign.objects.get(pk=campaign.pk)
