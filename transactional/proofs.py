"""What one SES event proves about one mail: rules alone, no database.

The state of a mail is the highest rank that any of its events proves, its times are the
earliest, and its counts are those of the stored events. Each of these is the same in
whatever order and however often the events arrive.

**Opens and clicks** of machines are counted apart and give the mail no time. Which are
a machine's is asked of all of them together (`transactional.tracking.machines`): a
later click can show that an earlier one was a scanner's, a late Delivery that a click
came too soon. What was told of the earlier one by a signal is not taken back.

**Which attempt.** A mail whose answer was lost may be sent again, so an event can speak
of an earlier attempt than the row's current one:

- The recipient has the mail then, whichever attempt brought it. A row that is QUEUED or
  IN_DOUBT again is settled by it and not sent once more.
- A row that is SENDING belongs to the worker that holds its lease: the call may be out
  already. The event is stored, the state is left alone, and the answer is to come back
  when the attempt has its own answer. Was it SENT, the event counts like any other; was
  it refused or lost, the event settles it as above.
- A Reject of an earlier attempt says nothing about the current one: it is history only.

The current attempt's own event settles SENDING at once, as does one of an attempt that
the row does not know yet (a restored database): SES's word outweighs the lease, and the
worker's own record, guarded by the state, then changes nothing.

**Proof wins.** A mail that SES accepted did leave, so FAILED, CANCELLED, SKIPPED and
SUPPRESSED, which say that it did not, give way to it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from transactional.models import (
    UNFINISHED,
    Email,
    EmailEvent,
    EmailEventKind,
    EmailState,
)
from transactional.tracking.machines import Deed, machines

logger = logging.getLogger(__name__)

#: `error_code` of a mail that SES took and then would not send.
REJECTED = "SES_REJECT"
NOT_RENDERED = "SES_RENDERING_FAILURE"

_RANKS: dict[str, int] = {
    EmailState.SENT: 1,
    EmailState.DELIVERED: 4,
    EmailState.BOUNCED: 5,
    EmailState.COMPLAINED: 6,
}
_FAILED_RANKS: dict[str, int] = {NOT_RENDERED: 2, REJECTED: 3}

_PROOFS = frozenset(
    {
        EmailEventKind.SEND,
        EmailEventKind.DELIVERY,
        EmailEventKind.DELIVERY_DELAY,
        EmailEventKind.BOUNCE,
        EmailEventKind.COMPLAINT,
        EmailEventKind.OPEN,
        EmailEventKind.CLICK,
    }
)


@dataclass(frozen=True, slots=True)
class Feedback:
    """One SES event about one mail.

    `key` names the event, so that it counts once however often it is told. `at` and
    `mailed_at` (when SES took the mail) are None where SES gave no readable time: the
    database's stands in. `detail` keeps SES's own member names; `bounceType`,
    `complaintFeedbackType`, `feedbackId` and `reason` are read here.
    """

    kind: EmailEventKind
    email_id: UUID | None
    attempt: int | None
    message_id: str
    at: datetime | None
    recipients: tuple[str, ...]
    detail: dict[str, Any]
    key: str
    mailed_at: datetime | None = None
    #: Whether it proves that the mail left. Our own links prove nothing: whoever sees
    #: the mail here sees them too.
    is_proof: bool = True

    @property
    def is_permanent_bounce(self) -> bool:
        is_permanent = self.detail.get("bounceType") == "Permanent"
        return self.kind == EmailEventKind.BOUNCE and is_permanent

    @property
    def is_complaint(self) -> bool:
        is_spam = self.detail.get("complaintFeedbackType") != "not-spam"
        return self.kind == EmailEventKind.COMPLAINT and is_spam


def count(*, email: Email, events: Sequence[EmailEvent]) -> list[EmailEvent]:
    """Count all of a mail's opens and clicks, people's and machines' apart.

    Changes `email` and the events' `detail` in memory; returns the events it changed.
    """
    verdicts = machines([_deed(event) for event in events], email.delivered_at)
    changed = [
        event
        for event, verdict in zip(events, verdicts, strict=True)
        if _name_machine(event, verdict)
    ]
    opens = [event for event in events if event.kind == EmailEventKind.OPEN]
    clicks = [event for event in events if event.kind == EmailEventKind.CLICK]
    email.opens, email.machine_opens, email.opened_at = _counted(opens)
    email.clicks, email.machine_clicks, email.clicked_at = _counted(clicks)
    return changed


def is_machine(event: EmailEvent) -> bool:
    """Say whether an open or click was no person's, as far as is known so far."""
    return bool((event.detail or {}).get("machine"))


def _deed(event: EmailEvent) -> Deed:
    detail = event.detail or {}
    user_agent = detail.get("userAgent")
    return Deed(
        kind=event.kind,
        at=event.at,
        link=str(detail.get("link") or ""),
        user_agent=user_agent if isinstance(user_agent, str) else None,
        method=str(detail.get("method") or "GET"),
        is_prefetch=bool(detail.get("prefetch")),
    )


def _name_machine(event: EmailEvent, verdict: str | None) -> bool:
    """Note with the event whose it was; say whether that is new."""
    detail = event.detail or {}
    if detail.get("machine") == verdict:
        return False
    others = {name: detail[name] for name in detail if name != "machine"}
    event.detail = others | ({"machine": str(verdict)} if verdict else {})
    return True


def _counted(events: Sequence[EmailEvent]) -> tuple[int, int, datetime | None]:
    """Return how many are people's, how many machines', and the first person's time."""
    times = [event.at for event in events if not is_machine(event)]
    return len(times), len(events) - len(times), min(times, default=None)


def must_wait(*, email: Email, feedback: Feedback) -> bool:
    """Say whether an event has to wait for the answer of the current attempt."""
    return (
        feedback.is_proof
        and email.state == EmailState.SENDING
        and feedback.kind in _PROOFS
        and is_of_earlier_attempt(email=email, feedback=feedback)
    )


def settle(*, email: Email, feedback: Feedback, at: datetime) -> None:
    """Raise a mail's state to what the event proves, and note when it happened.

    Changes the fields of `email` in memory; a second time changes nothing.
    """
    if not feedback.is_proof:
        return
    state, error_code = _proven(feedback)
    is_earlier = is_of_earlier_attempt(email=email, feedback=feedback)
    if state is None or (is_earlier and feedback.kind not in _PROOFS):
        return
    # An earlier attempt's id only fills a gap: the row names the last one.
    if not is_earlier or not email.message_id:
        email.message_id = feedback.message_id or email.message_id
    if feedback.kind in _PROOFS:
        email.sent_at = _earliest(email.sent_at, feedback.mailed_at or at)
    _note_time(email, state, at)
    if _rank(state, error_code) > _rank(email.state, email.error_code):
        _raise_state(email, state, error_code, feedback)


def is_of_earlier_attempt(*, email: Email, feedback: Feedback) -> bool:
    """Say whether an event may be of another attempt than the row's current one."""
    if feedback.attempt is not None:
        return feedback.attempt < email.attempt
    return not email.message_id or email.message_id != feedback.message_id


def _proven(feedback: Feedback) -> tuple[EmailState | None, str]:
    """Return the state, and the error code, that an event proves by itself."""
    match feedback.kind:
        case EmailEventKind.REJECT:
            return EmailState.FAILED, REJECTED
        case EmailEventKind.RENDERING_FAILURE:
            return EmailState.FAILED, NOT_RENDERED
        case EmailEventKind.DELIVERY:
            return EmailState.DELIVERED, ""
        case EmailEventKind.BOUNCE if feedback.is_permanent_bounce:
            return EmailState.BOUNCED, ""
        case EmailEventKind.COMPLAINT if feedback.is_complaint:
            return EmailState.COMPLAINED, ""
    return (EmailState.SENT if feedback.kind in _PROOFS else None), ""


def _rank(state: str, error_code: str) -> int:
    """Order states by what SES has said; 0 where it has said nothing."""
    if state == EmailState.FAILED:
        return _FAILED_RANKS.get(error_code, 0)
    return _RANKS.get(state, 0)


def _note_time(email: Email, state: EmailState, at: datetime) -> None:
    if state == EmailState.DELIVERED:
        email.delivered_at = _earliest(email.delivered_at, at)
    elif state == EmailState.BOUNCED:
        email.bounced_at = _earliest(email.bounced_at, at)
    elif state == EmailState.COMPLAINED:
        email.complained_at = _earliest(email.complained_at, at)


def _raise_state(
    email: Email, state: EmailState, error_code: str, feedback: Feedback
) -> None:
    if _rank(email.state, email.error_code) == 0 and email.state not in UNFINISHED:
        logger.warning(
            "a mail that was given up did leave",
            extra={"email_id": str(email.pk), "was": email.state},
        )
    email.state = state
    email.lease_expires_at = None
    email.error_code = error_code
    reason = feedback.detail.get("reason") or feedback.detail.get("errorMessage")
    email.error = str(reason or "")[:500] if error_code else ""


def _earliest(known: datetime | None, at: datetime) -> datetime:
    return min(known, at) if known else at
