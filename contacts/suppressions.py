"""Addresses that a project must not mail, whatever the kind of mail.

What is left of one after its contact was erased is a keyed hash: it says nothing to
whoever reads it, and still blocks the address should it ever come back.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.crypto import salted_hmac

from contacts import ledger
from contacts.ledger import Act
from contacts.models import (
    ERASED_PREFIX,
    ChangeKind,
    Contact,
    Door,
    Suppression,
    SuppressionReason,
)
from contacts.signals import suppressions_released
from plunk.api.errors import invalid
from plunk.projects.models import User

logger = logging.getLogger(__name__)

MAX_REASON = 250
_SALT = "contacts.suppressions"


def suppress(
    *,
    project_id: UUID,
    email: str,
    reason: SuppressionReason,
    source: str = "",
    act: Act | None = None,
) -> bool:
    """Never mail an address again; return False if it was suppressed already.

    A complaint outweighs a bounce, which outweighs an operator's wish.
    """
    return bool(
        suppress_all(
            project_id=project_id, reasons={email: reason}, source=source, act=act
        )
    )


@transaction.atomic
def suppress_all(
    *,
    project_id: UUID,
    reasons: Mapping[str, SuppressionReason],
    source: str = "",
    act: Act | None = None,
) -> int:
    """Suppress up to a thousand addresses; return how many were not already."""
    known = {
        row.email: row
        for row in Suppression.objects.filter(
            project_id=project_id, email__in=list(reasons)
        )
    }
    new = {email: reason for email, reason in reasons.items() if email not in known}
    Suppression.objects.bulk_create(
        [
            Suppression(
                project_id=project_id, email=email, reason=reason, source=source[:200]
            )
            for email, reason in sorted(new.items())
        ],
        ignore_conflicts=True,
    )
    worse = [
        email
        for email, row in known.items()
        if reasons[email] == SuppressionReason.COMPLAINT != row.reason
    ]
    if worse:
        Suppression.objects.filter(project_id=project_id, email__in=worse).update(
            reason=SuppressionReason.COMPLAINT, source=source[:200]
        )
    _tell_ledger(project_id, {email: reasons[email] for email in [*new, *worse]}, act)
    return len(new)


@transaction.atomic
def release(*, project_id: UUID, email: str, user: User | None, reason: str) -> bool:
    """Let mail go to an address again; return False if it was not suppressed.

    Raises Invalid (field `reason`) where nobody says why. Where no other project
    suppresses the address, it also leaves the account's own list at SES. Of an erased
    contact, `email` may be the hash that is left.
    """
    if not reason.strip():
        raise invalid("reason", "Say why, for whoever asks later.", "required")
    if len(reason) > MAX_REASON:
        raise invalid("reason", f"Has more than {MAX_REASON} characters.", "too_big")
    rows = Suppression.objects.filter(
        project_id=project_id, email__in=[email, *hashes(project_id, email)]
    )
    if not rows.delete()[0]:
        return False
    ids = Contact.objects.filter(project_id=project_id, email=email)
    ledger.record(
        project_id=project_id,
        contact_ids=ids.values_list("pk", flat=True),
        kind=ChangeKind.RELEASED,
        act=Act(
            Door.DASHBOARD if user else Door.COMMAND,
            reason.strip(),
            user_id=user.pk if user else None,
        ),
    )
    if not email.startswith(ERASED_PREFIX):
        suppressions_released.send(
            sender=Suppression, project_id=project_id, emails=[email]
        )
    logger.info("suppression released", extra={"project_id": str(project_id)})
    return True


def suppressed(project_id: UUID, emails: Collection[str]) -> set[str]:
    """Return those of some addresses that a project must not mail. One statement."""
    spellings = {
        spelling: email
        for email in emails
        for spelling in (email, *hashes(project_id, email))
    }
    found = Suppression.objects.filter(
        project_id=project_id, email__in=list(spellings)
    ).values_list("email", flat=True)
    return {spellings[spelling] for spelling in found}


def erased_among(addresses: Collection[tuple[UUID, str]]) -> set[tuple[UUID, str]]:
    """Return those (project, address) whose suppression outlived its contact.

    One statement for any number of projects.
    """
    spellings = {
        spelling: (project_id, email)
        for project_id, email in addresses
        for spelling in hashes(project_id, email)
    }
    found = Suppression.objects.filter(
        project_id__in={project_id for project_id, _ in addresses},
        email__in=list(spellings),
    ).values_list("email", flat=True)
    return {spellings[spelling] for spelling in found}


@transaction.atomic
def forget_addresses(project_id: UUID, emails: Sequence[str]) -> int:
    """Leave nothing of suppressed addresses but their keyed hashes."""
    rows = Suppression.objects.filter(project_id=project_id, email__in=emails)
    kept = [
        Suppression(
            project_id=project_id,
            email=hashes(project_id, row.email)[0],
            reason=row.reason,
            created_at=row.created_at,
        )
        for row in rows.select_for_update().order_by("pk")
    ]
    Suppression.objects.bulk_create(kept, ignore_conflicts=True)
    return rows.delete()[0]


def hashes(project_id: UUID, email: str) -> list[str]:
    """Return what may stand for an erased address, the way it is written now first.

    Keyed with the installation's secret and the project, so that neither a list of
    addresses nor another project's rows tell whose it is. Former secrets still count.
    """
    text = f"{project_id.hex}{email}"
    return [
        ERASED_PREFIX
        + salted_hmac(_SALT, text, secret=secret, algorithm="sha256").hexdigest()
        for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    ]


def _tell_ledger(
    project_id: UUID, reasons: Mapping[str, SuppressionReason], act: Act | None
) -> None:
    if not reasons:
        return
    rows = Contact.objects.filter(project_id=project_id, email__in=list(reasons))
    by_reason: dict[SuppressionReason, list[UUID]] = {}
    for pk, email in rows.order_by("pk").values_list("pk", "email"):
        by_reason.setdefault(reasons[email], []).append(pk)
    for reason, contact_ids in by_reason.items():
        is_manual = reason == SuppressionReason.MANUAL
        ledger.record(
            project_id=project_id,
            contact_ids=contact_ids,
            kind=ChangeKind.SUPPRESSED,
            act=act
            or Act(Door.DASHBOARD if is_manual else Door.FEEDBACK, reason.lower()),
        )
