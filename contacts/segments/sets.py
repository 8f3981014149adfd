"""What the filter language says about a contact by rows of other tables."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Max, Q, QuerySet

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
    Form,
    Has,
    Part,
    Plain,
    compile_tree,
    contacts_of,
)
from contacts.segments.scopes import KnownSegment, Scope, cutoff
from contacts.segments.tree import Filter, parse
from contacts.segments.vocabulary import Kind, Name, Operator, Relation, read_id
from contacts.segments.wording import clock, lately, spoken, times
from plunk.pages.paging import first_spelling, last_spelling

#: How many names of a family somebody is offered.
MOST_OFFERED = 1000


@dataclass(frozen=True, slots=True)
class Deed:
    """What contacts did, as it is said, denied for ever, and denied for a while."""

    did: str
    never: str
    did_not: str


class Happening(Relation):
    """Something that happens to contacts, again and again, each time at a moment."""

    kind = Kind.HAPPENING

    def said(self, filter_: Filter, name: str) -> Deed:
        """Return how it is told that contacts did it."""
        raise NotImplementedError

    def phrase(self, filter_: Filter, name: str) -> str:
        deed = self.said(filter_, name)
        count = times(filter_.count or 0)
        when = f" {lately(filter_)}" if filter_.window else ""
        match filter_.operator:
            case Operator.TRIGGERED | Operator.TRIGGERED_WITHIN:
                return f"who {deed.did}{when}"
            case Operator.TRIGGERED_OLDER:
                return f"who {deed.did}, but not{when}"
            case Operator.NOT_TRIGGERED:
                return f"who {deed.never}"
            case Operator.NOT_TRIGGERED_WITHIN:
                return f"who {deed.did_not}{when}"
            case Operator.TRIGGERED_AT_LEAST:
                return f"who {deed.did} at least {count}{when}"
            case _:
                return f"who {deed.did} fewer than {count}{when}"

    def found(self, filter_: Filter, scope: Scope, contact: Contact) -> str:
        rows = self.rows(filter_, scope).filter(contact_id=contact.pk)
        column = self.column(filter_)
        begin = cutoff(filter_, scope) if filter_.window else None
        recent = Q(**{f"{column}__gte": first_spelling(begin)}) if begin else Q()
        counts = rows.aggregate(
            all=Count("pk"), recent=Count("pk", filter=recent), last=Max(column)
        )
        if not counts["all"]:
            return "That never happened."
        last = f"the last time on {clock(counts['last'])}"
        if begin is None:
            return f"That happened {times(counts['all'])}, {last}."
        number = times(counts["recent"]) if counts["recent"] else "never"
        total = times(counts["all"])
        return f"That happened {number} {lately(filter_)}, {total} in all, {last}."

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
        begin = first_spelling(cutoff(filter_, scope))
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
    rows = rows.filter(**{f"{column}__gte": first_spelling(begin)})
    return rows.filter(**{f"{column}__lte": last_spelling(end)}) if end else rows


class Suppressed(Relation):
    name = "suppressed"
    kind = Kind.BOOLEAN
    label = "Suppressed"

    def phrase(self, filter_: Filter, name: str) -> str:
        wanted = filter_.value is (filter_.operator is Operator.EQUALS)
        return f"whose address is {'' if wanted else 'not '}suppressed"

    def found(self, filter_: Filter, scope: Scope, contact: Contact) -> str:
        row = Suppression.objects.filter(
            project_id=scope.project_id, email=contact.email
        ).first()
        if row is None:
            return "It is not suppressed."
        return f"It is, since {clock(row.created_at)}: {row.get_reason_display()}."

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

    def offered(self, project_id: UUID) -> list[Name]:
        topics = Topic.objects.filter(project_id=project_id, archived_at=None)
        rows = topics.order_by("position", "name", "pk").values_list("pk", "name")
        return [Name(str(pk), name) for pk, name in rows[:MOST_OFFERED]]

    def names(self, project_id: UUID, rests: Collection[str]) -> dict[str, str]:
        topics = Topic.objects.filter(project_id=project_id, pk__in=rests)
        return {str(pk): name for pk, name in topics.values_list("pk", "name")}

    def phrase(self, filter_: Filter, name: str) -> str:
        word = "get" if filter_.operator is Operator.JOINED else "do not get"
        return f"who {word} the topic {spoken(name)}"

    def found(self, filter_: Filter, scope: Scope, contact: Contact) -> str:
        topic: Topic = scope.known[filter_.field]
        choice = TopicChoice.objects.filter(topic=topic, contact=contact).first()
        if choice is not None:
            word = "Joined" if choice.is_joined else "Left"
            return f"{word} it on {clock(choice.changed_at)}."
        rule = "everybody" if topic.is_opt_out else "nobody"
        return f"Chose nothing, and {rule} gets it who did not."

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

    def offered(self, project_id: UUID) -> list[Name]:
        rows = Segment.objects.filter(project_id=project_id).order_by("name", "pk")
        found = rows.values_list("pk", "name")[:MOST_OFFERED]
        return [Name(str(pk), name) for pk, name in found]

    def names(self, project_id: UUID, rests: Collection[str]) -> dict[str, str]:
        segments = Segment.objects.filter(project_id=project_id, pk__in=rests)
        return {str(pk): name for pk, name in segments.values_list("pk", "name")}

    def phrase(self, filter_: Filter, name: str) -> str:
        word = "are" if filter_.operator is Operator.MEMBER else "are not"
        return f"who {word} in the segment {spoken(name)}"

    def found(self, filter_: Filter, scope: Scope, contact: Contact) -> str:
        member = replace(filter_, operator=Operator.MEMBER)
        inside = contacts_of(self.part(member, scope), scope, Form.PROBE)
        is_in = inside.filter(pk=contact.pk).exists()
        return "Is in it." if is_in else "Is not in it."

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
