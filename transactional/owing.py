"""Mails that steps of workflows owe: queued in the transaction that takes the step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models.functions import Now

from plunk.api.strictjson import write
from plunk.ids import new_id
from plunk.postgresql import fetch_all, is_postgresql
from plunk.projects.models import Project
from plunk.waking import wake_on_commit
from transactional.contents import content_of
from transactional.models import Content, Email, Lane, MailKind, Source, Template
from transactional.previewing import draft_of
from transactional.senders import Sender, choose_sender


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
    queue = _write_postgresql if is_postgresql() else _write_portable
    queue(project, template, sender, content.pk, mails)
    wake_on_commit("transactional.tasks.deliver")


#: The rest of a row is what the table says a new one has.
_OWE_SQL = """
INSERT INTO transactional_email (
  id, project_id, contact_id, content_id, template_id, template_version, kind, source,
  lane, origin_id, to_email, from_email, from_name, reply_to, variables, tracks
)
SELECT
  mail.id, %(project_id)s, mail.contact_id, %(content_id)s, %(template_id)s,
  %(template_version)s, mail.kind, %(source)s, %(lane)s, mail.origin_id,
  mail.to_email, %(from_email)s, %(from_name)s, %(reply_to)s,
  NULLIF(mail.variables, '{}'::jsonb), %(tracks)s
FROM unnest(
  %(ids)s::uuid[], %(contacts)s::uuid[], %(kinds)s::text[], %(origins)s::uuid[],
  %(addresses)s::text[], %(variables)s::text[]::jsonb[]
) AS mail(id, contact_id, kind, origin_id, to_email, variables)
ON CONFLICT (origin_id, contact_id, run) WHERE origin_id IS NOT NULL DO NOTHING
"""


def _write_postgresql(
    project: Project,
    template: Template,
    sender: Sender,
    content_id: UUID,
    mails: Sequence[Owed],
) -> None:
    params = {
        "project_id": project.pk,
        "content_id": content_id,
        "template_id": template.pk,
        "template_version": template.version,
        "source": Source.WORKFLOW.value,
        "lane": Lane.WORKFLOW.value,
        "from_email": sender.email,
        "from_name": sender.name,
        "reply_to": template.reply_to or project.reply_to,
        "tracks": template.tracks,
        "ids": [new_id() for _ in mails],
        "contacts": [mail.contact_id for mail in mails],
        "kinds": [_kind(template, mail) for mail in mails],
        "origins": [mail.origin_id for mail in mails],
        "addresses": [mail.to_email for mail in mails],
        "variables": [write(mail.variables).decode() for mail in mails],
    }
    fetch_all(_OWE_SQL, params)


def _write_portable(
    project: Project,
    template: Template,
    sender: Sender,
    content_id: UUID,
    mails: Sequence[Owed],
) -> None:
    Email.objects.bulk_create(
        [
            Email(
                project_id=project.pk,
                contact_id=mail.contact_id,
                content_id=content_id,
                template_id=template.pk,
                template_version=template.version,
                kind=_kind(template, mail),
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


def _kind(template: Template, mail: Owed) -> str:
    return MailKind.TRANSACTIONAL.value if mail.is_to_another else template.kind
