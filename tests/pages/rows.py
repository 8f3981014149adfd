"""Rows for pages to show, made without the machinery that makes them in life."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from automations.models import Event, Occurrence
from contacts.models import Contact
from plunk.projects.models import Project
from transactional.models import Content, Email, EmailEvent, EmailEventKind


def make_contact(project: Project, email: str = "", **values: Any) -> Contact:
    address = email or f"c{Contact.objects.count()}@example.com"
    return Contact.objects.create(project=project, email=address, **values)


def make_email(
    project: Project,
    contact: Contact | None = None,
    *,
    subject: str = "Hello",
    body: str = "<p>Hi</p>",
    **values: Any,
) -> Email:
    to = contact or make_contact(project)
    content = Content.objects.create(
        id=uuid4(), project=project, subject=subject, body=body
    )
    email = Email.objects.create(
        project=project,
        contact=to,
        content=content,
        to_email=to.email,
        from_email="hello@example.com",
        **values,
    )
    email.refresh_from_db()
    return email


def make_email_event(email: Email, kind: EmailEventKind, **values: Any) -> EmailEvent:
    event = EmailEvent.objects.create(
        project_id=email.project_id,
        email=email,
        kind=kind,
        at=email.created_at,
        key=uuid4().hex,
        **values,
    )
    event.refresh_from_db()
    return event


def make_occurrence(project: Project, contact: Contact, name: str) -> Occurrence:
    event, _ = Event.objects.get_or_create(project=project, name=name)
    return Occurrence.objects.create(project=project, event=event, contact=contact)
