"""What the filter language can speak of: fields, their operators and their values.

Every field belongs to a relation that its app registers in `AppConfig.ready`. A
condition reaches nothing else, whatever somebody writes into a field's name.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from contacts.models import Contact
    from contacts.segments.compiling import Part
    from contacts.segments.scopes import Scope
    from contacts.segments.tree import Filter, Tree


class Operator(StrEnum):
    EQUALS = "equals"
    NOT_EQUALS = "notEquals"
    GREATER = "greaterThan"
    LESS = "lessThan"
    AT_LEAST = "greaterThanOrEqual"
    AT_MOST = "lessThanOrEqual"
    CONTAINS = "contains"
    NOT_CONTAINS = "notContains"
    EXISTS = "exists"
    NOT_EXISTS = "notExists"
    WITHIN = "within"
    OLDER = "olderThan"
    TRIGGERED = "triggered"
    NOT_TRIGGERED = "notTriggered"
    TRIGGERED_WITHIN = "triggeredWithin"
    TRIGGERED_OLDER = "triggeredOlderThan"
    NOT_TRIGGERED_WITHIN = "notTriggeredWithin"
    TRIGGERED_AT_LEAST = "triggeredAtLeast"
    TRIGGERED_LESS = "triggeredLessThan"
    MEMBER = "memberOfSegment"
    NOT_MEMBER = "notMemberOfSegment"
    JOINED = "joined"
    NOT_JOINED = "notJoined"
    RECEIVED = "received"
    NOT_RECEIVED = "notReceived"
    OPENED = "opened"
    NOT_OPENED = "notOpened"
    CLICKED = "clicked"
    NOT_CLICKED = "notClicked"


class Unit(StrEnum):
    DAYS = "days"
    HOURS = "hours"
    MINUTES = "minutes"

    @property
    def in_a_day(self) -> int:
        return {Unit.DAYS: 1, Unit.HOURS: 24, Unit.MINUTES: 1440}[self]


#: Operators whose value is a number of units: a window that ends now.
WINDOWED = frozenset(
    {
        Operator.WITHIN,
        Operator.OLDER,
        Operator.TRIGGERED_WITHIN,
        Operator.TRIGGERED_OLDER,
        Operator.NOT_TRIGGERED_WITHIN,
    }
)
#: Operators that have a count, and a window if they are given one.
COUNTED = frozenset({Operator.TRIGGERED_AT_LEAST, Operator.TRIGGERED_LESS})
#: Operators that compare with a value, of the field's type.
COMPARING = frozenset(
    {
        Operator.EQUALS,
        Operator.NOT_EQUALS,
        Operator.GREATER,
        Operator.LESS,
        Operator.AT_LEAST,
        Operator.AT_MOST,
        Operator.CONTAINS,
        Operator.NOT_CONTAINS,
    }
)
#: Operators that ask which comes first, which has no answer for yes and no.
ORDERING = frozenset(
    {Operator.GREATER, Operator.LESS, Operator.AT_LEAST, Operator.AT_MOST}
)

_SAME = (Operator.EQUALS, Operator.NOT_EQUALS)
_ORDER = (Operator.GREATER, Operator.LESS, Operator.AT_LEAST, Operator.AT_MOST)
_HOLDS = (Operator.CONTAINS, Operator.NOT_CONTAINS)
_THERE = (Operator.EXISTS, Operator.NOT_EXISTS)
_AGE = (Operator.WITHIN, Operator.OLDER)


class Kind(Enum):
    """What kind of thing a field is, which decides about operators and values."""

    ADDRESS = "address"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    MOMENT = "moment"
    OPTIONAL_MOMENT = "optional moment"
    DATA = "data"
    HAPPENING = "happening"
    SEGMENT = "segment"
    TOPIC = "topic"
    CAMPAIGN = "campaign"

    @property
    def operators(self) -> tuple[Operator, ...]:
        return _OPERATORS[self]


_OPERATORS: dict[Kind, tuple[Operator, ...]] = {
    Kind.ADDRESS: (*_SAME, *_HOLDS),
    Kind.BOOLEAN: _SAME,
    Kind.CHOICE: _SAME,
    Kind.MOMENT: (*_SAME, *_ORDER, *_AGE),
    Kind.OPTIONAL_MOMENT: (*_SAME, *_ORDER, *_AGE, *_THERE),
    Kind.DATA: (*_SAME, *_ORDER, *_HOLDS, *_THERE, *_AGE),
    Kind.HAPPENING: (
        Operator.TRIGGERED,
        Operator.NOT_TRIGGERED,
        Operator.TRIGGERED_WITHIN,
        Operator.TRIGGERED_OLDER,
        Operator.NOT_TRIGGERED_WITHIN,
        Operator.TRIGGERED_AT_LEAST,
        Operator.TRIGGERED_LESS,
    ),
    Kind.SEGMENT: (Operator.MEMBER, Operator.NOT_MEMBER),
    Kind.TOPIC: (Operator.JOINED, Operator.NOT_JOINED),
    Kind.CAMPAIGN: (
        Operator.RECEIVED,
        Operator.NOT_RECEIVED,
        Operator.OPENED,
        Operator.NOT_OPENED,
        Operator.CLICKED,
        Operator.NOT_CLICKED,
    ),
}


@dataclass(frozen=True, slots=True)
class Option:
    """One of the values that a field of kind CHOICE can have."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Name:
    """What may follow the name of a family; `type` is that of the values, if known."""

    value: str
    label: str
    type: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """A field, or a family of fields, as somebody who builds a tree is offered it.

    `is_open`: other names than those of `names` can be written too.
    """

    field: str
    label: str
    kind: Kind
    options: tuple[Option, ...]
    names: tuple[Name, ...]
    is_open: bool


class Relation:
    """A field, or a family of fields whose `name` ends in a dot, such as `event.`.

    An app makes one of each kind of thing it knows of contacts. `scope` is what the
    whole tree was compiled for; the rest of a field is what follows the family's name.
    """

    name: str
    kind: Kind
    label: str
    options: tuple[Option, ...] = ()
    #: What to answer where `resolve` finds nothing under a name.
    missing: str = "There is no such thing in this project."
    #: Whether more can follow the family's name than `offered` has.
    is_open: bool = False

    def read(self, rest: str) -> str:
        """Return the rest of a field as it is kept; ValueError if it is wrong."""
        return rest

    def resolve(self, project_id: UUID, rests: Collection[str]) -> dict[str, Any]:
        """Return what each name stands for, in one statement; strangers are left out.

        What comes back is in the scope, under the whole field.
        """
        return dict.fromkeys(rests)

    def part(self, filter_: Filter, scope: Scope) -> Part:
        """Return what a contact has to fulfil."""
        raise NotImplementedError

    def offered(self, project_id: UUID) -> list[Name]:
        """Return what may follow the family's name, in a bounded number."""
        return []

    def names(self, project_id: UUID, rests: Collection[str]) -> dict[str, str]:
        """Return what people call the things, as far as they are known."""
        return {rest: rest for rest in rests}

    def phrase(self, filter_: Filter, name: str) -> str:
        """Say whom a filter means: a clause that begins with “who” or “whose”."""
        raise NotImplementedError

    def found(self, filter_: Filter, scope: Scope, contact: Contact) -> str:
        """Say what there is about a contact that answers the filter, a statement each.

        A clause without a subject, such as “is “free””, or “did it 2 times”.
        """
        raise NotImplementedError

    def changed(self, filter_: Filter, scope: Scope, since: datetime) -> list[Part]:
        """Return which contacts' answers may have changed between `since` and now.

        Changes of the contact's own row are left out: they show in `updated_at`.
        """
        raise NotImplementedError


_relations: dict[str, Relation] = {}


def register(relation: Relation) -> None:
    """Add a relation, once, from an `AppConfig.ready`."""
    _relations[relation.name] = relation


def find(field: str) -> tuple[Relation, str] | None:
    """Return a field's relation and what follows its name, or None if there is none."""
    head, dot, rest = field.partition(".")
    relation = _relations.get(head + dot)
    return (relation, rest) if relation else None


def choices(project_id: UUID) -> list[Choice]:
    """Return what a tree of the project can ask for; a statement or two a family."""
    return [
        Choice(
            field=relation.name,
            label=relation.label,
            kind=relation.kind,
            options=relation.options,
            names=tuple(relation.offered(project_id)),
            is_open=relation.is_open,
        )
        for relation in _relations.values()
    ]


def names() -> list[str]:
    """Return every field, and every family with an ellipsis, for a message."""
    return [f"{name}…" if name.endswith(".") else name for name in sorted(_relations)]


def read_id(text: str) -> str:
    """Return an id as it is kept; ValueError if it is none."""
    try:
        return str(UUID(text))
    except ValueError:
        raise ValueError("Must end in an id.") from None


def check(
    project_id: UUID,
    tree: Tree,
    *,
    name: str = "condition",
    segment_id: UUID | None = None,
) -> None:
    """Raise Invalid where a tree names what the project does not have.

    Also where it leads back to `segment_id`, whose tree it is to be, or in a circle.
    """
    # Which speaks of this module in every line.
    from contacts.segments.scopes import scope_of

    scope_of(project_id, tree, name=name, segment_id=segment_id)
