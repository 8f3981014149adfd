"""Double opt-in: a subscription counts once its owner confirmed it.

A Confirmation is a contact whom we asked and who has not answered. It ends when they
confirm, when they say no, or by the clock; on the way there is one reminder.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from contacts import ledger
from contacts.asking import ask
from contacts.ledger import Act
from contacts.models import ChangeKind, Confirmation, Contact, Door
from contacts.signals import confirmation_wanted
from contacts.subscriptions import asks_first, flip, locked, settle

__all__ = ["ask", "confirm", "expire_due", "is_expired", "remind_due"]

_BATCH = 500
#: Bits of a UUIDv7 below its time, which is in milliseconds since 1970 (RFC 9562, 5.7).
_BELOW_TIME = 80


@transaction.atomic
def confirm(*, project_id: UUID, contact_id: UUID, act: Act) -> bool:
    """Take a contact's word, from a link that only its mailbox had, for a subscription.

    Return False where nothing changed: it had confirmed already, there is no such
    contact, or the link has expired (`is_expired` tells them apart). `act.text` is what
    the person read.
    """
    rows = locked(project_id=project_id, contact_ids=[contact_id])
    if not rows or (rows[0].subscribed and rows[0].confirmed_at):
        return False
    if is_expired(project_id=project_id, email_id=act.email_id):
        return False
    if rows[0].subscribed:
        settle(
            project_id=project_id,
            contact_ids=[contact_id],
            kind=ChangeKind.CONFIRMED,
            act=act,
            confirmed_at=Now(),
            updated_at=Now(),
        )
        return True
    flip(
        project_id=project_id,
        contact_ids=[contact_id],
        subscribed=True,
        kind=ChangeKind.CONFIRMED,
        act=act,
        confirmed_at=Now(),
    )
    return True


def is_expired(*, project_id: UUID, email_id: UUID | None) -> bool:
    """Say whether the link of a mail is too old to confirm with.

    Links expire under double opt-in only. A mail's id holds its time.
    """
    if email_id is None or email_id.version != 7:
        return False
    age = timezone.now().timestamp() - (email_id.int >> _BELOW_TIME) / 1000
    is_old = age > timedelta(days=settings.CONFIRMATION_DAYS).total_seconds()
    return is_old and asks_first(project_id)


def remind_due() -> int:
    """Remind, once, those who have not confirmed; return how many."""
    return _in_batches(_remind)


def expire_due() -> int:
    """Forget that contacts were asked, when their time is over; return how many."""
    return _in_batches(_expire)


def _in_batches(work: Callable[[], int]) -> int:
    total = 0
    while count := work():
        total += count
    return total


@transaction.atomic
def _remind() -> int:
    """Remind a batch. A reminder that cannot be mailed stays owed, as any mail does."""
    due = Confirmation.objects.filter(
        remind_at__lte=Now(), expires_at__gt=Now(), mailed_at__isnull=False
    )
    project_id, ids = _claimed(due.order_by("remind_at", "pk"))
    if project_id and ids:
        Confirmation.objects.filter(pk__in=ids).update(remind_at=None, mailed_at=None)
        _note(project_id, ids, ChangeKind.REMINDED)
        confirmation_wanted.send(
            sender=Contact, project_id=project_id, contact_ids=ids, is_reminder=True
        )
    return len(ids)


@transaction.atomic
def _expire() -> int:
    due = Confirmation.objects.filter(expires_at__lte=Now())
    project_id, ids = _claimed(due.order_by("expires_at", "pk"))
    if project_id and ids:
        Confirmation.objects.filter(pk__in=ids).delete()
        _note(project_id, ids, ChangeKind.EXPIRED)
    return len(ids)


def _claimed(due: QuerySet[Confirmation]) -> tuple[UUID | None, list[UUID]]:
    """Lock a batch of one project's contacts and return those that are still due.

    The contacts and not the confirmations, because whoever takes an answer locks the
    contact first: nobody waits in a circle.
    """
    project_id = due.values_list("project_id", flat=True).first()
    if project_id is None:
        return None, []
    ids = due.filter(project_id=project_id).values_list("pk", flat=True)
    some = list(ids[:_BATCH])
    locked(project_id=project_id, contact_ids=some)
    return project_id, list(ids.filter(pk__in=some))


def _note(project_id: UUID, contact_ids: list[UUID], kind: ChangeKind) -> None:
    ledger.record(
        project_id=project_id,
        contact_ids=contact_ids,
        kind=kind,
        act=Act(Door.CLOCK, "no answer"),
    )
