"""What the canvas of a project offers to choose from: a constant number of reads."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from django.db.models import Q
from django.db.models.functions import Lower

from automations.definitions import Definition
from automations.models import Event
from contacts.models import Segment, SegmentType
from contacts.pages import builder
from plunk.ids import read_id
from transactional.models import Template

#: How many of a kind are offered; those in use are there in any case.
MOST = 500


def choices(project_id: UUID, definition: Definition) -> dict[str, Any]:
    """Return templates, segments, events, fields and zones for the canvas."""
    templates = {template_id for _, template_id in definition.templates()}
    rules = builder.config(project_id)
    return {
        "templates": _templates(project_id, templates),
        "segments": _segments(project_id, _segments_in_use(definition)),
        "events": _events(project_id),
        "fields": rules["fields"],
        "kinds": rules["kinds"],
        "units": rules["units"],
        "zones": sorted(zone for zone in available_timezones() if _is_place(zone)),
    }


def _is_place(zone: str) -> bool:
    """Leave out names that nobody looks for, such as Etc/GMT+7 and posix/Cuba."""
    areas = "Africa America Antarctica Asia Atlantic Australia Europe Indian Pacific"
    return zone == "UTC" or zone.partition("/")[0] in areas.split()


def _templates(project_id: UUID, used: Collection[UUID]) -> list[dict[str, str]]:
    rows = Template.objects.existing().filter(project_id=project_id)
    columns = ("pk", "name", "subject")
    found = [
        *rows.filter(pk__in=used).values_list(*columns),
        *rows.order_by("name", "pk").values_list(*columns)[:MOST],
    ]
    by_id = {
        pk: {"id": str(pk), "name": name, "subject": subject}
        for pk, name, subject in found
    }
    return sorted(by_id.values(), key=lambda one: one["name"].lower())


def _segments_in_use(definition: Definition) -> set[UUID]:
    named = [step.config.get("segmentId") for step in definition.steps.values()]
    ids = [read_id(name) for name in named if isinstance(name, str)]
    return {pk for pk in [*ids, definition.trigger.segment_id] if pk is not None}


def _segments(project_id: UUID, used: Collection[UUID]) -> list[dict[str, Any]]:
    rows = Segment.objects.filter(project_id=project_id)
    columns = ("pk", "name", "type", "track_membership")
    found = [
        *rows.filter(Q(pk__in=used)).values_list(*columns),
        *rows.order_by(Lower("name"), "pk").values_list(*columns)[:MOST],
    ]
    by_id = {
        pk: {
            "id": str(pk),
            "name": name,
            "isStatic": kind == SegmentType.STATIC,
            "tracks": kind != SegmentType.STATIC and tracks,
        }
        for pk, name, kind, tracks in found
    }
    return sorted(by_id.values(), key=lambda one: one["name"].lower())


def _events(project_id: UUID) -> list[str]:
    rows = Event.objects.existing().filter(project_id=project_id)
    return list(rows.order_by("name").values_list("name", flat=True)[:MOST])
