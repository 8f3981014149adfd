"""A pause: unsubscribed until a day, then subscribed again without anybody's doing."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from contacts.ledger import Act
from contacts.models import ChangeKind, Contact, Door
from contacts.subscriptions import flip, locked, set_all_subscribed, settle
from plunk.api.errors import invalid

_BATCH = 500


@transaction.atomic
def snooze(*, project_id: UUID, contact_id: UUID, until: datetime, act: Act) -> bool:
    """Unsubscribe a contact until a moment; return False where nothing changed.

    Whoever has left for good stays out: a pause would bring them back. A pause that
    runs gets its new end. Raises Invalid (field `until`) for a moment that is over.
    """
    if until <= timezone.now():
        raise invalid("until", "Is not in the future.", "invalid_date")
    rows = locked(project_id=project_id, contact_ids=[contact_id])
    if not rows or rows[0].snoozed_until == until:
        return False
    if not (rows[0].subscribed or rows[0].snoozed_until):
        return False
    write = partial(flip, subscribed=False) if rows[0].subscribed else settle
    write(
        project_id=project_id,
        contact_ids=[contact_id],
        kind=ChangeKind.SNOOZED,
        act=act,
        note=f"until {until:%Y-%m-%d}",
        snoozed_until=until,
    )
    return True


def wake_due() -> int:
    """Subscribe, in batches, those whose pause is over; return how many came back."""
    total = 0
    while count := _wake():
        total += count
    return total


@transaction.atomic
def _wake() -> int:
    due = Contact.objects.filter(snoozed_until__lte=Now())
    project_id = (
        due.order_by("snoozed_until", "pk").values_list("project_id", flat=True).first()
    )
    if project_id is None:
        return 0
    # Looked at again once locked: a word that came in between has ended the pause.
    ids = due.filter(project_id=project_id).values_list("pk", flat=True)
    some = list(ids.order_by("snoozed_until", "pk")[:_BATCH])
    locked(project_id=project_id, contact_ids=some)
    awake = list(ids.filter(pk__in=some))
    set_all_subscribed(
        project_id=project_id,
        contact_ids=awake,
        subscribed=True,
        act=Act(Door.SNOOZE),
        # They were subscribed before, and said until when.
        double_opt_in=False,
    )
    return len(awake)
