"""The fields of a project's contacts: which there are, and what is in them."""

from __future__ import annotations

import re
from typing import Any

from django.http import HttpResponse

from contacts import fields_of_data
from contacts.api.bulk import begun
from contacts.counting import count_contacts
from contacts.dropping import drop_field
from contacts.fields_of_data import FieldFact, Scalar
from contacts.models import Job
from plunk.api.errors import NotFound, invalid
from plunk.api.lists import read_limit
from plunk.api.resources import Resource

#: What every contact has, and what it is.
STANDARD = {
    "createdAt": "date",
    "email": "string",
    "subscribed": "boolean",
    "updatedAt": "date",
}
MOST_VALUES = 200
_DATA = "data."
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,15})", re.ASCII)
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,15})\.[0-9]{1,15}", re.ASCII)


class FieldNotFound(NotFound):
    suggestion = "Fields are listed at /contacts/fields; metadata begins with 'data.'."

    def __init__(self) -> None:
        super().__init__("There is no such field.")


def field_as_json(fact: FieldFact) -> dict[str, Any]:
    """Return a key of the data; the contract has no word for lists and objects."""
    kind = fact.type if fact.type in {"number", "boolean", "date"} else "string"
    return {"field": _DATA + fact.name, "type": kind, "coverage": fact.coverage}


def key_of(field: str) -> str | None:
    """Return the key of the data that a field means; None for a standard field.

    Raises FieldNotFound.
    """
    if field in STANDARD:
        return None
    key = field.removeprefix(_DATA)
    if key == field or not key or "\x00" in key:
        raise FieldNotFound
    return key


class FieldList(Resource):
    """All fields: `GET /contacts/fields`."""

    def get(self, request: Any) -> HttpResponse:
        found = [
            {"field": name, "type": kind, "coverage": 100}
            for name, kind in STANDARD.items()
        ]
        found += map(field_as_json, fields_of_data.fields(self.caller.project_id))
        found.sort(key=lambda field: str(field["field"]))
        return self.answer({"fields": found, "count": len(found)})


class FieldValues(Resource):
    """Values that a field has: `GET /contacts/fields/:field/values`."""

    def get(self, request: Any, field: str) -> HttpResponse:
        limit = read_limit(self.query, default=100, maximum=MOST_VALUES)
        key = key_of(field)
        found: list[Scalar] = [True, False] if field == "subscribed" else []
        if key is not None:
            given = fields_of_data.values(self.caller.project_id, key, MOST_VALUES)
            # The text "7" and the number are one choice once both are a number.
            plain = [converted(value) for value in given]
            found = list({(type(value), value): value for value in plain}.values())
        found = found[:limit]
        return self.answer(
            {"field": field, "values": found, "count": len(found), "limit": limit}
        )


def converted(value: Scalar) -> Scalar:
    """Return what a text stands for where it reads like a number or true or false."""
    if not isinstance(value, str):
        return value
    if value in {"true", "false"}:
        return value == "true"
    if _INTEGER.fullmatch(value):
        return int(value)
    return float(value) if _DECIMAL.fullmatch(value) else value


class FieldUsage(Resource):
    """What asks for a field: `GET /contacts/fields/:field/usage`."""

    def get(self, request: Any, field: str) -> HttpResponse:
        project_id = self.caller.project_id
        key = key_of(field)
        if key is None:
            segments = fields_of_data.asking_for(project_id, field)
            count = count_contacts(project_id)
        else:
            used = fields_of_data.usage(project_id, key)
            segments, count = used.segments, used.contacts
        return self.answer(
            {
                "usedInSegments": [
                    {"id": str(segment.pk), "name": segment.name}
                    for segment in segments
                ],
                "usedInCampaigns": [],
                "contactCount": count,
                "canDelete": key is not None and not segments,
            }
        )


class OneField(Resource):
    """A key of the data, to be taken away: `DELETE /contacts/fields/:field`."""

    def delete(self, request: Any, field: str) -> HttpResponse:
        key = key_of(field)
        if key is None:
            raise invalid("field", "Only a field of the data can go.", "custom")
        dropped = drop_field(project_id=self.caller.project_id, key=key)
        if isinstance(dropped, Job):
            answer = begun(dropped, "The field is being removed.")
            return self.answer(answer.body, status=answer.status)
        return self.answer({"deletedFrom": dropped})
