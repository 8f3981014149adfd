"""The events that tell of the mails of one template, or of one campaign.

`<name>-template-delivered` and `<name>-template-opened`, after the template, and the
same of a campaign (contract, classic 4.4). A name that somebody tracks already becomes
the template's; one that another template has gets a number.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from automations.events.naming import slug
from automations.events.usage import usage_names
from automations.models import Event, Occurrence, Tells
from transactional.models import Template


@transaction.atomic
def define(
    project_id: UUID,
    title: str,
    *,
    template_id: UUID | None = None,
    campaign_id: UUID | None = None,
) -> dict[str, str]:
    """Make the two events of a template or campaign; return their names by `tells`.

    Done twice, the second time changes nothing.
    """
    link = {"template_id": template_id, "campaign_id": campaign_id}
    own = Event.objects.filter(**{key: pk for key, pk in link.items() if pk})
    found = dict(own.values_list("tells", "name"))
    missing = [tells for tells in Tells if tells not in found]
    if not missing:
        return found
    names = _names(title, template_id or campaign_id, is_template=bool(template_id))
    taken = _taken(project_id, names.values())
    for tells in missing:
        name = _free(names[tells], taken)
        if name in taken:
            unlinked = {"template": None, "campaign_id": None}
            Event.objects.filter(project_id=project_id, name=name, **unlinked).update(
                **link, tells=tells, updated_at=Now()
            )
        else:
            Event.objects.bulk_create(
                [
                    Event(
                        project_id=project_id,
                        name=name,
                        tells=tells,
                        created_at=Now(),
                        updated_at=Now(),
                        **link,
                    )
                ],
                ignore_conflicts=True,
            )
    return dict(own.values_list("tells", "name"))


def rename(template: Template) -> None:
    """Have a template's events follow its name, but for those that something names.

    A segment or workflow that names an event would lose it.
    """
    events = list(Event.objects.existing().filter(template=template))
    if not events:
        define(template.project_id, template.name, template_id=template.pk)
        return
    names = _names(template.name, template.pk, is_template=True)
    stale = [
        event
        for event in events
        if event.tells and _without_number(event.name) != names[Tells(event.tells)]
    ]
    if not stale:
        return
    taken = _taken(template.project_id, names.values())
    used = usage_names(template.project_id)
    for event in stale:
        if event.is_heard or event.name in used:
            continue
        name = _free(names[Tells(event.tells)], dict.fromkeys(taken, False))
        rows = Event.objects.filter(pk=event.pk, name=event.name)
        # Somebody may track that very name at this moment: then the old one stays.
        with suppress(IntegrityError), transaction.atomic():
            rows.update(name=name, updated_at=Now())


def abandon(template_ids: Collection[UUID]) -> None:
    """Let go of the events of deleted templates: those that happened stay, as others.

    They can be deleted then like any other event.
    """
    events = Event.objects.filter(template__in=template_ids)
    happened = Exists(Occurrence.objects.filter(event=OuterRef("pk")))
    idle = events.filter(~happened, is_heard=False).values_list("pk", flat=True)
    Event.objects.filter(pk__in=list(idle), template__in=template_ids).delete()
    events.update(template=None, tells="", updated_at=Now())


def _names(title: str, pk: UUID | None, *, is_template: bool) -> dict[Tells, str]:
    kind = "template" if is_template else "campaign"
    stem = slug(title) or str(pk)
    return {tells: f"{stem}-{kind}-{tells.value}" for tells in Tells}


def _taken(project_id: UUID, names: Iterable[str]) -> dict[str, bool]:
    """Return the names that begin like those, and whether they belong to nothing."""
    begins = Q()
    for name in names:
        begins |= Q(name__startswith=name)
    rows: Any = Event.objects.filter(begins, project_id=project_id)
    found = rows.values_list("name", "template_id", "campaign_id")
    return {name: not (template or campaign) for name, template, campaign in found}


def _free(name: str, taken: dict[str, bool]) -> str:
    """Return a name that is nobody's, or may be had: with a number if it has to be."""
    candidate, number = name, 1
    while not taken.get(candidate, True):
        number += 1
        candidate = f"{name}-{number}"
    return candidate


def _without_number(name: str) -> str:
    stem, _, number = name.rpartition("-")
    return stem if number.isascii() and number.isdigit() else name
