"""What versions say, read once by each process: they never change."""

from __future__ import annotations

from functools import lru_cache
from uuid import UUID

from automations.definitions import Definition, parse
from automations.models import WorkflowVersion


@lru_cache(maxsize=512)
def definition_of(version_id: UUID) -> Definition:
    """Return the definition of a version that exists."""
    version = WorkflowVersion.objects.only("definition").get(pk=version_id)
    return parse(version.definition)
