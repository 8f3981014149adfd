"""What the filter language says about events."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from automations.events.naming import MAX_NAME, as_tracked
from automations.models import Event, Occurrence
from contacts.segments.scopes import Scope
from contacts.segments.sets import MOST_OFFERED, Deed, Happening
from contacts.segments.tree import Filter
from contacts.segments.vocabulary import Name
from contacts.segments.wording import spoken

__all__ = ["Events", "as_tracked"]


class Events(Happening):
    name = "event."
    label = "Event"
    is_open = True

    def read(self, rest: str) -> str:
        if not rest.strip():
            raise ValueError("Names no event.")
        if len(rest) > MAX_NAME:
            raise ValueError(f"An event's name has at most {MAX_NAME} characters.")
        return rest

    def resolve(self, project_id: UUID, rests: Collection[str]) -> dict[str, Any]:
        """Return the events' ids, and None for what nobody has done yet.

        A name is found as it was tracked too: in lower case and without spaces. By
        their ids the planner knows how often each of them happened.
        """
        wanted = {rest: (rest, as_tracked(rest)) for rest in rests}
        found = dict(
            Event.objects.existing()
            .filter(
                project_id=project_id,
                name__in={name for pair in wanted.values() for name in pair},
            )
            .values_list("name", "pk")
        )
        return {
            rest: found.get(exact) or found.get(tracked)
            for rest, (exact, tracked) in wanted.items()
        }

    def offered(self, project_id: UUID) -> list[Name]:
        events = Event.objects.existing().filter(project_id=project_id)
        names = events.order_by("name")
        found = names.values_list("name", flat=True)[:MOST_OFFERED]
        return [Name(name, name) for name in found]

    def said(self, filter_: Filter, name: str) -> Deed:
        event = spoken(name)
        return Deed(f"did {event}", f"never did {event}", f"did not do {event}")

    def rows(self, filter_: Filter, scope: Scope) -> QuerySet[Any]:
        event_id = scope.known[filter_.field]
        if event_id is None:
            return Occurrence.objects.none()
        # To SQL, nobody is in or out of a list that an unknown id is on.
        return Occurrence.objects.filter(event_id=event_id, contact__isnull=False)

    def column(self, filter_: Filter) -> str:
        return "created_at"
