"""The DNS records that the owner of a domain is asked to publish."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings

from transactional.models import Domain

PROOF_HOST = "_plunk"
MX_PRIORITY = 10
#: What a domain without any DMARC record is advised to begin with.
FIRST_DMARC = "v=DMARC1; p=none;"


class Kind(StrEnum):
    """What a record is for."""

    PROOF = "ownership"
    DKIM = "dkim"
    MAIL_FROM_MX = "mail_from_mx"
    MAIL_FROM_SPF = "mail_from_spf"
    DMARC = "dmarc"


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """A record that the owner of the domain publishes."""

    kind: Kind
    type: str
    name: str
    value: str

    @property
    def is_required(self) -> bool:
        """Say whether mail is worse off without it; DMARC's is advice."""
        return self.kind is not Kind.DMARC


def mail_from_domain(name: str) -> str:
    """Return the envelope sender's host, to which bounces go."""
    return f"{settings.MAIL_FROM_SUBDOMAIN}.{name}"


def proof_value(proof: str) -> str:
    """Return what the ownership record holds."""
    return f"plunk-verification={proof}"


def dns_records(domain: Domain) -> list[DnsRecord]:
    """Return what the owner publishes: a proof where one is needed, DKIM, the envelope
    sender's MX and SPF, and as advice DMARC.
    """
    name, sender = domain.name, mail_from_domain(domain.name)
    records = [
        DnsRecord(
            Kind.DKIM,
            "CNAME",
            f"{token}._domainkey.{name}",
            f"{token}.dkim.amazonses.com",
        )
        for token in domain.dkim_tokens
    ]
    if domain.proof:
        host = f"{PROOF_HOST}.{name}"
        proof = DnsRecord(Kind.PROOF, "TXT", host, proof_value(domain.proof))
        records.insert(0, proof)
    target = f"feedback-smtp.{settings.AWS_REGION}.amazonses.com"
    return [
        *records,
        DnsRecord(Kind.MAIL_FROM_MX, "MX", sender, f"{MX_PRIORITY} {target}"),
        DnsRecord(
            Kind.MAIL_FROM_SPF, "TXT", sender, "v=spf1 include:amazonses.com ~all"
        ),
        DnsRecord(Kind.DMARC, "TXT", f"_dmarc.{name}", FIRST_DMARC),
    ]
