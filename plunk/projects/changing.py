"""What a project's admins may change about it."""

from __future__ import annotations

from uuid import UUID

from django.db.models.functions import Now

from plunk.projects.models import Project


def change_project(
    *, project_id: UUID, name: str, url: str, from_name: str, from_email: str
) -> bool:
    """Save a project's name, website and default sender; False if it is gone."""
    changed = Project.objects.filter(pk=project_id).update(
        name=name,
        url=url,
        from_name=from_name,
        from_email=from_email,
        updated_at=Now(),
    )
    return changed == 1
