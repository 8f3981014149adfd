"""Taking due calls for this worker: state, attempt and lease in one update.

Endpoints take turns, and each has only a few calls at once, of all workers together;
one that fails has a single one, and may not take the last threads. So an endpoint that
lets every call run into its timeout keeps no other waiting, whatever it is owed.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.db.models.functions import Now

from automations.models import CallState, WebhookAttempt, WebhookCall, WebhookEndpoint
from automations.webhooks import retries

#: Much longer than a call may take; a dead worker's call is made again after this.
LEASE = timedelta(seconds=60)
_CHUNK = 1000
_LOST = "The worker ended before the answer was written down."
ENDPOINT_OFF = "Not called: the endpoint is disabled. Enable it, then replay this."
PROJECT_OFF = "Not called: the project is disabled."

#: From one endpoint that is owed something to the next, by `webhook_call_next`: as many
#: steps as there are such endpoints, however many calls they are owed.
_OWED = """
WITH RECURSIVE owed (endpoint_id) AS (
    SELECT (
        SELECT c.endpoint_id FROM automations_webhookcall c
        WHERE c.state = 'PENDING' ORDER BY c.endpoint_id LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT c.endpoint_id FROM automations_webhookcall c
        WHERE c.state = 'PENDING' AND c.endpoint_id > owed.endpoint_id
        ORDER BY c.endpoint_id LIMIT 1
    )
    FROM owed WHERE owed.endpoint_id IS NOT NULL
), due (endpoint_id, due_at) AS (
    SELECT owed.endpoint_id, (
        SELECT c.due_at FROM automations_webhookcall c
        WHERE c.state = 'PENDING' AND c.endpoint_id = owed.endpoint_id
        ORDER BY c.due_at LIMIT 1
    )
    FROM owed WHERE owed.endpoint_id IS NOT NULL
)
SELECT id FROM (
    SELECT e.id, due.due_at, e.failing_since, ROW_NUMBER() OVER (
        PARTITION BY e.failing_since IS NULL ORDER BY due.due_at, e.id
    ) AS place
    FROM due
    JOIN automations_webhookendpoint e ON e.id = due.endpoint_id
    JOIN projects_project p ON p.id = e.project_id
    WHERE due.due_at <= {now}
      AND e.disabled_at IS NULL
      AND NOT p.is_disabled
      AND (e.rests_until IS NULL OR e.rests_until <= {now})
      AND (
        SELECT COUNT(*) FROM automations_webhookcall b
        WHERE b.state = 'CALLING' AND b.endpoint_id = e.id
      ) < CASE WHEN e.failing_since IS NULL THEN %s ELSE 1 END
) ready
WHERE place <= CASE WHEN failing_since IS NULL THEN %s ELSE %s END
ORDER BY due_at, id
"""
#: The database's clock, as the columns are written.
_NOW = {
    "postgresql": "STATEMENT_TIMESTAMP()",
    "sqlite": "STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW')",
}


@dataclass(frozen=True, slots=True)
class Claimed:
    """A call that is ours for the time of a lease."""

    id: UUID
    project_id: UUID
    endpoint_id: UUID
    visit_id: UUID | None
    attempt: int
    tries: int
    method: str
    url: str
    headers: dict[str, str]
    body: str
    #: Whether its endpoint has failed since it last answered well.
    is_failing: bool
    #: By the database's clock, when it was claimed.
    claimed_at: datetime
    #: The same moment, by `time.monotonic`.
    mark: float

    @property
    def now(self) -> datetime:
        """What the database's clock shows now, or showed milliseconds ago."""
        return self.claimed_at + timedelta(seconds=time.monotonic() - self.mark)


def is_anything_due() -> bool:
    """Say whether a call waits that may be made now; a look at an index."""
    due = WebhookCall.objects.filter(state=CallState.PENDING, due_at__lte=Now())
    expired = _expired().values_list("pk")[:1]
    return bool(due.order_by("due_at", "pk").values_list("pk")[:1]) or bool(expired)


def claim(limit: int, *, failing_limit: int) -> list[Claimed]:
    """Claim up to `limit` due calls; of endpoints that fail, up to `failing_limit`."""
    if limit <= 0:
        return []
    with transaction.atomic():
        ids = _choose(limit, failing_limit)
        if not ids:
            return []
        WebhookCall.objects.filter(pk__in=ids, state=CallState.PENDING).update(
            state=CallState.CALLING,
            attempt=F("attempt") + 1,
            tries=F("tries") + 1,
            lease_expires_at=Now() + LEASE,
        )
        rows = WebhookCall.objects.filter(pk__in=ids, state=CallState.CALLING)
        rows = rows.annotate(moment=Now())
        rows = rows.select_related("endpoint")
        claimed = list(rows.order_by("due_at", "pk"))
        # After the database has told its time, so that ours is never ahead of it.
        mark = time.monotonic()
        return [_claimed(row, mark) for row in claimed]


def _claimed(row: Any, mark: float) -> Claimed:
    return Claimed(
        id=row.pk,
        project_id=row.project_id,
        endpoint_id=row.endpoint_id,
        visit_id=row.visit_id,
        attempt=row.attempt,
        tries=row.tries,
        method=row.method,
        url=row.url,
        headers=row.headers or {},
        body=row.body,
        is_failing=row.endpoint.failing_since is not None,
        claimed_at=row.moment,
        mark=mark,
    )


def _choose(limit: int, failing_limit: int) -> list[UUID]:
    """Return calls to be claimed, the endpoints taking turns; theirs are locked."""
    endpoints = _lock_endpoints(limit, failing_limit)
    busy = Counter(
        WebhookCall.objects.filter(
            state=CallState.CALLING, endpoint__in=[one.pk for one in endpoints]
        ).values_list("endpoint", flat=True)
    )
    chosen: list[UUID] = []
    for turn in zip_longest(*(_queue(one, busy[one.pk]) for one in endpoints)):
        chosen += [pk for pk in turn if pk is not None]
    return chosen[:limit]


def _lock_endpoints(limit: int, failing_limit: int) -> list[WebhookEndpoint]:
    """Lock endpoints that may be called now, those first that wait the longest.

    So many that fail and so many that do not, lest the ones hide the others. Whoever
    holds one of them is about to claim its calls: nobody waits for that.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _OWED.format(now=_NOW[connection.vendor]),
            [settings.WEBHOOK_CALLS_PER_ENDPOINT, limit, failing_limit],
        )
        order = {
            pk if isinstance(pk, UUID) else UUID(pk): place
            for place, (pk,) in enumerate(cursor.fetchall())
        }
    rows = WebhookEndpoint.objects.select_for_update(skip_locked=True, no_key=True)
    return sorted(
        rows.filter(pk__in=order, disabled_at=None), key=lambda one: order[one.pk]
    )


def _queue(endpoint: WebhookEndpoint, busy: int) -> list[UUID]:
    """Return the calls that an endpoint may get now; a single one while it fails."""
    most = 1 if endpoint.failing_since else settings.WEBHOOK_CALLS_PER_ENDPOINT
    due = WebhookCall.objects.filter(
        endpoint=endpoint, state=CallState.PENDING, due_at__lte=Now()
    ).order_by("due_at", "pk")
    return list(due.values_list("pk", flat=True)[: max(most - busy, 0)])


@transaction.atomic
def release_expired() -> int:
    """Take over what dead workers held; return how many calls.

    Each counts as an attempt of unknown end: it is made again, under the same id.
    """
    rows = list(
        _expired()
        .order_by("lease_expires_at")
        .select_for_update(skip_locked=True)
        .values_list("pk", "attempt", "tries")[:_CHUNK]
    )
    over = [pk for pk, _, tries in rows if tries >= retries.MOST_TRIES]
    again = [pk for pk, _, tries in rows if tries < retries.MOST_TRIES]
    WebhookCall.objects.filter(pk__in=again).update(
        state=CallState.PENDING, due_at=Now(), lease_expires_at=None, error=_LOST
    )
    WebhookCall.objects.filter(pk__in=over).update(
        state=CallState.FAILED, finished_at=Now(), lease_expires_at=None, error=_LOST
    )
    WebhookAttempt.objects.bulk_create(
        [WebhookAttempt(call_id=pk, number=at, error=_LOST) for pk, at, _ in rows],
        ignore_conflicts=True,
    )
    return len(rows)


def fail_unwanted() -> int:
    """End calls that wait for a disabled endpoint or project; they can be replayed."""
    waiting = WebhookCall.objects.filter(state=CallState.PENDING)
    endpoints = WebhookEndpoint.objects.filter(
        Exists(waiting.filter(endpoint=OuterRef("pk"))), disabled_at__isnull=False
    )
    of_projects = WebhookEndpoint.objects.filter(
        Exists(waiting.filter(endpoint=OuterRef("pk"))), project__is_disabled=True
    )
    return _end(endpoints, ENDPOINT_OFF) + _end(of_projects, PROJECT_OFF)


def _end(endpoints: QuerySet[WebhookEndpoint], reason: str) -> int:
    calls = WebhookCall.objects.filter(
        state=CallState.PENDING,
        endpoint__in=list(endpoints.values_list("pk", flat=True)[:_CHUNK]),
    )
    ids = list(calls.values_list("pk", flat=True)[:_CHUNK])
    return WebhookCall.objects.filter(pk__in=ids, state=CallState.PENDING).update(
        state=CallState.FAILED, finished_at=Now(), error=reason
    )


def _expired() -> QuerySet[WebhookCall]:
    return WebhookCall.objects.filter(
        state=CallState.CALLING, lease_expires_at__lte=Now()
    )
