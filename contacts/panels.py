"""What floors above show on the page of a contact: a card each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Panel:
    """A card: its title, and a template with what it shows."""

    title: str
    template: str
    context: dict[str, Any]


#: Returns a card about a contact of a project, or None where there is nothing to show.
#: A constant number of statements, and rows by index.
Source = Callable[[UUID, UUID], Panel | None]
_sources: list[Source] = []


def register(source: Source) -> None:
    """Add a source of cards, once, from an `AppConfig.ready`."""
    if source not in _sources:
        _sources.append(source)


def panels(project_id: UUID, contact_id: UUID) -> list[Panel]:
    """Return the cards about a contact, in the order of the floors."""
    found = [source(project_id, contact_id) for source in _sources]
    return [panel for panel in found if panel is not None]
