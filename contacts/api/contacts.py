"""Contacts in the API (contract, next generation 2.4)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse

from contacts.addresses import AddressError, normalise
from contacts.api.reading import contact_id_of, read_contact
from contacts.counting import count_contacts, count_up_to
from contacts.creating import ContactNotFound, change_contact, upsert_contact
from contacts.erasing import erase
from contacts.ledger import Act
from contacts.models import Contact, Door
from contacts.search import search
from plunk.api.answers import timestamp
from plunk.api.fields import Fields
from plunk.api.idempotency import Answer
from plunk.api.lists import (
    List,
    cursor_page,
    is_numbered,
    numbered_page,
    read_switch,
)
from plunk.api.resources import Resource

#: Addresses that one look-up may ask for.
MAX_LOOKUP = 500


def contact_as_json(contact: Contact) -> dict[str, Any]:
    """Return a contact as the API shows it."""
    snoozed_until = contact.snoozed_until
    return {
        "id": str(contact.pk),
        "email": contact.email,
        "data": contact.data,
        "subscribed": contact.subscribed,
        "projectId": str(contact.project_id),
        "snoozedUntil": timestamp(snoozed_until) if snoozed_until else None,
        "createdAt": timestamp(contact.created_at),
        "updatedAt": timestamp(contact.updated_at),
    }


def contact_of(project_id: UUID, text: str) -> Contact:
    """Return the contact that a path names; raises ContactNotFound."""
    contact = Contact.objects.filter(
        project_id=project_id, pk=contact_id_of(text)
    ).first()
    if contact is None:
        raise ContactNotFound
    return contact


class Contacts(Resource):
    """All contacts of a project: `/contacts`."""

    def get(self, request: Any) -> HttpResponse:
        project_id, query = self.caller.project_id, self.query
        subscribed = read_switch(query, "subscribed")
        text = query.get("search", "").strip()
        rows = Contact.objects.filter(project_id=project_id)
        if subscribed is not None:
            rows = rows.filter(subscribed=subscribed)
        if text:
            rows = search(rows, text)
        orders = {"createdAt": "created_at", "email": "email"}
        paged = numbered_page if is_numbered(query) else cursor_page
        body = paged(
            List("contacts", project_id, orders),
            rows,
            query=query,
            item=contact_as_json,
            total=lambda: (
                count_up_to(rows)
                if text
                else count_contacts(project_id, subscribed=subscribed)
            ),
        )
        return self.answer(body)

    def post(self, request: Any) -> HttpResponse:
        return self.once("POST /contacts", self._upsert)

    def _upsert(self) -> Answer:
        fields = Fields(self.body)
        given = read_contact(fields, needs_email=True)
        fields.finish()
        contact, is_new = upsert_contact(
            project_id=self.caller.project_id,
            email=given.email or "",
            subscribed=given.subscribed,
            data=given.data,
            door=Door.API,
        )
        meta = {"isNew": is_new, "isUpdate": not is_new}
        body = contact_as_json(contact) | {"_meta": meta}
        return Answer(body, status=201 if is_new else 200)


class OneContact(Resource):
    """One contact: `/contacts/:id`."""

    def get(self, request: Any, contact_id: str) -> HttpResponse:
        contact = contact_of(self.caller.project_id, contact_id)
        return self.answer(contact_as_json(contact))

    def patch(self, request: Any, contact_id: str) -> HttpResponse:
        fields = Fields(self.body)
        given = read_contact(fields, needs_email=False)
        fields.finish()
        contact = change_contact(
            project_id=self.caller.project_id,
            contact_id=contact_id_of(contact_id),
            email=given.email,
            subscribed=given.subscribed,
            data=given.data,
            # The one null that is not the same as nothing (contract 4.1).
            wipe_data="data" in self.body and self.body["data"] is None,
            act=Act(Door.API),
        )
        return self.answer(contact_as_json(contact))

    def delete(self, request: Any, contact_id: str) -> HttpResponse:
        remove(self.caller.project_id, contact_id_of(contact_id))
        return self.nothing()


def remove(project_id: UUID, contact_id: UUID) -> Contact:
    """Erase a contact and return what it was; raises ContactNotFound."""
    contact = Contact.objects.filter(project_id=project_id, pk=contact_id).first()
    if contact is None or not erase(project_id=project_id, contact_ids=[contact_id]):
        raise ContactNotFound
    return contact


class Lookup(Resource):
    """Which of some addresses are contacts: `POST /contacts/lookup`."""

    def post(self, request: Any) -> HttpResponse:
        fields = Fields(self.body)
        given = fields.items("emails", maximum=MAX_LOOKUP)
        fields.require("emails", fields.value("emails"))
        for number, item in enumerate(given or []):
            if not isinstance(item, str):
                fields.wrong_type(f"emails.{number}", "string", item)
        fields.finish()
        addresses = {spelling: _address(spelling) for spelling in given or []}
        known = set(
            Contact.objects.filter(
                project_id=self.caller.project_id,
                email__in={address for address in addresses.values() if address},
            ).values_list("email", flat=True)
        )
        found = [spelling for spelling in addresses if addresses[spelling] in known]
        missing = [spelling for spelling in addresses if spelling not in set(found)]
        return self.answer({"found": found, "notFound": missing})


def _address(spelling: str) -> str | None:
    """Return an address as it is stored; None for what is none, and so nobody's."""
    try:
        return normalise(spelling)
    except AddressError:
        return None
