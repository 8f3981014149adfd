"""The filter tree: what a segment or an audience is made of, and its one reader.

    {"logic": "AND", "groups": [{"filters": [{"field": "subscribed",
     "operator": "equals", "value": true}], "conditions": <tree, optional>}]}

The filters of a group and its nested tree all have to hold; `logic` joins the groups.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from contacts.segments.vocabulary import (
    COMPARING,
    COUNTED,
    ORDERING,
    WINDOWED,
    Kind,
    Operator,
    Relation,
    Unit,
    find,
    names,
)
from plunk.api.errors import ECHO_LIMIT, FieldError, Invalid, invalid
from plunk.api.strictjson import type_name

MAX_FILTERS = 100
MAX_DEPTH = 10
MAX_TEXT = 1_000
MAX_NUMBER = 2**53
MAX_COUNT = 1_000_000
#: The longest window, a hundred years; and the years that a date may be in.
MAX_DAYS = 36_500
YEARS = range(1900, 3000)
_MAX_ERRORS = 100
_MAX_FIELD = 4_200

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_UNSAFE = re.compile("[\x00\ud800-\udfff]")

Scalar = str | int | float | bool
E = TypeVar("E", bound=StrEnum)


class Logic(StrEnum):
    AND = "AND"
    OR = "OR"


@dataclass(frozen=True, slots=True)
class Filter:
    """One rule. `value` is the number of units where the operator has a window."""

    field: str
    operator: Operator
    value: Scalar | None = None
    unit: Unit | None = None
    count: int | None = None

    @property
    def relation(self) -> Relation:
        found = find(self.field)
        if found is None:
            raise invalid(self.field[:ECHO_LIMIT], "Is not a field.", "invalid_enum")
        return found[0]

    @property
    def rest(self) -> str:
        """Return what follows the name of the field's family."""
        return self.field.partition(".")[2]

    @property
    def window(self) -> timedelta | None:
        if self.unit is None or self.value is None:
            return None
        return timedelta(minutes=int(self.value) * 1440 // self.unit.in_a_day)


@dataclass(frozen=True, slots=True)
class Group:
    """Filters and perhaps a nested tree, all of which have to hold."""

    filters: tuple[Filter, ...] = ()
    conditions: Tree | None = None


@dataclass(frozen=True, slots=True)
class Tree:
    logic: Logic
    groups: tuple[Group, ...]

    def filters(self) -> Iterator[Filter]:
        """Yield every filter of the tree, in the order in which they are written."""
        for group in self.groups:
            yield from group.filters
            if group.conditions:
                yield from group.conditions.filters()


def parse(value: Any, name: str = "condition") -> Tree:
    """Read a tree out of JSON; `name` is where it stands in what was sent.

    Raises Invalid that names everything wrong by its dotted path. Whether a segment or
    topic that is named exists is asked when the tree is compiled, for its project.
    """
    reader = _Reader()
    tree = reader.tree(value, name, depth=1)
    if reader.errors or tree is None:
        raise Invalid(reader.errors)
    return tree


def as_json(tree: Tree) -> dict[str, Any]:
    """Return a tree as it is stored and sent; `parse` reads the same tree from it."""
    return {
        "logic": str(tree.logic),
        "groups": [_group_as_json(group) for group in tree.groups],
    }


def read_moment(text: str) -> datetime:
    """Return the moment a text names, in UTC where it does not say; else ValueError."""
    if not _DATE.match(text):
        raise ValueError("Expected a date such as 2026-01-31, or a date with a time.")
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        moment = moment.astimezone(UTC)
        day_of(text)
    except (ValueError, OverflowError):
        raise ValueError("Is no date and time as ISO 8601 writes it.") from None
    if moment.year not in YEARS:
        raise ValueError(f"Must be in the years {YEARS[0]} to {YEARS[-1]}.")
    return moment


def day_of(text: str) -> datetime:
    """Return the beginning, in UTC, of the day that a date or moment begins with."""
    return datetime.fromisoformat(text[:10]).replace(tzinfo=UTC)


def _group_as_json(group: Group) -> dict[str, Any]:
    written: dict[str, Any] = {
        "filters": [_filter_as_json(filter_) for filter_ in group.filters]
    }
    if group.conditions:
        written["conditions"] = as_json(group.conditions)
    return written


def _filter_as_json(filter_: Filter) -> dict[str, Any]:
    written: dict[str, Any] = {
        "field": filter_.field,
        "operator": str(filter_.operator),
    }
    if filter_.value is not None:
        written["value"] = filter_.value
    if filter_.unit is not None:
        written["unit"] = str(filter_.unit)
    if filter_.count is not None:
        written["count"] = filter_.count
    return written


class _Reader:
    """Reads one tree and collects what is wrong; None stands for what could not be."""

    def __init__(self) -> None:
        self.errors: list[FieldError] = []
        self.count = 0

    def fail(self, path: str, message: str, code: str) -> None:
        if len(self.errors) < _MAX_ERRORS:
            self.errors.append(FieldError(path, message, code))

    def wrong_type(self, path: str, expected: str, value: Any) -> None:
        if value is None:
            self.fail(path, "Is required.", "required")
            return
        given = type_name.get(type(value), "something else")
        self.fail(path, f"Expected {expected}, got {given}.", "invalid_type")

    # -- the shape ---------------------------------------------------------------------

    def tree(self, value: Any, path: str, *, depth: int) -> Tree | None:
        if not isinstance(value, dict):
            self.wrong_type(path, "object", value)
            return None
        if depth > MAX_DEPTH:
            self.fail(path, f"Is nested deeper than {MAX_DEPTH} levels.", "too_big")
            return None
        logic = self.choice(value.get("logic"), f"{path}.logic", Logic, tuple(Logic))
        groups = self.groups(value.get("groups"), f"{path}.groups", depth)
        return Tree(logic, groups) if logic and groups else None

    def groups(self, value: Any, path: str, depth: int) -> tuple[Group, ...]:
        if not isinstance(value, list):
            self.wrong_type(path, "array", value)
            return ()
        if not value:
            self.fail(path, "Needs at least one group.", "too_small")
        # Each group has a filter, so that more groups are more filters than allowed.
        if len(value) > MAX_FILTERS:
            self.fail(path, f"Has more than {MAX_FILTERS} groups.", "too_big")
            return ()
        return tuple(
            self.group(item, f"{path}.{number}", depth)
            for number, item in enumerate(value)
        )

    def group(self, value: Any, path: str, depth: int) -> Group:
        if not isinstance(value, dict):
            self.wrong_type(path, "object", value)
            return Group()
        nested = value.get("conditions")
        filters = self.filters(value.get("filters"), f"{path}.filters")
        if nested is None:
            if filters == ():
                self.fail(path, "Needs a filter or nested conditions.", "too_small")
            return Group(filters or ())
        return Group(
            filters or (), self.tree(nested, f"{path}.conditions", depth=depth + 1)
        )

    def filters(self, value: Any, path: str) -> tuple[Filter, ...] | None:
        """Return the filters of a group, or None if one of them is wrong."""
        if value is None:
            return ()
        if not isinstance(value, list):
            self.wrong_type(path, "array", value)
            return None
        before = self.count
        self.count += len(value)
        if self.count > MAX_FILTERS:
            if before <= MAX_FILTERS:
                self.fail(path, f"Makes more than {MAX_FILTERS} filters.", "too_big")
            return None
        read = [
            self.filter(item, f"{path}.{number}") for number, item in enumerate(value)
        ]
        whole = tuple(item for item in read if item)
        return whole if len(whole) == len(read) else None

    # -- one filter --------------------------------------------------------------------

    def filter(self, value: Any, path: str) -> Filter | None:
        if not isinstance(value, dict):
            self.wrong_type(path, "object", value)
            return None
        known = self.field(value.get("field"), f"{path}.field")
        if known is None:
            return None
        relation, field = known
        operator = self.choice(
            value.get("operator"),
            f"{path}.operator",
            Operator,
            relation.kind.operators,
        )
        if operator is None:
            return None
        if operator in COMPARING:
            scalar = self.value(value.get("value"), f"{path}.value", relation, operator)
            return None if scalar is None else Filter(field, operator, scalar)
        if operator in WINDOWED:
            return self.windowed(value, path, field, operator)
        if operator in COUNTED:
            return self.counted(value, path, field, operator)
        return Filter(field, operator)

    def field(self, value: Any, path: str) -> tuple[Relation, str] | None:
        if not isinstance(value, str):
            self.wrong_type(path, "string", value)
            return None
        if len(value) > _MAX_FIELD or _UNSAFE.search(value):
            self.fail(path, "Is not a field.", "invalid_string")
            return None
        found = find(value)
        if found is None:
            expected = ", ".join(names())
            self.fail(path, f"Expected one of {expected}.", "invalid_enum")
            return None
        relation, rest = found
        try:
            return relation, relation.name + relation.read(rest)
        except ValueError as error:
            self.fail(path, str(error), "invalid_string")
            return None

    def windowed(
        self, value: dict[str, Any], path: str, field: str, operator: Operator
    ) -> Filter | None:
        window = self.window(value, path)
        return Filter(field, operator, *window) if window else None

    def counted(
        self, value: dict[str, Any], path: str, field: str, operator: Operator
    ) -> Filter | None:
        count = self.whole(value.get("count"), f"{path}.count", MAX_COUNT)
        if value.get("value") is None and value.get("unit") is None:
            return None if count is None else Filter(field, operator, count=count)
        window = self.window(value, path)
        if count is None or window is None:
            return None
        return Filter(field, operator, *window, count)

    def window(self, value: dict[str, Any], path: str) -> tuple[int, Unit] | None:
        unit = self.choice(value.get("unit"), f"{path}.unit", Unit, tuple(Unit))
        most = MAX_DAYS * (unit.in_a_day if unit else 1440)
        number = self.whole(value.get("value"), f"{path}.value", most)
        return (number, unit) if unit and number is not None else None

    # -- values ------------------------------------------------------------------------

    def choice(
        self, value: Any, path: str, enum: type[E], allowed: tuple[E, ...]
    ) -> E | None:
        """Return the member that is spelled like `value`, in any case."""
        if not isinstance(value, str):
            self.wrong_type(path, "string", value)
            return None
        spelled = value.lower()
        for member in allowed:
            if member.lower() == spelled:
                return enum(member)
        self.fail(path, f"Expected one of {', '.join(allowed)}.", "invalid_enum")
        return None

    def whole(self, value: Any, path: str, maximum: int) -> int | None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.wrong_type(path, "number", value)
        elif not math.isfinite(value) or value != int(value):
            self.fail(path, "Expected a whole number.", "invalid_type")
        elif value < 1:
            self.fail(path, "Must be at least 1.", "too_small")
        elif value > maximum:
            self.fail(path, f"Must be at most {maximum:,}.", "too_big")
        else:
            return int(value)
        return None

    def value(
        self, value: Any, path: str, relation: Relation, operator: Operator
    ) -> Scalar | None:
        """Return the value that a field is compared with, of the type it has."""
        kind = relation.kind
        if kind is Kind.BOOLEAN:
            if isinstance(value, bool):
                return value
            self.wrong_type(path, "boolean", value)
            return None
        if kind is Kind.DATA:
            return self.scalar(value, path, operator)
        text = self.text(value, path, operator)
        if text is None or kind is Kind.ADDRESS:
            return self.not_blank(text, path)
        if kind is Kind.CHOICE:
            return self.option(text, path, relation)
        return self.moment(text, path)

    def scalar(self, value: Any, path: str, operator: Operator) -> Scalar | None:
        if isinstance(value, str):
            return self.text(value, path, operator)
        if isinstance(value, bool) and operator in ORDERING:
            self.fail(
                path, "Expected text or a number: yes and no have no order.", "invalid"
            )
            return None
        if isinstance(value, bool):
            return value
        if not isinstance(value, int | float):
            self.wrong_type(path, "text, number or boolean", value)
            return None
        if not -MAX_NUMBER <= value <= MAX_NUMBER:  # also false for NaN
            self.fail(path, "Must be between -2^53 and 2^53.", "too_big")
            return None
        return value

    def text(self, value: Any, path: str, operator: Operator) -> str | None:
        if not isinstance(value, str):
            self.wrong_type(path, "string", value)
        elif len(value) > MAX_TEXT:
            self.fail(path, f"Has more than {MAX_TEXT:,} characters.", "too_big")
        elif _UNSAFE.search(value):
            self.fail(path, "Must not hold NUL or a lone surrogate.", "invalid_string")
        elif not value and operator in {Operator.CONTAINS, Operator.NOT_CONTAINS}:
            self.fail(path, "Must not be empty.", "too_small")
        else:
            return value
        return None

    def not_blank(self, text: str | None, path: str) -> str | None:
        if text is not None and not text.strip():
            self.fail(path, "Must not be blank.", "too_small")
            return None
        return text

    def option(self, text: str, path: str, relation: Relation) -> str | None:
        for option in relation.options:
            if option.value.lower() == text.lower():
                return option.value
        expected = ", ".join(option.value for option in relation.options)
        self.fail(path, f"Expected one of {expected}.", "invalid_enum")
        return None

    def moment(self, text: str, path: str) -> str | None:
        try:
            read_moment(text)
        except ValueError as error:
            self.fail(path, str(error), "invalid_date")
            return None
        return text
