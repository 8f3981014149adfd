"""What SES reports about a mail, in the words of its event publishing.

https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from plunk.simulator.envelopes import aws_time
from plunk.simulator.mail import Headers, Mail, decoded

Json = dict[str, Any]

MAILBOX_SIMULATOR = "simulator.amazonses.com"
#: SES cuts the headers it repeats at 10 KB.
_HEADERS_LIMIT = 10 * 1024
_ACCOUNT = "000000000000"


@dataclass(frozen=True, slots=True)
class Event:
    """One event of SES: its type, and the whole message that carries it."""

    kind: str
    message: Json


def events_of(*, mail: Mail, headers: Headers, message_id: str) -> list[Event]:
    """Return what happens to a mail: Send, then each recipient's own fate."""
    about = describe(mail=mail, headers=headers, message_id=message_id)
    events = [Event("Send", {"eventType": "Send", "mail": about, "send": {}})]
    for recipient in mail.recipients:
        events += [
            Event(kind, {"eventType": kind, "mail": about, kind.lower(): detail})
            for kind, detail in _fate(recipient)
        ]
    return events


def describe(*, mail: Mail, headers: Headers, message_id: str) -> Json:
    """Return the `mail` object every event carries."""
    kept, truncated = _kept(headers)
    return {
        "timestamp": aws_time(datetime.now(UTC)),
        "source": mail.sender,
        "sourceArn": f"arn:aws:ses:us-east-1:{_ACCOUNT}:identity/{mail.sender_domain}",
        "sendingAccountId": _ACCOUNT,
        "messageId": message_id,
        "destination": mail.recipients,
        "headersTruncated": truncated,
        "headers": kept,
        "commonHeaders": _common(headers, message_id),
        "tags": _tags(mail),
    }


def detail_of(kind: str, recipient: str) -> Json:
    """Return the object of an event of that kind, for one recipient.

    Raises KeyError for a kind that the simulator does not know.
    """
    now = aws_time(datetime.now(UTC))
    visitor = {
        "ipAddress": "192.0.2.1",
        "timestamp": now,
        "userAgent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0",
    }
    details: dict[str, Json] = {
        "Send": {},
        "Delivery": _delivery(recipient, now),
        "Bounce": _bounce(recipient, now, "Permanent", "General"),
        "Complaint": _complaint(recipient, now),
        "Reject": {"reason": "Bad content"},
        "Open": visitor,
        "Click": visitor | {"link": "https://example.com/", "linkTags": None},
    }
    return details[kind]


def _fate(recipient: str) -> list[tuple[str, Json]]:
    """Return what a recipient answers; the mailbox simulator's have a mind of theirs.

    https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html
    """
    now = aws_time(datetime.now(UTC))
    local, _, domain = recipient.lower().rpartition("@")
    delivery = ("Delivery", _delivery(recipient, now))
    if domain != MAILBOX_SIMULATOR:
        return [delivery]
    match local.partition("+")[0]:
        case "bounce":
            return [("Bounce", _bounce(recipient, now, "Permanent", "General"))]
        case "suppressionlist":
            bounce = _bounce(recipient, now, "Permanent", "OnAccountSuppressionList")
            return [("Bounce", bounce)]
        case "complaint":
            return [delivery, ("Complaint", _complaint(recipient, now))]
        case "ooto":
            bounce = _bounce(recipient, now, "Transient", "General")
            return [delivery, ("Bounce", bounce)]
    return [delivery]


def _delivery(recipient: str, now: str) -> Json:
    return {
        "timestamp": now,
        "processingTimeMillis": 540,
        "recipients": [recipient],
        "smtpResponse": "250 2.6.0 Message received",
        "remoteMtaIp": "192.0.2.2",
        "reportingMTA": "a8-50.smtp-out.amazonses.com",
    }


def _bounce(recipient: str, now: str, kind: str, subkind: str) -> Json:
    person: Json = {"emailAddress": recipient}
    if subkind == "OnAccountSuppressionList":
        person |= {
            "action": "failed",
            "status": "5.1.1",
            "diagnosticCode": "Amazon SES did not send the message to this address "
            "because it is on the suppression list for your account.",
        }
    elif kind == "Permanent":
        person |= {
            "action": "failed",
            "status": "5.1.1",
            "diagnosticCode": "smtp; 550 5.1.1 user unknown",
        }
    return {
        "feedbackId": _feedback_id(),
        "bounceType": kind,
        "bounceSubType": subkind,
        "bouncedRecipients": [person],
        "timestamp": now,
        "reportingMTA": "dns; a8-50.smtp-out.amazonses.com",
    }


def _complaint(recipient: str, now: str) -> Json:
    return {
        "feedbackId": _feedback_id(),
        "complaintSubType": None,
        "complainedRecipients": [{"emailAddress": recipient}],
        "timestamp": now,
        "userAgent": "Amazon SES Mailbox Simulator",
        "complaintFeedbackType": "abuse",
        "arrivalDate": now,
    }


def _feedback_id() -> str:
    return f"0100{uuid4().hex[:12]}-{uuid4()}-000000"


def _kept(headers: Headers) -> tuple[list[Json], bool]:
    kept: list[Json] = []
    size = 0
    for name, value in headers.items:
        size += len(name) + len(value)
        if size > _HEADERS_LIMIT:
            return kept, True
        kept.append({"name": name, "value": value})
    return kept, False


def _common(headers: Headers, message_id: str) -> Json:
    lists = {"from": "From", "to": "To", "cc": "Cc", "replyTo": "Reply-To"}
    common: Json = {
        key: [headers.get(name)[:_HEADERS_LIMIT]]
        for key, name in lists.items()
        if headers.get(name)
    }
    subject = decoded(headers.get("Subject"))[:_HEADERS_LIMIT]
    return common | {"messageId": message_id, "subject": subject}


def _tags(mail: Mail) -> dict[str, list[str]]:
    own = {name: [value] for name, value in mail.tags.items()}
    return own | {
        "ses:operation": [mail.operation],
        "ses:configuration-set": [mail.configuration_set],
        "ses:source-ip": ["127.0.0.1"],
        "ses:from-domain": [mail.sender_domain],
        "ses:caller-identity": ["simulator"],
    }
