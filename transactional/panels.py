"""The mails of a contact, on the contact's page."""

from __future__ import annotations

from uuid import UUID

from contacts.panels import Panel
from transactional.explaining import STATE_TONES, subject_of
from transactional.models import Email, EmailState
from transactional.origins import origins

_SHOWN = 8


def mails(project_id: UUID, contact_id: UUID) -> Panel:
    """Show the newest mails with their status, each with a preview to open."""
    rows = list(
        Email.objects.filter(project_id=project_id, contact_id=contact_id)
        .select_related("content", "contact")
        .defer("content__body", "headers")
        .order_by("-created_at", "-id")[: _SHOWN + 1]
    )
    named = origins(project_id, rows[:_SHOWN])
    shown = [
        (
            row,
            subject_of(row),
            STATE_TONES[EmailState(row.state)],
            named.get(row.origin_id) if row.origin_id else None,
        )
        for row in rows[:_SHOWN]
    ]
    context = {"mails": shown, "has_more": len(rows) > _SHOWN}
    return Panel("Mails", "transactional/contact_mails.html", context)
