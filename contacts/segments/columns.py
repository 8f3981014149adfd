"""What the filter language says about a contact's own row."""

from __future__ import annotations

import unicodedata

from contacts.data import MAX_KEY_LENGTH
from contacts.models import Door
from contacts.segments.vocabulary import Kind, Option, Relation

MAX_PATH = 32


class Column(Relation):
    """A column of the contact, under the name it has in the API."""

    def __init__(self, name: str, kind: Kind, label: str, column: str) -> None:
        self.name = name
        self.kind = kind
        self.label = label
        self.column = column


class ConsentSource(Column):
    options = tuple(Option(door.value, door.label) for door in Door)


class Data(Relation):
    """The contact's data; the path's dots lead into nested objects."""

    name = "data."
    kind = Kind.DATA
    label = "Data"

    def read(self, rest: str) -> str:
        keys = unicodedata.normalize("NFC", rest).split(".")
        if not all(keys):
            raise ValueError("Names no key, or an empty one between two dots.")
        if len(keys) > MAX_PATH:
            raise ValueError(f"Has more than {MAX_PATH} keys, one within the other.")
        if max(map(len, keys)) > MAX_KEY_LENGTH:
            raise ValueError(f"A key has more than {MAX_KEY_LENGTH} characters.")
        return ".".join(keys)


COLUMNS: tuple[Relation, ...] = (
    Column("email", Kind.ADDRESS, "E-mail address", "email"),
    Column("subscribed", Kind.BOOLEAN, "Subscribed", "subscribed"),
    Column("createdAt", Kind.MOMENT, "Created", "created_at"),
    Column("updatedAt", Kind.MOMENT, "Changed", "updated_at"),
    Column("consentAt", Kind.OPTIONAL_MOMENT, "Consent given or taken", "consent_at"),
    Column("confirmedAt", Kind.OPTIONAL_MOMENT, "Confirmed", "confirmed_at"),
    ConsentSource("consentSource", Kind.CHOICE, "Consent came by", "consent_source"),
    Data(),
)
