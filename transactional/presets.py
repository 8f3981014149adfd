"""What a project's settings say about each of its mails, read once for many."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from contacts import languages
from plunk.projects.models import Project
from transactional.manuscripts import Look

#: How long a changed setting may take to reach a worker.
_SECONDS = 5.0
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Preset:
    """The settings of a project that its mails depend on."""

    look: Look
    language: str
    tracking: str
    tracker: str
    tracking_host: str

    def language_of(self, data: Mapping[str, Any] | None) -> str:
        """Return the language of a contact with this data."""
        own = languages.matching(data.get("locale")) if data else None
        return own or self.language


_known: dict[UUID, tuple[float, Preset]] = {}


def presets_of(project_ids: Collection[UUID]) -> dict[UUID, Preset]:
    """Return the settings of projects; one statement for those not just asked for."""
    now = time.monotonic()
    found = {
        pk: known[1]
        for pk in project_ids
        if (known := _known.get(pk)) is not None and known[0] > now
    }
    missing = set(project_ids) - found.keys()
    if missing:
        if len(_known) > _MOST:
            _known.clear()
        for project in Project.objects.filter(pk__in=missing):
            found[project.pk] = preset_of(project)
            _known[project.pk] = (now + _SECONDS, found[project.pk])
    return found


def preset_of(project: Project) -> Preset:
    """Return the settings of one project, as they are now."""
    return Preset(
        look=Look(
            project=project.from_name or project.name,
            color=project.color,
            postal_address=project.postal_address,
        ),
        language=languages.matching(project.language) or languages.DEFAULT,
        tracking=project.tracking,
        tracker=project.tracker,
        tracking_host=project.tracking_host,
    )
