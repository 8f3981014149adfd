"""Taking a domain away from a project, unless something still sends from it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from uuid import UUID

from django.db import transaction

from plunk.api.errors import Conflict
from plunk.projects.models import Project
from transactional.domains import identities
from transactional.domains.adding import lock_name
from transactional.domains.identities import SesUnavailable
from transactional.models import (
    UNFINISHED,
    Domain,
    Email,
    SenderAddress,
    Template,
)

logger = logging.getLogger(__name__)

#: Says in a sentence what of a project is sent from a domain; empty: nothing.
Use = Callable[[UUID, str], str]


class DomainInUse(Conflict):
    suggestion = "Give them another sender first, then remove the domain."


_uses: list[Use] = []


def register_use(use: Use) -> None:
    """Keep a domain from being removed while `use` names something sent from it: for
    the floors above, such as campaigns.
    """
    if use not in _uses:
        _uses.append(use)


def uses_of(domain: Domain) -> list[str]:
    """Return in sentences what is sent from a domain."""
    return [said for use in _uses if (said := use(domain.project_id, domain.name))]


def remove_domain(*, domain: Domain) -> bool:
    """Remove a domain from its project; False if it was gone already.

    What came into the SES account by us leaves it with the last project that has it;
    what was there before us stays. Raises DomainInUse.
    """
    with transaction.atomic():
        lock_name(domain.name)
        uses = uses_of(domain)
        if uses:
            raise DomainInUse(f"{domain.name} is in use: {' '.join(uses)}")
        row = Domain.objects.filter(pk=domain.pk).first()
        if row is None:
            return False
        row.delete()
        is_last = not Domain.objects.filter(name=row.name).exists()
    if is_last and row.records.get("is_ours") is True:
        try:
            identities.delete(row.name)
        except SesUnavailable:
            # Whoever adds it again will be asked for a proof, which is safe.
            logger.warning("identity left in SES", extra={"domain": row.name})
    return True


def _default_sender(project_id: UUID, name: str) -> str:
    is_default = Project.objects.filter(
        pk=project_id, from_email__iendswith=f"@{name}"
    ).exists()
    return "The project's default sender is of this domain." if is_default else ""


def _senders(project_id: UUID, name: str) -> str:
    found = (
        SenderAddress.objects.filter(project_id=project_id, email__iendswith=f"@{name}")
        .order_by("email")
        .values_list("email", flat=True)
    )
    return _sentence("sender", list(found[:4]))


def _templates(project_id: UUID, name: str) -> str:
    found = (
        Template.objects.existing()
        .filter(project_id=project_id, from_email__iendswith=f"@{name}")
        .order_by("name", "pk")
        .values_list("name", flat=True)
    )
    return _sentence("template", [f"“{title}”" for title in found[:4]])


def _queued_mail(project_id: UUID, name: str) -> str:
    # One question for each state: each has an index that holds only such mail.
    mails = Email.objects.filter(project_id=project_id, from_email__endswith=f"@{name}")
    is_owed = any(mails.filter(state=state).exists() for state in UNFINISHED)
    return "Mail that is not sent yet comes from it." if is_owed else ""


def _sentence(noun: str, names: list[str]) -> str:
    if not names:
        return ""
    listed = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
    return f"{noun.capitalize()}{'s' if len(names) > 1 else ''} {listed}."


for _use in (_default_sender, _senders, _templates, _queued_mail):
    register_use(_use)
