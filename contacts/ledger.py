"""The consent ledger: every change of consent, with who, when, where and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from contacts.models import ChangeKind, ConsentChange, Door


@dataclass(frozen=True, slots=True)
class Act:
    """On whose word consent changes.

    `reason` is what the signals and the ledger say, by default the door's name in lower
    case; `text` is what the person read when they agreed or left.
    """

    door: Door
    reason: str = ""
    user_id: UUID | None = None
    email_id: UUID | None = None
    origin_id: UUID | None = None
    text: str = ""

    @property
    def why(self) -> str:
        return self.reason or self.door.lower().replace("_", " ")


def record(
    *,
    project_id: UUID,
    contact_ids: Iterable[UUID | None],
    kind: ChangeKind,
    act: Act,
    topic_id: UUID | None = None,
) -> None:
    """Write one entry for each contact; None stands for many of them at once."""
    ConsentChange.objects.bulk_create(
        [
            ConsentChange(
                project_id=project_id,
                contact_id=contact_id,
                kind=kind,
                door=act.door,
                topic_id=topic_id,
                user_id=act.user_id,
                email_id=act.email_id,
                origin_id=act.origin_id,
                reason=act.reason[:300],
                text=act.text,
            )
            for contact_id in contact_ids
        ],
        batch_size=500,
    )
