"""Whom a draft is for: what was written of it, held against what the project has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from campaigns.choosing import strangers
from campaigns.draft_rules import Draft
from campaigns.models import AudienceType, Campaign
from contacts.models import Segment, Topic
from contacts.segments.scopes import scope_of
from contacts.segments.tree import as_json, parse
from plunk.api.errors import FieldError, Invalid

#: What is written of an audience; each of it makes an older count of it worthless.
COLUMNS = ("audience_type", "segment_id", "condition", "topic_id", "kind")


@dataclass(slots=True)
class _Judge:
    project_id: UUID
    draft: Draft
    #: What the campaign has so far; for a new one the columns' defaults.
    before: Campaign
    errors: list[FieldError] = field(default_factory=list)

    def fail(self, name: str, message: str, code: str) -> None:
        self.errors.append(FieldError(name, message, code))

    def values(self) -> dict[str, Any]:
        given = self.draft.values
        kind = AudienceType(given.get("audience_type", self.before.audience_type))
        segment_id, topic_id = given.get("segment_id"), given.get("topic_id")
        if segment_id is not None:
            self.segments({segment_id: ""}, "segment_id")
        if topic_id is not None:
            self.topic(topic_id)
        self.segments(self.draft.excluded or {}, "excluded_segment_ids.")
        if kind is AudienceType.RECIPIENTS and self.draft.recipients:
            self.errors += strangers(self.project_id, self.draft.recipients)
        values = self.of_kind(kind)
        if self.errors:
            raise Invalid(self.errors)
        return values

    def of_kind(self, kind: AudienceType) -> dict[str, Any]:
        """Return what belongs to a kind of audience, and nothing of the others."""
        given = self.draft.values
        is_chosen_now = "audience_type" in given
        values: dict[str, Any] = {"segment_id": None, "condition": None}
        if kind is AudienceType.SEGMENT:
            segment_id = given.get("segment_id", self.before.segment_id)
            # Of a segment that was deleted the other fields may still be changed.
            if segment_id is None and (is_chosen_now or "segment_id" in given):
                self.fail("segment_id", "Is required: which segment?", "required")
            values["segment_id"] = segment_id
        if kind is AudienceType.FILTERED:
            values["condition"] = self.before.condition
            if "condition" in given:
                values["condition"] = self.condition(given["condition"])
            elif self.before.condition is None:
                self.fail("condition", "Is required: which contacts?", "required")
        return values

    def condition(self, value: Any) -> dict[str, Any] | None:
        try:
            tree = parse(value, "condition")
            scope_of(self.project_id, tree, name="condition")
        except Invalid as error:
            self.errors += error.errors
            return None
        return as_json(tree)

    def segments(self, places: Mapping[UUID, object], name: str) -> None:
        if not places:
            return
        rows = Segment.objects.filter(project_id=self.project_id, pk__in=places)
        known = set(rows.values_list("pk", flat=True))
        for segment_id, place in places.items():
            if segment_id not in known:
                message = "There is no such segment in this project."
                self.fail(f"{name}{place}", message, "not_found")

    def topic(self, topic_id: UUID) -> None:
        rows = Topic.objects.filter(project_id=self.project_id, pk=topic_id)
        if topic_id != self.before.topic_id:
            rows = rows.filter(archived_at=None)
        if not rows.exists():
            message = "There is no such topic in this project."
            self.fail("topic_id", message, "not_found")


def judged_audience(project_id: UUID, draft: Draft, before: Campaign) -> dict[str, Any]:
    """Return the audience's columns as they are to be stored.

    What belongs to another kind of audience is left out. Raises Invalid naming what is
    missing and what is not of this project, all of it at once.
    """
    return _Judge(project_id, draft, before).values()
