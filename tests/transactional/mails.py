"""Mails for tests that begin after they were queued."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from contacts.models import Contact
from plunk.ids import new_id
from plunk.projects.models import Project
from transactional.models import Content, Email, EmailState, Lane, Source, Stream


def into_stream(project: Project, mails: QuerySet[Email]) -> Stream:
    """Make queued mails bulk mail of one origin, whose stream is open."""
    stream = Stream.objects.create(
        id=new_id(), project=project, from_domain="example.com"
    )
    mails.update(lane=Lane.CAMPAIGN, source=Source.CAMPAIGN, origin_id=stream.pk)
    return stream


def make_email(
    project: Project, *, to_email: str = "dana@example.com", **fields: Any
) -> Email:
    """Return a mail that a worker is sending, its first attempt, unless told else."""
    contact, _ = Contact.objects.get_or_create(project=project, email=to_email)
    content, _ = Content.objects.get_or_create(
        project=project, subject="Hello", body="<p>Hi</p>", defaults={"id": new_id()}
    )
    values: dict[str, Any] = {
        "state": EmailState.SENDING,
        "attempt": 1,
        "from_email": "hello@example.com",
    }
    email = Email.objects.create(
        project=project,
        contact=contact,
        content=content,
        to_email=to_email,
        **(values | fields),
    )
    email.refresh_from_db()
    return email
