"""What became of a mail, in words for somebody who has never heard of SMTP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from contacts.models import Suppression, SuppressionReason
from transactional.language import Form, compile_part
from transactional.models import Email, EmailEvent, EmailEventKind, EmailState
from transactional.rendering import MAX_SUBJECT, Rendered, scope
from transactional.reprinting import preview, was_composed
from transactional.tracking.machines import words_of as words_of_machine

STATE_TONES: dict[EmailState, str] = {
    EmailState.QUEUED: "neutral",
    EmailState.SENDING: "info",
    EmailState.IN_DOUBT: "warn",
    EmailState.SENT: "info",
    EmailState.DELIVERED: "good",
    EmailState.BOUNCED: "bad",
    EmailState.COMPLAINED: "bad",
    EmailState.FAILED: "bad",
    EmailState.SKIPPED: "neutral",
    EmailState.SUPPRESSED: "warn",
    EmailState.CANCELLED: "neutral",
}


@dataclass(frozen=True, slots=True)
class Words:
    title: str
    tone: str
    icon: str


_EVENT_WORDS: dict[EmailEventKind, Words] = {
    EmailEventKind.SEND: Words("Amazon confirmed it has the mail", "info", "send"),
    EmailEventKind.DELIVERY: Words("Delivered", "good", "check"),
    EmailEventKind.DELIVERY_DELAY: Words("Delivery is delayed", "warn", "clock"),
    EmailEventKind.BOUNCE: Words("Bounced", "bad", "cross"),
    EmailEventKind.COMPLAINT: Words("Marked as spam", "bad", "warning"),
    EmailEventKind.OPEN: Words("Opened", "info", "open"),
    EmailEventKind.CLICK: Words("Link clicked", "info", "click"),
    EmailEventKind.REJECT: Words("Rejected by Amazon", "bad", "cross"),
    EmailEventKind.RENDERING_FAILURE: Words("Could not be written", "bad", "cross"),
    EmailEventKind.SUBSCRIPTION: Words("Subscription changed", "neutral", "people"),
    EmailEventKind.RETRY: Words(
        "Refused for now, will be tried again", "warn", "clock"
    ),
    EmailEventKind.FAILURE: Words("Could not be sent", "bad", "cross"),
    EmailEventKind.DOUBT: Words("Amazon's answer was lost", "warn", "warning"),
    EmailEventKind.RESEND: Words("Sent again after no word came", "warn", "refresh"),
}

_SOFT_BOUNCE = Words("Returned for now", "warn", "clock")
_BY_MACHINE = {
    EmailEventKind.OPEN: ("Opened by a machine", "open"),
    EmailEventKind.CLICK: ("Link clicked by a machine", "click"),
}


def words_of(event: EmailEvent) -> Words:
    """Return how an event is told; a bounce that is not for good sounds milder, and
    what no person did is said to be a machine's.
    """
    kind = EmailEventKind(event.kind)
    machine = words_of_machine((event.detail or {}).get("machine"))
    if machine and kind in _BY_MACHINE:
        title, icon = _BY_MACHINE[kind]
        return Words(f"{title} ({machine})", "neutral", icon)
    is_bounce = kind is EmailEventKind.BOUNCE
    if is_bounce and (event.detail or {}).get("bounceType") != "Permanent":
        return _SOFT_BOUNCE
    return _EVENT_WORDS[kind]


#: Our own codes, in words.
_CODE_WORDS = {
    "lease_expired": "The worker that held the mail did not come back.",
    "no_word_from_ses": "Amazon never confirmed that it had taken the mail.",
    "unknown_outcome": "Tried several times without learning whether Amazon has it.",
    "not_tried": "It did not come to Amazon's turn.",
}
_SUPPRESSIONS = {
    SuppressionReason.BOUNCE: "mail to this address bounced for good",
    SuppressionReason.COMPLAINT: "this address complained",
    SuppressionReason.MANUAL: "this address was suppressed by hand",
}
#: The members of an event's detail that say why, the most telling first.
_REASONS = (
    "diagnosticCode",
    "link",
    "delayType",
    "reason",
    "errorMessage",
    "message",
    "complaintFeedbackType",
    "bounceSubType",
    "smtpResponse",
    "userAgent",
    "code",
)


#: What rendering raises on values that no mail can carry, such as 100-digit numbers.
UNRENDERABLE = (TypeError, ValueError, RecursionError)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a mail's history; `at` is None where nobody wrote the time down."""

    at: datetime | None
    title: str
    detail: str
    tone: str
    icon: str


def subject_of(email: Email) -> str:
    """Return the subject as its recipient reads it, without reading the body."""
    subject = email.content.subject
    if "{{" not in subject and "{%" not in subject:
        return subject
    variables = scope(
        contact_id=email.contact_id,
        address=email.to_email,
        data=email.filled_in if was_composed(email) else email.contact.data,
        variables=email.variables,
    )
    try:
        return compile_part(subject, Form.LINE).fill(variables, MAX_SUBJECT)
    except UNRENDERABLE:
        return subject


def content_of(email: Email) -> Rendered:
    """Return the mail as its recipient reads it, or as it was given if nobody can.

    A mail that failed because it could not be rendered has a page all the same.
    """
    try:
        return preview(email)
    except UNRENDERABLE:
        content = email.content
        return Rendered(content.subject, content.body, content.body)


def variables_of(email: Email) -> dict[str, Any]:
    """Return what was filled in: of the contact's data, and what came with the mail."""
    return {**(email.filled_in or {}), **(email.variables or {})}


def reason_of(event: EmailEvent) -> str:
    """Return why, or on what, an event happened, as far as it was told."""
    detail = event.detail if isinstance(event.detail, dict) else {}
    code = detail.get("code")
    if code in _CODE_WORDS:
        return _CODE_WORDS[code]
    for name in _REASONS:
        if detail.get(name):
            return str(detail[name])[:300]
    return ""


def history(email: Email, events: Sequence[EmailEvent]) -> list[Step]:
    """Return the steps of a mail, the first one first."""
    steps = [Step(email.created_at, "Accepted", _door(email), "neutral", "clock")]
    if email.sent_at:
        detail = f"Message id {email.message_id}" if email.message_id else ""
        steps.append(
            Step(email.sent_at, "Handed to Amazon SES", detail, "info", "send")
        )
    for event in events:
        if event.kind == EmailEventKind.SEND and email.sent_at and not email.doubts:
            continue
        words = words_of(event)
        step = Step(event.at, words.title, reason_of(event), words.tone, words.icon)
        steps.append(step)
    steps.sort(key=lambda step: step.at or email.created_at)
    return steps + _end(email)


def _door(email: Email) -> str:
    return f"By {email.get_source_display()}, {email.get_kind_display().lower()} mail"


def _end(email: Email) -> list[Step]:
    """Return the last step of a mail that ended without a word from Amazon."""
    if email.state in (EmailState.SKIPPED, EmailState.SUPPRESSED, EmailState.CANCELLED):
        tone = STATE_TONES[EmailState(email.state)]
        return [Step(None, email.get_state_display(), email.error, tone, "cross")]
    return []


def explain(
    email: Email, events: Sequence[EmailEvent], suppression: Suppression | None
) -> str:
    """Say in a sentence or two where the mail is and what happens next."""
    state = EmailState(email.state)
    if state in (EmailState.QUEUED, EmailState.SENDING, EmailState.IN_DOUBT):
        words = _unfinished(email, state)
    elif state in (EmailState.SENT, EmailState.DELIVERED):
        words = _handed_over(email)
    elif state in (EmailState.BOUNCED, EmailState.COMPLAINED):
        words = _returned(email, state, events)
    else:
        words = _not_sent(email, state, suppression)
    if email.possible_duplicates:
        words += (
            " It was sent again after Amazon's answer was lost, so the recipient may"
            " have it twice."
        )
    return words


def _unfinished(email: Email, state: EmailState) -> str:
    if state == EmailState.SENDING:
        return "It is being handed to Amazon SES at this moment."
    if state == EmailState.IN_DOUBT:
        return (
            "Amazon's answer was lost, so nobody knows yet whether it has the mail. We"
            f" wait for its confirmation, at the latest until {_clock(email.due_at)};"
            " only then is the mail sent again."
        )
    if email.error:
        return (
            f"Amazon SES refused it for the moment: {_sentence(email.error)} It is"
            f" tried again by itself, not before {_clock(email.due_at)}."
        )
    return "It waits for its turn, and goes out as soon as the sending rate allows."


def _handed_over(email: Email) -> str:
    taken = f"Amazon SES took the mail{_after(email)}"
    if email.delivered_at is None:
        return f"{taken}; the recipient's server has not answered yet."
    words = (
        f"{taken}; the recipient's server accepted it on {_clock(email.delivered_at)}."
    )
    if email.clicked_at:
        words += f" A link in it was clicked on {_clock(email.clicked_at)}."
    elif email.opened_at:
        words += f" It was opened on {_clock(email.opened_at)}."
    elif email.machine_opens or email.machine_clicks:
        words += " So far only machines have looked at it."
    return words


def _returned(email: Email, state: EmailState, events: Sequence[EmailEvent]) -> str:
    if state == EmailState.COMPLAINED:
        moment = f" on {_clock(email.complained_at)}" if email.complained_at else ""
        return (
            f"The recipient marked it as spam{moment}. No mail goes to this address any"
            " more."
        )
    kind = EmailEventKind.BOUNCE
    bounce = next((event for event in events if event.kind == kind), None)
    why = f": {reason_of(bounce)}" if bounce and reason_of(bounce) else ""
    return f"The recipient's server refused it{_sentence(why) if why else '.'}"


def _not_sent(email: Email, state: EmailState, suppression: Suppression | None) -> str:
    if state == EmailState.SUPPRESSED and suppression:
        why = _SUPPRESSIONS[SuppressionReason(suppression.reason)]
        return f"Suppressed: {why} on {_clock(suppression.created_at)}. Nothing went."
    why = _sentence(email.error) if email.error else "No reason was given."
    if state == EmailState.FAILED:
        return f"It could not be sent: {why}"
    return f"{state.label}, so nothing was sent: {why}"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _after(email: Email) -> str:
    if email.sent_at is None:
        return ""
    seconds = (email.sent_at - email.created_at).total_seconds()
    if seconds < 1:
        return " less than a second after you sent it"
    if seconds < 120:
        return f" {seconds:.0f} seconds after you sent it"
    if seconds < 7200:
        return f" {seconds / 60:.0f} minutes after you sent it"
    return f" on {_clock(email.sent_at)}"


def _clock(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%d %b %Y at %H:%M:%S UTC")
