"""Taking due mail for this worker: state, attempt and lease in one update."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from contacts.models import ERASED_PREFIX, Suppression
from contacts.suppressions import erased_among
from plunk.api.strictjson import write
from plunk.postgresql import fetch_all, is_postgresql
from transactional.models import Email, EmailState, Lane


@dataclass(frozen=True, slots=True)
class Claimed:
    """A mail that is ours for the time of a lease, with all it takes to send it."""

    id: UUID
    project_id: UUID
    contact_id: UUID
    content_id: UUID
    kind: str
    source: str
    template_id: UUID | None
    origin_id: UUID | None
    tracks: bool | None
    to_email: str
    to_name: str
    from_email: str
    from_name: str
    reply_to: str
    headers: dict[str, str] | None
    variables: dict[str, Any] | None
    attempt: int
    data: dict[str, Any] | None
    subscribed: bool
    is_suppressed: bool
    is_disabled: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """Which mails may be claimed."""

    limit: int
    with_campaigns: bool = True
    without_domains: Sequence[str] = ()
    only_domain: str = ""
    #: Mails whose last attempt came to no known end, instead of all the others.
    suspects: bool = False


def is_anything_due(*, suspects: bool = False) -> bool:
    """Say whether a mail waits that may go now; a look at an index, no claim.

    `suspects` asks for those alone that came back from a dead worker or a lost answer.
    """
    due = Email.objects.filter(state=EmailState.QUEUED, due_at__lte=Now())
    if suspects:
        due = due.filter(doubts__gt=0)
    # Ordered as the index is, which keeps the planner from reading the table.
    return bool(due.order_by("lane", "due_at", "pk").values_list("pk")[:1])


def claim(choice: Choice) -> list[Claimed]:
    """Claim up to `choice.limit` due mails, the most urgent lane first.

    Consent, suppression and the contact's data are read in the same statement: they are
    as they stand in the moment of sending.
    """
    if choice.limit <= 0:
        return []
    return _claim_postgresql(choice) if is_postgresql() else _claim_portable(choice)


# A queue grows and shrinks faster than the planner's statistics follow: believing it
# nearly empty, it would read and sort all of it for every batch. The index on due mail
# has the order already.
_IN_ORDER_SQL = """
SELECT
  set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true)
"""
_CLAIM_SQL = """
UPDATE transactional_email AS e
SET
  state = 'SENDING', attempt = e.attempt + 1,
  lease_expires_at = now() + %(lease)s * interval '1 second'
FROM contacts_contact AS c, projects_project AS p
WHERE
  e.id = ANY(ARRAY(
    SELECT id FROM transactional_email
    WHERE
      state = 'QUEUED' AND due_at <= now() AND lane <= %(max_lane)s
      AND (doubts > 0) = %(suspects)s
      AND NOT split_part(from_email, '@', 2) = ANY(%(without)s::text[])
      AND (%(only)s = '' OR split_part(from_email, '@', 2) = %(only)s)
    ORDER BY lane, due_at, id
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
  ))
  AND c.id = e.contact_id AND p.id = e.project_id
RETURNING
  e.id, e.project_id, e.contact_id, e.content_id, e.kind, e.source, e.template_id,
  e.origin_id, e.tracks, e.to_email, e.to_name, e.from_email, e.from_name, e.reply_to,
  e.headers::text, e.variables::text, e.attempt, c.data::text, c.subscribed,
  EXISTS (
    SELECT FROM contacts_suppression AS s
    WHERE s.project_id = e.project_id AND s.email = e.to_email
  ),
  p.is_disabled,
  (SELECT EXISTS (SELECT FROM contacts_suppression WHERE email LIKE 'erased:%%'))
"""


def _claim_postgresql(choice: Choice) -> list[Claimed]:
    params = {
        "lease": float(settings.DELIVERY_LEASE_SECONDS),
        "max_lane": _max_lane(choice),
        "without": list(choice.without_domains),
        "only": choice.only_domain,
        "suspects": choice.suspects,
        "limit": choice.limit,
    }
    with transaction.atomic():
        fetch_all(_IN_ORDER_SQL, {})
        rows = fetch_all(_CLAIM_SQL, params, replan=True)
    mails = [Claimed(*_with_json(row[:-1])) for row in rows]
    return _without_erased(mails) if rows and rows[0][-1] else mails


@transaction.atomic
def _claim_portable(choice: Choice) -> list[Claimed]:
    ids = list(_due(choice).values_list("pk", flat=True)[: choice.limit])
    Email.objects.filter(pk__in=ids, state=EmailState.QUEUED).update(
        state=EmailState.SENDING,
        attempt=F("attempt") + 1,
        lease_expires_at=Now() + timedelta(seconds=settings.DELIVERY_LEASE_SECONDS),
    )
    suppressions = Suppression.objects.filter(
        project_id=OuterRef("project_id"), email=OuterRef("to_email")
    )
    erased = Suppression.objects.filter(email__startswith=ERASED_PREFIX)
    rows = (
        Email.objects.filter(pk__in=ids)
        .select_related("contact", "project")
        .annotate(is_suppressed=Exists(suppressions), has_erased=Exists(erased))
        .order_by("lane", "due_at", "pk")
    )
    mails = [
        replace(
            claimed_from(row),
            data=as_claimed(row.contact.data),
            subscribed=row.contact.subscribed,
            is_suppressed=row.is_suppressed,
            is_disabled=row.project.is_disabled,
        )
        for row in rows
    ]
    return _without_erased(mails) if mails and rows[0].has_erased else mails


def as_claimed(value: Any) -> Any:
    """Return JSON of a column as it is read when a mail is claimed.

    Django reads the number that PostgreSQL makes of 1e300 as an integer of 301 digits:
    a mail that is shown again would spell it differently.
    """
    return orjson.loads(write(value)) if value else value


def claimed_from(row: Email) -> Claimed:
    """Return a mail as its row tells it, without what others know of it."""
    return Claimed(
        id=row.pk,
        project_id=row.project_id,
        contact_id=row.contact_id,
        content_id=row.content_id,
        kind=row.kind,
        source=row.source,
        template_id=row.template_id,
        origin_id=row.origin_id,
        tracks=row.tracks,
        to_email=row.to_email,
        to_name=row.to_name,
        from_email=row.from_email,
        from_name=row.from_name,
        reply_to=row.reply_to,
        headers=row.headers,
        variables=as_claimed(row.variables),
        attempt=row.attempt,
        data=None,
        subscribed=False,
        is_suppressed=False,
        is_disabled=False,
    )


def _without_erased(mails: list[Claimed]) -> list[Claimed]:
    """Mark mails as suppressed whose address is only known by its hash any more.

    One statement, and only where the installation has such an address at all.
    """
    blocked = erased_among({(mail.project_id, mail.to_email) for mail in mails})
    return [
        replace(mail, is_suppressed=True)
        if (mail.project_id, mail.to_email) in blocked
        else mail
        for mail in mails
    ]


def _due(choice: Choice) -> QuerySet[Email]:
    held = Q(pk__in=[])
    for domain in choice.without_domains:
        held |= Q(from_email__endswith=f"@{domain}")
    due = Email.objects.filter(
        state=EmailState.QUEUED, due_at__lte=Now(), lane__lte=_max_lane(choice)
    ).exclude(held)
    due = due.filter(doubts__gt=0) if choice.suspects else due.filter(doubts=0)
    if choice.only_domain:
        due = due.filter(from_email__endswith=f"@{choice.only_domain}")
    return due.order_by("lane", "due_at", "pk")


def _max_lane(choice: Choice) -> int:
    return Lane.CAMPAIGN if choice.with_campaigns else Lane.WORKFLOW


#: Where the statement returns JSON as text.
_JSON_COLUMNS = frozenset({14, 15, 17})


def _with_json(row: tuple[Any, ...]) -> list[Any]:
    return [
        orjson.loads(value) if index in _JSON_COLUMNS and value else value
        for index, value in enumerate(row)
    ]
