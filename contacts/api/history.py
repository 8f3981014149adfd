"""What happened to a contact, as the classic API tells it with the contact.

The apps above register what they know, in their `AppConfig.ready`.
"""

from __future__ import annotations

from typing import Any, Protocol
from uuid import UUID

#: How much is told of each kind.
MOST = 100


class Source(Protocol):
    """Returns up to `limit` things of one kind about a contact, newest first."""

    def __call__(
        self, project_id: UUID, contact_id: UUID, limit: int
    ) -> list[dict[str, Any]]: ...


_sources: dict[str, Source] = {}


def register(name: str, source: Source) -> None:
    """Say who tells the member `name` of the answer, once."""
    _sources[name] = source


def history(project_id: UUID, contact_id: UUID) -> dict[str, list[dict[str, Any]]]:
    """Return the newest triggers and emails of a contact."""
    return {
        name: _sources[name](project_id, contact_id, MOST) if name in _sources else []
        for name in ("triggers", "emails")
    }
