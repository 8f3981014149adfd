"""What templates are used for, told by whoever uses them.

An app of a floor above registers a source in its `AppConfig.ready`. Whoever begins to
use a template locks its row (`select_for_update` of an existing one) in the same
transaction, as deleting it does, so that one of the two sees the other.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from typing import Protocol
from uuid import UUID


class UseKind(Enum):
    WORKFLOW_STEP = "workflow step"
    CAMPAIGN = "campaign"


@dataclass(frozen=True, slots=True)
class Use:
    """One thing that needs a template, such as a step of a workflow."""

    template_id: UUID
    kind: UseKind
    #: Names it within a sentence, such as `the workflow “Welcome”`.
    label: str
    url: str = ""


class Source(Protocol):
    """Returns what cannot do without one of some templates of a project.

    A statement or two, however many templates are asked for; they are up to 1,000.
    """

    def __call__(
        self, project_id: UUID, template_ids: Collection[UUID]
    ) -> list[Use]: ...


_sources: list[Source] = []


def register(source: Source) -> None:
    """Add a source, once, from an `AppConfig.ready`."""
    if source not in _sources:
        _sources.append(source)


def uses(project_id: UUID, template_ids: Collection[UUID]) -> list[Use]:
    """Return what keeps templates from being deleted."""
    return [use for source in _sources for use in source(project_id, template_ids)]
