"""Adding a domain to a project.

SES is asked first and the row written afterwards, so that no transaction is open while
somebody else's server thinks, and nothing is stored while SES is away.
"""

from __future__ import annotations

import secrets
import zlib
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from plunk.api.errors import BadRequest, Conflict, Forbidden
from plunk.projects.models import Project
from plunk.waking import wake_on_commit
from transactional.domains import identities
from transactional.domains.identities import Identity, SesUnavailable
from transactional.domains.names import normalise_domain
from transactional.models import Domain

CHECK_TASK = "transactional.tasks.check_domains"
MOST_DOMAINS = 100
#: For how long a project keeps others from a domain that it has not proven.
CLAIM = timedelta(days=7)


class DomainLinked(BadRequest):
    """The project has the domain already."""


class DomainTaken(Forbidden):
    suggestion = (
        "Remove the domain from the other project first. A project that never proves a "
        "domain keeps it for seven days at most."
    )


class TooManyDomains(Conflict):
    suggestion = "Remove a domain that is not needed any more."


@dataclass(frozen=True, slots=True)
class Prepared:
    """A domain that SES knows and no row holds yet."""

    project_id: UUID
    name: str
    #: None where the project has the domain already, so that SES was not asked.
    identity: Identity | None


def add_domain(*, project: Project, name: str) -> Domain:
    """Add a domain to a project and ask SES to verify it.

    Raises what `prepare` and `store` raise.
    """
    return store(prepare(project_id=project.pk, name=name))


def prepare(*, project_id: UUID, name: str) -> Prepared:
    """Have an identity for a domain in SES; the first half of adding it, outside of any
    transaction.

    Raises Invalid for what is not a domain to send from, DomainTaken, TooManyDomains,
    and SesUnavailable with nothing stored.
    """
    name = normalise_domain(name)
    if Domain.objects.filter(project_id=project_id, name=name).exists():
        return Prepared(project_id, name, None)
    _require_free(project_id, name)
    identity = identities.create(name)
    if identity.is_new:
        try:
            identities.set_mail_from(name)
        except SesUnavailable:
            # The next check sets it.
            return Prepared(project_id, name, identity)
    return Prepared(project_id, name, identity)


@transaction.atomic
def store(prepared: Prepared) -> Domain:
    """Write the row; the second half of adding a domain.

    Raises DomainLinked where the project has it, DomainTaken, TooManyDomains.
    """
    project_id, name, identity = prepared.project_id, prepared.name, prepared.identity
    lock_name(name)
    is_linked = Domain.objects.filter(project_id=project_id, name=name).exists()
    if is_linked or identity is None:
        raise DomainLinked(f"{name} is one of this project's domains already.")
    _require_free(project_id, name)
    others = Domain.objects.filter(name=name)
    needs_proof = not identity.is_new or others.exists()
    if needs_proof:
        # They share what SES knows: DKIM alone does not tell whose the domain is.
        for other in others.filter(proof="", verified_at=None):
            others.filter(pk=other.pk, proof="").update(proof=new_proof())
    domain = Domain.objects.create(
        project_id=project_id,
        name=name,
        dkim_tokens=identity.tokens,
        proof=new_proof() if needs_proof else "",
        records={"is_ours": identity.is_new},
    )
    domain.refresh_from_db()
    wake_on_commit(CHECK_TASK)
    return domain


def new_proof() -> str:
    """Return a token that only the owner of a domain can publish under its name."""
    return secrets.token_hex(16)


def lock_name(name: str) -> None:
    """Let one transaction at a time decide about a name; SQLite's is alone anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(%s, %s)",
                [_LOCKS, zlib.crc32(name.encode()) - 2**31],
            )


#: Sets these locks apart from those of other modules.
_LOCKS = 0x0D0_3A14


def _require_free(project_id: UUID, name: str) -> None:
    holders = Domain.objects.filter(name=name).exclude(project_id=project_id)
    if holders.filter(
        Q(verified_at__isnull=False) | Q(created_at__gt=Now() - CLAIM)
    ).exists():
        raise DomainTaken(f"{name} belongs to another project.")
    if Domain.objects.filter(project_id=project_id).count() >= MOST_DOMAINS:
        raise TooManyDomains(f"A project has at most {MOST_DOMAINS} domains.")
