"""Which contacts a filter tree matches, which may have changed, and why one does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Case, Q, QuerySet, Value, When

from contacts.models import Contact, Segment, SegmentMembership
from contacts.segments.compiling import (
    Form,
    Has,
    Part,
    Plain,
    as_condition,
    compile_tree,
    contacts_of,
)
from contacts.segments.explaining import names_of, phrase
from contacts.segments.scopes import Scope, scope_of
from contacts.segments.sets import known_segment
from contacts.segments.tree import Filter, Group, Logic, Tree
from plunk.api.errors import NotFound
from plunk.pages.paging import Cursor, down_to, first_spelling, older
from plunk.postgresql import is_postgresql


def matching(
    project_id: UUID,
    tree: Tree,
    *,
    now: datetime | None = None,
    name: str = "condition",
) -> QuerySet[Contact]:
    """Return the contacts of a project that match; filter, order and slice it further.

    `now` is the end of every window, the database's clock unless given. Looks up what
    the tree names at once, and raises Invalid, by the path of the filter, for what is
    not in the project and for segments that lead back to themselves.
    """
    scope = scope_of(project_id, tree, now=now, name=name)
    return contacts_of(compile_tree(tree, scope), scope)


def newest(
    project_id: UUID,
    tree: Tree,
    size: int,
    *,
    before: Cursor | None = None,
    now: datetime | None = None,
) -> list[Contact]:
    """Return the `size` newest contacts that match, or the next ones after `before`.

    Where many match, they are among the newest few hundred, who are asked one by one;
    only where few do are they looked for as a whole. Raises Invalid as `matching`.
    """
    scope = scope_of(project_id, tree, now=now)
    part = compile_tree(tree, scope)
    everybody = Contact.objects.filter(project_id=project_id)
    found: list[Contact] = []
    for step in STRETCHES if is_postgresql() else ():
        end = _end_of_stretch(everybody, before, step)
        rows = contacts_of(part, scope, Form.PROBE)
        found += _first_of(
            down_to(rows, end) if end else rows, before, size - len(found)
        )
        if len(found) >= size or end is None:
            return found
        before = end
    rest = contacts_of(part, scope)
    return found + _first_of(rest, before, size - len(found))


#: How many contacts are asked one by one before all are looked for at once. Not on
#: SQLite, which knows no other way.
STRETCHES = (500, 3_000)


def _end_of_stretch(
    rows: QuerySet[Contact], before: Cursor | None, step: int
) -> Cursor | None:
    """Return the place of the contact `step` further down; None if the list ends."""
    rows = older(rows, before) if before else rows
    places = rows.order_by("-created_at", "-id").values_list("created_at", "pk")
    place = places[step - 1 : step].first()
    return Cursor(*place) if place else None


def _first_of(
    rows: QuerySet[Contact], before: Cursor | None, size: int
) -> list[Contact]:
    rows = older(rows, before) if before else rows
    return list(rows.order_by("-created_at", "-id")[:size])


def among(
    project_id: UUID, tree: Tree, ids: list[UUID], *, now: datetime | None = None
) -> QuerySet[Contact]:
    """Return those of a few contacts that match, whatever the size of the tables."""
    scope = scope_of(project_id, tree, now=now)
    found = contacts_of(compile_tree(tree, scope), scope, Form.PROBE)
    return found.filter(pk__in=ids)


def members(segment: Segment, *, now: datetime | None = None) -> QuerySet[Contact]:
    """Return who is in a segment: the rows where they are kept, else the matches."""
    tree = known_segment(segment).tree
    if tree is not None:
        return matching(segment.project_id, tree, now=now)
    stays = SegmentMembership.objects.filter(segment=segment, exited_at=None)
    scope = Scope(segment.project_id, now or segment.updated_at)
    return contacts_of(Has(stays), scope)


def candidates(
    project_id: UUID, tree: Tree, since: datetime, now: datetime
) -> Iterator[UUID]:
    """Yield, once each, the contacts whose answer may differ between two moments.

    All who were changed since, or did something, or had something they did leave a
    window; never too few. Rows count by when they were stamped: a transaction that took
    its time may commit one that is older than `since`, so look back a little further.
    """
    scope = scope_of(project_id, tree, now=now)
    own = Q(updated_at__gte=first_spelling(since))
    others: list[Part] = []
    for filter_ in tree.filters():
        for part in filter_.relation.changed(filter_, scope, since):
            if isinstance(part, Plain):
                own |= as_condition(part, scope)
            else:
                others.append(part)
    seen: set[UUID] = set()
    for ids in _each(scope, own, others):
        for contact_id in ids:
            if contact_id not in seen:
                seen.add(contact_id)
                yield contact_id


def _each(scope: Scope, own: Q, others: list[Part]) -> Iterator[Iterator[UUID]]:
    mine = Contact.objects.filter(own, project_id=scope.project_id)
    yield mine.values_list("pk", flat=True).iterator()
    for part in others:
        if isinstance(part, Has):
            rows = part.rows.order_by().values_list(part.key, flat=True).distinct()
            yield rows.iterator()


# -- why -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a contact matches a tree, a group of it, or one filter, or why it does not.

    `sentence` says what is asked for; `found`, of a filter, what there is. `parts` are
    what a tree or a group is made of.
    """

    matched: bool
    sentence: str
    found: str = ""
    parts: tuple[Reason, ...] = ()


def why(
    project_id: UUID, contact_id: UUID, tree: Tree, *, now: datetime | None = None
) -> Reason:
    """Explain a tree's answer for one contact: a statement, and one for each filter.

    Raises Invalid as `matching` does, and NotFound where there is no such contact.
    """
    contact = Contact.objects.filter(project_id=project_id, pk=contact_id).first()
    if contact is None:
        raise NotFound("There is no such contact.", code="CONTACT_NOT_FOUND")
    return _Explainer(contact, tree, now).reason(tree)


class _Explainer:
    def __init__(self, contact: Contact, tree: Tree, now: datetime | None) -> None:
        self.contact = contact
        self.scope = scope_of(contact.project_id, tree, now=now)
        filters = list(tree.filters())
        self.names = names_of(contact.project_id, filters)
        self.answers = self._asked(filters)

    def _asked(self, filters: list[Filter]) -> dict[int, bool]:
        """Ask the database, in one statement, which of the filters hold.

        By their identity: filters that ask for 1 and for true are equal to Python.
        """
        answers = {
            f"answer_{number}": Case(
                When(
                    as_condition(
                        filter_.relation.part(filter_, self.scope),
                        self.scope,
                        Form.PROBE,
                    ),
                    then=Value(value=True),
                ),
                default=Value(value=False),
            )
            for number, filter_ in enumerate(filters)
        }
        mine = Contact.objects.filter(pk=self.contact.pk).annotate(**answers)
        (row,) = mine.values_list(*answers)
        return dict(zip(map(id, filters), map(bool, row), strict=True))

    def reason(self, tree: Tree) -> Reason:
        parts = tuple(self._of_group(group) for group in tree.groups)
        if len(parts) == 1:
            return parts[0]
        if tree.logic is Logic.AND:
            matched = all(part.matched for part in parts)
            return Reason(matched, "All of these", parts=parts)
        matched = any(part.matched for part in parts)
        return Reason(matched, "At least one of these", parts=parts)

    def _of_group(self, group: Group) -> Reason:
        parts = [self._of_filter(filter_) for filter_ in group.filters]
        if group.conditions:
            parts.append(self.reason(group.conditions))
        if len(parts) == 1:
            return parts[0]
        matched = all(part.matched for part in parts)
        return Reason(matched, "All of these", parts=tuple(parts))

    def _of_filter(self, filter_: Filter) -> Reason:
        return Reason(
            matched=self.answers[id(filter_)],
            sentence=phrase(filter_, self.names),
            found=filter_.relation.found(filter_, self.scope, self.contact),
        )
