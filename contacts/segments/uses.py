"""What a segment is used for, told by whoever uses one.

An app of a floor above registers a source in its `AppConfig.ready`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from django.db.models import TextField
from django.db.models.functions import Cast
from django.urls import reverse

from contacts.models import Segment


@dataclass(frozen=True, slots=True)
class Use:
    """One thing that needs a segment, such as a campaign that is still to be sent."""

    label: str
    url: str = ""


class Source(Protocol):
    """Returns what cannot do without a segment; bounded, a statement or two."""

    def __call__(self, project_id: UUID, segment_id: UUID) -> list[Use]: ...


_sources: list[Source] = []


def register(source: Source) -> None:
    """Add a source, once, from an `AppConfig.ready`."""
    if source not in _sources:
        _sources.append(source)


def uses(segment: Segment) -> list[Use]:
    """Return what keeps a segment from being deleted."""
    return [
        use
        for source in (_other_segments, *_sources)
        for use in source(segment.project_id, segment.pk)
    ]


def _other_segments(project_id: UUID, segment_id: UUID) -> list[Use]:
    """Return the segments whose condition asks for the membership of this one."""
    rows = (
        Segment.objects.annotate(written=Cast("condition", TextField()))
        .filter(project_id=project_id, written__contains=f'"segment.{segment_id}"')
        .exclude(pk=segment_id)
        .order_by("name", "pk")
    )
    return [
        Use(f"the segment “{name}”", reverse("segment", args=[project_id, pk]))
        for pk, name in rows.values_list("pk", "name")[:20]
    ]
