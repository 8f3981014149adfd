"""Sending domains: told to SES, proven by DNS, and looked at again.

A domain counts for a project only after SES has seen the DKIM records that were asked
for here, under exactly this name.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.db.models.functions import Now
from email_validator import EmailNotValidError, validate_email

from plunk.api.errors import ApiError, Conflict, invalid
from plunk.projects.models import Project
from transactional.models import Domain
from transactional.ses import client

logger = logging.getLogger(__name__)


class SesUnavailable(ApiError):
    status = 503
    code = "EXTERNAL_SERVICE_ERROR"
    suggestion = "Try again in a minute."


class DomainTaken(Conflict):
    suggestion = "Remove the domain from the other project first."


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """A record that the owner of the domain publishes."""

    type: str
    name: str
    value: str


def add_domain(*, project: Project, name: str) -> Domain:
    """Add a domain to a project and ask SES to verify it.

    Raises Invalid for what is not a domain name, DomainTaken where any project has it,
    and SesUnavailable, with nothing stored, where SES does not answer.
    """
    name = normalise_domain(name)
    if Domain.objects.filter(name=name).exists():
        raise DomainTaken(f"{name} belongs to a project already.")
    try:
        ses = client("ses")
        tokens = ses.verify_domain_dkim(Domain=name)["DkimTokens"]
        ses.set_identity_mail_from_domain(
            Identity=name, MailFromDomain=f"{settings.MAIL_FROM_SUBDOMAIN}.{name}"
        )
    except (BotoCoreError, ClientError) as error:
        raise SesUnavailable(f"Amazon SES did not take {name}.") from error
    return Domain.objects.create(project=project, name=name, dkim_tokens=tokens)


def check_domain(*, domain: Domain) -> bool:
    """Ask SES about a domain; return whether it is verified.

    One answer other than Success does not take back what was proven: DNS and SES both
    have bad minutes, and mail that may not be sent is held anyway.
    """
    try:
        attributes = client("ses").get_identity_dkim_attributes(
            Identities=[domain.name]
        )["DkimAttributes"]
    except (BotoCoreError, ClientError) as error:
        logger.warning(
            "domain not checked", extra={"domain": domain.name, "error": str(error)}
        )
        return domain.verified_at is not None
    status = attributes.get(domain.name, {}).get("DkimVerificationStatus")
    Domain.objects.filter(pk=domain.pk).update(checked_at=Now())
    if status == "Success":
        Domain.objects.filter(pk=domain.pk, verified_at=None).update(verified_at=Now())
    return status == "Success" or domain.verified_at is not None


def check_unverified() -> dict[str, bool]:
    """Ask SES about every domain that waits for its proof; return what it said."""
    waiting = Domain.objects.filter(verified_at=None).order_by("name", "pk")
    return {domain.name: check_domain(domain=domain) for domain in waiting}


def dns_records(domain: Domain) -> list[DnsRecord]:
    """Return what the owner publishes: DKIM, and the envelope sender's MX and SPF."""
    sender = f"{settings.MAIL_FROM_SUBDOMAIN}.{domain.name}"
    region = settings.AWS_REGION
    return [
        *(
            DnsRecord(
                "CNAME",
                f"{token}._domainkey.{domain.name}",
                f"{token}.dkim.amazonses.com",
            )
            for token in domain.dkim_tokens
        ),
        DnsRecord("MX", sender, f"10 feedback-smtp.{region}.amazonses.com"),
        DnsRecord("TXT", sender, "v=spf1 include:amazonses.com ~all"),
    ]


def normalise_domain(text: str) -> str:
    """Return a domain's name in lower-case A-labels, or raise Invalid."""
    name = text.strip().rstrip(".").lower()
    try:
        parts = validate_email(f"x@{name}", check_deliverability=False)
    except EmailNotValidError as error:
        raise invalid("domain", "Is not a domain name.", "invalid_string") from error
    return parts.ascii_domain.lower()
