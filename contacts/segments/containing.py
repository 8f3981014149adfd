"""Which segments a contact is in, and in which it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, Value, When

from contacts.models import Contact, Segment, SegmentMembership
from contacts.segments.compiling import Form, as_condition
from contacts.segments.scopes import scope_of
from contacts.segments.sizes import is_kept
from contacts.segments.tree import parse
from plunk.api.errors import Invalid

#: Segments with a rule that are asked for one contact.
MOST_ASKED = 50
#: Stays that are told of.
_MOST_STAYS = 100


@dataclass(frozen=True, slots=True)
class Belonging:
    """A segment that a contact is in, or was: `until` is then when it left."""

    segment: Segment
    #: When it came in; empty where the segment keeps no membership.
    since: datetime | None = None
    until: datetime | None = None


def segments_of(contact: Contact) -> list[Belonging]:
    """Return what a contact is in by name, then what it was in, the latest first.

    Rules are asked now, of the MOST_ASKED newest segments that have one.
    """
    stays = _stays(contact)
    inside = [
        Belonging(stay.segment, stay.entered_at)
        for stay in stays
        if stay.exited_at is None
    ]
    inside += [Belonging(segment) for segment in _matched(contact)]
    names = {belonging.segment.pk for belonging in inside}
    left = [
        Belonging(stay.segment, stay.entered_at, stay.exited_at)
        for stay in stays
        if stay.exited_at and stay.segment_id not in names
    ]
    inside.sort(key=lambda belonging: belonging.segment.name.lower())
    return [*inside, *_latest(left)]


def _stays(contact: Contact) -> list[SegmentMembership]:
    rows = SegmentMembership.objects.filter(contact=contact)
    return list(
        rows.select_related("segment").order_by("-entered_at", "-pk")[:_MOST_STAYS]
    )


def _latest(left: list[Belonging]) -> list[Belonging]:
    """Keep the last stay in each segment."""
    last = {belonging.segment.pk: belonging for belonging in reversed(left)}
    return sorted(last.values(), key=lambda it: str(it.until), reverse=True)


def _matched(contact: Contact) -> list[Segment]:
    """Return the segments of which nobody keeps the membership, but the rule fits."""
    rows = Segment.objects.filter(
        project_id=contact.project_id, condition__isnull=False
    )
    newest = rows.order_by("-created_at", "-pk")[: 2 * MOST_ASKED]
    asked = [segment for segment in newest if not is_kept(segment)][:MOST_ASKED]
    try:
        return _those_that_fit(contact, asked)
    except Invalid:
        # One of them names what is gone, and can say nothing about anybody.
        return [segment for segment in asked if _fits_alone(contact, segment)]


def _fits_alone(contact: Contact, segment: Segment) -> bool:
    try:
        return bool(_those_that_fit(contact, [segment]))
    except Invalid:
        return False


def _those_that_fit(contact: Contact, asked: Sequence[Segment]) -> list[Segment]:
    """Ask all rules in one statement, after one look-up of what they name."""
    if not asked:
        return []
    groups = [
        {"filters": [{"field": f"segment.{segment.pk}", "operator": "memberOfSegment"}]}
        for segment in asked
    ]
    tree = parse({"logic": "OR", "groups": groups})
    scope = scope_of(contact.project_id, tree)
    answers = {
        f"answer_{number}": Case(
            When(
                as_condition(filter_.relation.part(filter_, scope), scope, Form.PROBE),
                then=Value(value=True),
            ),
            default=Value(value=False),
        )
        for number, filter_ in enumerate(tree.filters())
    }
    mine = Contact.objects.filter(pk=contact.pk).annotate(**answers)
    row = mine.values_list(*answers).first()
    if row is None:
        return []
    return [segment for segment, fits in zip(asked, row, strict=True) if fits]
