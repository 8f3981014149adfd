"""Signatures of the Standard Webhooks (https://www.standardwebhooks.com, 1.0.0).

A receiver that knows the project's secret can tell that a request is ours, is whole and
is new. After a rotation both secrets sign for a day, so that it can change over in its
own time.
"""

from __future__ import annotations

import base64
import hmac
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import timedelta
from secrets import token_bytes
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from automations.models import SigningSecret
from plunk.projects.models import Project

PREFIX = "whsec_"
#: The standard asks for 24 to 64 bytes.
_BYTES = 32
#: How long an old secret signs beside the new one.
OVERLAP = timedelta(hours=24)


def sign(*, secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return one signature: `v1,` and the HMAC-SHA256 of id, time and body."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    content = f"{message_id}.{timestamp}.".encode() + body
    return f"v1,{base64.b64encode(hmac.digest(key, content, 'sha256')).decode()}"


def signed_headers(
    *, secrets: Sequence[str], message_id: str, timestamp: int, body: bytes
) -> dict[str, str]:
    """Return the three headers of a request, signed with each of some secrets."""
    signatures = [
        sign(secret=secret, message_id=message_id, timestamp=timestamp, body=body)
        for secret in secrets
    ]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }


def secret_of(project: Project) -> SigningSecret:
    """Return a project's current secret, made where it has none yet."""
    return _current(project.pk) or _make(project.pk)


def secrets_of(project_ids: Collection[UUID]) -> dict[UUID, list[str]]:
    """Return the secrets that sign for some projects now, the current one first."""
    found: dict[UUID, list[str]] = defaultdict(list)
    rows = SigningSecret.objects.filter(
        Q(expires_at=None) | Q(expires_at__gt=Now()), project__in=project_ids
    ).order_by("-created_at", "-id")
    for row in rows:
        current_first = 0 if row.expires_at is None else len(found[row.project_id])
        found[row.project_id].insert(current_first, row.secret)
    for project_id in set(project_ids) - found.keys():
        found[project_id] = [_make(project_id).secret]
    return found


@transaction.atomic
def rotate(project: Project) -> SigningSecret:
    """Give a project a new secret; the one before signs beside it for a day."""
    _lock(project.pk)
    own = SigningSecret.objects.filter(project=project)
    own.filter(expires_at=None).update(expires_at=Now() + OVERLAP)
    return _create(project.pk)


@transaction.atomic
def forget_old(project: Project) -> int:
    """Sign with the current secret alone from now on; return how many others ended."""
    _lock(project.pk)
    own = SigningSecret.objects.filter(project=project, expires_at__isnull=False)
    return own.delete()[0]


def old_secret_of(project: Project) -> SigningSecret | None:
    """Return the latest secret that still signs beside the current one."""
    own = SigningSecret.objects.filter(project=project, expires_at__gt=Now())
    return own.order_by("-expires_at", "-id").first()


def forget_expired() -> int:
    """Delete the secrets that sign nothing any more, of all projects."""
    return SigningSecret.objects.filter(expires_at__lte=Now()).delete()[0]


def _current(project_id: UUID) -> SigningSecret | None:
    return SigningSecret.objects.filter(project_id=project_id, expires_at=None).first()


@transaction.atomic
def _make(project_id: UUID) -> SigningSecret:
    """Make the first secret of a project, unless somebody else just has."""
    _lock(project_id)
    return _current(project_id) or _create(project_id)


def _create(project_id: UUID) -> SigningSecret:
    text = PREFIX + base64.b64encode(token_bytes(_BYTES)).decode()
    return SigningSecret.objects.create(project_id=project_id, secret=text)


def _lock(project_id: UUID) -> None:
    """Let one at a time change the secrets of a project."""
    rows = Project.objects.select_for_update(no_key=True)
    rows.filter(pk=project_id).values_list("pk").first()
