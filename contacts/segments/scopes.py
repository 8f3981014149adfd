"""What a filter tree names, looked up: the moment it is asked, and whom it means.

Everything about a tree that needs the database before there is a statement; what the
statement is like stands in `compiling`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import connection

from contacts.segments.tree import Filter, Tree
from contacts.segments.vocabulary import Relation
from plunk.api.errors import FieldError, Invalid, invalid
from plunk.postgresql import is_postgresql

#: How many segments may stand one within the other.
MAX_SEGMENT_DEPTH = 10
#: Filters of a tree and of the segments in it, which count as often as they are named:
#: ten levels that name a segment twice are a thousand times the innermost.
MAX_UNFOLDED = 500


@dataclass(frozen=True, slots=True)
class KnownSegment:
    """A segment that a tree names; `tree` is None where its membership is kept."""

    id: UUID
    name: str
    tree: Tree | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Scope:
    """What a tree is compiled for: a project, a moment, and what its names stand for.

    `known` has, for each field of the tree and of the segments within it, what its
    relation found under that name.
    """

    project_id: UUID
    now: datetime
    known: Mapping[str, Any] = field(default_factory=dict)


def cutoff(filter_: Filter, scope: Scope) -> datetime:
    """Return when the window of a filter begins."""
    window = filter_.window
    if window is None:
        raise ValueError(f"{filter_.operator} has no window")
    return scope.now - window


def database_now() -> datetime:
    """Return the time by the database's clock, by which rows are stamped."""
    with connection.cursor() as cursor:
        if is_postgresql():
            cursor.execute("SELECT statement_timestamp()")
            now: datetime = cursor.fetchone()[0]
            return now
        cursor.execute("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')")
        (text,) = cursor.fetchone()
        return read_stamp(text)


def read_stamp(text: str) -> datetime:
    """Return the moment of a stamp of SQLite's, never before what has the same stamp.

    Moments are compared as texts there. One without a fraction is written without, and
    sorts before the ".000" of a row of the same millisecond.
    """
    moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return moment.replace(microsecond=moment.microsecond or 1)


def scope_of(
    project_id: UUID,
    tree: Tree,
    *,
    now: datetime | None = None,
    name: str = "condition",
    segment_id: UUID | None = None,
) -> Scope:
    """Look up what a tree names, in one statement for each kind of name and level.

    Raises Invalid for names of nothing in this project, by the path of the filter, and
    for segments that lead back to themselves, or to `segment_id`, whose tree it is, or
    that make too much of it together.
    """
    known: dict[str, Any] = {}
    level = list(located(tree, name))
    for _ in range(MAX_SEGMENT_DEPTH + 1):
        level = _look_up(project_id, level, known)
        if not level:
            _refuse_circles(tree, known, name, segment_id)
            _refuse_too_much(tree, known, name)
            return Scope(project_id, now or database_now(), known)
    raise invalid(
        level[0][0],
        f"Segments stand within each other more than {MAX_SEGMENT_DEPTH} deep.",
        "too_big",
    )


def located(tree: Tree, path: str) -> Iterator[tuple[str, Filter]]:
    """Yield the filters of a tree, each with its dotted path."""
    for number, group in enumerate(tree.groups):
        place = f"{path}.groups.{number}"
        for index, filter_ in enumerate(group.filters):
            yield f"{place}.filters.{index}", filter_
        if group.conditions:
            yield from located(group.conditions, f"{place}.conditions")


def _look_up(
    project_id: UUID, level: list[tuple[str, Filter]], known: dict[str, Any]
) -> list[tuple[str, Filter]]:
    """Add to `known`; return the filters of the segments that were found just now."""
    wanted: dict[Relation, set[str]] = {}
    for _, filter_ in level:
        if filter_.field not in known:
            wanted.setdefault(filter_.relation, set()).add(filter_.rest)
    fresh: dict[str, Any] = {}
    for relation, rests in wanted.items():
        found = relation.resolve(project_id, rests)
        fresh |= {relation.name + rest: thing for rest, thing in found.items()}
    known |= fresh
    errors = [
        FieldError(f"{path}.field", filter_.relation.missing, "not_found")
        for path, filter_ in level
        if filter_.field not in known
    ]
    if errors:
        raise Invalid(errors)
    return [
        (path, inner)
        for path, filter_ in level
        if isinstance(segment := fresh.pop(filter_.field, None), KnownSegment)
        and segment.tree
        for inner in segment.tree.filters()
    ]


def _refuse_circles(
    tree: Tree, known: Mapping[str, Any], name: str, segment_id: UUID | None
) -> None:
    """Raise Invalid where a segment would have to be known to know who is in it."""
    clear: set[UUID] = set()
    above = {segment_id} if segment_id else set()
    for path, filter_ in located(tree, name):
        segment = known.get(filter_.field)
        if isinstance(segment, KnownSegment) and _circles(segment, known, above, clear):
            raise invalid(f"{path}.field", "Leads back to the segment itself.", "cycle")


def _refuse_too_much(tree: Tree, known: Mapping[str, Any], name: str) -> None:
    """Raise Invalid where the segments of a tree would make a statement without end."""
    if _unfolded(tree, known, {}) > MAX_UNFOLDED:
        raise invalid(
            name,
            f"Makes more than {MAX_UNFOLDED} filters, with those of its segments.",
            "too_big",
        )


def _unfolded(tree: Tree, known: Mapping[str, Any], sizes: dict[UUID, int]) -> int:
    """Return how many filters a tree without circles is; `sizes` are its segments'."""
    number = 0
    for filter_ in tree.filters():
        segment = known.get(filter_.field)
        if not isinstance(segment, KnownSegment) or segment.tree is None:
            number += 1
            continue
        if segment.id not in sizes:
            sizes[segment.id] = _unfolded(segment.tree, known, sizes)
        number += sizes[segment.id]
    return number


def _circles(
    segment: KnownSegment,
    known: Mapping[str, Any],
    above: set[UUID],
    clear: set[UUID],
) -> bool:
    if segment.id in above:
        return True
    if segment.id in clear or segment.tree is None:
        return False
    inner = (known.get(filter_.field) for filter_ in segment.tree.filters())
    if any(
        _circles(each, known, above | {segment.id}, clear)
        for each in inner
        if isinstance(each, KnownSegment)
    ):
        return True
    clear.add(segment.id)
    return False
