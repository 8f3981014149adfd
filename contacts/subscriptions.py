"""Who may be written to: subscription by wish, suppression by fact."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from contacts import ledger
from contacts.ledger import Act
from contacts.models import (
    ChangeKind,
    Confirmation,
    Contact,
    Suppression,
    SuppressionReason,
)
from contacts.signals import contacts_subscribed, contacts_unsubscribed


def set_subscribed(
    *, project_id: UUID, contact_id: UUID, subscribed: bool, act: Act
) -> bool:
    """Subscribe or unsubscribe a contact; return False where nothing had to change."""
    return bool(
        set_all_subscribed(
            project_id=project_id,
            contact_ids=[contact_id],
            subscribed=subscribed,
            act=act,
        )
    )


@transaction.atomic
def set_all_subscribed(
    *, project_id: UUID, contact_ids: Sequence[UUID], subscribed: bool, act: Act
) -> list[UUID]:
    """Subscribe or unsubscribe up to a thousand contacts; return those who changed.

    Ids of other projects change nothing. Only a flip is news: rows are locked in the
    order of their ids and asked for the old value, so that of two at once one tells it.
    Any write to `subscribed` ends a snooze (contract 4.10).
    """
    asked = Contact.objects.filter(project_id=project_id, pk__in=contact_ids)
    flipped = list(
        asked.filter(subscribed=not subscribed)
        .order_by("pk")
        .select_for_update()
        .values_list("pk", flat=True)
    )
    asked.filter(snoozed_until__isnull=False).update(snoozed_until=None)
    if not flipped:
        return []
    Contact.objects.filter(pk__in=flipped).update(
        subscribed=subscribed,
        consent_source=act.door,
        consent_at=Now(),
        updated_at=Now(),
    )
    Confirmation.objects.filter(contact__in=flipped).delete()
    kind = ChangeKind.SUBSCRIBED if subscribed else ChangeKind.UNSUBSCRIBED
    ledger.record(project_id=project_id, contact_ids=flipped, kind=kind, act=act)
    signal = contacts_subscribed if subscribed else contacts_unsubscribed
    signal.send(
        sender=Contact, project_id=project_id, contact_ids=flipped, reason=act.why
    )
    return flipped


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
