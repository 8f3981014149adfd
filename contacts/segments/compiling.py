"""From a filter tree to one condition on contacts, in the SQL of either database.

A filter becomes a `Part`: a condition on the contact's own row, or rows of another
table that the contact has or has not. Parts are put together in one of two forms:

- WHOLE, for all contacts that match: rows are looked up as a set, which PostgreSQL
  joins by hashing. OR is written with AND and NOT, because its planner takes no join
  out of an OR and would look through a set once for each contact.
- PROBE, for a few contacts: their rows are looked up by the contact, one by one.

SQLite has one form, `IN (SELECT …)`: it makes a set once, then looks things up in it.
Without statistics it would probe by the wrong index.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from functools import reduce
from operator import and_, or_
from typing import Any

from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db.models import BooleanField, Count, Exists, F, OuterRef, Q, QuerySet
from django.db.models.expressions import Combinable, Expression, ExpressionWrapper, Func
from django.db.models.sql.compiler import SQLCompiler

from contacts.models import Contact
from contacts.segments.scopes import Scope
from contacts.segments.tree import Group, Logic, Tree
from plunk.postgresql import is_postgresql


class Form(Enum):
    WHOLE = "whole"
    PROBE = "probe"


# -- parts -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Plain:
    """A condition on the contact's own row."""

    condition: Q | Combinable


@dataclass(frozen=True, slots=True)
class Has:
    """At least `least` rows that name the contact in `key`; `negated`: fewer."""

    rows: QuerySet[Any]
    key: str = "contact_id"
    least: int = 1
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Every:
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Some:
    parts: tuple[Part, ...]


Part = Plain | Has | Every | Some


def compile_tree(tree: Tree, scope: Scope) -> Part:
    """Return what a contact has to fulfil; `scope` comes from `scope_of` this tree."""
    parts = tuple(_group(group, scope) for group in tree.groups)
    if len(parts) == 1:
        return parts[0]
    return Every(parts) if tree.logic is Logic.AND else Some(parts)


def _group(group: Group, scope: Scope) -> Part:
    parts = [filter_.relation.part(filter_, scope) for filter_ in group.filters]
    if group.conditions:
        parts.append(compile_tree(group.conditions, scope))
    return parts[0] if len(parts) == 1 else Every(tuple(parts))


def as_condition(part: Part, scope: Scope, form: Form = Form.WHOLE) -> Q:
    """Return the condition for `Contact.objects.filter`, in the connected SQL."""
    match part:
        case Plain(condition):
            return condition if isinstance(condition, Q) else Q(condition)
        case Has():
            return Q(_has(part, form))
        case Every(parts):
            return _joined([as_condition(each, scope, form) for each in parts], and_)
        case Some(parts):
            if form is Form.WHOLE and is_postgresql():
                return _some_of_sets(parts, scope)
            return _joined([as_condition(each, scope, form) for each in parts], or_)


def contacts_of(part: Part, scope: Scope, form: Form = Form.WHOLE) -> QuerySet[Contact]:
    """Return the project's contacts that fulfil a part."""
    return Contact.objects.filter(
        as_condition(part, scope, form), project_id=scope.project_id
    )


def _joined(conditions: list[Q], connector: Callable[[Q, Q], Q]) -> Q:
    return reduce(connector, conditions, Q())


def _has(part: Has, form: Form) -> Combinable:
    rows = part.rows.order_by()
    if form is Form.PROBE and is_postgresql():
        mine = rows.filter(**{part.key: OuterRef("pk")})
        # Stops at the row that is enough. A count of one is the plain question.
        probe = mine[part.least - 1 :] if part.least > 1 else mine
        return ~Exists(probe) if part.negated else Exists(probe)
    return InSet(_grouped(rows, part), negated=part.negated)


def _grouped(rows: QuerySet[Any], part: Has) -> QuerySet[Any]:
    """Return the ids of those who have rows enough."""
    ids = rows.values_list(part.key, flat=True)
    if part.least == 1:
        return ids
    counted: QuerySet[Any] = ids.alias(times=Count("*")).filter(times__gte=part.least)
    return counted


def _some_of_sets(parts: Collection[Part], scope: Scope) -> Q:
    """Return OR for PostgreSQL: not one of those to whom nothing of it applies.

    Its planner takes joins out of AND only. Here each part is an anti-join to contacts,
    of whom it has statistics; of a UNION it would know nothing.
    """
    plain = [part for part in _flat(parts) if _is_plain(part)]
    others = [part for part in _flat(parts) if not _is_plain(part)]
    condition = _joined([as_condition(part, scope) for part in plain], or_)
    if not others:
        return condition
    none_of_it = Contact.objects.filter(
        *(_fails(part, scope) for part in others), project_id=scope.project_id
    )
    if plain:
        none_of_it = none_of_it.filter(_Untrue(condition))
    return Q(InSet(none_of_it.order_by().values_list("pk", flat=True), negated=True))


def _fails(part: Part, scope: Scope) -> Q:
    if isinstance(part, Has):
        return Q(_has(replace(part, negated=not part.negated), Form.WHOLE))
    ids = contacts_of(part, scope).order_by().values_list("pk", flat=True)
    return Q(InSet(ids, negated=True))


def _flat(parts: Collection[Part]) -> Iterator[Part]:
    for part in parts:
        if isinstance(part, Some):
            yield from _flat(part.parts)
        else:
            yield part


def _is_plain(part: Part) -> bool:
    match part:
        case Plain():
            return True
        case Has():
            return False
        case Every(parts) | Some(parts):
            return all(_is_plain(each) for each in parts)


class _Untrue(Func):
    """Whether a condition on the row is false or NULL."""

    template = "(%(expressions)s) IS NOT TRUE"
    output_field: BooleanField[bool, bool] = BooleanField()

    def __init__(self, condition: Q) -> None:
        super().__init__(ExpressionWrapper(condition, output_field=BooleanField()))


class InSet(Expression):
    """Whether the contact's id is in a set of ids that does not depend on the contact.

    PostgreSQL makes a join of it, also of the negation, which it never does of
    `NOT IN`. SQLite makes the set once, which it does only of `IN`.
    """

    output_field: BooleanField[bool, bool] = BooleanField()

    def __init__(self, ids: QuerySet[Any], *, negated: bool = False) -> None:
        super().__init__()
        self.ids = ids
        self.negated = negated
        self.contact: Any = F("pk")

    def get_source_expressions(self) -> list[Any]:
        return [self.contact]

    def set_source_expressions(self, exprs: Any) -> None:
        (self.contact,) = exprs

    def as_sql(
        self, compiler: SQLCompiler, connection: Any, **extra: Any
    ) -> tuple[str, tuple[Any, ...]]:
        own, own_params = compiler.compile(self.contact)
        text, params = self._ids(compiler)
        if self.ids.model is Contact:
            # Made once, whatever the planner thinks: in a small project it takes sets
            # within sets for single rows, and would go through all of their products.
            text = f"WITH m AS MATERIALIZED ({text}) SELECT * FROM m"  # noqa: S608 - compiled
        word = "NOT EXISTS" if self.negated else "EXISTS"
        sql = f"{word} (SELECT 1 FROM ({text}) s(id) WHERE s.id = {own})"  # noqa: S608 - compiled
        return sql, (*params, *own_params)

    def as_sqlite(
        self, compiler: SQLCompiler, connection: Any, **extra: Any
    ) -> tuple[str, tuple[Any, ...]]:
        own, own_params = compiler.compile(self.contact)
        text, params = self._ids(compiler)
        word = "NOT IN" if self.negated else "IN"
        return f"{own} {word} ({text})", (*own_params, *params)

    def _ids(self, compiler: SQLCompiler) -> tuple[str, tuple[Any, ...]]:
        inner = self.ids.query.get_compiler(connection=compiler.connection)
        try:
            text, params = inner.as_sql()
        except EmptyResultSet:
            # Django leaves out a condition that is always or never fulfilled.
            raise FullResultSet if self.negated else EmptyResultSet from None
        return text, tuple(params)
