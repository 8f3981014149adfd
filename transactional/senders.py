"""Who a mail comes from, and whether a project may say so."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from django.conf import settings

from contacts.addresses import AddressError, domain_of, normalise
from plunk.api.errors import Forbidden, invalid
from transactional.models import Domain

_CACHE_SECONDS = 5.0
#: The sender of a project without one, where mail only reaches the local Inbox.
LOCAL_SENDER = "hello@example.com"


class DomainNotVerified(Forbidden):
    code = "DOMAIN_NOT_VERIFIED"
    suggestion = "Add the domain to the project and publish its DNS records."


@dataclass(frozen=True, slots=True)
class Sender:
    email: str
    name: str


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
        raise DomainNotVerified(
            f"The domain {domain_of(email)} is not verified for this project."
        )
    return Sender(email=email, name=name)


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
