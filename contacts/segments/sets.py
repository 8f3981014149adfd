"""What the filter language says about a contact by rows of other tables."""

from __future__ import annotations

from contacts.segments.vocabulary import Kind, Relation, read_id


class Happening(Relation):
    """Something that happens to contacts, again and again, each time at a moment."""

    kind = Kind.HAPPENING


class Suppressed(Relation):
    name = "suppressed"
    kind = Kind.BOOLEAN
    label = "Suppressed"


class Topics(Relation):
    name = "topic."
    kind = Kind.TOPIC
    label = "Topic"

    def read(self, rest: str) -> str:
        return read_id(rest)


class Segments(Relation):
    name = "segment."
    kind = Kind.SEGMENT
    label = "Segment"

    def read(self, rest: str) -> str:
        return read_id(rest)


SETS: tuple[Relation, ...] = (Suppressed(), Topics(), Segments())
