"""What the contact endpoints read out of their requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from contacts.addresses import normalise
from contacts.creating import ContactNotFound
from contacts.data import DataChange, read_data
from plunk.api.fields import Fields
from plunk.ids import read_id


@dataclass(frozen=True, slots=True)
class Given:
    """What a request says about a contact; None where it says nothing."""

    email: str | None
    subscribed: bool | None
    data: DataChange


def contact_id_of(text: str) -> UUID:
    """Return the id that a path names; what is no id is a contact there is none of."""
    contact_id = read_id(text)
    if contact_id is None:
        raise ContactNotFound
    return contact_id


def read_contact(fields: Fields, *, needs_email: bool) -> Given:
    """Read `email`, `subscribed` and `data`; what is wrong is in `fields`."""
    email = read_email(fields)
    if needs_email:
        fields.require("email", email)
    return Given(email, fields.boolean("subscribed"), read_data(fields))


def read_email(fields: Fields) -> str | None:
    """Read an address in any spelling, as it is stored."""
    given: Any = fields.value("email")
    return None if given is None else fields.convert("email", given, normalise)
