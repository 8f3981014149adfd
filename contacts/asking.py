"""Asking contacts to confirm that they want a project's mail (double opt-in)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import BooleanField, Count, ExpressionWrapper, Q
from django.db.models.functions import Now

from contacts import ledger
from contacts.ledger import Act
from contacts.models import ChangeKind, Confirmation, ConsentChange, Contact
from contacts.signals import confirmation_wanted

#: How long after a mail another one may be asked for: anybody can read a public key in
#: a browser, and type somebody else's address.
AGAIN_AFTER = timedelta(hours=1)
#: How many such mails an address gets in a month, whoever asks for them.
MOST_MAILS = 3
_MONTH = timedelta(days=30)
_BATCH = 1000


@transaction.atomic
def ask(*, project_id: UUID, contact_ids: Sequence[UUID], act: Act) -> list[UUID]:
    """Ask unsubscribed contacts to confirm; return those who get a mail now.

    Whoever was asked less than an hour ago, or three times in a month, is not asked
    again, and whoever is subscribed or of another project not at all. The mails are
    queued within the transaction by whoever hears `confirmation_wanted`.
    """
    asked: list[UUID] = []
    for start in range(0, len(contact_ids), _BATCH):
        asked += _ask(project_id, contact_ids[start : start + _BATCH], act)
    return asked


def _ask(project_id: UUID, contact_ids: Sequence[UUID], act: Act) -> list[UUID]:
    # In the order of addresses, as by everybody who locks more than one.
    mine = list(
        Contact.objects.filter(
            project_id=project_id, pk__in=contact_ids, subscribed=False
        )
        .order_by("email")
        .select_for_update(no_key=True)
        .values_list("pk", flat=True)
    )
    if not mine:
        return []
    is_long_ago = ExpressionWrapper(
        Q(mailed_at__isnull=False) & Q(mailed_at__lte=Now() - AGAIN_AFTER),
        output_field=BooleanField(),
    )
    pending = dict(
        Confirmation.objects.filter(contact__in=mine)
        .annotate(is_long_ago=is_long_ago)
        .values_list("pk", "is_long_ago")
    )
    due = [pk for pk in mine if pending.get(pk, True)]
    enough = _have_enough(due)
    again = [pk for pk in due if pk in pending and pk not in enough]
    new = [pk for pk in due if pk not in pending and pk not in enough]
    _begin(project_id, new)
    _repeat(again)
    asked = sorted(new + again)
    if asked:
        ledger.record(
            project_id=project_id, contact_ids=asked, kind=ChangeKind.ASKED, act=act
        )
        confirmation_wanted.send(
            sender=Contact, project_id=project_id, contact_ids=asked, is_reminder=False
        )
    return asked


def _have_enough(contact_ids: list[UUID]) -> set[UUID]:
    """Return who was mailed so often that no more mail would find a yes."""
    if not contact_ids:
        return set()
    mailed = (
        ConsentChange.objects.filter(
            contact__in=contact_ids,
            kind=ChangeKind.ASKED,
            created_at__gt=Now() - _MONTH,
        )
        .values("contact")
        .annotate(number=Count("pk"))
        .filter(number__gte=MOST_MAILS)
    )
    return set(mailed.values_list("contact", flat=True))


def _begin(project_id: UUID, contact_ids: list[UUID]) -> None:
    reminder = settings.CONFIRMATION_REMINDER_DAYS
    Confirmation.objects.bulk_create(
        [
            Confirmation(
                contact_id=contact_id,
                project_id=project_id,
                asked_at=Now(),
                remind_at=Now() + timedelta(days=reminder) if reminder else None,
                expires_at=Now() + timedelta(days=settings.CONFIRMATION_DAYS),
            )
            for contact_id in contact_ids
        ],
        batch_size=500,
    )


def _repeat(contact_ids: list[UUID]) -> None:
    """Start the time anew; the reminder stays the one and only."""
    if not contact_ids:
        return
    rows = Confirmation.objects.filter(pk__in=contact_ids)
    rows.filter(remind_at__isnull=False).update(
        remind_at=Now() + timedelta(days=settings.CONFIRMATION_REMINDER_DAYS)
    )
    rows.update(
        asked_at=Now(),
        mailed_at=None,
        expires_at=Now() + timedelta(days=settings.CONFIRMATION_DAYS),
    )
