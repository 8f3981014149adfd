"""What may stand in a draft of a campaign: what is said, by whom, and to whom."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from campaigns.models import AudienceType
from contacts.addresses import normalise
from plunk.api.errors import Invalid
from plunk.api.fields import Fields
from plunk.ids import read_id
from transactional.models import WRITTEN_FIELDS
from transactional.template_rules import clean

#: How many contacts may be chosen one by one.
MOST_RECIPIENTS = 50_000
MOST_EXCLUDED = 20
#: The one recipient that stands for everybody who is subscribed.
EVERYBODY = "all"
#: What the variant keeps; everything else is the campaign's own.
SAID = ("subject", "preheader", "body", "style")
#: Mistakes in a list of thousands that an answer names.
_MOST_ERRORS = 100


@dataclass(frozen=True, slots=True)
class Chosen:
    """Recipients as they were written: ids and normalised addresses by their places.

    Of what was written twice only the first is here.
    """

    ids: dict[UUID, int] = field(default_factory=dict)
    addresses: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Draft:
    """What was written of a draft, as far as it can be judged without the database.

    `values` has what is given of the campaign's and the variant's columns; a segment or
    a topic may be None, which takes it away. `recipients` and `excluded` (segments by
    their places) are None where nothing was given.
    """

    values: dict[str, Any]
    recipients: Chosen | None
    excluded: dict[UUID, int] | None

    @property
    def said(self) -> dict[str, Any]:
        return {name: it for name, it in self.values.items() if name in SAID}

    @property
    def own(self) -> dict[str, Any]:
        return {name: it for name, it in self.values.items() if name not in SAID}


def read_draft(written: Mapping[str, Any], *, required: Collection[str] = ()) -> Draft:
    """Read what was written of a campaign; raises Invalid naming all that is wrong.

    A subject and a body may be empty unless they are `required`: what every mail needs
    is asked for at the launch. Recipients are an audience without its type, too.
    """
    errors = []
    try:
        said = {name: written[name] for name in WRITTEN_FIELDS if name in written}
        texts = [name for name in required if name in WRITTEN_FIELDS]
        values = clean(said, required=texts, filled={"name", *texts})
    except Invalid as error:
        values, errors = {}, error.errors
    fields = Fields(dict(written))
    values |= _audience(fields)
    values |= _deadline(fields)
    recipients, excluded = _recipients(fields), _excluded(fields)
    if "audience_type" in required and fields.value("recipients") is None:
        fields.require("audience_type", values.get("audience_type"))
    fields.errors = errors + fields.errors
    fields.finish()
    if recipients is not None:
        values.setdefault("audience_type", AudienceType.RECIPIENTS)
    elif fields.value("recipients") is not None:
        is_list = values.get("audience_type") in {None, AudienceType.RECIPIENTS}
        values |= {"audience_type": AudienceType.ALL} if is_list else {}
    return Draft(values, recipients, excluded)


def _audience(fields: Fields) -> dict[str, Any]:
    values: dict[str, Any] = {}
    kind = fields.choice("audience_type", AudienceType.values)
    if kind is not None:
        values["audience_type"] = kind
    for name in ("segment_id", "topic_id"):
        if name in fields.body:
            values[name] = _id(fields, name, fields.body[name])
    if fields.mapping("condition") is not None:
        values["condition"] = fields.body["condition"]
    return values


def _id(fields: Fields, name: str, value: Any) -> UUID | None:
    """Read an id; nothing and an empty text take away what there was."""
    if value is None or value == "" or isinstance(value, UUID):
        return value or None
    if not isinstance(value, str):
        fields.wrong_type(name, "string", value)
        return None
    found = read_id(value)
    if found is None:
        fields.fail(name, "Expected a UUID.", "invalid_string")
    return found


def _deadline(fields: Fields) -> dict[str, Any]:
    if "deadline_at" not in fields.body:
        return {}
    value = fields.body["deadline_at"]
    if value is not None and not (isinstance(value, datetime) and value.tzinfo):
        fields.fail("deadline_at", "Expected a moment with its zone.", "invalid_date")
    return {"deadline_at": value}


def _excluded(fields: Fields) -> dict[UUID, int] | None:
    name = "excluded_segment_ids"
    given = _list(fields, name, MOST_EXCLUDED)
    if given is None:
        return None
    places: dict[UUID, int] = {}
    for number, value in enumerate(given):
        segment_id = _id(fields, f"{name}.{number}", value)
        if segment_id:
            places.setdefault(segment_id, number)
    return places


def _recipients(fields: Fields) -> Chosen | None:
    """Read ids and addresses; None for everybody, and where nothing was given."""
    given = _list(fields, "recipients", MOST_RECIPIENTS)
    if given is None or _is_everybody(given):
        return None
    chosen, before = Chosen(), len(fields.errors)
    for number, value in enumerate(given):
        if len(fields.errors) - before >= _MOST_ERRORS:
            break
        _choose(fields, chosen, number, value)
    return chosen


def _choose(fields: Fields, chosen: Chosen, number: int, value: Any) -> None:
    place = f"recipients.{number}"
    if isinstance(value, UUID):
        chosen.ids.setdefault(value, number)
        return
    contact_id = read_id(value.strip(" ")) if isinstance(value, str) else None
    if contact_id:
        chosen.ids.setdefault(contact_id, number)
    elif isinstance(value, str) and "@" not in value:
        fields.fail(
            place, "Expected a contact’s id or an e-mail address.", "invalid_string"
        )
    else:
        address = fields.convert(place, value, normalise)
        if address:
            chosen.addresses.setdefault(address, number)


def _is_everybody(given: list[Any]) -> bool:
    return (
        len(given) == 1 and isinstance(given[0], str) and given[0].lower() == EVERYBODY
    )


def _list(fields: Fields, name: str, maximum: int) -> list[Any] | None:
    """Return a list that may be empty."""
    if fields.value(name) == []:
        return []
    return fields.items(name, maximum=maximum)
