from __future__ import annotations

from typing import Any

import pytest

from contacts.models import Contact
from plunk.projects.models import Project
from tests.conftest import Api
from tests.pages.rows import make_contact

WAIT = {"amount": 3, "unit": "days"}


@pytest.fixture
def ann(project: Project) -> Contact:
    return make_contact(project, "ann@example.com", data={"plan": "pro"})


class Made:
    """A workflow, made and changed through the API."""

    def __init__(self, api: Api, **body: Any) -> None:
        self.api = api
        given = {"name": "Welcome", "eventName": "signed-up"} | body
        response = api.post("/api/workflows", given)
        assert response.status_code == 201, response.json()
        self.first = response.json()
        self.path = f"/api/workflows/{self.first['id']}"

    def add(self, kind: str, config: Any = None, **more: Any) -> Any:
        body = {
            "type": kind,
            "name": kind.title(),
            "position": {"x": 1, "y": 2.5},
            "config": config or {},
        } | more
        response = self.api.post(f"{self.path}/steps", body)
        assert response.status_code == 201, response.json()
        return response.json()

    def join(self, first: Any, second: Any, **more: Any) -> Any:
        return self.api.post(
            f"{self.path}/transitions",
            {"fromStepId": first["id"], "toStepId": second["id"]} | more,
        )

    def patch(self, **body: Any) -> Any:
        return self.api.send("PATCH", self.path, body)

    def start(self, contact: Contact, **more: Any) -> Any:
        return self.api.post(
            f"{self.path}/executions", {"contactId": str(contact.pk)} | more
        )

    @property
    def now(self) -> Any:
        return self.api.get(self.path).json()

    def step(self, kind: str) -> Any:
        return next(one for one in self.now["steps"] if one["type"] == kind)


@pytest.fixture
def made(api: Api) -> Made:
    return Made(api)


@pytest.fixture
def waiting(made: Made, ann: Contact) -> Made:
    """An enabled workflow in which ann is, and waits for three days."""
    made.add("DELAY", WAIT)
    made.add("EXIT")
    assert made.patch(enabled=True).status_code == 200
    assert made.start(ann).status_code == 201
    return made
