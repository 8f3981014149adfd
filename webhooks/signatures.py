"""Whether an envelope is SNS's own and of a topic of ours.

The canonical text and the two signature versions are those of "Verifying the signatures
of Amazon SNS messages" in Amazon's SNS developer guide. Nothing switches this off.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from django.conf import settings

from plunk.api.errors import Forbidden
from webhooks.certificates import certificate_at, require_trusted

NOTIFICATION = "Notification"
SUBSCRIPTION = "SubscriptionConfirmation"
UNSUBSCRIPTION = "UnsubscribeConfirmation"

_OF_SUBSCRIPTIONS = (
    "Message",
    "MessageId",
    "SubscribeURL",
    "Timestamp",
    "Token",
    "TopicArn",
    "Type",
)
#: What is signed, in this order; Subject only where there is one.
_SIGNED = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    SUBSCRIPTION: _OF_SUBSCRIPTIONS,
    UNSUBSCRIPTION: _OF_SUBSCRIPTIONS,
}
_HASHES = {"1": SHA1, "2": SHA256}
_MESSAGE_ID = re.compile(r"[\x21-\x7e]{1,100}")
_TOPIC_ARN = re.compile(r"arn:aws[a-z-]*:sns:([a-z0-9-]+):\d{12}:[\w-]{1,256}", re.A)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What SNS said, once it is certain that SNS said it."""

    type: str
    message_id: str
    topic_arn: str
    region: str
    message: str
    #: Confirms a subscription; empty in a notification.
    token: str


def verified(fields: dict[str, Any]) -> Envelope:
    """Return the envelope of a genuine post, or raise Forbidden.

    Topic and addresses are judged before anything is fetched. Raises Unavailable while
    the certificate cannot be had.
    """
    topic_arn = _text(fields, "TopicArn")
    topic = _TOPIC_ARN.fullmatch(topic_arn)
    if topic is None or topic_arn not in settings.SNS_TOPIC_ARNS:
        raise Forbidden("The topic is not one of this installation.")
    envelope = Envelope(
        type=_text(fields, "Type"),
        message_id=_text(fields, "MessageId"),
        topic_arn=topic_arn,
        region=topic[1],
        message=_text(fields, "Message"),
        token=_text(fields, "Token") if fields.get("Token") is not None else "",
    )
    if not _MESSAGE_ID.fullmatch(envelope.message_id):
        raise Forbidden("The MessageId is malformed.")
    signed = canonical_text(fields)
    url = _text(fields, "SigningCertURL")
    require_trusted(url, region=envelope.region)
    if envelope.type != NOTIFICATION:
        _require_same_host(fields, certificate_url=url)
    _require_signature(fields, signed, url)
    return envelope


def canonical_text(fields: dict[str, Any]) -> bytes:
    """Return what SNS signs: each name and value on a line of its own."""
    names = _SIGNED.get(_text(fields, "Type"))
    if names is None:
        raise Forbidden("The Type is not one that SNS posts.")
    return "".join(
        f"{name}\n{_text(fields, name)}\n"
        for name in names
        if name != "Subject" or fields.get(name) is not None
    ).encode()


def _require_signature(fields: dict[str, Any], signed: bytes, url: str) -> None:
    hash_type = _HASHES.get(_text(fields, "SignatureVersion"))
    if hash_type is None:
        raise Forbidden("The SignatureVersion must be 1 or 2.")
    try:
        signature = base64.b64decode(_text(fields, "Signature"), validate=True)
    except ValueError as error:
        raise Forbidden("The Signature is not base64.") from error
    key = certificate_at(url).public_key()
    if not isinstance(key, RSAPublicKey):
        raise Forbidden("The signing certificate holds no RSA key.")
    try:
        key.verify(signature, signed, PKCS1v15(), hash_type())
    except InvalidSignature as error:
        raise Forbidden("The Signature does not match.") from error


def _require_same_host(fields: dict[str, Any], *, certificate_url: str) -> None:
    """Refuse a confirmation that points elsewhere, though nobody ever follows it."""
    try:
        ours, theirs = (
            urlsplit(certificate_url),
            urlsplit(_text(fields, "SubscribeURL")),
        )
    except ValueError as error:
        raise Forbidden("The SubscribeURL is malformed.") from error
    if (ours.scheme, ours.netloc) != (theirs.scheme, theirs.netloc):
        raise Forbidden("The SubscribeURL is not one of the topic's own host.")


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise Forbidden(f"{name} is missing.")
    return value
