"""An SNS of the tests: its own key, certificates and signatures."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

TOPIC = "arn:aws:sns:eu-west-1:123456789012:plunk"
URL = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0a1b2c.pem"
FIXTURES = Path(__file__).parent / "fixtures"

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_HASHES = {"1": SHA1(), "2": SHA256()}
_NAMES = {
    "Notification": "Message MessageId Subject Timestamp TopicArn Type",
    "SubscriptionConfirmation": (
        "Message MessageId SubscribeURL Timestamp Token TopicArn Type"
    ),
}
_NAMES["UnsubscribeConfirmation"] = _NAMES["SubscriptionConfirmation"]


def certificate(*, from_days: int = -1, to_days: int = 30) -> bytes:
    """Return a PEM certificate of the key, valid between two days from now."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.example.com")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(KEY.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=from_days))
        .not_valid_after(now + timedelta(days=to_days))
        .sign(KEY, SHA256())
        .public_bytes(Encoding.PEM)
    )


def envelope(message: str = "{}", **changes: Any) -> dict[str, Any]:
    """Return a signed notification around `message`, after `changes`."""
    fields = {
        "Type": "Notification",
        "MessageId": str(uuid4()),
        "TopicArn": TOPIC,
        "Message": message,
        "Timestamp": "2026-03-02T09:15:06.000Z",
        "UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe",
    }
    return sign(fields | changes)


def confirmation(
    kind: str = "SubscriptionConfirmation", **changes: Any
) -> dict[str, Any]:
    """Return a signed confirmation of a subscription, after `changes`."""
    more = {
        "Type": kind,
        "Token": "a-token-made-up",
        "SubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Confirm",
    }
    return envelope("You have chosen to subscribe to the topic.", **(more | changes))


def sign(fields: dict[str, Any], version: str = "2") -> dict[str, Any]:
    """Return `fields` with the signature that SNS would put on them."""
    text = "".join(
        f"{name}\n{fields[name]}\n"
        for name in _NAMES[fields["Type"]].split()
        if name in fields
    )
    signature = KEY.sign(text.encode(), padding.PKCS1v15(), _HASHES[version])
    return {
        "SigningCertURL": URL,
        **fields,
        "SignatureVersion": version,
        "Signature": base64.b64encode(signature).decode(),
    }


def ses_event(name: str, /, **mail: Any) -> dict[str, Any]:
    """Return the SES event of a fixture file, with members of `mail` replaced."""
    event: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text())
    event["mail"] |= mail
    return event


def tags(email: Any, attempt: int | None = None) -> dict[str, list[str]]:
    """Return the tags that a mail of ours carries."""
    return {
        "plunk_email": [str(email.pk)],
        "plunk_attempt": [str(email.attempt if attempt is None else attempt)],
        "plunk_project": [str(email.project_id)],
    }
