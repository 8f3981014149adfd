"""Making, changing and deleting segments."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from contacts.models import Segment, SegmentType
from contacts.segments import sizes
from contacts.segments.scopes import located, scope_of
from contacts.segments.tree import Tree, as_json, parse
from contacts.segments.updating import UPDATE
from contacts.segments.uses import uses
from plunk.api.errors import Conflict, NotFound, invalid
from plunk.waking import wake_on_commit

#: Segments of one project: lists of them are not paged.
MOST_SEGMENTS = 1000
#: What a field that names a segment begins with.
SEGMENT = "segment."


class SegmentNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such segment.")


class SegmentInUse(Conflict):
    suggestion = "Take it out of there first."


class TooManySegments(Conflict):
    suggestion = "Delete a segment that is not used any more."


def segment_of(project_id: UUID, segment_id: UUID) -> Segment:
    """Return a project's segment; raises SegmentNotFound."""
    segment = Segment.objects.filter(project_id=project_id, pk=segment_id).first()
    if segment is None:
        raise SegmentNotFound
    return segment


def create_segment(
    *,
    project_id: UUID,
    name: str,
    description: str = "",
    type: SegmentType = SegmentType.DYNAMIC,  # noqa: A002 - the contract's word
    condition: Any = None,
    track_membership: bool = False,
) -> Segment:
    """Make a segment and count it; a static one is empty and has no condition.

    Raises Invalid, with the path of what is wrong in the condition.
    """
    tree = None
    if type == SegmentType.DYNAMIC:
        tree = _checked(project_id, condition)
    with transaction.atomic():
        if Segment.objects.filter(project_id=project_id).count() >= MOST_SEGMENTS:
            raise TooManySegments(f"A project has at most {MOST_SEGMENTS} segments.")
        segment = Segment.objects.create(
            project_id=project_id,
            name=name,
            description=description,
            type=type,
            condition=as_json(tree) if tree else None,
            track_membership=track_membership,
            counted_at=None if tree else Now(),
        )
        if track_membership and tree:
            wake_on_commit(UPDATE)
    if tree:
        sizes.count_at_once(segment)
    return Segment.objects.get(pk=segment.pk)


def change_segment(
    *,
    project_id: UUID,
    segment_id: UUID,
    name: str | None = None,
    description: str | None = None,
    condition: Any = None,
    track_membership: bool | None = None,
) -> Segment:
    """Change what is given of a segment and return it.

    A static one has no condition: it is passed over. Another condition, or tracking
    that begins, starts the membership anew: the stays of those who do not match end,
    those of the others go on, and nobody is told. The history stays as it was. Raises
    SegmentNotFound, and Invalid with nothing changed.
    """
    segment = segment_of(project_id, segment_id)
    changes: dict[str, Any] = {
        key: value
        for key, value in {
            "name": name,
            "description": description,
            "track_membership": track_membership,
        }.items()
        if value is not None and value != getattr(segment, key)
    }
    if condition is not None and segment.type == SegmentType.DYNAMIC:
        written = as_json(_checked(project_id, condition, segment_id))
        if written != segment.condition:
            changes["condition"] = written
    if changes:
        _write(segment, changes)
    return segment_of(project_id, segment_id)


def _write(segment: Segment, changes: dict[str, Any]) -> None:
    starts_anew = "condition" in changes or changes.get("track_membership") is True
    if starts_anew:
        # Whoever computes the old condition at this moment finds that it is not theirs.
        changes |= {
            "computed_at": None,
            "compared_at": None,
            "lease_expires_at": None,
            "attempt": F("attempt") + 1,
            "problem": "",
        }
    with transaction.atomic():
        Segment.objects.filter(pk=segment.pk).update(updated_at=Now(), **changes)
        if starts_anew:
            wake_on_commit(UPDATE)
    if "condition" in changes:
        sizes.count_at_once(Segment.objects.get(pk=segment.pk))


def delete_segment(*, project_id: UUID, segment_id: UUID) -> None:
    """Delete a segment with its history; raises SegmentNotFound and SegmentInUse."""
    with transaction.atomic():
        row = Segment.objects.select_for_update()
        segment = row.filter(project_id=project_id, pk=segment_id).first()
        if segment is None:
            raise SegmentNotFound
        found = uses(segment)
        if found:
            names = ", ".join(use.label for use in found[:5])
            more = f" and {len(found) - 5} more" if len(found) > 5 else ""
            raise SegmentInUse(f"The segment is used by {names}{more}.")
        segment.delete()


def _checked(project_id: UUID, condition: Any, segment_id: UUID | None = None) -> Tree:
    """Read a condition; raises Invalid where it is none that this project can have."""
    tree = parse(condition)
    scope_of(project_id, tree, segment_id=segment_id)
    if segment_id is not None:
        _refuse_circles(project_id, tree, segment_id)
    return tree


def _refuse_circles(project_id: UUID, tree: Tree, segment_id: UUID) -> None:
    """Raise Invalid where a condition comes to ask for its own answer.

    Also by way of segments whose membership is kept: the two would chase each other.
    """
    asked_by = {
        str(pk): _asked(parse(condition))
        for pk, condition in Segment.objects.filter(
            project_id=project_id, type=SegmentType.DYNAMIC
        ).values_list("pk", "condition")
    }
    for path, filter_ in located(tree, "condition"):
        if filter_.field.startswith(SEGMENT) and str(segment_id) in _reached(
            filter_.rest, asked_by
        ):
            raise invalid(f"{path}.field", "Leads back to the segment itself.", "cycle")


def _reached(start: str, asked_by: dict[str, set[str]]) -> set[str]:
    """Return a segment and all that it asks for, directly or not."""
    reached, waiting = {start}, [start]
    while waiting:
        new = asked_by.get(waiting.pop(), set()) - reached
        reached |= new
        waiting += new
    return reached


def _asked(tree: Tree) -> set[str]:
    return {
        filter_.rest for filter_ in tree.filters() if filter_.field.startswith(SEGMENT)
    }
