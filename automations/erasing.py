"""What erased contacts did is forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from automations.models import Occurrence, WebhookAttempt, WebhookCall
from contacts.erasing import delete_in_chunks


def erase_occurrences(contact_ids: Sequence[UUID]) -> None:
    """Delete all events of contacts, so many at a time."""
    delete_in_chunks(Occurrence.objects.filter(contact__in=contact_ids))


def erase_calls(contact_ids: Sequence[UUID]) -> None:
    """Delete the webhooks about contacts, with all that servers answered to them."""
    delete_in_chunks(WebhookAttempt.objects.filter(call__contact_id__in=contact_ids))
    calls = WebhookCall.objects.filter(contact_id__in=contact_ids)
    delete_in_chunks(calls.only("pk"))
