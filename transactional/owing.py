"""Mails that steps of workflows owe: queued in the transaction that takes the step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models.functions import Now

from plunk.projects.models import Project
from plunk.waking import wake_on_commit
from transactional.contents import content_of
from transactional.models import Content, Email, Lane, MailKind, Source, Template
from transactional.previewing import draft_of
from transactional.senders import choose_sender


@dataclass(frozen=True, slots=True)
class Owed:
    """A mail to one contact. `origin_id` is what owes it, once for each contact."""

    origin_id: UUID
    contact_id: UUID
    to_email: str
    variables: Mapping[str, Any]
    #: What asks for the contact's consent does not concern somebody else's address.
    is_to_another: bool = False


def owe(*, project: Project, template: Template, mails: Sequence[Owed]) -> None:
    """Queue mails of a project's template, as it is now; again is a no-op.

    Raises Invalid or DomainNotVerified, with nothing queued, where the project may not
    send from the template's address or has none of its own.
    """
    sender = choose_sender(
        project_id=project.pk,
        email=template.from_email or project.from_email,
        name=template.from_name or project.from_name or project.name,
    )
    content = content_of(project.pk, draft_of(template))
    Content.objects.bulk_create([content], ignore_conflicts=True)
    Email.objects.bulk_create(
        [
            Email(
                project_id=project.pk,
                contact_id=mail.contact_id,
                content_id=content.pk,
                template_id=template.pk,
                template_version=template.version,
                kind=MailKind.TRANSACTIONAL if mail.is_to_another else template.kind,
                source=Source.WORKFLOW,
                lane=Lane.WORKFLOW,
                origin_id=mail.origin_id,
                to_email=mail.to_email,
                from_email=sender.email,
                from_name=sender.name,
                reply_to=template.reply_to or project.reply_to,
                variables=dict(mail.variables) or None,
                tracks=template.tracks,
                created_at=Now(),
            )
            for mail in mails
        ],
        ignore_conflicts=True,
        batch_size=500,
    )
    wake_on_commit("transactional.tasks.deliver")
