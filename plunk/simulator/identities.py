"""The identities of the simulated account: what was added counts as verified."""

from __future__ import annotations

import re
from hashlib import sha256

from plunk.simulator.errors import AwsError, bad_request
from plunk.simulator.faults import faults
from plunk.simulator.mail import clean
from plunk.simulator.models import SimulatedIdentity

_NAME = re.compile(r"(?:[!-?A-~]{1,64}@)?[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")


def add(name: str) -> tuple[SimulatedIdentity, bool]:
    """Add an identity; say whether it is new."""
    return SimulatedIdentity.objects.get_or_create(name=_normal(name))


def find(name: str) -> SimulatedIdentity:
    """Return an identity; raises AwsError if it was never added."""
    identity = SimulatedIdentity.objects.filter(name=_cleaned(name)).first()
    if identity is None:
        raise AwsError(
            "NotFoundException",
            f"Email identity <{clean(name)[:320]}> does not exist.",
            query_code="InvalidParameterValue",
            status=404,
        )
    return identity


def remove(name: str) -> bool:
    """Remove an identity; say whether it was there."""
    deleted, _ = SimulatedIdentity.objects.filter(name=_cleaned(name)).delete()
    return bool(deleted)


def set_mail_from(*, name: str, mail_from_domain: str) -> None:
    """Set the envelope sender's domain of an identity; empty takes it back."""
    if len(mail_from_domain) > 253:
        raise bad_request("The MAIL FROM domain is too long.")
    find(name)
    SimulatedIdentity.objects.filter(name=_cleaned(name)).update(
        mail_from_domain=mail_from_domain.lower()
    )


def page(*, after: str, size: int) -> list[SimulatedIdentity]:
    """Return the identities after a name, in the order of their names."""
    return list(
        SimulatedIdentity.objects.filter(name__gt=clean(after)).order_by("name")[:size]
    )


def status_of(identity: SimulatedIdentity) -> str:
    """Return SUCCESS, unless the control says that verification is still to come."""
    if identity.name in faults.switches.unverified_domains:
        return "FAILED"
    return faults.switches.identity_status


def dkim_tokens(name: str) -> list[str]:
    """Return the three DKIM tokens of a domain, always the same ones."""
    return [sha256(f"{name} {n}".encode()).hexdigest()[:32] for n in range(3)]


def _cleaned(name: str) -> str:
    return clean(name).strip().lower()


def _normal(name: str) -> str:
    normal = name.strip().lower()
    if len(normal) > 320 or not _NAME.fullmatch(normal):
        raise bad_request(f"Invalid email address or domain <{clean(name)[:100]}>.")
    return normal
