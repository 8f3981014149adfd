"""Who a mail comes from, and whether a project may say so."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from django.conf import settings

from contacts.addresses import AddressError, domain_of, normalise
from plunk.api.errors import Forbidden, invalid
from plunk.projects.models import Project
from transactional.models import Domain, SenderAddress

_CACHE_SECONDS = 5.0
MOST_SENDERS = 200
#: The sender of a project without one, where mail only reaches the local Inbox.
LOCAL_SENDER = "hello@example.com"


class DomainNotVerified(Forbidden):
    code = "DOMAIN_NOT_VERIFIED"
    suggestion = (
        "Add exactly this domain to the project (Settings, Domains; or POST /domains) "
        "and publish the DNS records that are shown there."
    )


@dataclass(frozen=True, slots=True)
class Sender:
    email: str
    name: str


@dataclass(frozen=True, slots=True)
class SenderChoice:
    """A sender that a project's people choose from."""

    email: str
    name: str
    reply_to: str
    is_usable: bool


_verified: dict[tuple[UUID, str], float] = {}


#: The senders of an installation are few, and every mail asks for one.
_normalised = lru_cache(maxsize=1024)(normalise)


def choose_sender(*, project_id: UUID, email: str | None, name: str) -> Sender:
    """Return the sender, `email` being the first choice of request and project.

    Whatever door it came by, it is normalised here: a header of ASCII takes it, and its
    domain is spelt as a verified one is. Raises Invalid (field `from`) where there is
    none or none that works, and DomainNotVerified where SES would not let the project
    send from it.
    """
    if not email and not settings.REQUIRES_VERIFIED_DOMAIN:
        email = LOCAL_SENDER
    if not email:
        raise invalid(
            "from",
            "Is required: the project has no verified sender of its own.",
            "required",
        )
    try:
        email = _normalised(email)
    except AddressError as error:
        raise invalid("from", str(error), error.code) from error
    if settings.REQUIRES_VERIFIED_DOMAIN and not _is_verified(
        project_id, domain_of(email)
    ):
        raise DomainNotVerified(_why_not(project_id, email))
    return Sender(email=email, name=name)


def _why_not(project_id: UUID, email: str) -> str:
    """Say what stands between the project and this sender."""
    name = domain_of(email)
    said = f"The domain {name} is not verified for this project"
    domain = Domain.objects.filter(project_id=project_id, name=name).first()
    if domain is None:
        is_default = Project.objects.filter(
            pk=project_id, from_email__iexact=email
        ).exists()
        whose = ", though its default sender is of it" if is_default else ""
        return f"{said}: it is none of the project's domains{whose}."
    if domain.failing_since:
        return f"{said} any more: its records were gone for too long."
    if domain.proof and domain.proven_at is None:
        return f"{said}: its ownership record has not been found yet."
    return f"{said}: its DNS records have not been found yet."


def _is_verified(project_id: UUID, domain: str) -> bool:
    """Look up an exact domain, believing a good answer for a few seconds."""
    now = time.monotonic()
    if _verified.get((project_id, domain), 0.0) > now:
        return True
    is_verified = Domain.objects.filter(
        project_id=project_id, name=domain, verified_at__isnull=False
    ).exists()
    if is_verified:
        if len(_verified) > 10_000:
            _verified.clear()
        _verified[(project_id, domain)] = now + _CACHE_SECONDS
    return is_verified


def choices(project_id: UUID) -> list[SenderChoice]:
    """Return a project's senders, its default first, and whether each may be used."""
    project = Project.objects.filter(pk=project_id).first()
    if project is None:
        return []
    rows = senders_of(project_id)
    listed = [(row.email, row.name, row.reply_to) for row in rows]
    if project.from_email and project.from_email not in {row.email for row in rows}:
        # Where answers go is the project's own default, which needs no repeating.
        listed.append((project.from_email, project.from_name, ""))
    # A sort keeps the order of what is equal: the default first, the others by address.
    listed.sort(key=lambda one: one[0] != project.from_email)
    usable = usable_domains(project_id)
    return [
        SenderChoice(email, name, reply_to, is_usable(email, usable))
        for email, name, reply_to in listed
    ]


def senders_of(project_id: UUID) -> list[SenderAddress]:
    """Return a project's senders by their addresses."""
    found = SenderAddress.objects.filter(project_id=project_id).order_by("email", "pk")
    return list(found[:MOST_SENDERS])


def usable_domains(project_id: UUID) -> frozenset[str] | None:
    """Return the domains a project may send from; None where it may from every one."""
    if not settings.REQUIRES_VERIFIED_DOMAIN:
        return None
    verified = Domain.objects.filter(project_id=project_id, verified_at__isnull=False)
    return frozenset(verified.values_list("name", flat=True))


def is_usable(email: str, domains: frozenset[str] | None) -> bool:
    """Say whether mail may come from an address, of exactly these domains."""
    if domains is None:
        return True
    try:
        return domain_of(_normalised(email)) in domains
    except AddressError:
        return False
