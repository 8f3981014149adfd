"""The mail by which a contact confirms its subscription (double opt-in).

The floor below says who is asked, in its own transaction; the mails are queued in that
same transaction. Where a project has nobody to send from, the question stays owed and
the sweep tries again.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.template.loader import render_to_string
from django.utils.translation import gettext

from contacts import languages
from contacts.models import Confirmation, Contact
from contacts.subscriptions import locked
from plunk.api.errors import ApiError
from plunk.projects.branding import brand_of
from plunk.projects.models import Project
from plunk.waking import wake_on_commit
from transactional.contents import Draft, content_of
from transactional.marketing import SUBSCRIBE_URL
from transactional.models import Content, Email, MailKind, Source
from transactional.senders import Sender, choose_sender

logger = logging.getLogger(__name__)

_BATCH = 500
#: What tells other programs not to answer (RFC 3834).
_HEADERS = {"Auto-Submitted": "auto-generated"}


def queue_confirmations(
    *, project_id: UUID, contact_ids: Sequence[UUID], is_reminder: bool, **_: Any
) -> bool:
    """Queue a mail to each of a project's contacts who are asked to confirm.

    Return False, with a line in the log, where the project has no sender for it.
    """
    project = Project.objects.get(pk=project_id)
    try:
        sender = choose_sender(
            project_id=project_id,
            email=project.from_email,
            name=project.from_name or project.name,
        )
    except ApiError as error:
        logger.warning(
            "confirmations wait for a sender",
            extra={"project_id": str(project_id), "reason": str(error)},
        )
        return False
    for language, contacts in _by_language(project, contact_ids).items():
        _queue(
            contacts,
            sender=sender,
            content=_content(project, language, is_reminder=is_reminder),
        )
    Confirmation.objects.filter(pk__in=contact_ids).update(mailed_at=Now())
    wake_on_commit("transactional.tasks.deliver")
    return True


def mail_owed() -> int:
    """Queue the mails that are still owed; return how many."""
    owed = Confirmation.objects.filter(mailed_at=None).order_by("project_id")
    total = 0
    for project_id in owed.values_list("project_id", flat=True).distinct():
        while count := _mail_owed(project_id):
            total += count
    return total


@transaction.atomic
def _mail_owed(project_id: UUID) -> int:
    owed = Confirmation.objects.filter(
        project_id=project_id, mailed_at=None, expires_at__gt=Now()
    )
    some = list(owed.order_by("pk").values_list("pk", flat=True)[:_BATCH])
    # The contacts first, as by everybody; whoever answered meanwhile is not asked.
    locked(project_id=project_id, contact_ids=some)
    groups: dict[bool, list[UUID]] = defaultdict(list)
    for pk, remind_at in owed.filter(pk__in=some).values_list("pk", "remind_at"):
        is_reminder = remind_at is None and settings.CONFIRMATION_REMINDER_DAYS > 0
        groups[is_reminder].append(pk)
    return sum(
        len(ids)
        for is_reminder, ids in groups.items()
        if queue_confirmations(
            project_id=project_id, contact_ids=ids, is_reminder=is_reminder
        )
    )


def draft_of(project: Project, language: str, *, is_reminder: bool) -> Draft:
    """Write the mail in a language, with the recipient's own link still to fill in."""
    name = _without_placeholders(project.name)
    with languages.speaking(language):
        words = (
            gettext("Not confirmed yet: mail from %(project)s")
            if is_reminder
            else gettext("Please confirm: mail from %(project)s")
        )
        body = render_to_string(
            "transactional/confirmation.html",
            {
                "project": name,
                "brand": brand_of(project),
                "language": languages.html_tag_of(language),
                "is_reminder": is_reminder,
                "days": settings.CONFIRMATION_DAYS,
                "link": f"{{{{{SUBSCRIBE_URL}}}}}",
            },
        )
    return Draft(words % {"project": name}, body)


def _without_placeholders(text: str) -> str:
    """Keep a project's name from being filled in like a variable."""
    return text.replace("{{", "{ {").replace("}}", "} }")


def _by_language(
    project: Project, contact_ids: Sequence[UUID]
) -> dict[str, list[Contact]]:
    groups: dict[str, list[Contact]] = defaultdict(list)
    rows = Contact.objects.filter(project_id=project.pk, pk__in=contact_ids)
    for contact in rows.only("pk", "project_id", "email", "data").order_by("pk"):
        groups[languages.of(contact, project)].append(contact)
    return groups


def _content(project: Project, language: str, *, is_reminder: bool) -> UUID:
    draft = draft_of(project, language, is_reminder=is_reminder)
    content = content_of(project.pk, draft)
    Content.objects.bulk_create([content], ignore_conflicts=True)
    return content.pk


def _queue(contacts: Sequence[Contact], *, sender: Sender, content: UUID) -> None:
    Email.objects.bulk_create(
        [
            Email(
                project_id=contact.project_id,
                contact_id=contact.pk,
                content_id=content,
                kind=MailKind.TRANSACTIONAL,
                source=Source.CONSENT,
                to_email=contact.email,
                from_email=sender.email,
                from_name=sender.name,
                headers=_HEADERS,
            )
            for contact in contacts
        ],
        batch_size=200,
    )
