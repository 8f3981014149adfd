"""Writing down what came of an attempt, guarded by the attempt it belongs to.

A worker that comes back late, after its lease was taken over, changes nothing but this:
if SES took its mail, that is a fact, and it settles the doubt.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Coalesce, Now

from contacts.addresses import domain_of
from plunk.api.strictjson import write
from plunk.postgresql import fetch_all, is_postgresql, past_deadlocks
from transactional import holds, rate
from transactional.claiming import Claimed
from transactional.models import (
    UNFINISHED,
    Email,
    EmailEvent,
    EmailEventKind,
    EmailState,
    HoldScope,
)
from transactional.ses import Answer, Outcome

#: `error_code` of a mail whose request SES may have had in its hands.
ANSWER_LOST = "answer_lost"
#: Seconds before the first retries; later ones wait the last.
_BACKOFF_SECONDS = (1, 2, 4, 8, 16, 32, 60)


@dataclass(frozen=True, slots=True)
class Trace:
    """What a mail was made of, for it to be made again, and proven to be the same."""

    compiled_id: UUID
    #: SHA-256 of the message.
    digest: bytes
    #: What of its contact and of the moment was filled in (`rendering.filled_in`).
    filled_in: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """A claimed mail and what came of it."""

    mail: Claimed
    answer: Answer


def record(attempts: Sequence[Attempt]) -> None:
    """Record attempts of any outcome. Raises OperationalError where the database is
    away: the caller keeps them and comes again.
    """
    by_outcome: dict[Outcome, list[Attempt]] = {}
    # In the order of ids everywhere: two transactions never wait in a circle.
    for attempt in sorted(attempts, key=lambda each: each.mail.id):
        by_outcome.setdefault(attempt.answer.outcome, []).append(attempt)
    for outcome, group in by_outcome.items():
        past_deadlocks(partial(_RECORDERS[outcome], group))


def skip(mails: Sequence[Claimed], state: EmailState, reason: str) -> None:
    """End mails that must not be sent."""
    for mail in mails:
        _ours(mail).update(
            state=state,
            lease_expires_at=None,
            error_code=state.value.lower(),
            error=reason,
        )


def put_back(mails: Sequence[Claimed]) -> None:
    """Return mails that were claimed and not tried."""
    for mail in mails:
        _ours(mail).update(state=EmailState.QUEUED, lease_expires_at=None)


def _ours(mail: Claimed) -> Any:
    return Email.objects.filter(
        pk=mail.id, attempt=mail.attempt, state=EmailState.SENDING
    )


_WRITE_AHEAD_SQL = """
UPDATE transactional_email AS e
SET compiled_id = r.compiled_id, digest = r.digest, filled_in = r.filled_in::jsonb
FROM unnest(
  %(ids)s::uuid[], %(attempts)s::int[], %(compiled)s::uuid[], %(digests)s::bytea[],
  %(filled_in)s::text[]
) AS r(id, attempt, compiled_id, digest, filled_in)
WHERE e.id = r.id AND e.attempt = r.attempt AND e.state = 'SENDING'
RETURNING e.id
"""


def write_ahead(traces: Sequence[tuple[Claimed, Trace]]) -> set[UUID]:
    """Write down what mails were made of, before the first of them leaves.

    Whatever becomes of this process then, and whoever settles the mail, it can be shown
    again. Returns the mails that are still ours: the others must not leave.
    """
    ordered = sorted(traces, key=lambda pair: pair[0].id)
    if not ordered:
        return set()
    write = _write_ahead_postgresql if is_postgresql() else _write_ahead_portable
    ours: set[UUID] = set()

    def written() -> None:
        ours.update(write(ordered))

    past_deadlocks(written)
    return ours


def _write_ahead_postgresql(traces: list[tuple[Claimed, Trace]]) -> list[UUID]:
    rows = fetch_all(
        _WRITE_AHEAD_SQL,
        {
            "ids": [mail.id for mail, _ in traces],
            "attempts": [mail.attempt for mail, _ in traces],
            "compiled": [trace.compiled_id for _, trace in traces],
            "digests": [trace.digest for _, trace in traces],
            "filled_in": [
                write(trace.filled_in).decode() if trace.filled_in else None
                for _, trace in traces
            ],
        },
        replan=True,
    )
    return [row[0] for row in rows]


@transaction.atomic
def _write_ahead_portable(traces: list[tuple[Claimed, Trace]]) -> list[UUID]:
    return [
        mail.id
        for mail, trace in traces
        if _ours(mail).update(
            compiled_id=trace.compiled_id,
            digest=trace.digest,
            filled_in=trace.filled_in,
        )
    ]


# SES's own word may have settled the mail before ours is written down.
_SENT_SQL = """
UPDATE transactional_email AS e
SET
  state = CASE WHEN e.state = ANY(%(unfinished)s) THEN 'SENT' ELSE e.state END,
  error_code = CASE WHEN e.state = ANY(%(unfinished)s) THEN '' ELSE e.error_code END,
  error = CASE WHEN e.state = ANY(%(unfinished)s) THEN '' ELSE e.error END,
  message_id = COALESCE(e.message_id, r.message_id),
  sent_at = COALESCE(e.sent_at, now()),
  lease_expires_at = NULL
FROM unnest(%(ids)s::uuid[], %(attempts)s::int[], %(messages)s::text[])
  AS r(id, attempt, message_id)
WHERE e.id = r.id AND e.attempt = r.attempt
"""


def _sent(attempts: list[Attempt]) -> None:
    if is_postgresql():
        fetch_all(
            _SENT_SQL,
            {
                "unfinished": [state.value for state in UNFINISHED],
                "ids": [each.mail.id for each in attempts],
                "attempts": [each.mail.attempt for each in attempts],
                "messages": [each.answer.message_id for each in attempts],
            },
            replan=True,
        )
        return
    with transaction.atomic():
        for each in attempts:
            _sent_portable(each)


def _sent_portable(attempt: Attempt) -> None:
    ours = Email.objects.filter(pk=attempt.mail.id, attempt=attempt.mail.attempt)
    ours.filter(state__in=UNFINISHED).update(
        state=EmailState.SENT, error_code="", error=""
    )
    ours.update(
        message_id=Coalesce("message_id", Value(attempt.answer.message_id)),
        sent_at=Coalesce("sent_at", Now()),
        lease_expires_at=None,
    )


def _throttled(attempts: list[Attempt]) -> None:
    rate.slow_down()
    for each in attempts:
        _ours(each.mail).update(
            state=EmailState.QUEUED,
            lease_expires_at=None,
            due_at=Now() + timedelta(seconds=random.uniform(0.1, 1.0)),  # noqa: S311
        )


def _quota(attempts: list[Attempt]) -> None:
    _hold(attempts, HoldScope.ACCOUNT, "", holds.DAILY_QUOTA)


def _account_held(attempts: list[Attempt]) -> None:
    _hold(attempts, HoldScope.ACCOUNT, "", attempts[0].answer.code)


def _domain_held(attempts: list[Attempt]) -> None:
    for each in attempts:
        domain = domain_of(each.mail.from_email)
        if _is_about_recipient(each, domain):
            _fail([each])
        else:
            _hold([each], HoldScope.DOMAIN, domain, each.answer.code)


def _is_about_recipient(attempt: Attempt, domain: str) -> bool:
    """Say whether SES, in its sandbox, complains of the recipient's address instead."""
    message = attempt.answer.message.lower()
    return attempt.mail.to_email in message and domain not in message.replace(
        attempt.mail.to_email, ""
    )


def _hold(attempts: list[Attempt], scope: HoldScope, key: str, reason: str) -> None:
    """Hold first, then put back: a worker that claims at once already sees the hold."""
    answer = attempts[0].answer
    holds.place(scope=scope, key=key, reason=reason, detail=answer.message)
    for each in attempts:
        _ours(each.mail).update(
            state=EmailState.QUEUED,
            lease_expires_at=None,
            # To the end of its lane: the next probe is another mail's.
            due_at=Now(),
            error_code=each.answer.code,
            error=each.answer.message,
        )


def _fail(attempts: list[Attempt]) -> None:
    for each in attempts:
        with transaction.atomic():
            is_ours = _ours(each.mail).update(
                state=EmailState.FAILED,
                lease_expires_at=None,
                error_code=each.answer.code,
                error=each.answer.message,
            )
            if is_ours:
                _note(each, EmailEventKind.FAILURE)


def _retry(attempts: list[Attempt]) -> None:
    for each in attempts:
        with transaction.atomic():
            row = _ours(each.mail).only("failures").first()
            if row is None:
                continue
            # Counted in tries, not from when it was queued: what waited for a quota or
            # behind a hold has not been tried at all.
            if row.failures * _BACKOFF_SECONDS[-1] >= settings.DELIVERY_GIVE_UP_SECONDS:
                _fail([each])
                continue
            _ours(each.mail).update(
                state=EmailState.QUEUED,
                lease_expires_at=None,
                failures=F("failures") + 1,
                due_at=Now() + _backoff(row.failures),
                error_code=each.answer.code,
                error=each.answer.message,
            )
            _note(each, EmailEventKind.RETRY)


def _doubt(attempts: list[Attempt]) -> None:
    for each in attempts:
        with transaction.atomic():
            is_ours = _ours(each.mail).update(
                state=EmailState.IN_DOUBT,
                lease_expires_at=None,
                doubts=F("doubts") + 1,
                due_at=Now() + timedelta(seconds=settings.DELIVERY_GRACE_SECONDS),
                error_code=ANSWER_LOST,
                error=f"{each.answer.code}: {each.answer.message}"[:500],
            )
            if is_ours:
                _note(each, EmailEventKind.DOUBT)


def _note(attempt: Attempt, kind: EmailEventKind) -> None:
    EmailEvent.objects.bulk_create(
        [
            EmailEvent(
                project_id=attempt.mail.project_id,
                email_id=attempt.mail.id,
                kind=kind,
                attempt=attempt.mail.attempt,
                at=Now(),
                created_at=Now(),
                key=f"{kind.value.lower()}:{attempt.mail.attempt}",
                detail={
                    "code": attempt.answer.code,
                    "message": attempt.answer.message,
                },
            )
        ],
        ignore_conflicts=True,
    )


def _backoff(failures: int) -> timedelta:
    seconds = _BACKOFF_SECONDS[min(failures, len(_BACKOFF_SECONDS) - 1)]
    return timedelta(seconds=random.uniform(seconds / 2, seconds))  # noqa: S311


_RECORDERS: dict[Outcome, Callable[[list[Attempt]], None]] = {
    Outcome.ACCEPTED: _sent,
    Outcome.THROTTLED: _throttled,
    Outcome.QUOTA: _quota,
    Outcome.REJECTED: _fail,
    Outcome.DOMAIN_HELD: _domain_held,
    Outcome.ACCOUNT_HELD: _account_held,
    Outcome.RETRY: _retry,
    Outcome.UNKNOWN: _doubt,
}
