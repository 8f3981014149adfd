from __future__ import annotations

import stat
import time
from base64 import b64decode
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from django.db import connection
from django.test import Client
from pytest_django.fixtures import Settings

from plunk.simulator import feedback
from plunk.simulator.certificates import ensure_certificate
from plunk.simulator.envelopes import SIGNED_PARTS, notification, sign
from plunk.simulator.faults import faults
from plunk.simulator.models import PendingFeedback, SimulatedMessage
from plunk.simulator.storing import report
from tests.simulator.conftest import RAW, Listener, send


def verify(envelope: Mapping[str, str], certificate: bytes) -> None:
    """Verify a signature as AWS describes it; raises InvalidSignature."""
    key = x509.load_pem_x509_certificate(certificate).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    parts = [name for name in SIGNED_PARTS[envelope["Type"]] if name in envelope]
    text = "".join(f"{name}\n{envelope[name]}\n" for name in parts)
    digest = {"1": hashes.SHA1(), "2": hashes.SHA256()}[envelope["SignatureVersion"]]
    key.verify(
        b64decode(envelope["Signature"]), text.encode(), padding.PKCS1v15(), digest
    )


def test_a_mail_is_reported_sent_and_delivered(
    sesv2: Any, listener: Listener, client: Client
) -> None:
    message_id = send(sesv2, plunk_email="e-1")

    sent, delivered = listener.wait(2)
    mail = sent.message["mail"]
    assert sent.message["eventType"] == "Send"
    assert sent.message["send"] == {}
    assert mail["messageId"] == message_id
    assert mail["destination"] == ["ada@example.com"]
    assert mail["tags"]["plunk_email"] == ["e-1"]
    assert mail["commonHeaders"]["subject"] == "Grüße"
    assert {"name": "To", "value": "ada@example.com"} in mail["headers"]
    assert delivered.message["delivery"]["recipients"] == ["ada@example.com"]
    assert SimulatedMessage.objects.get().outcome == "Delivery"


def test_a_notification_is_posted_as_sns_does(
    sesv2: Any, listener: Listener, client: Client, simulator: str
) -> None:
    send(sesv2)

    post = listener.wait(1)[0]
    certificate = client.get("/simulator/SimpleNotificationService.pem").content
    assert post.headers["Content-Type"] == "text/plain; charset=UTF-8"
    assert post.headers["x-amz-sns-message-type"] == "Notification"
    assert post.headers["x-amz-sns-message-id"] == post.envelope["MessageId"]
    assert post.headers["x-amz-sns-topic-arn"] == post.envelope["TopicArn"]
    assert post.envelope["SigningCertURL"] == (
        f"{simulator}/SimpleNotificationService.pem"
    )
    assert post.envelope["SignatureVersion"] == "2"
    assert "Subject" not in post.envelope
    verify(post.envelope, certificate)


@pytest.mark.parametrize(
    ("local", "kinds", "detail"),
    [
        ("success", ["Send", "Delivery"], None),
        ("bounce", ["Send", "Bounce"], ("Permanent", "General")),
        ("bounce+label", ["Send", "Bounce"], ("Permanent", "General")),
        ("complaint", ["Send", "Delivery", "Complaint"], None),
        ("ooto", ["Send", "Delivery", "Bounce"], ("Transient", "General")),
        (
            "suppressionlist",
            ["Send", "Bounce"],
            ("Permanent", "OnAccountSuppressionList"),
        ),
    ],
)
def test_the_mailbox_simulator_has_its_ways(
    sesv2: Any,
    listener: Listener,
    local: str,
    kinds: list[str],
    detail: tuple[str, str] | None,
) -> None:
    address = f"{local}@simulator.amazonses.com"

    send(sesv2, address)

    posts = listener.wait(len(kinds))
    assert [post.message["eventType"] for post in posts] == kinds
    last = posts[-1].message
    if detail:
        bounce = last["bounce"]
        assert (bounce["bounceType"], bounce["bounceSubType"]) == detail
        assert bounce["bouncedRecipients"][0]["emailAddress"] == address
    if kinds[-1] == "Complaint":
        person = {"emailAddress": address}
        assert last["complaint"]["complainedRecipients"] == [person]
        assert last["complaint"]["complaintFeedbackType"] == "abuse"


def test_the_worst_of_several_fates_is_shown(sesv2: Any, listener: Listener) -> None:
    sesv2.send_email(
        FromEmailAddress="hello@acme.example",
        Destination={
            "ToAddresses": ["bounce@simulator.amazonses.com", "ada@example.com"]
        },
        Content={"Raw": {"Data": RAW}},
    )

    assert listener.wait_for_kinds(3) == ["Send", "Bounce", "Delivery"]
    assert SimulatedMessage.objects.get().outcome == "Bounce"


def test_a_receiver_in_trouble_gets_it_again(sesv2: Any, listener: Listener) -> None:
    listener.answers = [500, 503]

    send(sesv2)

    posts = listener.wait(4)
    ids = [post.envelope["MessageId"] for post in posts]
    taken = {post.envelope["MessageId"] for post in posts if post.status == 200}
    assert len(ids) == 4
    assert len(taken) == 2
    assert _drained()


def test_a_refusal_is_not_repeated_until_redriven(
    sesv2: Any, listener: Listener, client: Client
) -> None:
    listener.answers = [403]
    send(sesv2)
    listener.wait(2)
    _wait_until(lambda: PendingFeedback.objects.filter(due_at=None).count() == 1)

    client.post("/simulator/ctl", '{"redrive": true}', content_type="application/json")

    assert len(listener.wait(3)) == 3
    assert _drained()


def test_feedback_outlives_a_receiver_that_is_away(
    sesv2: Any, listener: Listener, settings: Settings
) -> None:
    settings.SIMULATOR_FEEDBACK_URL = "http://127.0.0.1:9/nobody"
    send(sesv2)
    _wait_until(lambda: faults.counted("feedback_failed") > 0)
    feedback.stop()
    assert PendingFeedback.objects.count() == 2

    settings.SIMULATOR_FEEDBACK_URL = listener.url
    feedback.start()

    assert sorted(listener.wait_for_kinds(2)) == ["Delivery", "Send"]
    assert _drained()


def test_two_claims_never_share_a_row(sesv2: Any) -> None:
    faults.set({"feedback_delay_seconds": 0})
    feedback.stop()
    PendingFeedback.objects.bulk_create(
        PendingFeedback(message_id="m", kind="Send", envelope={}) for _ in range(8)
    )

    with ThreadPoolExecutor(4) as pool:
        claims = list(pool.map(lambda _: _claimed(), range(4)))

    taken = [pk for claim in claims for pk in claim]
    assert len(taken) == len(set(taken)) == 8
    PendingFeedback.objects.all().delete()


def test_one_more_event_can_be_reported(sesv2: Any, listener: Listener) -> None:
    message_id = send(sesv2, plunk_email="e-1")
    listener.wait(2)

    report(message=SimulatedMessage.objects.get(), kind="Open")

    event = listener.wait(3)[2].message
    assert event["eventType"] == "Open"
    assert event["mail"]["messageId"] == message_id
    assert event["mail"]["tags"]["plunk_email"] == ["e-1"]
    assert event["open"]["ipAddress"]
    assert SimulatedMessage.objects.get().outcome == "Open"


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("subject", [None, "A subject"])
def test_any_envelope_can_be_signed(version: str, subject: str | None) -> None:
    envelope = notification(message='{"a": "ü"}')
    if subject:
        envelope["Subject"] = subject

    signed = sign(envelope, version=version)

    certificate = ensure_certificate().read_bytes()
    verify(signed, certificate)
    with pytest.raises(InvalidSignature):
        verify(signed | {"Message": "{}"}, certificate)


def test_a_subscription_confirmation_can_be_signed() -> None:
    envelope = notification(message="Confirm.") | {
        "Type": "SubscriptionConfirmation",
        "Token": "t",
        "SubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=x",
    }

    signed = sign(envelope)

    verify(signed, ensure_certificate().read_bytes())


def test_key_and_certificate_are_made_once(tmp_path: Path, settings: Settings) -> None:
    settings.SIMULATOR_DIR = tmp_path / "simulator"

    with ThreadPoolExecutor(4) as pool:
        made = set(pool.map(lambda _: ensure_certificate().read_bytes(), range(4)))

    key_path = tmp_path / "simulator" / "key.pem"
    key = serialization.load_pem_private_key(key_path.read_bytes(), password=None)
    assert len(made) == 1
    certificate = x509.load_pem_x509_certificate(made.pop())
    assert certificate.public_key() == key.public_key()
    assert stat.S_IMODE(key_path.stat().st_mode) == 0o600


def _claimed() -> list[int]:
    try:
        return [row.pk for row in feedback.claim_due(limit=3)]
    finally:
        connection.close()


def _drained() -> bool:
    _wait_until(lambda: not PendingFeedback.objects.exists())
    return True


def _wait_until(condition: Any) -> None:
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)
