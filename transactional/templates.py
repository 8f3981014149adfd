"""Making, changing and deleting templates; every save keeps what was there before.

A template's row is what it is now, and each of its versions is a row that never
changes. Mails carry a content of their own: what was sent, or is on its way, does not
change with the template.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from plunk.api.errors import Conflict, NotFound
from plunk.projects.models import User
from transactional.models import (
    WRITTEN_FIELDS,
    Email,
    SavedBy,
    Template,
    TemplateVersion,
)
from transactional.signals import template_saved, templates_deleted
from transactional.template_rules import MAX_NAME, REQUIRED, check_sender, clean
from transactional.template_uses import uses

#: How many templates may be deleted at once.
MOST_AT_ONCE = 1000
#: The mails of a template are counted up to here: a count must cost the same for all.
MOST_COUNTED = 100_000
_COPY = " (Copy)"
_MOST_NAMED = 5


class TemplateNotFound(NotFound):
    code = "TEMPLATE_NOT_FOUND"
    suggestion = "Look the id up under Templates; templates belong to one project."

    def __init__(self, message: str = "That template was not found.") -> None:
        super().__init__(message)


class VersionNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("That template has no such version.")


class StaleTemplate(Conflict):
    """Somebody else has saved since; `version` is what the newest is now."""

    suggestion = "Load the newest version and make the change again."

    def __init__(self, version: int) -> None:
        super().__init__(f"It was saved in the meantime: version {version} is newest.")
        self.version = version


class TemplateInUse(Conflict):
    suggestion = "Take it out of there first."


def template_of(project_id: UUID, template_id: UUID) -> Template:
    """Return a project's template; raises TemplateNotFound, for deleted ones too."""
    rows = Template.objects.existing().filter(project_id=project_id, pk=template_id)
    template = rows.first()
    if template is None:
        raise TemplateNotFound
    return template


def search(rows: QuerySet[Template], text: str) -> QuerySet[Template]:
    """Keep the templates with `text` in their name, description or subject."""
    text = text.strip()
    if not text:
        return rows
    if "\x00" in text or len(text) > MAX_NAME:
        return rows.none()
    return rows.filter(
        Q(name__icontains=text)
        | Q(description__icontains=text)
        | Q(subject__icontains=text)
    )


def create(
    *,
    project_id: UUID,
    written: Mapping[str, Any],
    saved_by: SavedBy,
    user: User | None = None,
    required: Collection[str] = REQUIRED,
) -> Template:
    """Make a template and its first version.

    `written` has keys of WRITTEN_FIELDS. Raises Invalid naming every wrong field, with
    `Misspelt` for what the language cannot read, and DomainNotVerified.
    """
    values = clean(written, required={*REQUIRED, *required})
    values["from_email"] = check_sender(project_id, values.get("from_email", ""))
    return _insert(project_id, values, saved_by, user)


@transaction.atomic
def _insert(
    project_id: UUID, values: Mapping[str, Any], saved_by: SavedBy, user: User | None
) -> Template:
    made = Template.objects.create(project_id=project_id, **values)
    template = Template.objects.get(pk=made.pk)
    _keep(template, saved_by, user)
    template_saved.send(sender=Template, template=template, is_new=True)
    return template


def change(
    *,
    template: Template,
    written: Mapping[str, Any],
    saved_by: SavedBy,
    user: User | None = None,
    expected_version: int | None = None,
) -> Template:
    """Save what is given in `written` and return the template as it is now.

    What equals the newest version makes no other one. Raises StaleTemplate where
    `expected_version` is not the newest, TemplateNotFound where it was deleted, and
    whatever `create` raises; nothing is changed then.
    """
    values = clean(written)
    if values.get("from_email", template.from_email) != template.from_email:
        values["from_email"] = check_sender(template.project_id, values["from_email"])
    return _save(template, values, saved_by, user, expected_version)


def restore(
    *,
    template: Template,
    number: int,
    saved_by: SavedBy,
    user: User | None = None,
    expected_version: int | None = None,
) -> Template:
    """Make an older version the newest again; everything in between stays.

    It is taken as it was saved, whatever the rules have become: whether it may be sent
    is asked when it is. Raises VersionNotFound, StaleTemplate, TemplateNotFound.
    """
    version = version_of(template, number)
    return _save(template, contents_of(version), saved_by, user, expected_version)


@transaction.atomic
def _save(
    template: Template,
    values: Mapping[str, Any],
    saved_by: SavedBy,
    user: User | None,
    expected_version: int | None,
) -> Template:
    """Write values and the version they make, one saver after the other."""
    rows = Template.objects.existing().filter(pk=template.pk)
    now = rows.select_for_update().first()
    if now is None:
        raise TemplateNotFound
    if expected_version is not None and expected_version != now.version:
        raise StaleTemplate(now.version)
    changes = {key: it for key, it in values.items() if it != getattr(now, key)}
    if not changes:
        return now
    number = now.version + 1
    is_saved = rows.filter(version=now.version).update(
        **changes, version=number, updated_at=Now()
    )
    if is_saved != 1:
        raise StaleTemplate(number)
    saved = Template.objects.get(pk=template.pk)
    _keep(saved, saved_by, user)
    template_saved.send(sender=Template, template=saved, is_new=False)
    return saved


def _keep(template: Template, saved_by: SavedBy, user: User | None) -> None:
    TemplateVersion.objects.create(
        template=template,
        number=template.version,
        saved_by=saved_by,
        user_id=user.pk if user else None,
        **contents_of(template),
    )


def contents_of(written: Template | TemplateVersion) -> dict[str, Any]:
    """Return what somebody has written into a template or a version of it."""
    return {name: getattr(written, name) for name in WRITTEN_FIELDS}


def version_of(template: Template, number: int) -> TemplateVersion:
    """Return a version of a template; raises VersionNotFound."""
    rows = TemplateVersion.objects.select_related("user")
    version = rows.filter(template=template, number=number).first()
    if version is None:
        raise VersionNotFound
    return version


def duplicate(
    *, template: Template, saved_by: SavedBy, user: User | None = None
) -> Template:
    """Make a template that says the same, under a name that says so."""
    name = template.name[: MAX_NAME - len(_COPY)] + _COPY
    values = contents_of(template) | {"name": name}
    return _insert(template.project_id, values, saved_by, user)


def delete(*, template: Template) -> None:
    """Delete a template; its mails keep it, and their content was never its own.

    Raises TemplateInUse, naming what needs it, and TemplateNotFound where it is gone.
    """
    delete_all(project_id=template.project_id, template_ids=[template.pk])


@transaction.atomic
def delete_all(*, project_id: UUID, template_ids: Sequence[UUID]) -> int:
    """Delete all of some templates or, where one cannot be, none; return how many.

    Raises TemplateNotFound and TemplateInUse.
    """
    wanted = sorted(set(template_ids))
    rows = Template.objects.existing().filter(project_id=project_id, pk__in=wanted)
    # Locked in one order, so that two who delete the same do not wait in a circle.
    found = list(rows.order_by("pk").select_for_update().values_list("pk", flat=True))
    missing = len(wanted) - len(found)
    if missing and len(wanted) > 1:
        raise TemplateNotFound(
            f"{missing:,} of these templates were not found; nothing was deleted."
        )
    if missing:
        raise TemplateNotFound
    needed = uses(project_id, found)
    if needed:
        raise TemplateInUse(f"Needed by {_named([use.label for use in needed])}.")
    templates_deleted.send(sender=Template, project_id=project_id, template_ids=found)
    return rows.update(deleted_at=Now())


def _named(labels: Sequence[str]) -> str:
    names = list(dict.fromkeys(labels))
    more = len(names) - _MOST_NAMED
    named = ", ".join(names[:_MOST_NAMED])
    return f"{named} and {more} more" if more > 0 else named


def emails_of(template: Template, *, limit: int = MOST_COUNTED) -> int:
    """Count the mails that were made of a template, up to a limit."""
    return Email.objects.filter(template=template).order_by()[:limit].count()
