"""Events in the API: recorded, listed, counted and deleted (contract, next 2.9).

The name of an event is part of a path here, and may hold dots, slashes and whatever
else a path may hold once it is decoded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

import orjson
from django.db.models import QuerySet
from django.http import HttpResponse

from automations.events import stats
from automations.events.deleting import (
    EventNotFound,
    delete_event,
    event_named,
)
from automations.events.naming import as_tracked, read_name
from automations.events.recording import record_by_name
from automations.events.usage import Use, usage_of
from automations.models import Event, Occurrence
from contacts.data import MAX_BYTES, MAX_KEYS
from contacts.models import Contact
from contacts.segments.tree import read_moment
from plunk.api.answers import timestamp
from plunk.api.errors import NotFound, invalid
from plunk.api.fields import Fields
from plunk.api.idempotency import Answer
from plunk.api.lists import List, cursor_page
from plunk.api.resources import Resource
from plunk.ids import read_id

_DEFAULT_LIMIT = "100"
_DEFAULT_OF_CONTACT = "50"
_DATE_LENGTH = len("2026-01-31")


def occurrence_as_json(row: Occurrence) -> dict[str, Any]:
    """Return one time an event happened, as the current generation shows it."""
    data = row.data if isinstance(row.data, dict) else {}
    email_id = data.get("emailId")
    is_id = isinstance(email_id, str) and read_id(email_id) is not None
    return {
        "id": str(row.pk),
        "name": row.event.name,
        "data": row.data,
        "projectId": str(row.project_id),
        "contactId": str(row.contact_id) if row.contact_id else None,
        "emailId": email_id if is_id else None,
        "createdAt": timestamp(row.created_at),
    }


def classic_event(event: Event) -> dict[str, Any]:
    """Return the definition of an event as the classic generation shows it."""
    return {
        "id": str(event.pk),
        "name": event.name,
        "projectId": str(event.project_id),
        "templateId": str(event.template_id) if event.template_id else None,
        "campaignId": str(event.campaign_id) if event.campaign_id else None,
        "createdAt": timestamp(event.created_at),
        "updatedAt": timestamp(event.updated_at),
    }


def _listed(row: Occurrence) -> dict[str, Any]:
    contact = {"email": row.contact.email} if row.contact else None
    return occurrence_as_json(row) | {"contact": contact}


class _OfEvents(Resource):
    @property
    def project_id(self) -> UUID:
        return self.caller.project_id

    def event(self, name: str) -> Event:
        """Return the event of a name as it is kept, or as it was tracked."""
        try:
            return event_named(self.project_id, name)
        except EventNotFound:
            return event_named(self.project_id, as_tracked(name))

    def remove(self, name: str) -> HttpResponse:
        """Delete an event; where much was recorded, a job does it."""
        done = delete_event(event=self.event(name))
        answer: dict[str, Any] = {"deletedCount": done.occurrences.count}
        if done.job is not None:
            answer |= {
                "isComplete": False,
                "isEstimate": done.occurrences.is_estimate,
                "jobId": str(done.job.pk),
            }
        return self.answer(answer)

    def page(
        self,
        of: str,
        rows: QuerySet[Occurrence],
        *,
        limit: str,
        total: Callable[[], int | None],
    ) -> dict[str, Any]:
        """Return a page of occurrences, under the names of both documentations."""
        found = rows.filter(event__deleted_at=None).select_related("event", "contact")
        body = cursor_page(
            List(of, self.project_id, {"createdAt": "created_at"}),
            found.defer("contact__data"),
            query={"limit": limit} | self.query,
            item=_listed,
            total=total,
        )
        return {"events": body["data"]} | body


class OneEvent(_OfEvents):
    """`/events/:eventName`."""

    def delete(self, request: Any, event_name: str) -> HttpResponse:
        return self.remove(event_name)


class Events(_OfEvents):
    """`GET /events`: what happened last, of one event where `eventName` says so."""

    def get(self, request: Any) -> HttpResponse:
        name = self.query.get("eventName", "")
        rows = Occurrence.objects.filter(project_id=self.project_id)
        if not name:
            return self.answer(
                self.page("events", rows, limit=_DEFAULT_LIMIT, total=self._all)
            )
        try:
            event = self.event(name)
        except EventNotFound:
            nothing = Occurrence.objects.none()
            return self.answer(
                self.page("events", nothing, limit=_DEFAULT_LIMIT, total=lambda: 0)
            )
        own = Occurrence.objects.filter(event=event)
        return self.answer(
            self.page(
                f"events/{event.pk}",
                own,
                limit=_DEFAULT_LIMIT,
                total=lambda: stats.total(event).count,
            )
        )

    def _all(self) -> int:
        return stats.everything(self.project_id).count


class TrackEvent(OneEvent):
    """`POST /events/track`: an event under its name, of a contact that is known."""

    def post(self, request: Any, event_name: str) -> HttpResponse:
        fields = Fields(self.body)
        given: dict[str, Any] = {
            "name": read_name(fields, "name"),
            "contact_id": _id(fields, "contactId"),
            "email_id": _id(fields, "emailId"),
            "data": _data(fields),
        }
        fields.finish()
        return self.once("POST /events/track", lambda: self._record(given))

    def _record(self, given: dict[str, Any]) -> Answer:
        made = record_by_name(project_id=self.project_id, **given)
        return Answer(occurrence_as_json(made), status=201)


class EventStats(OneEvent):
    """`GET /events/stats`: how often each event happened in a time."""

    def get(self, request: Any, event_name: str) -> HttpResponse:
        begin = _moment(self.query, "startDate")
        end = _moment(self.query, "endDate", is_end=True)
        if begin and end and begin > end:
            raise invalid("endDate", "Is before the start.", "invalid_range")
        found = stats.between(self.project_id, begin, end)
        return self.answer(
            [
                {"name": name, "count": number.count}
                | ({"isEstimate": True} if number.is_estimate else {})
                for name, number in found
            ]
        )


class EventNames(OneEvent):
    """`GET /events/names`: the events of a project, the most frequent first."""

    def get(self, request: Any, event_name: str) -> HttpResponse:
        found = stats.by_frequency(self.project_id)
        return self.answer({"eventNames": [event.name for event, _ in found]})


class ContactEvents(_OfEvents):
    """`GET /events/contact/:contactId`: what a contact did last."""

    def get(self, request: Any, contact_id: str) -> HttpResponse:
        pk = read_id(contact_id)
        mine = Contact.objects.filter(project_id=self.project_id)
        if pk is None or not mine.filter(pk=pk).exists():
            raise ContactNotFound
        rows = Occurrence.objects.filter(contact=pk)
        return self.answer(
            self.page(
                f"events/contact/{pk}",
                rows,
                limit=_DEFAULT_OF_CONTACT,
                total=lambda: stats.up_to_limit(rows),
            )
        )

    def delete(self, request: Any, contact_id: str) -> HttpResponse:
        """Delete an event whose name happens to begin like this address."""
        return self.remove(f"contact/{contact_id}")


class EventUsage(_OfEvents):
    """`GET /events/:eventName/usage`: what names an event, and how often it was."""

    def get(self, request: Any, event_name: str) -> HttpResponse:
        event = self.event(event_name)
        usage, number = usage_of(event), stats.total(event)
        people = stats.unique_contacts(event, number)
        is_estimate = number.is_estimate or people.is_estimate
        return self.answer(
            {
                "usedInSegments": _as_json(usage.segments),
                "usedInWorkflows": _as_json(usage.workflows),
                "totalCount": number.count,
                "uniqueContacts": people.count,
                "canDelete": usage.can_delete,
                "reason": usage.reason or None,
                "isEstimate": is_estimate,
            }
        )

    def delete(self, request: Any, event_name: str) -> HttpResponse:
        """Delete an event whose name happens to end like this address."""
        return self.remove(f"{event_name}/usage")


class ContactNotFound(NotFound):
    code = "CONTACT_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("That contact was not found.")


class ClassicEvents(_OfEvents):
    """`DELETE /v1/events`, with the id in the body or in the path (classic 2.7)."""

    is_classic: ClassVar[bool] = True

    def delete(self, request: Any, event_id: str = "") -> HttpResponse:
        fields = Fields({"id": event_id or self.body.get("id") or self.query.get("id")})
        text = fields.text("id", maximum=200)
        fields.require("id", text)
        fields.finish()
        pk = read_id(text or "")
        events = Event.objects.existing().filter(project_id=self.project_id)
        event = events.filter(pk=pk).first() if pk else None
        if event is None:
            raise EventNotFound
        shown = classic_event(event)
        delete_event(event=event)
        return self.answer(shown)


def _as_json(uses: Sequence[Use]) -> list[dict[str, str]]:
    return [{"id": str(use.id), "name": use.name} for use in uses]


def _id(fields: Fields, name: str) -> UUID | None:
    text = fields.text(name, maximum=200)
    if text is None:
        return None
    pk = read_id(text)
    if pk is None:
        fields.fail(name, "Expected a UUID.", "invalid_string")
    return pk


def _data(fields: Fields) -> dict[str, Any] | None:
    """Read what comes along, in the bounds that `/v1/track` has."""
    data = fields.mapping("data")
    if data is None:
        return None
    if len(data) > MAX_KEYS:
        fields.fail("data", f"Has more than {MAX_KEYS} keys.", "too_big")
    elif len(orjson.dumps(data)) > MAX_BYTES:
        fields.fail("data", f"Has more than {MAX_BYTES // 1024} KiB.", "too_big")
    return data


def _moment(
    query: dict[str, str], name: str, *, is_end: bool = False
) -> datetime | None:
    """Read a moment or a day; the end of a time is that of the day it names."""
    text = query.get(name, "").strip()
    if not text:
        return None
    try:
        # A plus in a query string is a space, and an offset begins with one.
        moment = read_moment(text.replace(" ", "+") if "T" in text else text)
    except ValueError as error:
        raise invalid(name, str(error), "invalid_date") from None
    return moment + timedelta(days=len(text) == _DATE_LENGTH and is_end)
