"""What the filter language says about a contact by rows of other tables."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F, Q, QuerySet

from contacts.models import (
    ChangeKind,
    ConsentChange,
    Contact,
    Segment,
    SegmentMembership,
    SegmentType,
    Suppression,
    Topic,
    TopicChoice,
)
from contacts.segments.compiling import (
    Every,
    Has,
    KnownSegment,
    Part,
    Plain,
    Scope,
    compile_tree,
    contacts_of,
    cutoff,
)
from contacts.segments.tree import Filter, parse
from contacts.segments.vocabulary import Kind, Operator, Relation, read_id
from plunk.pages.paging import _first, _last


class Happening(Relation):
    """Something that happens to contacts, again and again, each time at a moment."""

    kind = Kind.HAPPENING

    def rows(self, filter_: Filter, scope: Scope) -> QuerySet[Any]:
        """Return one row, with `contact_id`, for each time it happened."""
        raise NotImplementedError

    def column(self, filter_: Filter) -> str:
        """Return the rows' column that says when."""
        raise NotImplementedError

    def part(self, filter_: Filter, scope: Scope) -> Part:
        rows = self.rows(filter_, scope)
        recent = self._since(filter_, scope, rows) if filter_.window else rows
        match filter_.operator:
            case Operator.TRIGGERED_OLDER:
                return Every((Has(rows), Has(recent, negated=True)))
            case Operator.NOT_TRIGGERED | Operator.NOT_TRIGGERED_WITHIN:
                return Has(recent, negated=True)
            case Operator.TRIGGERED_LESS:
                return Has(recent, least=filter_.count or 1, negated=True)
            case _:
                return Has(recent, least=filter_.count or 1)

    def _since(
        self, filter_: Filter, scope: Scope, rows: QuerySet[Any]
    ) -> QuerySet[Any]:
        begin = _first(cutoff(filter_, scope))
        return rows.filter(**{f"{self.column(filter_)}__gte": begin})

    def changed(self, filter_: Filter, scope: Scope, since: datetime) -> list[Part]:
        rows = self.rows(filter_, scope)
        found: list[Part] = list(self.recorded(rows, filter_, scope, since))
        window = filter_.window
        if window is not None:
            end = scope.now - window
            found.append(Has(between(rows, self.column(filter_), since - window, end)))
        return found

    def recorded(
        self, rows: QuerySet[Any], filter_: Filter, scope: Scope, since: datetime
    ) -> list[Has]:
        """Return the rows that were written down between `since` and now."""
        return [Has(between(rows, self.column(filter_), since, None))]


def between(
    rows: QuerySet[Any], column: str, begin: datetime, end: datetime | None
) -> QuerySet[Any]:
    """Keep the rows whose time is in a stretch, its ends included."""
    rows = rows.filter(**{f"{column}__gte": _first(begin)})
    return rows.filter(**{f"{column}__lte": _last(end)}) if end else rows


class Suppressed(Relation):
    name = "suppressed"
    kind = Kind.BOOLEAN
    label = "Suppressed"

    def part(self, filter_: Filter, scope: Scope) -> Part:
        # By the address: a suppression outlives its contact.
        rows = Contact.objects.filter(
            project_id=scope.project_id,
            email__in=Suppression.objects.filter(
                project_id=scope.project_id
            ).values_list("email"),
        )
        wanted = filter_.value is (filter_.operator is Operator.EQUALS)
        return Has(rows, key="pk", negated=not wanted)

    def changed(self, filter_: Filter, scope: Scope, since: datetime) -> list[Part]:
        fresh = between(
            Suppression.objects.filter(project_id=scope.project_id),
            "created_at",
            since,
            None,
        )
        told = between(
            ConsentChange.objects.filter(
                project_id=scope.project_id,
                kind__in=(ChangeKind.SUPPRESSED, ChangeKind.RELEASED),
                contact__isnull=False,
            ),
            "created_at",
            since,
            None,
        )
        rows = Contact.objects.filter(
            project_id=scope.project_id, email__in=fresh.values_list("email")
        )
        return [Has(rows, key="pk"), Has(told)]


class Topics(Relation):
    name = "topic."
    kind = Kind.TOPIC
    label = "Topic"
    missing = "There is no such topic in this project."

    def read(self, rest: str) -> str:
        return read_id(rest)

    def resolve(self, project_id: UUID, rests: Collection[str]) -> dict[str, Any]:
        found = Topic.objects.filter(project_id=project_id, pk__in=rests)
        return {str(topic.pk): topic for topic in found}

    def part(self, filter_: Filter, scope: Scope) -> Part:
        topic: Topic = scope.known[filter_.field]
        wanted = filter_.operator is Operator.JOINED
        # Who chose nothing has what the topic's rule says: ask for the exceptions.
        exceptions = TopicChoice.objects.filter(
            topic=topic, is_joined=not topic.is_opt_out
        )
        return Has(exceptions, negated=wanted is topic.is_opt_out)

    def changed(self, filter_: Filter, scope: Scope, since: datetime) -> list[Part]:
        choices = TopicChoice.objects.filter(topic=scope.known[filter_.field])
        return [Has(between(choices, "changed_at", since, None))]


class Segments(Relation):
    name = "segment."
    kind = Kind.SEGMENT
    label = "Segment"
    missing = "There is no such segment in this project."

    def read(self, rest: str) -> str:
        return read_id(rest)

    def resolve(self, project_id: UUID, rests: Collection[str]) -> dict[str, Any]:
        found = Segment.objects.filter(project_id=project_id, pk__in=rests)
        return {str(segment.pk): known_segment(segment) for segment in found}

    def part(self, filter_: Filter, scope: Scope) -> Part:
        segment: KnownSegment = scope.known[filter_.field]
        is_negated = filter_.operator is Operator.NOT_MEMBER
        if segment.tree is None:
            stays = SegmentMembership.objects.filter(
                segment_id=segment.id, exited_at=None
            )
            return Has(stays, negated=is_negated)
        part = compile_tree(segment.tree, scope)
        if not is_negated:
            return part
        # The opposite of a set: the opposite of a condition may be NULL.
        return Has(contacts_of(part, scope), key="pk", negated=True)

    def changed(self, filter_: Filter, scope: Scope, since: datetime) -> list[Part]:
        segment: KnownSegment = scope.known[filter_.field]
        if segment.updated_at >= since:
            return [Plain(Q(pk=F("pk")))]
        if segment.tree is not None:
            return [
                part
                for inner in segment.tree.filters()
                for part in inner.relation.changed(inner, scope, since)
            ]
        stays = SegmentMembership.objects.filter(segment_id=segment.id)
        return [
            Has(between(stays, "entered_at", since, None)),
            Has(between(stays, "exited_at", since, None)),
        ]


def known_segment(segment: Segment) -> KnownSegment:
    """Return what the compiler has to know of a segment."""
    is_kept = segment.type == SegmentType.STATIC or (
        segment.track_membership and segment.computed_at is not None
    )
    return KnownSegment(
        id=segment.pk,
        name=segment.name,
        tree=None if is_kept else parse(segment.condition),
        updated_at=segment.updated_at,
    )


SETS: tuple[Relation, ...] = (Suppressed(), Topics(), Segments())
