"""What comes along about a contact: which of it is kept, removed or only passed on."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from django.db import IntegrityError

from contacts.models import DATA_CONSTRAINT, MAX_DATA_LENGTH
from plunk.api.errors import invalid
from plunk.api.fields import Fields

MAX_KEYS = 200
MAX_KEY_LENGTH = 128
MAX_BYTES = 64 * 1024

#: Names that the system fills in; supplied ones are ignored.
SYSTEM_NAMES = frozenset(
    {
        "id",
        "email",
        "plunk_id",
        "plunk_email",
        "unsubscribeUrl",
        "subscribeUrl",
        "manageUrl",
    }
)


@dataclass(slots=True)
class DataChange:
    """A change to a contact's data, and all values for the one occasion."""

    stored: dict[str, Any] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    #: Every value that came, kept or not: what this mail or event can use.
    values: dict[str, Any] = field(default_factory=dict)


def read_data(fields: Fields, name: str = "data") -> DataChange:
    """Read the `data` object of a request.

    `null` removes a key, an empty string is ignored, `{value, persistent: false}` is
    for this occasion only, everything else is kept as it is.
    """
    change = DataChange()
    given = fields.mapping(name)
    if given is None or not _is_in_bounds(fields, name, given):
        return change
    for spelling, value in given.items():
        # One field, whichever way a client's keyboard composes its accents.
        key = unicodedata.normalize("NFC", spelling)
        if key in SYSTEM_NAMES:
            continue
        if key == "locale" and value is not None and not isinstance(value, str):
            fields.wrong_type(f"{name}.locale", "string", value)
            continue
        if _is_wrapped(value) and not isinstance(
            value.get("persistent", True), bool | None
        ):
            fields.wrong_type(
                f"{name}.{key}.persistent", "boolean", value["persistent"]
            )
            continue
        _sort_in(change, key, value)
    return change


@contextmanager
def data_that_fits() -> Iterator[None]:
    """Turn the database's refusal of a contact that has grown too large into Invalid.

    Goes around the transaction that writes, so that nothing of it stays.
    """
    try:
        yield
    except IntegrityError as error:
        # The first line only: the next one quotes what was to be written.
        if DATA_CONSTRAINT not in str(error).partition("\n")[0]:
            raise
        raise invalid(
            "data",
            f"With this, the contact has more than {MAX_DATA_LENGTH // 1024} KiB of "
            "data; remove keys by setting them to null.",
            "too_big",
        ) from None


def _is_in_bounds(fields: Fields, name: str, given: dict[str, Any]) -> bool:
    if len(given) > MAX_KEYS:
        fields.fail(name, f"Has more than {MAX_KEYS} keys.", "too_big")
        return False
    for key in given:
        if len(key) > MAX_KEY_LENGTH:
            fields.fail(
                f"{name}.{key[:40]}…",
                f"A key has more than {MAX_KEY_LENGTH} characters.",
                "too_big",
            )
            return False
    if len(orjson.dumps(given)) > MAX_BYTES:
        fields.fail(name, f"Has more than {MAX_BYTES // 1024} KiB.", "too_big")
        return False
    return True


def _is_wrapped(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and "value" in value
        and value.keys() <= {"value", "persistent"}
    )


def _sort_in(change: DataChange, key: str, value: Any) -> None:
    is_wrapped = _is_wrapped(value)
    is_kept = not (is_wrapped and value.get("persistent") is False)
    if is_wrapped:
        value = value["value"]
    if value is None:
        if is_kept:
            change.removed.append(key)
    elif value != "":
        change.values[key] = value
        if is_kept:
            change.stored[key] = value
