"""Which contacts a filter tree matches, which may have changed, and why one does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from contacts.models import Contact, Segment, SegmentMembership
from contacts.segments.compiling import (
    Form,
    Has,
    Part,
    Plain,
    Scope,
    as_condition,
    compile_tree,
    contacts_of,
    scope_of,
)
from contacts.segments.sets import known_segment
from contacts.segments.tree import Tree
from plunk.pages.paging import _first


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
    own = Q(updated_at__gte=_first(since))
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
