"""Segments in the API: rules and lists of contacts (contract, next generation 2.7)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from django.http import HttpResponse

from contacts.addresses import AddressError, normalise
from contacts.api.contacts import contact_as_json
from contacts.ledger import Act
from contacts.models import Contact, Door, Segment, SegmentMembership, SegmentType
from contacts.segments import keeping, sizes
from contacts.segments.by_address import Added, add_addresses, remove_addresses
from contacts.segments.matching import matching
from contacts.segments.membership import (
    add_members,
    known_ids,
    members_of,
    remove_members,
)
from contacts.segments.tree import parse
from contacts.segments.updating import update
from plunk.api.answers import timestamp
from plunk.api.errors import BadRequest, Conflict
from plunk.api.fields import Fields
from plunk.api.idempotency import Answer
from plunk.api.lists import List, cursor_page, is_numbered, numbered_page
from plunk.api.resources import Resource
from plunk.ids import read_id
from plunk.projects.models import Project

MAX_NAME, MAX_DESCRIPTION = 100, 500
MAX_MEMBERS = 500
#: How long a request computes a membership; the rest is done in the background.
COMPUTE_SECONDS = 10.0


def segment_as_json(segment: Segment) -> dict[str, Any]:
    """Return a segment as both documentations of the API show it."""
    return {
        "id": str(segment.pk),
        "name": segment.name,
        "description": segment.description or None,
        "type": segment.type,
        "condition": segment.condition,
        "trackMembership": segment.track_membership,
        "memberCount": segment.member_count,
        "projectId": str(segment.project_id),
        "createdAt": timestamp(segment.created_at),
        "updatedAt": timestamp(segment.updated_at),
    }


def segment_id_of(text: str) -> UUID:
    """Return the id that a path names; what is none is a segment there is none of."""
    segment_id = read_id(text)
    if segment_id is None:
        raise keeping.SegmentNotFound
    return segment_id


class _OfSegments(Resource):
    @property
    def project_id(self) -> UUID:
        return self.caller.project_id

    def segment(self, segment_id: str) -> Segment:
        return keeping.segment_of(self.project_id, segment_id_of(segment_id))


class Segments(_OfSegments):
    """The list of a project's segments."""

    def get(self, request: Any) -> HttpResponse:
        rows = Segment.objects.filter(project_id=self.project_id)
        if not self.query.keys() & {"limit", "cursor", "page", "pageSize"}:
            found = rows.order_by("-created_at", "-id")[: keeping.MOST_SEGMENTS]
            return self.answer([segment_as_json(row) for row in found])
        of = List("segments", self.project_id, {"createdAt": "created_at"})
        paged = numbered_page if is_numbered(self.query) else cursor_page
        body = paged(of, rows, query=self.query, item=segment_as_json, total=rows.count)
        return self.answer(body)

    def post(self, request: Any) -> HttpResponse:
        fields = Fields(self.body)
        kind = _type(fields)
        given = _given(fields)
        fields.require("name", given["name"])
        if kind == SegmentType.DYNAMIC:
            fields.require("condition", fields.value("condition"))
        fields.finish()
        return self.once("POST /segments", lambda: self._create(given, kind))

    def _create(self, given: dict[str, Any], kind: SegmentType) -> Answer:
        values = {name: value for name, value in given.items() if value is not None}
        segment = keeping.create_segment(
            project_id=self.project_id, type=kind, **values
        )
        name = Project.objects.values_list("name", flat=True).get(pk=self.project_id)
        body = segment_as_json(segment) | {"project": {"name": name}}
        return Answer(body, status=201)


class OneSegment(_OfSegments):
    """One segment."""

    def get(self, request: Any, segment_id: str) -> HttpResponse:
        return self.answer(segment_as_json(self.segment(segment_id)))

    def patch(self, request: Any, segment_id: str) -> HttpResponse:
        fields = Fields(self.body)
        given = _given(fields)
        fields.finish()
        segment = keeping.change_segment(
            project_id=self.project_id, segment_id=segment_id_of(segment_id), **given
        )
        return self.answer(segment_as_json(segment))

    def delete(self, request: Any, segment_id: str) -> HttpResponse:
        keeping.delete_segment(
            project_id=self.project_id, segment_id=segment_id_of(segment_id)
        )
        return self.nothing()


class SegmentContacts(_OfSegments):
    """Who is in a segment: the newest contacts, or the newest members, first."""

    def get(self, request: Any, segment_id: str) -> HttpResponse:
        segment = self.segment(segment_id)
        paged = numbered_page if is_numbered(self.query) else cursor_page
        if segment.type == SegmentType.STATIC:
            stays = members_of(segment).select_related("contact")
            of = self._list(segment, "entered_at")
            return self.answer(
                paged(
                    of,
                    stays,
                    query=self.query,
                    item=_member_as_json,
                    total=partial(sizes.refresh, segment),
                )
            )
        people = matching(self.project_id, parse(segment.condition))
        return self.answer(
            paged(
                self._list(segment, "created_at"),
                people,
                query=self.query,
                item=contact_as_json,
                total=self._total(segment),
            )
        )

    def _list(self, segment: Segment, column: str) -> List:
        return List(
            f"segments/{segment.pk}/contacts",
            self.project_id,
            {"newest": column},
            times=frozenset({column}),
        )

    def _total(self, segment: Segment) -> Callable[[], int]:
        """Count on the first page; the others repeat what was counted there."""
        if self.query.get("page", "1").strip() in {"", "1"}:
            return partial(sizes.refresh, segment)
        return lambda: segment.member_count


class SegmentMembers(_OfSegments):
    """The members of a static segment, named by address or by id."""

    def post(self, request: Any, segment_id: str) -> HttpResponse:
        segment = self._static(segment_id)
        fields = Fields(self.body)
        create_missing = fields.boolean("createMissing") is True
        subscribed = fields.boolean("subscribed") is not False
        emails = _emails(fields, must_be_valid=create_missing)
        ids = _ids(fields)
        _require_some(fields)
        fields.finish()
        add = partial(
            add_addresses,
            segment,
            [address for address in emails.values() if address],
            create_missing=create_missing,
            subscribed=subscribed,
            act=Act(Door.API),
        )
        name = f"POST /segments/{segment_id}/members"
        return self.once(name, lambda: self._add(segment, add, emails, ids))

    def _add(
        self,
        segment: Segment,
        add: Callable[[], Added],
        emails: dict[str, str | None],
        ids: list[UUID],
    ) -> dict[str, Any]:
        added = add()
        known = known_ids(segment.project_id, ids)
        add_members(segment, known)
        missing = set(added.missing)
        return {
            "added": added.found + len(known),
            "created": added.created,
            "notFound": [
                spelling
                for spelling, address in emails.items()
                if address is None or address in missing
            ]
            + [str(pk) for pk in ids if pk not in set(known)],
        }

    def delete(self, request: Any, segment_id: str) -> HttpResponse:
        segment = self._static(segment_id)
        fields = Fields(self.body)
        emails = _emails(fields, must_be_valid=False)
        ids = _ids(fields)
        _require_some(fields)
        fields.finish()
        removed = remove_addresses(
            segment, [address for address in emails.values() if address]
        )
        known = known_ids(segment.project_id, ids)
        remove_members(segment, known)
        return self.answer({"removed": removed + len(known)})

    def _static(self, segment_id: str) -> Segment:
        segment = self.segment(segment_id)
        if segment.type != SegmentType.STATIC:
            raise BadRequest(
                "A dynamic segment has the members that its condition gives it."
            )
        return segment


class ComputeSegment(_OfSegments):
    """Bring the membership of a tracked segment up to date, now."""

    def post(self, request: Any, segment_id: str) -> HttpResponse:
        segment = self.segment(segment_id)
        if segment.type == SegmentType.STATIC:
            return self.answer(
                {"added": 0, "removed": 0, "total": sizes.refresh(segment)}
            )
        if not segment.track_membership:
            raise BadRequest("The membership of this segment is not tracked.")
        done = update(segment, seconds=COMPUTE_SECONDS)
        if done is None:
            raise Conflict(
                "The membership is being computed at this moment.",
                headers={"Retry-After": "5"},
            )
        segment.refresh_from_db()
        return self.answer(
            {
                "added": done.entered,
                "removed": done.exited,
                "total": segment.member_count,
                "isComplete": done.is_complete,
            }
        )


class RefreshSegment(_OfSegments):
    """Count a segment, now."""

    def post(self, request: Any, segment_id: str) -> HttpResponse:
        return self.answer({"memberCount": sizes.refresh(self.segment(segment_id))})


def _member_as_json(stay: SegmentMembership) -> dict[str, Any]:
    contact: Contact = stay.contact
    return contact_as_json(contact)


def _given(fields: Fields) -> dict[str, Any]:
    """Read what a segment is made or changed with; None for what is not given."""
    return {
        "name": fields.text("name", maximum=MAX_NAME, blank=False),
        "description": fields.text(
            "description", maximum=MAX_DESCRIPTION, single_line=False
        ),
        "condition": fields.mapping("condition"),
        "track_membership": fields.boolean("trackMembership"),
    }


def _type(fields: Fields) -> SegmentType:
    given = fields.text("type", maximum=20)
    if given is None:
        return SegmentType.DYNAMIC
    try:
        return SegmentType(given.upper())
    except ValueError:
        expected = ", ".join(SegmentType.values)
        fields.fail("type", f"Expected one of {expected}.", "invalid_enum")
        return SegmentType.DYNAMIC


def _emails(fields: Fields, *, must_be_valid: bool) -> dict[str, str | None]:
    """Return addresses by the caller's spelling; None for what is none."""
    emails: dict[str, str | None] = {}
    for place, spelling in _texts(fields, "emails"):
        try:
            emails[spelling] = normalise(spelling)
        except AddressError as error:
            emails[spelling] = None
            if must_be_valid:
                fields.fail(place, str(error), error.code)
    return emails


def _ids(fields: Fields) -> list[UUID]:
    ids = []
    for place, text in _texts(fields, "contactIds"):
        contact_id = read_id(text)
        if contact_id is None:
            fields.fail(place, "Expected the id of a contact.", "invalid_string")
        else:
            ids.append(contact_id)
    return list(dict.fromkeys(ids))


def _texts(fields: Fields, name: str) -> list[tuple[str, str]]:
    """Return an array's texts with their places; notes what is wrong with the rest."""
    texts = []
    for number, item in enumerate(fields.items(name, maximum=MAX_MEMBERS) or []):
        place = f"{name}.{number}"
        if isinstance(item, str):
            texts.append((place, item))
        else:
            fields.wrong_type(place, "string", item)
    return texts


def _require_some(fields: Fields) -> None:
    if fields.value("contactIds") is None:
        fields.require("emails", fields.value("emails"))
