"""What the tests of the contact endpoints share."""

from __future__ import annotations

from typing import Any

import pytest

from contacts.models import Contact
from plunk.projects.models import Project
from tests.pages.rows import make_contact


@pytest.fixture
def ann(project: Project) -> Contact:
    contact = make_contact(project, "ann@example.com", data={"plan": "pro", "n": 7})
    contact.refresh_from_db()
    return contact


def people(project: Project, count: int, **values: Any) -> list[Contact]:
    """Make contacts c0, c1, …, each later than the one before."""
    return [
        make_contact(project, f"c{number}@example.com", **values)
        for number in range(count)
    ]


def assert_error(response: Any, status: int, code: str, *fields: str) -> None:
    """Check the error body of the contract, in the generation that the path says."""
    body = response.json()
    assert response.status_code == status, body
    assert body["success"] is False
    assert body["code"] == status
    assert isinstance(body["message"], str)
    assert isinstance(body["time"], int)
    assert body["timestamp"].endswith("Z")
    is_classic = "/v1/" in response.wsgi_request.path
    assert isinstance(body["error"], str) == is_classic
    error = body["details"] if is_classic else body["error"]
    assert error["code"] == code
    assert error["statusCode"] == status
    assert error["requestId"] == response["X-Request-ID"]
    assert {one["field"] for one in error.get("errors", [])} == set(fields)
