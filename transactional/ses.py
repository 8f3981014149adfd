"""Handing a mail to Amazon SES, and reading what its answer means for the mail.

SES v2 `SendEmail` with raw content, over a connection that each thread keeps. The
connection is our own because of one question no client library answers: had any byte
been written when it failed? Until then the mail was surely not sent; afterwards nobody
knows (docs/delivery.md).
"""

from __future__ import annotations

import base64
import http.client
import select
import socket
import ssl
import time
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from threading import local
from typing import Any
from urllib.parse import quote, urlsplit

import boto3
import orjson
from botocore.config import Config
from django.conf import settings

from transactional.signing import Credentials, signed_head

_PATH = "/v2/email/outbound-emails"
#: A connection idle for longer may be closed by the other side in the very moment in
#: which we write: a doubt that a new connection avoids.
_IDLE_SECONDS = 3.0
_ONE_PIECE_BYTES = 256 * 1024


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


@dataclass(slots=True)
class _Kept:
    connection: http.client.HTTPConnection | None = None
    used_at: float = 0.0


_threads = local()


def send_raw(
    *, to_email: str, raw: bytes, tags: dict[str, str], configuration_set: str = ""
) -> Answer:
    """Give SES one message for one recipient; returns what came of it, never raises
    for anything that SES or the network does.

    An empty `configuration_set` is the one that counts opens and clicks.
    """
    payload = orjson.dumps(
        {
            "Destination": {"ToAddresses": [to_email]},
            "Content": {"Raw": {"Data": base64.b64encode(raw).decode("ascii")}},
            "ConfigurationSetName": configuration_set
            or settings.AWS_SES_CONFIGURATION_SET,
            "EmailTags": [{"Name": name, "Value": tags[name]} for name in tags],
        }
    )
    kept = _kept()
    try:
        head = _signed(payload)
        line = _connection(kept)
    except Exception as error:  # noqa: BLE001 - whatever it was, nothing was written
        _close(kept)
        return Answer(Outcome.RETRY, code=type(error).__name__, message=str(error))
    try:
        _write(line, head, payload)
        response = http.client.HTTPResponse(line, method="POST")
        response.begin()
        body = response.read(64 * 1024)
    except (OSError, http.client.HTTPException) as error:
        _close(kept)
        return Answer(Outcome.UNKNOWN, code=type(error).__name__, message=str(error))
    kept.used_at = time.monotonic()
    if response.will_close or not response.isclosed():
        # What is left of a huge answer would be read as the next one.
        _close(kept)
    return read_answer(response.status, dict(response.headers.items()), body)


def read_answer(status: int, headers: dict[str, str], body: bytes) -> Answer:
    """Return what an HTTP answer means."""
    low = {name.lower(): value for name, value in headers.items()}
    content = _json(body)
    if status == 200:
        message_id = str(content.get("MessageId", ""))
        if message_id:
            return Answer(Outcome.ACCEPTED, message_id=message_id)
        return Answer(Outcome.UNKNOWN, code="NoMessageId", message="200 without an id")
    code = low.get("x-amzn-errortype") or str(
        content.get("__type") or content.get("code") or ""
    )
    code = code.partition(":")[0].rpartition("#")[2]
    message = str(content.get("message") or content.get("Message") or "")[:500]
    outcome = _classify(status, code, message.lower(), "x-amzn-requestid" in low)
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
    port: int | None
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
        port=parts.port,
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


def _write(line: socket.socket, head: bytes, payload: bytes) -> None:
    """Write a request, in one piece where a copy costs less than a second call."""
    if len(payload) <= _ONE_PIECE_BYTES:
        line.sendall(head + payload)
    else:
        line.sendall(head)
        line.sendall(payload)


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _kept() -> _Kept:
    if not hasattr(_threads, "kept"):
        _threads.kept = _Kept()
    kept: _Kept = _threads.kept
    return kept


def _connection(kept: _Kept) -> socket.socket:
    """Return an open connection, or raise OSError: no byte of a mail is written."""
    if kept.connection is not None and not _is_alive(kept):
        _close(kept)
    if kept.connection is None:
        target = _target()
        timeout = settings.SES_CONNECT_TIMEOUT_SECONDS
        kept.connection = (
            http.client.HTTPSConnection(
                target.host, target.port, timeout=timeout, context=_tls()
            )
            if target.is_https
            else http.client.HTTPConnection(target.host, target.port, timeout=timeout)
        )
        kept.connection.connect()
        kept.connection.sock.settimeout(settings.SES_READ_TIMEOUT_SECONDS)
    return kept.connection.sock


def _is_alive(kept: _Kept) -> bool:
    """Say whether a kept connection can carry a mail; a readable one was closed."""
    if kept.connection is None or kept.connection.sock is None:
        return False
    if time.monotonic() - kept.used_at > _IDLE_SECONDS:
        return False
    poll = select.poll()
    poll.register(kept.connection.sock, select.POLLIN)
    return not poll.poll(0)


def _close(kept: _Kept) -> None:
    if kept.connection is not None:
        kept.connection.close()
        kept.connection = None


def _json(body: bytes) -> dict[str, Any]:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return content if isinstance(content, dict) else {}
