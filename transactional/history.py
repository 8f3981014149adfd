"""The mails of a contact, as the classic API tells them with the contact."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from django.db.models.functions import Length

from plunk.api.answers import timestamp
from transactional.explaining import content_of
from transactional.models import CompiledContent, Content, Email, EmailState, Source
from transactional.rendering import Rendered

#: Characters of bodies that one answer carries; a body past them is left out.
MAX_BODIES = 4_000_000

#: Every other state is one in which the mail has not left, or never will.
_STATES = {
    EmailState.SENT: "SENT",
    EmailState.DELIVERED: "DELIVERED",
    EmailState.BOUNCED: "BOUNCED",
    EmailState.COMPLAINED: "COMPLAINT",
}


def emails(project_id: UUID, contact_id: UUID, limit: int) -> list[dict[str, Any]]:
    """Return the newest transactional mails of a contact, as they were written.

    A campaign's mails are told by the campaign.
    """
    rows = Email.objects.filter(
        project_id=project_id,
        contact_id=contact_id,
        source__in=[Source.API, Source.SMTP],
    )
    rows = rows.select_related("contact", "project").order_by("-created_at", "-id")
    found = list(rows[:limit])
    contents = _contents(found)
    _load_compiled([row for row in found if row.content_id in contents])
    told, room = [], MAX_BODIES
    for row in found:
        shown = _shown(row, contents.get(row.content_id))
        room -= len(shown.html)
        told.append(
            _told(row, shown if room >= 0 else replace(shown, html="", text=""))
        )
    return told


def _contents(rows: list[Email]) -> dict[UUID, Content]:
    """Load the contents of the newest mails, as many as an answer may carry."""
    wanted = {row.content_id: None for row in rows}
    lengths = dict(
        Content.objects.filter(pk__in=wanted)
        .annotate(length=Length("body"))
        .values_list("pk", "length")
    )
    room, chosen = MAX_BODIES, []
    for row in rows:
        room -= lengths.get(row.content_id, 0)
        if room >= 0:
            chosen.append(row.content_id)
    return Content.objects.in_bulk(chosen)


def _load_compiled(rows: list[Email]) -> None:
    """Load what the contents were compiled to, in one statement."""
    found = CompiledContent.objects.in_bulk(
        {row.compiled_id for row in rows if row.compiled_id}
    )
    for row in rows:
        row.compiled = found.get(row.compiled_id) if row.compiled_id else None


def _shown(row: Email, content: Content | None) -> Rendered:
    if content is None:
        return Rendered("", "", "")
    row.content = content
    return content_of(row)


def _told(row: Email, shown: Rendered) -> dict[str, Any]:
    told_at = max(
        moment
        for moment in (row.created_at, row.sent_at, row.delivered_at, row.opened_at)
        if moment
    )
    return {
        "id": str(row.pk),
        "messageId": row.message_id,
        "subject": shown.subject,
        "body": shown.html or shown.text,
        "status": status_word(row),
        "projectId": str(row.project_id),
        "actionId": None,
        "campaignId": None,
        "contactId": str(row.contact_id),
        "createdAt": timestamp(row.created_at),
        "updatedAt": timestamp(told_at),
    }


def status_word(row: Email) -> str:
    """Return the state in a word of that generation, or else our own."""
    state = EmailState(row.state)
    if state in {EmailState.SENT, EmailState.DELIVERED} and row.opened_at:
        return "OPENED"
    return _STATES.get(state, state.value)
