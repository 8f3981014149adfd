"""Mails of erased contacts: gone with their history, and with what only they said."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F

from contacts.erasing import delete_in_chunks, forget_former
from plunk.erasing import Forgotten
from transactional.models import (
    Attachment,
    Content,
    Email,
    EmailEvent,
    Hold,
    LooseContent,
)

logger = logging.getLogger(__name__)

_BATCH = 500
_CONTENTS = 1000


def erase_mails(contact_ids: Sequence[UUID]) -> None:
    """Delete all mails of contacts, whatever their state, a batch a transaction.

    One that a worker is sending at this moment may still leave; whatever the worker and
    SES then say of it finds no row, and changes nothing.
    """
    while _erase_batch(contact_ids):
        continue


@transaction.atomic
def _erase_batch(contact_ids: Sequence[UUID]) -> int:
    found = Email.objects.filter(contact__in=contact_ids).values_list("pk", flat=True)
    ids = list(found[:_BATCH])
    # In the order of ids, as by everybody who locks more than one mail. A mail that is
    # locked gets no more events.
    contents = set(
        Email.objects.filter(pk__in=ids)
        .order_by("pk")
        .select_for_update()
        .values_list("content_id", flat=True)
    )
    former = Email.objects.filter(pk__in=ids).exclude(to_email=F("contact__email"))
    for names in former.values_list("project_id", "contact_id", "to_email").distinct():
        forget_former(*names)
    delete_in_chunks(EmailEvent.objects.filter(email__in=ids))
    LooseContent.objects.bulk_create(
        [LooseContent(content_id=content) for content in sorted(contents)],
        ignore_conflicts=True,
    )
    Email.objects.filter(pk__in=ids).only("pk").delete()
    return len(ids)


def forget_loose_contents() -> int:
    """Delete the contents that no mail has any more; return how many were looked at."""
    total = 0
    while count := _forget_some():
        total += count
    return total


def _forget_some() -> int:
    try:
        with transaction.atomic():
            return _forget_batch()
    except IntegrityError:
        # A mail of this very moment says the same again; the next run looks anew.
        logger.info("a content came back into use")
        return 0


def _forget_batch() -> int:
    """Look once through all mails for up to a thousand contents, and drop the rest."""
    ids = set(
        LooseContent.objects.select_for_update(skip_locked=True)
        .order_by("pk")
        .values_list("pk", flat=True)[:_CONTENTS]
    )
    if not ids:
        return 0
    used = set(
        Email.objects.filter(content__in=ids)
        .order_by("content_id")
        .values_list("content_id", flat=True)
        .distinct()
    )
    LooseContent.objects.filter(pk__in=ids).delete()
    Attachment.objects.filter(content__in=ids - used).delete()
    Content.objects.filter(pk__in=ids - used).only("pk").delete()
    return len(ids)


def scrub_holds(forgotten: Forgotten) -> None:
    """Redact what SES said of an address when it stopped the sending."""
    for hold in Hold.objects.exclude(detail=""):
        if forgotten.stands_in(hold.detail):
            Hold.objects.filter(pk=hold.pk).update(
                detail=forgotten.redacted(hold.detail)
            )
