"""What a project's admins may change about it."""

from __future__ import annotations

from uuid import UUID

from django.db.models.functions import Now

from plunk.projects.models import Project


def change_project(*, project_id: UUID, name: str, url: str) -> bool:
    """Save a project's name and website; False if it is gone."""
    changed = Project.objects.filter(pk=project_id).update(
        name=name, url=url, updated_at=Now()
    )
    return changed == 1


def change_sending(
    *,
    project_id: UUID,
    from_name: str,
    from_email: str,
    reply_to: str,
    postal_address: str,
) -> bool:
    """Save what mail says where nothing else was said; False if the project is gone."""
    changed = Project.objects.filter(pk=project_id).update(
        from_name=from_name,
        from_email=from_email,
        reply_to=reply_to,
        postal_address=postal_address,
        updated_at=Now(),
    )
    return changed == 1


def change_appearance(
    *, project_id: UUID, language: str, color: str, double_opt_in: bool
) -> bool:
    """Save how a project meets its recipients; False if it is gone.

    Double opt-in holds from the next subscription on: nobody who is subscribed has to
    confirm, and nobody who was asked is subscribed by switching it off.
    """
    changed = Project.objects.filter(pk=project_id).update(
        language=language,
        color=color,
        double_opt_in=double_opt_in,
        updated_at=Now(),
    )
    return changed == 1
