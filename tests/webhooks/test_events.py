from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.webhooks import sns
from transactional.models import EmailEventKind
from webhooks.events import NotAnEvent, read_event


def _read(name: str, **mail: Any) -> Any:
    return read_event(json.dumps(sns.ses_event(name, **mail)))


@pytest.mark.parametrize(
    ("name", "kind", "detail"),
    [
        ("send", EmailEventKind.SEND, {}),
        (
            "delivery",
            EmailEventKind.DELIVERY,
            {"smtpResponse": "250 2.0.0 OK 1772442905 queued"},
        ),
        (
            "delivery_delay",
            EmailEventKind.DELIVERY_DELAY,
            {"delayType": "MailboxFull", "status": "4.2.2"},
        ),
        (
            "bounce_permanent",
            EmailEventKind.BOUNCE,
            {"bounceType": "Permanent", "status": "5.1.1"},
        ),
        ("bounce_transient", EmailEventKind.BOUNCE, {"bounceType": "Transient"}),
        ("bounce_undetermined", EmailEventKind.BOUNCE, {"bounceType": "Undetermined"}),
        ("complaint", EmailEventKind.COMPLAINT, {"complaintFeedbackType": "abuse"}),
        (
            "complaint_not_spam",
            EmailEventKind.COMPLAINT,
            {"complaintFeedbackType": "not-spam"},
        ),
        ("open", EmailEventKind.OPEN, {"ipAddress": "192.0.2.77"}),
        ("click", EmailEventKind.CLICK, {"link": "https://example.com/invoice?id=7"}),
        ("reject", EmailEventKind.REJECT, {"reason": "Bad content"}),
        (
            "rendering_failure",
            EmailEventKind.RENDERING_FAILURE,
            {"templateName": "invoice"},
        ),
        ("subscription", EmailEventKind.SUBSCRIPTION, {"contactList": "Newsletter"}),
    ],
)
def test_every_event_of_ses_is_read(
    name: str, kind: EmailEventKind, detail: dict[str, str]
) -> None:
    feedback = _read(name)

    assert feedback.kind == kind
    assert feedback.email_id == UUID("0197a000-0000-7000-8000-000000000001")
    assert (feedback.attempt, feedback.message_id[:4]) == (1, "0102")
    assert feedback.recipients == ("dana@example.com",)
    assert detail.items() <= feedback.detail.items()
    assert feedback.mailed_at == datetime(2026, 3, 2, 9, 15, 4, 120_000, UTC)
    assert feedback.at >= feedback.mailed_at


def test_an_identity_s_own_notification_is_read_without_tags() -> None:
    feedback = _read("identity_bounce")

    assert (feedback.kind, feedback.email_id) == (EmailEventKind.BOUNCE, None)
    assert feedback.message_id


def test_the_key_names_the_event_and_not_the_post() -> None:
    event = sns.ses_event("open")
    later = event | {"open": event["open"] | {"timestamp": "2026-03-02T10:02:12Z"}}
    other = sns.ses_event("click")
    moved = other | {"click": other["click"] | {"link": "https://example.com/b"}}

    keys = [read_event(json.dumps(item)).key for item in (event, later, other, moved)]

    assert len(set(keys)) == 4
    assert read_event(json.dumps(event, indent=3)).key == keys[0]


@pytest.mark.parametrize(
    "name", ["Dana <DANA@Example.com>", " dana@example.com ", "DANA@EXAMPLE.COM"]
)
def test_a_recipient_is_read_in_every_spelling(name: str) -> None:
    event = sns.ses_event("bounce_permanent")
    event["bounce"]["bouncedRecipients"] = [{"emailAddress": name}]

    assert read_event(json.dumps(event)).recipients == ("dana@example.com",)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "Successfully validated SNS topic for Amazon SES event publishing.",
        "null",
        "[]",
        "7",
        '"Bounce"',
        "{}",
        "[" * 200_000,
        "9" * 5000,
        '{"eventType": "Levitate", "mail": {"messageId": "1"}}',
        '{"eventType": 7}',
        '{"eventType": ["Bounce"]}',
        '{"notificationType": "AmazonSnsSubscriptionSucceeded"}',
        '{"notificationType": "Received", "mail": {"messageId": "1"}}',
        '{"eventType": "Bounce"}',
        '{"eventType": "Bounce", "mail": null}',
        '{"eventType": "Bounce", "mail": {"messageId": 7, "tags": {"plunk_email": 7}}}',
    ],
)
def test_what_is_no_event_of_a_mail_says_so(message: str) -> None:
    with pytest.raises(NotAnEvent):
        read_event(message)


@pytest.mark.parametrize(
    "timestamp",
    [None, 7, "", "yesterday", "2026-13-40T00:00:00Z", "0001-01-01T00:00+09"],
)
def test_an_odd_time_is_none(timestamp: object) -> None:
    event = sns.ses_event("open", timestamp=timestamp)
    event["open"]["timestamp"] = timestamp

    assert read_event(json.dumps(event)).at is None


@pytest.mark.parametrize(
    "attempt", [None, 7, [], ["x"], ["-1"], ["99999"], ["１"], [[]]]
)
def test_an_odd_attempt_is_none(attempt: object) -> None:
    tags = {"plunk_email": ["0197a000-0000-7000-8000-000000000001"]}

    assert _read("open", tags=tags | {"plunk_attempt": attempt}).attempt is None


def test_what_no_database_keeps_is_cleaned() -> None:
    event = sns.ses_event("click")
    event["click"] |= {"link": "a\x00b\ud800" + "x" * 9000, "userAgent": float("nan")}

    detail = read_event(json.dumps(event)).detail

    assert detail["link"].startswith("ab?x")
    assert len(detail["link"]) == 1000
    assert "userAgent" not in detail


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text() | st.sampled_from(["timestamp", "tags"]), inner)
    ),
    max_leaves=12,
)
_NAMES = st.sampled_from(
    "timestamp messageId destination tags feedbackId bouncedRecipients bounceType "
    "complainedRecipients emailAddress link plunk_email plunk_attempt".split()
)


@given(
    st.sampled_from(["Send", "Delivery", "Bounce", "Complaint", "Open", "Click"]),
    st.dictionaries(_NAMES, _JSON) | _JSON,
    st.dictionaries(_NAMES, _JSON) | _JSON,
)
def test_no_event_breaks_the_reader(kind: str, section: object, mail: object) -> None:
    event = {"eventType": kind, kind.lower(): section, "mail": mail}

    try:
        feedback = read_event(json.dumps(event))
    except NotAnEvent:
        return

    assert len(feedback.key) == 64
    json.dumps(feedback.detail, allow_nan=False).encode()
