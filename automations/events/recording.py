"""Recording an event under its name alone, of a contact that is known or of nobody."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from automations.models import Event, Occurrence
from automations.tracking import record
from contacts.models import Contact
from plunk.api.errors import FieldError, Invalid
from transactional.models import Email


@transaction.atomic
def record_by_name(
    *,
    project_id: UUID,
    name: str,
    contact_id: UUID | None = None,
    email_id: UUID | None = None,
    data: dict[str, Any] | None = None,
) -> Occurrence:
    """Record an event; of nobody in particular where no contact is named.

    The mail's id is kept in the data, as `emailId`, where events of mails have it, too.
    Raises Invalid where the contact or the mail is not of the project.
    """
    _refuse_strangers(project_id, contact_id, email_id)
    values = (data or {}) | ({"emailId": str(email_id)} if email_id else {})
    if contact_id is None:
        event, _ = Event.objects.get_or_create(project_id=project_id, name=name)
        made = Occurrence.objects.create(
            project_id=project_id, event=event, data=values or None, created_at=Now()
        )
        return _read(Occurrence.objects.filter(pk=made.pk))
    (made,) = record(
        project_id=project_id, contact_ids=[contact_id], event=name, data=values or None
    )
    return _read(Occurrence.objects.filter(pk=made.pk))


def _read(rows: Any) -> Occurrence:
    found: Occurrence = rows.select_related("event", "contact")[:1].get()
    return found


def _refuse_strangers(
    project_id: UUID, contact_id: UUID | None, email_id: UUID | None
) -> None:
    errors = []
    if contact_id is not None:
        contacts = Contact.objects.filter(project_id=project_id, pk=contact_id)
        # Locked, so that it is not erased before the event is written.
        if not contacts.select_for_update(no_key=True).values_list("pk").first():
            errors.append(("contactId", "contact"))
    if email_id is not None:
        emails = Email.objects.filter(project_id=project_id, pk=email_id)
        if not emails.exists():
            errors.append(("emailId", "mail"))
    if errors:
        raise Invalid(
            [
                FieldError(field, f"No {kind} of this project has this id.", "custom")
                for field, kind in errors
            ]
        )
