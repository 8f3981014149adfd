"""Who may be written to: subscription by wish, suppression by fact."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from contacts.models import Contact, Suppression, SuppressionReason
from contacts.signals import contact_subscribed, contact_unsubscribed


@transaction.atomic
def set_subscribed(
    *, project_id: UUID, contact_id: UUID, subscribed: bool, reason: str
) -> bool:
    """Subscribe or unsubscribe a contact; return False where nothing had to change.

    Only a flip is news: the update is guarded by the old value, so that of two at once
    one tells it.
    """
    flipped = Contact.objects.filter(
        project_id=project_id, pk=contact_id, subscribed=not subscribed
    ).update(subscribed=subscribed, updated_at=Now())
    if not flipped:
        return False
    signal = contact_subscribed if subscribed else contact_unsubscribed
    signal.send(
        sender=Contact, project_id=project_id, contact_id=contact_id, reason=reason
    )
    return True


def suppress(
    *, project_id: UUID, email: str, reason: SuppressionReason, source: str = ""
) -> bool:
    """Never mail an address again; return False if it was suppressed already.

    A complaint outweighs a bounce, which outweighs an operator's wish.
    """
    row, is_new = Suppression.objects.get_or_create(
        project_id=project_id,
        email=email,
        defaults={"reason": reason, "source": source},
    )
    if not is_new and reason == SuppressionReason.COMPLAINT != row.reason:
        Suppression.objects.filter(pk=row.pk).update(reason=reason, source=source)
    return is_new
