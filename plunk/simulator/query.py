"""The part of SES's query API (2010-12-01) and of SNS that mail platforms call.

https://docs.aws.amazon.com/ses/latest/APIReference/
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import parse_qsl

from django.http import HttpRequest

from plunk.simulator import identities
from plunk.simulator.answers import body_of, element, query
from plunk.simulator.envelopes import subscription_arn, topic_arn
from plunk.simulator.errors import AwsError, bad_request
from plunk.simulator.faults import faults
from plunk.simulator.mail import Mail, bare_address, clean, read_headers
from plunk.simulator.models import SimulatedIdentity
from plunk.simulator.sending import send

Params = Mapping[str, str]

_FIELD_LIMIT = 2000
_PAGE_LIMIT = 1000
_STATUSES = {"SUCCESS": "Success", "PENDING": "Pending", "FAILED": "Failed"}


@query
def actions(request: HttpRequest) -> tuple[str, str]:
    """Dispatch by the parameter `Action`, as AWS's query protocol does."""
    if request.method != "POST":
        raise AwsError("InvalidAction", "The query API is called by POST.")
    params = _params(body_of(request))
    name = params.get("Action", "")
    action = _ACTIONS.get(name)
    if action is None:
        raise AwsError("InvalidAction", f"The simulator has no action {name[:60]!r}.")
    return name, action(params)


def _send_raw_email(params: Params) -> str:
    raw = _bytes(params, "RawMessage.Data")
    headers = read_headers(raw)
    recipients = _members(params, "Destinations")
    mail = Mail(
        raw=raw,
        sender=params.get("Source") or headers.get("From"),
        recipients=[bare_address(one) for one in recipients]
        or headers.addresses("To", "Cc", "Bcc"),
        tags=dict(
            zip(
                _members(params, "Tags", part="Name"),
                _members(params, "Tags", part="Value"),
                strict=False,
            )
        ),
        configuration_set=params.get("ConfigurationSetName", ""),
        operation="SendRawEmail",
    )
    return element("MessageId", send(mail))


def _get_send_quota(params: Params) -> str:
    state = faults.switches
    return (
        element("Max24HourSend", float(state.max_24_hour))
        + element("MaxSendRate", float(state.max_send_rate))
        + element("SentLast24Hours", float(faults.counted("accepted")))
    )


def _verify_domain_dkim(params: Params) -> str:
    identity, _ = identities.add(_needed(params, "Domain"))
    tokens = identities.dkim_tokens(identity.name)
    return _list("DkimTokens", (element("member", token) for token in tokens))


def _verify_domain_identity(params: Params) -> str:
    identity, _ = identities.add(_needed(params, "Domain"))
    return element("VerificationToken", identities.dkim_tokens(identity.name)[0])


def _verify_email_identity(params: Params) -> str:
    identities.add(_needed(params, "EmailAddress"))
    return ""


def _get_identity_verification_attributes(params: Params) -> str:
    return _list(
        "VerificationAttributes",
        (
            _entry(
                name,
                element("VerificationStatus", _status(identity))
                + element("VerificationToken", identities.dkim_tokens(name)[0]),
            )
            for name, identity in _asked(params).items()
            if identity
        ),
    )


def _get_identity_dkim_attributes(params: Params) -> str:
    return _list(
        "DkimAttributes",
        (_entry(name, _dkim(identity)) for name, identity in _asked(params).items()),
    )


def _get_identity_mail_from_domain_attributes(params: Params) -> str:
    return _list(
        "MailFromDomainAttributes",
        (
            _entry(name, _mail_from(identity))
            for name, identity in _asked(params).items()
            if identity
        ),
    )


def _set_identity_mail_from_domain(params: Params) -> str:
    identities.set_mail_from(
        name=_needed(params, "Identity"),
        mail_from_domain=params.get("MailFromDomain", ""),
    )
    return ""


def _list_identities(params: Params) -> str:
    asked = params.get("MaxItems", "")
    size = (
        int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 1000
    )
    size = max(1, min(size, _PAGE_LIMIT))
    found = identities.page(after=params.get("NextToken", ""), size=size + 1)
    kind = params.get("IdentityType", "")
    names = (
        element("member", identity.name)
        for identity in found[:size]
        if not kind or identity.is_domain == (kind == "Domain")
    )
    token = element("NextToken", found[size - 1].name) if len(found) > size else ""
    return _list("Identities", names) + token


def _delete_identity(params: Params) -> str:
    identities.remove(_needed(params, "Identity"))
    return ""


def _set_identity_feedback_forwarding_enabled(params: Params) -> str:
    identities.find(_needed(params, "Identity"))
    return ""


def _confirm_subscription(params: Params) -> str:
    _needed(params, "Token")
    if _needed(params, "TopicArn") != topic_arn():
        raise AwsError("NotFound", "Topic does not exist", status=404)
    return element("SubscriptionArn", subscription_arn())


_ACTIONS: dict[str, Callable[[Params], str]] = {
    "SendRawEmail": _send_raw_email,
    "GetSendQuota": _get_send_quota,
    "VerifyDomainDkim": _verify_domain_dkim,
    "VerifyDomainIdentity": _verify_domain_identity,
    "VerifyEmailIdentity": _verify_email_identity,
    "GetIdentityVerificationAttributes": _get_identity_verification_attributes,
    "GetIdentityDkimAttributes": _get_identity_dkim_attributes,
    "GetIdentityMailFromDomainAttributes": _get_identity_mail_from_domain_attributes,
    "SetIdentityMailFromDomain": _set_identity_mail_from_domain,
    "ListIdentities": _list_identities,
    "DeleteIdentity": _delete_identity,
    "SetIdentityFeedbackForwardingEnabled": _set_identity_feedback_forwarding_enabled,
    "ConfirmSubscription": _confirm_subscription,
}


def _params(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=_FIELD_LIMIT
        )
    except ValueError as error:
        raise AwsError("MalformedQueryString", "The body is not a form.") from error
    return {name: clean(value) for name, value in pairs}


def _needed(params: Params, name: str) -> str:
    value = params.get(name, "")
    if not value:
        raise bad_request(f"{name} is missing.")
    return value


def _members(params: Params, name: str, *, part: str = "") -> list[str]:
    """Return `name.member.1`, `.2`, … up to the first that is missing."""
    found: list[str] = []
    suffix = f".{part}" if part else ""
    while (key := f"{name}.member.{len(found) + 1}{suffix}") in params:
        found.append(params[key])
    return found


def _bytes(params: Params, name: str) -> bytes:
    try:
        return b64decode(_needed(params, name), validate=True)
    except (ValueError, binascii.Error) as error:
        raise bad_request(f"{name} is not base64.") from error


def _asked(params: Params) -> dict[str, SimulatedIdentity | None]:
    names = _members(params, "Identities")
    known = SimulatedIdentity.objects.in_bulk([name.lower() for name in names])
    return {name: known.get(name.lower()) for name in names}


def _status(identity: SimulatedIdentity) -> str:
    return _STATUSES[identities.status_of(identity)]


def _dkim(identity: SimulatedIdentity | None) -> str:
    if identity is None or not identity.is_domain:
        return element("DkimEnabled", "false") + element(
            "DkimVerificationStatus", "NotStarted"
        )
    tokens = (element("member", t) for t in identities.dkim_tokens(identity.name))
    return (
        element("DkimEnabled", "true")
        + element("DkimVerificationStatus", _status(identity))
        + _list("DkimTokens", tokens)
    )


def _mail_from(identity: SimulatedIdentity) -> str:
    behaviour = element("BehaviorOnMXFailure", "UseDefaultValue")
    if not identity.mail_from_domain:
        return behaviour
    return (
        element("MailFromDomain", identity.mail_from_domain)
        + element("MailFromDomainStatus", _status(identity))
        + behaviour
    )


def _list(name: str, items: Iterable[str]) -> str:
    return f"<{name}>{''.join(items)}</{name}>"


def _entry(key: str, value: str) -> str:
    return f"<entry>{element('key', key)}<value>{value}</value></entry>"
