"""Sending domains: told to SES, proven by DNS, and looked at again (docs/domains.md).

A domain counts for a project only under exactly its name, after SES has seen the DKIM
records that were asked for here, and, where SES or another project knew the name
before, after the project has proven that it is its own (docs/adr/0021).
"""

from __future__ import annotations

from transactional.domains.adding import (
    MOST_DOMAINS,
    DomainLinked,
    DomainTaken,
    TooManyDomains,
    add_domain,
    prepare,
    store,
)
from transactional.domains.checking import check_domain, check_due, request_check
from transactional.domains.expected import DnsRecord, Kind, dns_records
from transactional.domains.identities import SesUnavailable
from transactional.domains.names import normalise_domain
from transactional.domains.removing import (
    DomainInUse,
    register_use,
    remove_domain,
    uses_of,
)

__all__ = [
    "MOST_DOMAINS",
    "DnsRecord",
    "DomainInUse",
    "DomainLinked",
    "DomainTaken",
    "Kind",
    "SesUnavailable",
    "TooManyDomains",
    "add_domain",
    "check_domain",
    "check_due",
    "dns_records",
    "normalise_domain",
    "prepare",
    "register_use",
    "remove_domain",
    "request_check",
    "store",
    "uses_of",
]
