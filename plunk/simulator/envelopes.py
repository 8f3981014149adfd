"""The envelope SNS puts around a message, and its signature.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import uuid4

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from django.conf import settings

from plunk.simulator.certificates import signing_key

Envelope = dict[str, str]

#: What is signed, in this order; a part that is absent is left out.
SIGNED_PARTS = {
    "Notification": (
        "Message",
        "MessageId",
        "Subject",
        "Timestamp",
        "TopicArn",
        "Type",
    ),
    "SubscriptionConfirmation": (
        "Message",
        "MessageId",
        "SubscribeURL",
        "Timestamp",
        "Token",
        "TopicArn",
        "Type",
    ),
}
SIGNED_PARTS["UnsubscribeConfirmation"] = SIGNED_PARTS["SubscriptionConfirmation"]
# Version 1 is SHA-1 by SNS's definition; receivers must read both.
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "1": hashes.SHA1(),  # noqa: S303
    "2": hashes.SHA256(),
}


def aws_time(at: datetime) -> str:
    """Return a time as AWS writes it: UTC, milliseconds, `Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def topic_arn() -> str:
    """Return the topic the simulator publishes to: the first one that is ours."""
    arns = settings.SNS_TOPIC_ARNS
    return str(arns[0]) if arns else "arn:aws:sns:us-east-1:000000000000:plunk"


def subscription_arn() -> str:
    """Return the ARN of the one subscription the simulated topic has."""
    return f"{topic_arn()}:00000000-0000-4000-8000-000000000000"


def notification(*, message: str) -> Envelope:
    """Return a Notification around `message`, not signed yet."""
    return {
        "Type": "Notification",
        "MessageId": str(uuid4()),
        "TopicArn": topic_arn(),
        "Message": message,
        "Timestamp": aws_time(datetime.now(UTC)),
        "UnsubscribeURL": (
            f"{settings.SIMULATOR_URL}/?Action=Unsubscribe"
            f"&SubscriptionArn={subscription_arn()}"
        ),
    }


def sign(envelope: Mapping[str, str], *, version: str | None = None) -> Envelope:
    """Return any envelope with the simulator's signature on it, as version 1 or 2."""
    version = version or settings.SIMULATOR_SIGNATURE_VERSION
    text = "".join(
        f"{part}\n{envelope[part]}\n"
        for part in SIGNED_PARTS[envelope["Type"]]
        if part in envelope
    )
    signature = signing_key().sign(text.encode(), padding.PKCS1v15(), _HASHES[version])
    return {
        **envelope,
        "SignatureVersion": version,
        "Signature": b64encode(signature).decode(),
        "SigningCertURL": f"{settings.SIMULATOR_URL}/SimpleNotificationService.pem",
    }


def sns_headers(envelope: Mapping[str, str]) -> dict[str, str]:
    """Return the headers SNS posts an envelope with."""
    return {
        "Content-Type": "text/plain; charset=UTF-8",
        "User-Agent": "Amazon Simple Notification Service Agent",
        "x-amz-sns-message-type": envelope["Type"],
        "x-amz-sns-message-id": envelope["MessageId"],
        "x-amz-sns-topic-arn": envelope["TopicArn"],
        "x-amz-sns-subscription-arn": subscription_arn(),
    }
