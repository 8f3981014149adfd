"""What Amazon SES is asked for a mail, and what its answer means for it.

SES v2 `SendEmail` with raw content. The request is written and the answer read by
`transactional.lines`.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from typing import Any
from urllib.parse import quote, urlsplit

import boto3
import orjson
from botocore.config import Config
from django.conf import settings
from pybase64 import b64encode_as_string

from transactional.signing import Credentials, signed_head

_PATH = "/v2/email/outbound-emails"


class Outcome(Enum):
    """What an attempt means for the mail (robustness table of SES answers)."""

    ACCEPTED = auto()
    #: Too many a second: not sent, slow down.
    THROTTLED = auto()
    #: The day's quota is used up: not sent, everybody waits.
    QUOTA = auto()
    #: SES will never take this mail.
    REJECTED = auto()
    #: SES takes no mail of this sender's domain until somebody mends it.
    DOMAIN_HELD = auto()
    #: SES takes no mail of this account until somebody mends it.
    ACCOUNT_HELD = auto()
    #: Not sent, worth another try.
    RETRY = auto()
    #: Nobody knows.
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an attempt, in texts that every database can store."""

    outcome: Outcome
    message_id: str = ""
    code: str = ""
    message: str = ""

    def __post_init__(self) -> None:
        for name, limit in (("message_id", 100), ("code", 60), ("message", 500)):
            text = getattr(self, name).encode("utf-8", "replace").decode()
            object.__setattr__(self, name, text.replace("\x00", "")[:limit])


def request(
    *, to_email: str, raw: bytes, tags: dict[str, str], configuration_set: str = ""
) -> bytes:
    """Return the signed request that gives SES one message for one recipient.

    An empty `configuration_set` is the one that counts opens and clicks. Raises OSError
    where there are no credentials, and whatever botocore does that looks for them.
    """
    payload = orjson.dumps(
        {
            "Destination": {"ToAddresses": [to_email]},
            "Content": {"Raw": {"Data": b64encode_as_string(raw)}},
            "ConfigurationSetName": configuration_set
            or settings.AWS_SES_CONFIGURATION_SET,
            "EmailTags": [{"Name": name, "Value": tags[name]} for name in tags],
        }
    )
    return _signed(payload) + payload


def connect() -> socket.socket:
    """Open a connection to SES, or raise OSError."""
    target = _target()
    line = socket.create_connection(
        (target.host, target.port), timeout=settings.SES_CONNECT_TIMEOUT_SECONDS
    )
    try:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if target.is_https:
            return _tls().wrap_socket(line, server_hostname=target.host)
    except BaseException:
        line.close()
        raise
    return line


def read_answer(status: int, headers: Mapping[str, str], body: bytes) -> Answer:
    """Return what an HTTP answer means; names of headers are in small letters."""
    content = _json(body)
    if status == 200:
        message_id = str(content.get("MessageId", ""))
        if message_id:
            return Answer(Outcome.ACCEPTED, message_id=message_id)
        return Answer(Outcome.UNKNOWN, code="NoMessageId", message="200 without an id")
    code = headers.get("x-amzn-errortype") or str(
        content.get("__type") or content.get("code") or ""
    )
    code = code.partition(":")[0].rpartition("#")[2]
    message = str(content.get("message") or content.get("Message") or "")[:500]
    outcome = _classify(status, code, message.lower(), "x-amzn-requestid" in headers)
    return Answer(outcome, code=code or f"HTTP{status}", message=message)


_REJECTED = {
    "MessageRejected",
    "BadRequestException",
    "InvalidParameterValue",
    "InvalidParameterValueException",
    "ValidationException",
}
_ACCOUNT_HELD = {
    "SendingPausedException",
    "ConfigurationSetSendingPausedException",
    "ConfigurationSetDoesNotExist",
    "AccountSuspendedException",
    "AccountSendingPausedException",
    "NotFoundException",
    "LimitExceededException",
    # Credentials or clock: some answers about them come with status 400.
    "AccessDeniedException",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}


def _classify(status: int, code: str, message: str, has_request_id: bool) -> Outcome:  # noqa: FBT001 - one caller
    if code.startswith(("TooManyRequests", "Throttling", "LimitExceeded")) or (
        status == 429
    ):
        if "daily" in message or "quota" in message:
            return Outcome.QUOTA
        if not code.startswith("LimitExceeded"):
            return Outcome.THROTTLED
    if code == "MailFromDomainNotVerifiedException" or "not verified" in message:
        return Outcome.DOMAIN_HELD
    if code in _REJECTED or status == 413:
        return Outcome.REJECTED
    if code in _ACCOUNT_HELD or status in {401, 403}:
        return Outcome.ACCOUNT_HELD
    if (status < 400 or status >= 500) and not (code or has_request_id):
        # Somebody between us and SES gave up; SES itself may have gone on.
        return Outcome.UNKNOWN
    return Outcome.RETRY


@cache
def client(service: str) -> Any:
    """Return a boto3 client for everything but sending: it tries once and is patient
    for seconds, not minutes.
    """
    return boto3.client(
        service,  # type: ignore[call-overload]
        region_name=settings.AWS_REGION,
        endpoint_url=settings.AWS_ENDPOINT_URL or None,
        aws_access_key_id=settings.AWS_ACCESS_KEY_ID or None,
        aws_secret_access_key=settings.AWS_SECRET_ACCESS_KEY or None,
        config=Config(
            connect_timeout=3,
            read_timeout=10,
            retries={"total_max_attempts": 1, "mode": "standard"},
        ),
    )


@dataclass(frozen=True, slots=True)
class _Target:
    host: str
    port: int
    #: As the Host header names both.
    named: str
    path: str
    is_https: bool


@cache
def _target() -> _Target:
    base = settings.AWS_ENDPOINT_URL or (
        f"https://email.{settings.AWS_REGION}.amazonaws.com"
    )
    parts = urlsplit(base)
    is_https = parts.scheme == "https"
    host = parts.hostname or ""
    named = f"[{host}]" if ":" in host else host
    if parts.port not in {None, 443 if is_https else 80}:
        named = f"{named}:{parts.port}"
    return _Target(
        host=host,
        port=parts.port or (443 if is_https else 80),
        named=named,
        path=quote(parts.path.rstrip("/"), safe="/~%") + _PATH,
        is_https=is_https,
    )


@cache
def _signer_session() -> Any:
    return boto3.Session(
        aws_access_key_id=settings.AWS_ACCESS_KEY_ID or None,
        aws_secret_access_key=settings.AWS_SECRET_ACCESS_KEY or None,
        region_name=settings.AWS_REGION,
    )


def _signed(payload: bytes) -> bytes:
    """Return the signed head; credentials of a role are renewed by botocore."""
    credentials = _signer_session().get_credentials()
    if credentials is None:
        raise OSError("There are no AWS credentials.")
    # Frozen: a role's credentials may be renewed while we sign.
    frozen = credentials.get_frozen_credentials()
    target = _target()
    return signed_head(
        host=target.named,
        path=target.path,
        payload=payload,
        credentials=Credentials(frozen.access_key, frozen.secret_key, frozen.token),
        region=settings.AWS_REGION,
        service="ses",
    )


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _json(body: bytes) -> dict[str, Any]:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return content if isinstance(content, dict) else {}
