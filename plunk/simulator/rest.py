"""The part of SES's API v2 that mail platforms call, as views.

https://docs.aws.amazon.com/ses/latest/APIReference-V2/
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

from django.http import HttpRequest

from plunk.simulator import identities, suppressions
from plunk.simulator.answers import json_of, rest
from plunk.simulator.errors import AwsError, bad_request
from plunk.simulator.faults import faults
from plunk.simulator.mail import Mail, bare_address, clean, read_headers
from plunk.simulator.models import SimulatedIdentity, SimulatedSuppression
from plunk.simulator.sending import send

Json = dict[str, Any]
_PAGE_LIMIT = 1000


@rest
def outbound_emails(request: HttpRequest) -> Json:
    """SendEmail, with raw or simple content."""
    _only(request, "POST")
    return {"MessageId": send(_mail(json_of(request)))}


@rest
def account(request: HttpRequest) -> Json:
    """GetAccount."""
    _only(request, "GET")
    state = faults.switches
    return {
        "DedicatedIpAutoWarmupEnabled": False,
        "EnforcementStatus": "SHUTDOWN" if state.suspended else "HEALTHY",
        "ProductionAccessEnabled": True,
        "SendingEnabled": not (state.paused or state.suspended),
        "SendQuota": {
            "Max24HourSend": float(state.max_24_hour),
            "MaxSendRate": float(state.max_send_rate),
            "SentLast24Hours": float(faults.counted("accepted")),
        },
        "SuppressionAttributes": {"SuppressedReasons": []},
    }


@rest
def email_identities(request: HttpRequest) -> Json:
    """CreateEmailIdentity, and ListEmailIdentities as older SDKs call it."""
    if request.method == "POST":
        name = _text(json_of(request), "EmailIdentity")
        identity, is_new = identities.add(name)
        if not is_new:
            raise AwsError(
                "AlreadyExistsException",
                f"Email identity {identity.name} already exist.",
            )
        found = _described(identity)
        return {
            key: found[key]
            for key in ("IdentityType", "VerifiedForSendingStatus", "DkimAttributes")
        }
    _only(request, "GET", "POST")
    return _listed(after=request.GET.get("NextToken", ""), size=_page_size(request))


@rest
def list_identities(request: HttpRequest) -> Json:
    """ListEmailIdentities."""
    _only(request, "POST")
    asked = json_of(request)
    size = asked.get("PageSize") or 100
    if not isinstance(size, int):
        raise bad_request("PageSize is not a whole number.")
    return _listed(after=_text(asked, "NextToken", default=""), size=size)


@rest
def email_identity(request: HttpRequest, name: str) -> Json:
    """GetEmailIdentity and DeleteEmailIdentity."""
    _only(request, "GET", "DELETE")
    identity = identities.find(name)
    if request.method == "DELETE":
        identities.remove(name)
        return {}
    return _described(identity)


@rest
def mail_from(request: HttpRequest, name: str) -> Json:
    """PutEmailIdentityMailFromAttributes."""
    _only(request, "PUT")
    domain = _text(json_of(request), "MailFromDomain", default="")
    identities.set_mail_from(name=name, mail_from_domain=domain)
    return {}


@rest
def suppressed_destinations(request: HttpRequest) -> Json:
    """PutSuppressedDestination and ListSuppressedDestinations."""
    if request.method == "PUT":
        asked = json_of(request)
        suppressions.put(
            email=_text(asked, "EmailAddress"), reason=_text(asked, "Reason")
        )
        return {}
    _only(request, "GET", "PUT")
    size = _page_size(request)
    found = suppressions.page(
        reasons=request.GET.getlist("Reason"),
        since=_moment(request, "StartDate"),
        until=_moment(request, "EndDate"),
        after=request.GET.get("NextToken", ""),
        size=size + 1,
    )
    listed: Json = {
        "SuppressedDestinationSummaries": [_suppressed(one) for one in found[:size]]
    }
    if len(found) > size:
        listed["NextToken"] = found[size - 1].email
    return listed


@rest
def suppressed_destination(request: HttpRequest, email: str) -> Json:
    """GetSuppressedDestination and DeleteSuppressedDestination."""
    _only(request, "GET", "DELETE")
    if request.method == "DELETE":
        suppressions.remove(email)
        return {}
    return {"SuppressedDestination": _suppressed(suppressions.find(email))}


@rest
def unknown(request: HttpRequest, **_kwargs: str) -> Json:
    """Answer for every operation that the simulator does not have."""
    raise AwsError(
        "UnknownOperationException", "The simulator has no such operation.", status=404
    )


def _only(request: HttpRequest, *methods: str) -> None:
    if request.method not in methods:
        raise AwsError(
            "UnknownOperationException",
            "Unable to determine the operation.",
            status=404,
        )


def _mail(data: Json) -> Mail:
    content = _object(data, "Content")
    destination = _object(data, "Destination")
    if "Raw" in content:
        raw = _bytes(_object(content, "Raw"), "Data")
    elif "Simple" in content:
        raw = _built(data, _object(content, "Simple"), destination)
    else:
        raise bad_request("Content is neither Raw nor Simple.")
    headers = read_headers(raw)
    lists = ("ToAddresses", "CcAddresses", "BccAddresses")
    recipients = [one for name in lists for one in _texts(destination, name)]
    return Mail(
        raw=raw,
        sender=_text(data, "FromEmailAddress", default="") or headers.get("From"),
        recipients=[bare_address(one) for one in recipients]
        or headers.addresses("To", "Cc", "Bcc"),
        tags=_tags(data),
        configuration_set=_text(data, "ConfigurationSetName", default=""),
    )


def _built(data: Json, simple: Json, destination: Json) -> bytes:
    """Build the message that SES would build from simple content."""
    message = EmailMessage()
    body = _object(simple, "Body")
    try:
        message["From"] = _text(data, "FromEmailAddress")
        message["Subject"] = _text(_object(simple, "Subject"), "Data", default="")
        for header, name in (("To", "ToAddresses"), ("Cc", "CcAddresses")):
            if addresses := _texts(destination, name):
                message[header] = ", ".join(addresses)
        if reply_to := _texts(data, "ReplyToAddresses"):
            message["Reply-To"] = ", ".join(reply_to)
        for extra in _objects(simple, "Headers"):
            message[_text(extra, "Name")] = _text(extra, "Value")
        if "Text" in body:
            message.set_content(_text(_object(body, "Text"), "Data"))
        if "Html" in body:
            html = _text(_object(body, "Html"), "Data")
            add: Callable[..., None] = (
                message.add_alternative if "Text" in body else message.set_content
            )
            add(html, subtype="html")
        return message.as_bytes()
    except (ValueError, IndexError, TypeError, LookupError) as error:
        raise bad_request(f"The content makes no message: {error}"[:200]) from error


def _described(identity: SimulatedIdentity) -> Json:
    status = identities.status_of(identity)
    described: Json = {
        "IdentityType": "DOMAIN" if identity.is_domain else "EMAIL_ADDRESS",
        "FeedbackForwardingStatus": True,
        "VerifiedForSendingStatus": status == "SUCCESS",
        "VerificationStatus": status,
        "DkimAttributes": {
            "SigningEnabled": identity.is_domain,
            "Status": status if identity.is_domain else "NOT_STARTED",
            "SigningAttributesOrigin": "AWS_SES",
            "NextSigningKeyLength": "RSA_2048_BIT",
            "CurrentSigningKeyLength": "RSA_2048_BIT",
        },
        "MailFromAttributes": {
            "MailFromDomain": identity.mail_from_domain,
            "MailFromDomainStatus": status if identity.mail_from_domain else "",
            "BehaviorOnMxFailure": "USE_DEFAULT_VALUE",
        },
        "Policies": {},
        "Tags": [],
    }
    if identity.is_domain:
        described["DkimAttributes"]["Tokens"] = identities.dkim_tokens(identity.name)
    return described


def _suppressed(found: SimulatedSuppression) -> Json:
    return {
        "EmailAddress": found.email,
        "Reason": found.reason,
        "LastUpdateTime": found.updated_at.timestamp(),
    }


def _page_size(request: HttpRequest) -> int:
    asked = request.GET.get("PageSize", "")
    size = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 100
    return max(1, min(size, _PAGE_LIMIT))


def _moment(request: HttpRequest, name: str) -> datetime | None:
    given = request.GET.get(name)
    if not given:
        return None
    try:
        moment = datetime.fromisoformat(given)
        # One year of room: the database's clock has another zone than the caller's.
        if not 2 <= moment.year <= 9998:
            raise ValueError("out of range")
    except ValueError as error:
        raise bad_request(f"{name} is not a time.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _listed(*, after: str, size: int) -> Json:
    size = max(1, min(size, _PAGE_LIMIT))
    found = identities.page(after=clean(after), size=size + 1)
    listed: Json = {
        "EmailIdentities": [
            {
                "IdentityName": identity.name,
                "IdentityType": "DOMAIN" if identity.is_domain else "EMAIL_ADDRESS",
                "SendingEnabled": True,
                "VerificationStatus": identities.status_of(identity),
            }
            for identity in found[:size]
        ]
    }
    if len(found) > size:
        listed["NextToken"] = found[size - 1].name
    return listed


def _tags(data: Json) -> dict[str, str]:
    return {
        _text(tag, "Name"): _text(tag, "Value") for tag in _objects(data, "EmailTags")
    }


def _text(data: Json, name: str, *, default: str | None = None) -> str:
    value = data.get(name, default)
    if not isinstance(value, str):
        raise bad_request(f"{name} is missing or not a string.")
    return value


def _texts(data: Json, name: str) -> list[str]:
    values = data.get(name) or []
    if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
        raise bad_request(f"{name} is not a list of strings.")
    return values


def _object(data: Json, name: str) -> Json:
    value = data.get(name) or {}
    if not isinstance(value, dict):
        raise bad_request(f"{name} is not an object.")
    return value


def _objects(data: Json, name: str) -> list[Json]:
    values = data.get(name) or []
    if not isinstance(values, list) or not all(isinstance(v, dict) for v in values):
        raise bad_request(f"{name} is not a list of objects.")
    return values


def _bytes(data: Json, name: str) -> bytes:
    try:
        return b64decode(_text(data, name), validate=True)
    except (ValueError, binascii.Error) as error:
        raise bad_request(f"{name} is not base64.") from error
