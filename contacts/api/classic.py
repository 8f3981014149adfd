"""Contacts in the classic API: bare objects and arrays, always 200 (contract 2.3)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse
from django.http.response import HttpResponseBase

from contacts import choosing
from contacts.api.contacts import contact_of, remove
from contacts.api.history import history
from contacts.api.reading import contact_id_of, read_contact, read_email
from contacts.counting import count_contacts
from contacts.creating import ContactNotFound, change_contact, create_contact
from contacts.data import SYSTEM_NAMES, DataChange
from contacts.ledger import Act
from contacts.links import Purpose
from contacts.models import Contact, Door
from contacts.subscriptions import set_subscribed
from contacts.visits import Visit
from contacts.visits import contact_of as contact_of_link
from plunk.api.answers import timestamp
from plunk.api.errors import ApiError, FieldError, Invalid, InvalidKey, invalid
from plunk.api.fields import Fields
from plunk.api.lists import List, cursor_page
from plunk.api.resources import Resource
from plunk.api.strictjson import read_object, write
from plunk.pages.paging import Cursor, older
from plunk.projects.models import KeyKind

#: Contacts that are read and written at a time where all of them are asked for.
CHUNK = 500
#: The most that `limit` gives; without it, all.
MAX_LIMIT = 1000
_ORDERS = {"createdAt": "created_at"}


def classic_contact(contact: Contact) -> dict[str, Any]:
    """Return a contact as the classic API shows it."""
    data: Any = contact.data or None
    if data is not None and settings.CLASSIC_CONTACT_DATA == "string":
        data = write(data).decode()
    return {
        "id": str(contact.id),
        "email": contact.email,
        "subscribed": contact.subscribed,
        "data": data,
        "createdAt": timestamp(contact.created_at),
        "updatedAt": timestamp(contact.updated_at),
    }


class ClassicResource(Resource):
    is_classic = True

    def done(self, contact: Contact) -> dict[str, Any]:
        """Return the answer to a change of a contact."""
        return {"success": True} | classic_contact(contact)


class ClassicContacts(ClassicResource):
    """`/v1/contacts`."""

    def get(self, request: Any) -> HttpResponseBase:
        rows = Contact.objects.filter(project_id=self.caller.project_id)
        if self.query.keys() & {"limit", "cursor"}:
            return self._page(rows)
        first = _newest(rows)
        if len(first) < CHUNK or request.method == "HEAD":
            return self.answer([classic_contact(row) for row in first])
        return self.stream(_written(rows, first))

    def _page(self, rows: QuerySet[Contact]) -> HttpResponse:
        """Answer a part of the list, and where it goes on in a header."""
        page = cursor_page(
            List("v1.contacts", self.caller.project_id, _ORDERS),
            rows,
            query=self.query,
            item=classic_contact,
            total=lambda: None,
            maximum=MAX_LIMIT,
        )
        following = page["nextCursor"]
        headers = {"X-Next-Cursor": following} if following else {}
        return self.answer(page["data"], headers=headers)

    def post(self, request: Any) -> HttpResponse:
        return self.once("POST /v1/contacts", self._create)

    def _create(self) -> dict[str, Any]:
        fields = Fields(with_data(self.body))
        given = read_contact(fields, needs_email=True)
        fields.finish()
        contact = create_contact(
            project_id=self.caller.project_id,
            email=given.email or "",
            subscribed=given.subscribed,
            data=given.data,
            door=Door.API,
        )
        return self.done(contact)

    def put(self, request: Any) -> HttpResponse:
        body = with_data(self.body)
        fields = Fields(body)
        named = read_selector(fields)
        given = read_contact(fields, needs_email=False)
        fields.finish()
        contact = change_contact(
            project_id=self.caller.project_id,
            contact_id=named.contact_id(self.caller.project_id),
            subscribed=given.subscribed,
            data=_with_blanks(given.data, body.get("data")),
            act=Act(Door.API),
        )
        return self.answer(self.done(contact))

    def delete(self, request: Any) -> HttpResponse:
        given = self.body.get("id")
        fields = Fields({"id": self.query.get("id") if given is None else given})
        text = _read_id(fields)
        fields.require("id", text)
        fields.finish()
        return self.answer(
            self.done(remove(self.caller.project_id, contact_id_of(text or "")))
        )


class ClassicContact(ClassicResource):
    """`/v1/contacts/:id`."""

    def get(self, request: Any, contact_id: str) -> HttpResponse:
        contact = contact_of(self.caller.project_id, contact_id)
        return self.answer(
            classic_contact(contact)
            | {"projectId": str(contact.project_id)}
            | history(contact.project_id, contact.pk)
        )

    def delete(self, request: Any, contact_id: str) -> HttpResponse:
        project_id = self.caller.project_id
        return self.answer(self.done(remove(project_id, contact_id_of(contact_id))))


class ClassicCount(ClassicResource):
    """`GET /v1/contacts/count`."""

    def get(self, request: Any) -> HttpResponse:
        return self.answer({"count": count_contacts(self.caller.project_id)})


class ClassicSubscription(ClassicResource):
    """`POST /v1/contacts/subscribe` and `/unsubscribe`; a browser may, by id alone."""

    keys = (KeyKind.PUBLIC, KeyKind.SECRET)
    subscribed: ClassVar[bool]

    def post(self, request: Any) -> HttpResponse:
        verb = "subscribe" if self.subscribed else "unsubscribe"
        return self.once(f"POST /v1/contacts/{verb}", self._settle)

    def _settle(self) -> dict[str, Any]:
        fields = Fields(self.body)
        named = read_selector(fields)
        fields.finish()
        if named.email is not None and self.caller.kind == KeyKind.PUBLIC:
            raise InvalidKey(
                "A public key names a contact by its id: an address can be guessed."
            )
        project_id = self.caller.project_id
        contact_id = named.contact_id(project_id)
        known = Contact.objects.filter(project_id=project_id, pk=contact_id)
        if self.subscribed and self.caller.kind == KeyKind.PUBLIC:
            _subscribe_by_id(contact_id, project_id)
        else:
            set_subscribed(
                project_id=project_id,
                contact_id=contact_id,
                subscribed=self.subscribed,
                act=Act(Door.API),
            )
        subscribed = known.values_list("subscribed", flat=True).first()
        if subscribed is None:
            raise ContactNotFound
        return {"success": True, "contact": str(contact_id), "subscribed": subscribed}


def _subscribe_by_id(contact_id: UUID, project_id: UUID) -> None:
    """Believe an id as far as the recipients' pages do: it proves no mailbox.

    `/v1/track` tells whoever has a public key the id of any address.
    """
    contact = contact_of_link(contact_id, project_id)
    if contact:
        visit = Visit(Purpose.SUBSCRIBE, contact)
        choosing.subscribe(visit, contact, act=Act(Door.API))


class ClassicSubscribe(ClassicSubscription):
    subscribed = True


class ClassicUnsubscribe(ClassicSubscription):
    subscribed = False


@dataclass(frozen=True, slots=True)
class Selector:
    """Which contact is meant: by its id, or by its address."""

    id: str | None
    email: str | None

    def contact_id(self, project_id: UUID) -> UUID:
        """Return the id; raises ContactNotFound where no contact has the address."""
        if self.id is not None:
            return contact_id_of(self.id)
        rows = Contact.objects.filter(project_id=project_id, email=self.email)
        contact_id = rows.values_list("pk", flat=True).first()
        if contact_id is None:
            raise ContactNotFound
        return contact_id


def read_selector(fields: Fields) -> Selector:
    """Read exactly one of `id` and `email`; what is wrong is in `fields`."""
    if fields.value("id") is not None and fields.value("email") is not None:
        fields.fail("id", "Name the contact by id or by email, not by both.", "custom")
    elif fields.value("id", "email") is None:
        fields.fail("id", "Is required, or else the email.", "required")
    return Selector(_read_id(fields), read_email(fields))


def with_data(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body whose `data`, where it came as JSON text, is the object in it."""
    text = body.get("data")
    if not isinstance(text, str):
        return dict(body)
    if text.strip() in {"", "null"}:
        return {**body, "data": None}
    try:
        return {**body, "data": read_object(text.encode())}
    except Invalid as error:
        raise Invalid(
            [
                FieldError(f"data.{one.field}", one.message, one.code)
                for one in error.errors
            ]
        ) from error
    except ApiError as error:
        raise invalid("data", error.message, "invalid_json") from error


def _read_id(fields: Fields) -> str | None:
    given = fields.value("id")
    return None if given is None else fields.convert("id", given, str)


def _with_blanks(change: DataChange, given: Any) -> DataChange:
    """Let a blank text remove its key, as it did in this generation only."""
    for spelling, value in (given or {}).items():
        key = unicodedata.normalize("NFC", spelling)
        if value == "" and key not in SYSTEM_NAMES:
            change.removed.append(key)
    return change


def _newest(rows: QuerySet[Contact]) -> list[Any]:
    """Return the next rows, with what the answer shows of each and nothing else."""
    shown = ("id", "email", "subscribed", "data", "created_at", "updated_at")
    newest = rows.order_by("-created_at", "-id")
    return list(newest.values_list(*shown, named=True)[:CHUNK])


def _written(rows: QuerySet[Contact], chunk: list[Any]) -> Iterator[bytes]:
    """Yield the JSON array of all contacts, in chunks, however many there are."""
    yield b"["
    is_first = True
    while chunk:
        raw = write([classic_contact(row) for row in chunk])[1:-1]
        yield raw if is_first else b"," + raw
        is_first = False
        last = chunk[-1]
        chunk = _newest(older(rows, Cursor(last.created_at, last.id)))
    yield b"]"
