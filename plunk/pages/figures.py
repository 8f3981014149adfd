"""The key figures of the overview, told by every app that has some."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

#: No figure counts further than this: it has to cost the same in every project.
COUNT_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class Figure:
    label: str
    value: str
    hint: str = ""
    url: str = ""
    tone: str = "neutral"


Source = Callable[[UUID], list[Figure]]
_sources: list[Source] = []


def register(source: Source) -> None:
    """Add a source of figures, once, from an `AppConfig.ready`."""
    if source not in _sources:
        _sources.append(source)


def figures(project_id: UUID) -> list[Figure]:
    """Return every app's figures, those of the highest floor first."""
    return [figure for source in reversed(_sources) for figure in source(project_id)]


def shown(count: int) -> str:
    """Write a count the way it is read: 999, 9,999, 10k+."""
    return f"{count:,}" if count <= COUNT_LIMIT else f"{COUNT_LIMIT // 1000}k+"


def counted(rows: QuerySet[Any]) -> str:
    """Count rows of an indexed range, but never more than are worth the time."""
    return shown(rows.order_by()[: COUNT_LIMIT + 1].count())


#: Whether a project has done what it is for; until then the overview shows how.
Beginning = Callable[[UUID], bool]
_beginnings: list[Beginning] = []


def register_beginning(has_begun: Beginning) -> None:
    """Add a sign, once, that a project is in use."""
    if has_begun not in _beginnings:
        _beginnings.append(has_begun)


def has_begun(project_id: UUID) -> bool:
    """Say whether any app sees the project in use."""
    return any(sign(project_id) for sign in _beginnings)
