"""API keys: made, imported, looked up and revoked."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from plunk.projects.models import ApiKey, KeyKind, Project

#: Our own keys carry 48 digits; keys of other installations may be shorter or longer.
KEY_PATTERN = re.compile(r"^(pk|sk)_[0-9a-f]{16,128}$")


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key in the only moment in which it is readable."""

    row: ApiKey
    value: str


def digest(value: str) -> str:
    """Return what is stored of a key: its SHA-256 (192 random bits need no salt)."""
    return hashlib.sha256(value.encode()).hexdigest()


def create_key(
    *, project: Project, kind: KeyKind, name: str = "", value: str | None = None
) -> NewKey:
    """Create a key of `project`; `value` takes over one of another installation.

    Raises ValueError when `value` has not the shape of a key of that kind, and
    IntegrityError when it is taken.
    """
    if value is None:
        value = f"{kind.value}_{secrets.token_hex(24)}"
    elif not KEY_PATTERN.fullmatch(value) or not value.startswith(f"{kind.value}_"):
        raise ValueError(f"A {kind.label.lower()} key looks like {kind.value}_0123….")
    row = ApiKey.objects.create(
        project=project,
        kind=kind,
        name=name,
        digest=digest(value),
        public_value=value if kind == KeyKind.PUBLIC else "",
        last_four=value[-4:],
    )
    return NewKey(row=row, value=value)


def revoke_key(*, key: ApiKey, grace: timedelta = timedelta(0)) -> bool:
    """Refuse the key from now on, or after `grace`; return False if it already was."""
    return (
        ApiKey.objects.usable()
        .filter(pk=key.pk)
        .update(revoked_at=Now() + grace if grace else Now())
        == 1
    )


class NotUsable(Exception):
    """The key to be replaced is revoked, or will be: somebody else was faster."""


@transaction.atomic
def regenerate_key(*, key: ApiKey, grace: timedelta = timedelta(0)) -> NewKey:
    """Replace a key by a new one of the same kind and name.

    The old one is refused at once on every process (within a second, see
    `plunk.api.keys`), or after `grace`. Raises NotUsable where it is on its way out
    already: one key must not become two, nor its grace begin anew.
    """
    old = ApiKey.objects.filter(pk=key.pk, revoked_at=None)
    if old.update(revoked_at=Now() + grace if grace else Now()) != 1:
        raise NotUsable
    return create_key(project=key.project, kind=KeyKind(key.kind), name=key.name)


def touch_key(*, key_id: UUID) -> None:
    """Note that a key was used, at most once a minute: requests never queue on it."""
    ApiKey.objects.filter(pk=key_id).exclude(
        last_used_at__gt=Now() - timedelta(minutes=1)
    ).update(last_used_at=Now())


def display(key: ApiKey) -> str:
    """Return what of a key may be shown at any time."""
    return key.public_value or f"{key.kind}_{'•' * 12}{key.last_four}"
