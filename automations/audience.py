"""What the filter language says about events."""

from __future__ import annotations

from contacts.segments.sets import Happening

MAX_NAME = 255


class Events(Happening):
    name = "event."
    label = "Event"

    def read(self, rest: str) -> str:
        if not rest.strip():
            raise ValueError("Names no event.")
        if len(rest) > MAX_NAME:
            raise ValueError(f"An event's name has at most {MAX_NAME} characters.")
        return rest
