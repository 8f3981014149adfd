"""What a mail was written for, named by the floor above that owes it.

An app registers who names its origins in its `AppConfig.ready`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from transactional.models import Email, Source


@dataclass(frozen=True, slots=True)
class Origin:
    """What a mail was written for, such as a campaign, and its page."""

    label: str
    url: str


class Namer(Protocol):
    """Names origins of a project, in one statement; strangers are left out."""

    def __call__(
        self, project_id: UUID, origin_ids: Collection[UUID]
    ) -> dict[UUID, Origin]: ...


_namers: dict[Source, Namer] = {}


def register(source: Source, namer: Namer) -> None:
    """Say who names the origins of mails that came in by a door, once."""
    _namers[source] = namer


def origins(project_id: UUID, emails: Iterable[Email]) -> dict[UUID, Origin]:
    """Return what mails were written for, by `origin_id`; a statement for each door."""
    wanted: dict[Source, set[UUID]] = {}
    for email in emails:
        if email.origin_id is not None:
            wanted.setdefault(Source(email.source), set()).add(email.origin_id)
    found: dict[UUID, Origin] = {}
    for source, ids in wanted.items():
        if source in _namers:
            found |= _namers[source](project_id, ids)
    return found
