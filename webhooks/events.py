"""Reading an SES event: whatever is missing or odd, this answers and never breaks.

Member names and forms are those of "Contents of event data that Amazon SES publishes to
Amazon SNS" in Amazon's SES developer guide; the older notifications of an identity,
which say `notificationType` and carry no tags, are read too.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from transactional.feedback import Feedback
from transactional.models import EmailEventKind

_TEXT_LIMIT = 1000
_MESSAGE_ID_LIMIT = 100
_RECIPIENTS_LIMIT = 50
_ATTEMPT = re.compile(r"[0-9]{1,4}")


class NotAnEvent(ValueError):
    """The message is none that we know; says why, for the notification's outcome."""


@dataclass(frozen=True, slots=True)
class _Form:
    """Where an event of a kind keeps what we read of it."""

    kind: EmailEventKind
    section: str
    #: Members of the section that are kept as they are.
    kept: tuple[str, ...]
    #: The list that names the recipients it is about; all of the mail's, if none.
    recipients: str = ""


_FORMS = {
    "send": _Form(EmailEventKind.SEND, "send", ()),
    "delivery": _Form(
        EmailEventKind.DELIVERY,
        "delivery",
        ("smtpResponse", "processingTimeMillis", "reportingMTA"),
        "recipients",
    ),
    "deliverydelay": _Form(
        EmailEventKind.DELIVERY_DELAY,
        "deliveryDelay",
        ("delayType", "expirationTime", "reportingMTA"),
        "delayedRecipients",
    ),
    "bounce": _Form(
        EmailEventKind.BOUNCE,
        "bounce",
        ("bounceType", "bounceSubType", "feedbackId", "reportingMTA"),
        "bouncedRecipients",
    ),
    "complaint": _Form(
        EmailEventKind.COMPLAINT,
        "complaint",
        ("complaintFeedbackType", "complaintSubType", "feedbackId", "userAgent"),
        "complainedRecipients",
    ),
    "open": _Form(EmailEventKind.OPEN, "open", ("userAgent", "ipAddress")),
    "click": _Form(EmailEventKind.CLICK, "click", ("link", "userAgent", "ipAddress")),
    "reject": _Form(EmailEventKind.REJECT, "reject", ("reason",)),
    "renderingfailure": _Form(
        EmailEventKind.RENDERING_FAILURE, "failure", ("errorMessage", "templateName")
    ),
    "subscription": _Form(
        EmailEventKind.SUBSCRIPTION, "subscription", ("contactList", "source")
    ),
}
_OF_RECIPIENT = ("status", "action", "diagnosticCode")


def read_event(message: str) -> Feedback:
    """Return the SES event in an SNS message; raises NotAnEvent for anything else."""
    try:
        event = _object(json.loads(message))
    except (ValueError, RecursionError) as error:
        raise NotAnEvent("ignored: not JSON") from error
    name = _text(event, "eventType") or _text(event, "notificationType")
    form = _FORMS.get(name.replace(" ", "").lower())
    if form is None:
        raise NotAnEvent(f"ignored: unknown event type {name[:60]!r}")
    feedback = _read(form, _object(event.get(form.section)), _object(event.get("mail")))
    if not feedback.email_id and not feedback.message_id:
        raise NotAnEvent("ignored: names no mail")
    return feedback


def _read(form: _Form, section: dict[str, Any], mail: dict[str, Any]) -> Feedback:
    tags = _object(mail.get("tags"))
    given = section.get(form.recipients) if form.recipients else mail.get("destination")
    people = [_person(item) for item in _list(given)[:_RECIPIENTS_LIMIT]]
    recipients = tuple(_address(_text(person, "emailAddress")) for person in people)
    email_id, message_id = _uuid(_tag(tags, "plunk_email")), _text(mail, "messageId")
    detail = _detail(form, section, people[0] if people else {})
    when = _text(section, "timestamp") or _text(mail, "timestamp")
    return Feedback(
        kind=form.kind,
        email_id=email_id,
        attempt=_attempt(_tag(tags, "plunk_attempt")),
        message_id=message_id if len(message_id) <= _MESSAGE_ID_LIMIT else "",
        at=_time(when),
        recipients=recipients,
        detail=detail | ({"messageId": message_id} if message_id else {}),
        key=_key(
            str(email_id),
            message_id,
            form.kind,
            _text(section, "feedbackId") or when,
            " ".join(sorted(recipients)),
            _text(section, "link"),
        ),
        mailed_at=_time(_text(mail, "timestamp")),
    )


def _key(*parts: str) -> str:
    """Name an event by what tells it from others, not by the post that brought it."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _detail(
    form: _Form, section: dict[str, Any], person: dict[str, Any]
) -> dict[str, Any]:
    found = {name: _scalar(section.get(name)) for name in form.kept}
    if form.recipients:
        found |= {name: _scalar(person.get(name)) for name in _OF_RECIPIENT}
    return {name: value for name, value in found.items() if value is not None}


def _person(item: Any) -> dict[str, Any]:
    """Return a recipient, which some events give as an object, others as text."""
    return {"emailAddress": item} if isinstance(item, str) else _object(item)


def _address(text: str) -> str:
    """Return the bare address of `Name <address>`, in lower case."""
    bare = text.rpartition("<")[2].partition(">")[0] if text.endswith(">") else text
    return bare.strip().lower()


def _tag(tags: dict[str, Any], name: str) -> str:
    values = _list(tags.get(name))
    return values[0] if values and isinstance(values[0], str) else ""


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _attempt(text: str) -> int | None:
    return int(text) if _ATTEMPT.fullmatch(text) else None


def _time(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(section: dict[str, Any], name: str) -> str:
    value = _scalar(section.get(name))
    return value if isinstance(value, str) else ""


def _scalar(value: Any) -> str | int | float | bool | None:
    """Return what every database can keep of a value, or None."""
    if isinstance(value, str):
        # An escape can hold half a character, which nothing can encode, or NUL.
        clean = value.encode("utf-8", "replace").decode().replace("\x00", "")
        return clean[:_TEXT_LIMIT]
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**63 else None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return None
