"""Writing down what a server said, and what follows from it.

Every change is of a call that is still ours: one that was taken over, replayed or
erased meanwhile has another attempt, or none.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce, Now

from automations.models import (
    CallState,
    Visit,
    WebhookAttempt,
    WebhookCall,
    WebhookEndpoint,
)
from automations.webhooks import retries
from automations.webhooks.claiming import Claimed

logger = logging.getLogger(__name__)

#: As much of an answer as is kept.
MOST_RESPONSE = 4096
_MOST_ERROR = 500
_GONE = "It answered 410 Gone, which asks us to send nothing more."
_LONG = "It has failed for five days without one answer that was good."
_OFTEN = "Many calls failed for more than a day, and none arrived in between."


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one attempt."""

    call: Claimed
    #: By the database's clock, when it began.
    at: datetime
    milliseconds: int = 0
    #: None where there was no answer.
    status: int | None = None
    response: str = ""
    error: str = ""
    #: Trying again would change nothing.
    is_final: bool = False
    asked_to_wait: timedelta | None = None

    @property
    def is_good(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_gone(self) -> bool:
        return self.status == retries.GONE

    @property
    def words(self) -> str:
        """Why it failed; nothing where it did not."""
        if self.is_good:
            return ""
        return (self.error or f"The server answered {self.status}.")[:_MOST_ERROR]


@transaction.atomic
def record(outcomes: Sequence[Outcome]) -> None:
    """Write down attempts, and how their calls and endpoints stand after them."""
    ours = [outcome for outcome in outcomes if _settle(outcome)]
    WebhookAttempt.objects.bulk_create(
        [
            WebhookAttempt(
                call_id=outcome.call.id,
                number=outcome.call.attempt,
                at=outcome.at,
                milliseconds=outcome.milliseconds,
                status=outcome.status,
                response=outcome.response,
                error=outcome.words,
            )
            for outcome in ours
        ],
        ignore_conflicts=True,
    )
    _tell_visits(ours)
    _judge_endpoints(outcome for outcome in ours if not outcome.is_final)


@transaction.atomic
def put_back(calls: Sequence[Claimed]) -> None:
    """Let calls that were not made be claimed again, as if they had not been."""
    for call in calls:
        _ours(call).update(
            state=CallState.PENDING,
            attempt=call.attempt - 1,
            tries=call.tries - 1,
            lease_expires_at=None,
        )


def _ours(call: Claimed) -> QuerySet[WebhookCall]:
    return WebhookCall.objects.filter(
        pk=call.id, state=CallState.CALLING, attempt=call.attempt
    )


def _settle(outcome: Outcome) -> bool:
    """Move a call on by one attempt; return False where it is not ours any more."""
    call = outcome.call
    changes: dict[str, Any] = {
        "status": outcome.status,
        "error": outcome.words,
        "lease_expires_at": None,
    }
    pause = retries.pause_after(call.tries, asked=outcome.asked_to_wait)
    if outcome.is_good:
        changes |= {"state": CallState.DELIVERED, "finished_at": Now()}
    elif outcome.is_final or outcome.is_gone or pause is None:
        changes |= {"state": CallState.FAILED, "finished_at": Now()}
    else:
        changes |= {"state": CallState.PENDING, "due_at": Now() + pause}
    return bool(_ours(call).update(**changes))


def _tell_visits(outcomes: Iterable[Outcome]) -> None:
    """Let the step of a run show what its server said last."""
    for outcome in outcomes:
        if outcome.call.visit_id is not None:
            Visit.objects.filter(pk=outcome.call.visit_id).update(
                output={
                    "url": outcome.call.url,
                    "method": outcome.call.method,
                    "statusCode": outcome.status,
                    "success": outcome.is_good,
                    "response": outcome.response,
                }
            )


def _judge_endpoints(outcomes: Iterable[Outcome]) -> None:
    """Note how endpoints fare, in the order of their ids, so that nobody waits in a
    circle.
    """
    ordered = sorted(outcomes, key=lambda outcome: outcome.call.endpoint_id)
    for outcome in ordered:
        rows = WebhookEndpoint.objects.filter(pk=outcome.call.endpoint_id)
        if outcome.is_good:
            rows.filter(
                Q(failing_since__isnull=False) | Q(rests_until__isnull=False)
            ).update(failing_since=None, rests_until=None)
        elif outcome.is_gone:
            _disable(rows, _GONE)
        else:
            _note_failure(rows, outcome)


def _note_failure(rows: QuerySet[WebhookEndpoint], outcome: Outcome) -> None:
    # From when it was called, which is before any call was given up for it.
    rows.filter(failing_since=None).update(failing_since=outcome.at)
    if outcome.status in retries.OVERLOADED:
        pause = retries.pause_after(1, asked=outcome.asked_to_wait)
        rows.update(rests_until=Now() + pause if pause else None)
    _disable(rows.filter(failing_since__lte=Now() - retries.PATIENCE), _LONG)
    if outcome.call.tries >= retries.MOST_TRIES and _has_lost_many(outcome):
        _disable(rows, _OFTEN)


def _has_lost_many(outcome: Outcome) -> bool:
    """Say whether many calls were given up since the endpoint last answered well."""
    endpoint = WebhookEndpoint.objects.get(pk=outcome.call.endpoint_id)
    lost = WebhookCall.objects.filter(
        endpoint=endpoint,
        state=CallState.FAILED,
        tries__gte=retries.MOST_TRIES,
        finished_at__gte=endpoint.failing_since,
    )
    return len(lost.values_list("pk")[: retries.MOST_GIVEN_UP]) >= retries.MOST_GIVEN_UP


def _disable(rows: QuerySet[WebhookEndpoint], reason: str) -> None:
    changed = rows.filter(disabled_at=None).update(
        disabled_at=Now(),
        disabled_reason=reason,
        failing_since=Coalesce("failing_since", Now()),
    )
    if changed:
        logger.warning("a webhook endpoint is disabled", extra={"reason": reason})
