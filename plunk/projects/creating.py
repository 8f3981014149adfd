"""A new project, with what it needs to send its first mail."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from plunk.projects.keys import NewKey, create_key
from plunk.projects.models import KeyKind, Membership, Project, Role, User


@dataclass(frozen=True, slots=True)
class NewProject:
    project: Project
    public: NewKey
    secret: NewKey


@transaction.atomic
def create_project(*, name: str, owner: User, url: str = "") -> NewProject:
    """Create a project owned by `owner`, with one public and one secret key."""
    project = Project.objects.create(name=name, url=url)
    Membership.objects.create(project=project, user=owner, role=Role.OWNER)
    return NewProject(
        project=project,
        public=create_key(project=project, kind=KeyKind.PUBLIC, name="Default"),
        secret=create_key(project=project, kind=KeyKind.SECRET, name="Default"),
    )
