"""Erasure: the only way a contact goes, and nothing about the person stays.

What hangs on the contact is deleted at once, in statements of bounded size; whoever is
killed on the way erases again and goes on. Where an address may stand in the middle of
a text, it is looked for some minutes later (`scrub_due`). Only a suppression survives,
as a keyed hash (`contacts.suppressions`).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from contacts.models import (
    ConsentChange,
    Contact,
    Erasure,
    Job,
    RejectedRow,
    SavedView,
    Segment,
)
from contacts.segments.membership import forget
from contacts.suppressions import forget_addresses
from plunk.erasing import Forgotten, addresses_erased, rows_in_chunks

Eraser = Callable[[Sequence[UUID]], None]
Scrubber = Callable[[Forgotten], None]

_BATCH = 100
_CHUNK = 5000
#: How long after an erasure it is looked for in texts: a request that was on its way
#: has ended by then, with whatever it wrote.
_SETTLED = timedelta(minutes=10)
#: How many erasures one look is for.
_LOOK = 20_000

_erasers: list[Eraser] = []
_scrubbers: list[Scrubber] = []


def register(eraser: Eraser) -> None:
    """Have a floor above delete its rows of contacts, once, from `AppConfig.ready`.

    It is called again until nothing comes in any more, and uses `delete_in_chunks`.
    """
    _erasers.append(eraser)


def register_scrubber(scrubber: Scrubber) -> None:
    """Have somebody look for addresses in texts, once, from `AppConfig.ready`."""
    _scrubbers.append(scrubber)


def erase(*, project_id: UUID, contact_ids: Sequence[UUID]) -> int:
    """Erase contacts with everything about them; return how many there were.

    Ids of other projects erase nothing. No number of events or mails is too large: they
    go in chunks, and what a kill leaves over goes with the next call.
    """
    return sum(
        _erase(project_id, contact_ids[start : start + _BATCH])
        for start in range(0, len(contact_ids), _BATCH)
    )


def delete_in_chunks(rows: QuerySet[Any]) -> None:
    """Delete rows on which nothing hangs, so many a statement and none in memory."""
    every = rows.model._default_manager
    while every.filter(pk__in=rows.values("pk")[:_CHUNK]).delete()[0] == _CHUNK:
        continue


def erase_own(contact_ids: Sequence[UUID]) -> None:
    """Delete what this floor keeps about contacts.

    Choices of topics and questions to confirm, which are few, go with the contact's own
    row: others change them while they hold it, and would wait in a circle with whoever
    deletes them first.
    """
    forget(contact_ids)
    delete_in_chunks(ConsentChange.objects.filter(contact__in=contact_ids))


def forget_former(project_id: UUID, contact_id: UUID, email: str) -> None:
    """Forget an address that a contact had before, unless it is somebody else's now."""
    if Contact.objects.filter(project_id=project_id, email=email).exists():
        return
    forget_addresses(project_id, [email])
    Erasure.objects.create(project_id=project_id, contact_id=contact_id, email=email)
    addresses_erased.send(sender=Contact, project_id=project_id, emails=[email])


def _erase(project_id: UUID, contact_ids: Sequence[UUID]) -> int:
    mine = Contact.objects.filter(project_id=project_id, pk__in=contact_ids)
    # Most of it before anything of the contact itself is locked.
    _erase_rows(list(mine.values_list("pk", flat=True)))
    with transaction.atomic():
        rows = dict(
            mine.order_by("email").select_for_update().values_list("pk", "email")
        )
        if not rows:
            return 0
        # What came in meanwhile. Nothing more can: it would need the locked row.
        _erase_rows(list(rows))
        emails = sorted(rows.values())
        forget_addresses(project_id, emails)
        Erasure.objects.bulk_create(
            Erasure(project_id=project_id, contact_id=pk, email=email)
            for pk, email in rows.items()
        )
        addresses_erased.send(sender=Contact, project_id=project_id, emails=emails)
        Contact.objects.filter(pk__in=rows).only("pk").delete()
    return len(rows)


def _erase_rows(contact_ids: Sequence[UUID]) -> None:
    if contact_ids:
        for eraser in _erasers:
            eraser(contact_ids)


# -- looking for what no index leads to -----------------------------------------------


def scrub_due() -> int:
    """Look for erased addresses in texts; return for how many it was done.

    Killed on the way, it is done again: the erasures are forgotten last.
    """
    total = 0
    while count := _scrub():
        total += count
    return total


def _scrub() -> int:
    due = Erasure.objects.filter(created_at__lte=Now() - _SETTLED)
    rows = list(due.order_by("created_at", "pk")[:_LOOK])
    by_project: dict[UUID, list[Erasure]] = defaultdict(list)
    for row in rows:
        by_project[row.project_id].append(row)
    for project_id, erasures in by_project.items():
        words = {row.email for row in erasures} | {
            str(row.contact_id) for row in erasures
        }
        until = max(row.created_at for row in erasures) + _SETTLED
        forgotten = Forgotten(project_id, frozenset(words), until)
        for scrubber in _scrubbers:
            scrubber(forgotten)
    Erasure.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return len(rows)


def scrub_jobs(forgotten: Forgotten) -> None:
    """Forget rejected rows of files, and addresses in what jobs were told and told."""
    rejected = RejectedRow.objects.filter(job__project_id=forgotten.project_id)
    found = [
        pk
        for pk, email, cells in rows_in_chunks(rejected, "email", "cells")
        if forgotten.stands_in(f"{email} {_as_text(cells)}")
    ]
    for start in range(0, len(found), _CHUNK):
        RejectedRow.objects.filter(pk__in=found[start : start + _CHUNK]).delete()
    _redact(Job.objects.all(), forgotten, "parameters", "errors")


def scrub_rules(forgotten: Forgotten) -> None:
    """Redact addresses that somebody wrote into a segment's rule or a view's search."""
    _redact(Segment.objects.all(), forgotten, "condition")
    _redact(SavedView.objects.all(), forgotten, "parameters")


def scrub_admin_log(forgotten: Forgotten) -> None:
    """Redact what the operator's admin noted about contacts it showed by address."""
    columns = ("object_id", "object_repr", "change_message")
    for pk, *values in rows_in_chunks(LogEntry.objects.all(), *columns):
        texts = [value or "" for value in values]
        if forgotten.stands_in(" ".join(texts)):
            redacted = [forgotten.redacted(text) for text in texts]
            LogEntry.objects.filter(pk=pk).update(
                **dict(zip(columns, redacted, strict=True))
            )


def _redact(every: QuerySet[Any], forgotten: Forgotten, *columns: str) -> None:
    rows = every.filter(project_id=forgotten.project_id)
    for pk, *values in rows_in_chunks(rows, *columns):
        texts = [_as_text(value) for value in values]
        if any(forgotten.stands_in(text) for text in texts):
            redacted = [json.loads(forgotten.redacted(text)) for text in texts]
            rows.filter(pk=pk).update(**dict(zip(columns, redacted, strict=True)))


def _as_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
