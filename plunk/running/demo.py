"""The first user and project of an installation on one's own machine.

They are made once and written to `demo.json`, so that a visitor can log in and send at
once, and a script can read what to use.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from plunk.projects.creating import create_project
from plunk.projects.keys import create_key, digest
from plunk.projects.models import ApiKey, KeyKind, Project, User

EMAIL = "demo@example.com"
_PROJECT = "Demo"


@dataclass(frozen=True, slots=True)
class Demo:
    """What `demo.json` holds."""

    url: str
    email: str
    password: str
    project: str
    public_key: str
    secret_key: str


def ensure_demo() -> Demo:
    """Return the demo's login and keys; make whatever of them is missing.

    What was written down last time holds as long as it opens the doors. Otherwise (the
    file is gone, a key was revoked) the demo user gets a new password and new keys.
    """
    known = _read()
    if known is None or not _opens(known):
        known = _make()
    demo = Demo(**{**asdict(known), "url": settings.APP_URI})
    _write(demo)
    return demo


@transaction.atomic
def _make() -> Demo:
    password = secrets.token_urlsafe(12)
    user = User.objects.filter(email=EMAIL).first() or User.objects.create_superuser(
        EMAIL
    )
    user.set_password(password)
    user.save(update_fields=["password"])
    project = user.projects.order_by("created_at", "pk").first()
    if project is None:
        project = create_project(name=_PROJECT, owner=user).project
        Project.objects.filter(pk=project.pk).update(
            from_name=_PROJECT, from_email="hello@example.com"
        )
    return Demo(
        url=settings.APP_URI,
        email=EMAIL,
        password=password,
        project=str(project.pk),
        public_key=_public_key(project),
        secret_key=create_key(
            project=project, kind=KeyKind.SECRET, name="make run"
        ).value,
    )


def _public_key(project: Project) -> str:
    row = project.api_keys.usable().filter(kind=KeyKind.PUBLIC).order_by("pk").first()
    if row is not None:
        return row.public_value
    return create_key(project=project, kind=KeyKind.PUBLIC, name="make run").value


def _opens(demo: Demo) -> bool:
    digests = [digest(demo.public_key), digest(demo.secret_key)]
    keys = ApiKey.objects.usable().filter(digest__in=digests)
    projects = [str(found) for found in keys.values_list("project_id", flat=True)]
    return (
        projects == [demo.project] * len(digests)
        and User.objects.filter(email=demo.email).exists()
    )


def _path() -> Path:
    return Path(settings.DATA_DIR) / "demo.json"


def _read() -> Demo | None:
    """Return what was written last; None if nothing was or it cannot be understood."""
    try:
        written: dict[str, Any] = json.loads(_path().read_text())
        return Demo(**{name: str(value) for name, value in written.items()})
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def _write(demo: Demo) -> None:
    """Replace the file in one step; nobody but its owner may ever read it."""
    draft = _path().with_suffix(f".{os.getpid()}")
    draft.unlink(missing_ok=True)
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w") as stream:
        json.dump(asdict(demo), stream, indent=2)
        stream.write("\n")
    draft.replace(_path())
