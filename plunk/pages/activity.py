"""What happened in a project, newest first, told by every app that has news.

An app registers a source in its `AppConfig.ready`. The feed merges the sources by
(at, id), where `at` is when the row was inserted, by the database's clock: the only
order in which nothing can appear later among what was read already, but for rows whose
transaction took its time. Those are found because every poll overlaps the one before.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Protocol, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet

from plunk.pages.paging import Cursor, older, since

#: How far a poll looks back behind the newest row that was seen.
OVERLAP = timedelta(seconds=10)

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class Activity:
    """One line of the feed. `id` is unique within `kind`; `at` is its insertion."""

    at: datetime
    id: UUID
    kind: str
    title: str
    detail: str = ""
    url: str = ""
    contact_id: UUID | None = None
    contact_email: str = ""
    tone: str = "neutral"
    icon: str = "event"
    badge: str = ""

    @property
    def key(self) -> str:
        """Name the line's element in the page."""
        return f"{self.kind}-{self.id}"

    @property
    def version(self) -> str:
        """Change when the line would look different."""
        return f"{self.tone} {self.badge} {self.title}"


class Source(Protocol):
    """Returns up to `limit` activities, newest first, by index."""

    def __call__(
        self,
        project_id: UUID,
        *,
        contact_id: UUID | None,
        after: Cursor | None,
        before: Cursor | None,
        limit: int,
    ) -> list[Activity]: ...


_sources: list[Source] = []


def register(source: Source) -> None:
    """Add a source, once, from an `AppConfig.ready`."""
    if source not in _sources:
        _sources.append(source)


def feed(
    project_id: UUID,
    *,
    contact_id: UUID | None = None,
    after: Cursor | None = None,
    before: Cursor | None = None,
    limit: int,
) -> list[Activity]:
    """Return the newest activities of a project or contact, one statement a source."""
    lists = [
        source(
            project_id,
            contact_id=contact_id,
            after=after,
            before=before,
            limit=limit,
        )
        for source in _sources
    ]
    merged = heapq.merge(*lists, key=lambda item: (item.at, item.id), reverse=True)
    return list(islice(merged, limit))


def window(
    rows: QuerySet[M], *, after: Cursor | None, before: Cursor | None, limit: int
) -> QuerySet[M]:
    """Cut what a source was asked for out of its rows.

    `after` is inclusive and looks `OVERLAP` further back, so that a row that was
    committed late is found; the page knows by its key what it shows already.
    """
    if after is not None:
        rows = since(rows, after.at - OVERLAP)
    if before is not None:
        rows = older(rows, before)
    return rows.order_by("-created_at", "-id")[:limit]
