"""What the tests of templates share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from plunk.projects.models import Project
from transactional import templates
from transactional.models import SavedBy, Template

Write = Callable[..., Template]

#: What a client of the API says of a template at least.
BODY: dict[str, Any] = {
    "name": "Welcome",
    "subject": "Hi {{ firstName ?? there }}",
    "body": "<p>Hello {{ firstName }}</p>",
    "from": "hello@example.com",
}


@pytest.fixture
def write(project: Project) -> Write:
    """Make a template as the editor would."""

    def _write(**changes: Any) -> Template:
        values = {"name": "Welcome", "subject": "Hi", "body": "<p>Hello</p>"}
        return templates.create(
            project_id=project.pk, written=values | changes, saved_by=SavedBy.PAGE
        )

    return _write


@pytest.fixture
def template(write: Write) -> Template:
    return write()
