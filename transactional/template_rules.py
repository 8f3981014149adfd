"""What may stand in a template: lengths, syntax, addresses."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from contacts.addresses import normalise
from plunk.api.errors import FieldError, Invalid
from plunk.api.fields import Fields
from transactional.language import Form, check
from transactional.models import WRITTEN_FIELDS, MailKind, Style
from transactional.senders import choose_sender

MAX_BODY = 2_000_000
MAX_NAME = 100
#: Texts of one line, and how many characters they may have.
LINES: Mapping[str, int] = {
    "name": MAX_NAME,
    "subject": 998,
    "preheader": 200,
    "from_name": 100,
}
#: Texts of several lines.
TEXTS: Mapping[str, int] = {"description": 500, "body": MAX_BODY}
#: What a template is nothing without.
REQUIRED = ("name", "subject", "body")
#: The parts in which the language is spoken.
SPEAKING: Mapping[str, Form] = {
    "subject": Form.LINE,
    "preheader": Form.LINE,
    "body": Form.HTML,
}
_UNSAFE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Misspelt(FieldError):
    """What the language of templates cannot read; lines and columns begin at 1."""

    line: int
    column: int


def clean(
    written: Mapping[str, Any],
    *,
    required: Collection[str] = (),
    filled: Collection[str] = REQUIRED,
) -> dict[str, Any]:
    """Return what may be stored of `written`, whose keys are of `WRITTEN_FIELDS`.

    What is given of `filled` must not be blank. Raises Invalid naming every wrong
    field, the `required` ones that are missing among them; an error of syntax is a
    `Misspelt`.
    """
    fields = _fields(written)
    values = _values(fields, filled=filled)
    for name in required:
        fields.require(name, values.get(name) or None)
    fields.errors.extend(_misspelt(values))
    fields.finish()
    return values


def clean_draft(written: Mapping[str, Any]) -> dict[str, Any]:
    """Return what can be shown of a template that is still being written.

    It may be empty and misspelt; raises Invalid for what could never be stored.
    """
    fields = _fields(written)
    values = _values(fields, filled=())
    fields.finish()
    return values


def _fields(written: Mapping[str, Any]) -> Fields:
    return Fields({name: written[name] for name in WRITTEN_FIELDS if name in written})


def _values(fields: Fields, *, filled: Collection[str]) -> dict[str, Any]:
    """Read what is given; those of `filled` must not be blank."""
    values: dict[str, Any] = {}
    for name, maximum in LINES.items():
        is_blank_fine = name not in filled
        text = fields.text(name, maximum=maximum, blank=is_blank_fine)
        values[name] = _storable(fields, name, text)
    for name, maximum in TEXTS.items():
        is_blank_fine = name not in filled
        text = fields.text(
            name, maximum=maximum, single_line=False, blank=is_blank_fine
        )
        values[name] = _storable(fields, name, text)
    values["style"] = fields.choice("style", Style.values)
    values["kind"] = fields.choice("kind", MailKind.values)
    for name in ("from_email", "reply_to"):
        values[name] = _address(fields, name)
    given = {name: value for name, value in values.items() if value is not None}
    if "tracks" in fields.body:
        given["tracks"] = fields.boolean("tracks")
    return given


def check_sender(project_id: UUID, email: str) -> str:
    """Return an address as mail comes from it; an empty one stays empty.

    Raises DomainNotVerified where the project may not send from it.
    """
    if not email:
        return ""
    try:
        return choose_sender(project_id=project_id, email=email, name="").email
    except Invalid as error:
        found = [FieldError("from_email", it.message, it.code) for it in error.errors]
        raise Invalid(found) from error


def _storable(fields: Fields, name: str, text: str | None) -> str | None:
    """Return a text that databases take; its line breaks become those of Unix."""
    if text is not None and _UNSAFE.search(text):
        fields.fail(name, "Holds NUL or a lone surrogate.", "invalid_string")
        return None
    return text.replace("\r\n", "\n") if text else text


def _address(fields: Fields, name: str) -> str | None:
    """Read an address; an empty text takes it away."""
    given = fields.value(name)
    if given is None or (isinstance(given, str) and not given.strip()):
        return None if given is None else ""
    return fields.convert(name, given, normalise)


def _misspelt(values: Mapping[str, Any]) -> list[FieldError]:
    """Return what the language cannot read of the parts that speak it."""
    return [
        Misspelt(
            name,
            f"{problem.message} (line {problem.line}, column {problem.column})",
            "invalid_syntax",
            problem.line,
            problem.column,
        )
        for name, form in SPEAKING.items()
        for problem in check(values.get(name, ""), form)
    ]
