from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from automations.tracking import Tracked, Tracking, track
from contacts.data import DataChange
from plunk.projects.models import Project
from transactional.models import MailKind, SavedBy, Template
from transactional.templates import create

Track = Callable[..., Tracked]


@pytest.fixture
def template(project: Project) -> Template:
    """A mail that needs no consent."""
    return _template(project, MailKind.TRANSACTIONAL)


@pytest.fixture
def newsletter(project: Project) -> Template:
    """A mail that needs consent."""
    return _template(project, MailKind.MARKETING)


def _template(project: Project, kind: MailKind) -> Template:
    return create(
        project_id=project.pk,
        written={
            "name": f"Hello {kind}",
            "subject": "Hello {{ name ?? you }}",
            "body": "<p>Hello {{ name ?? you }}</p>",
            "kind": kind,
        },
        saved_by=SavedBy.API,
    )


@pytest.fixture
def tracked(project: Project) -> Track:
    """Track an event of a contact, made when new; keywords are the event's data."""

    def work(event: str, email: str = "rita@example.com", **data: Any) -> Tracked:
        return track(
            Tracking(
                project_id=project.pk,
                email=email,
                event=event,
                data=DataChange(values=data),
            )
        )

    return work
