"""What the tests of events share."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import Client

from automations.models import Event, Occurrence
from contacts.models import Contact
from plunk.projects.models import Project, User
from tests.pages.rows import make_contact


@pytest.fixture
def ann(project: Project) -> Contact:
    contact = make_contact(project, "ann@example.com")
    contact.refresh_from_db()
    return contact


@pytest.fixture
def page(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def happen(
    project: Project,
    name: str,
    *,
    contact: Contact | None = None,
    times: int = 1,
    days_ago: float = 0,
    **data: Any,
) -> Event:
    """Have an event happen some times, so many days ago; it is at least as old."""
    event, _ = Event.objects.get_or_create(project=project, name=name)
    at = Now() - timedelta(days=days_ago)
    if days_ago:
        Event.objects.filter(pk=event.pk, created_at__gt=at).update(created_at=at)
    Occurrence.objects.bulk_create(
        [
            Occurrence(
                project=project,
                event=event,
                contact=contact,
                data=data or None,
                created_at=at,
            )
            for _ in range(times)
        ]
    )
    event.refresh_from_db()
    return event
