"""Reading typed values out of a JSON object, collecting everything that is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any, TypeVar
from uuid import UUID

from plunk.api.errors import FieldError, Invalid
from plunk.api.strictjson import type_name
from plunk.ids import read_id

T = TypeVar("T")

#: Everything that some mail program takes for the end of a line, and other controls.
_CONTROL = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029]")


class Fields:
    """A reader of one JSON object.

    Each method returns the value of a field or None (an explicit null counts as
    absent); what is wrong is collected, and `finish` raises it all at once.
    """

    def __init__(self, body: dict[str, Any]) -> None:
        self.body = body
        self.errors: list[FieldError] = []

    def fail(self, field: str, message: str, code: str) -> None:
        self.errors.append(FieldError(field, message, code))

    def finish(self) -> None:
        """Raise Invalid if anything was wrong."""
        if self.errors:
            raise Invalid(self.errors)

    def value(self, *names: str) -> Any:
        """Return the first of several spellings that is given and not null."""
        for name in names:
            value = self.body.get(name)
            if value is not None:
                return value
        return None

    def require(self, name: str, value: Any) -> None:
        if value is None and not any(
            error.field == name or error.field.startswith(f"{name}.")
            for error in self.errors
        ):
            self.fail(name, "Is required.", "required")

    def wrong_type(self, field: str, expected: str, value: Any) -> None:
        self.fail(
            field, f"Expected {expected}, got {type_name[type(value)]}.", "invalid_type"
        )

    def text(
        self,
        name: str,
        *,
        maximum: int,
        single_line: bool = True,
        blank: bool = True,
        value: Any = ...,
    ) -> str | None:
        """Return a string of at most `maximum` characters; one line unless told."""
        if value is ...:
            value = self.value(name)
        if value is None:
            return None
        if not isinstance(value, str):
            self.wrong_type(name, "string", value)
        elif single_line and _CONTROL.search(value):
            self.fail(
                name,
                "Must not hold line breaks or control characters.",
                "invalid_string",
            )
        elif len(value) > maximum:
            self.fail(name, f"Has more than {maximum} characters.", "too_big")
        elif not blank and not value.strip():
            self.fail(name, "Must not be blank.", "too_small")
        else:
            return value
        return None

    def boolean(self, name: str) -> bool | None:
        value = self.value(name)
        if value is None or isinstance(value, bool):
            return value
        self.wrong_type(name, "boolean", value)
        return None

    def mapping(self, name: str) -> dict[str, Any] | None:
        value = self.value(name)
        if value is None or isinstance(value, dict):
            return value
        self.wrong_type(name, "object", value)
        return None

    def choice(self, name: str, choices: Collection[str]) -> str | None:
        """Return one of some words, as `choices` writes it, however it was written."""
        value = self.value(name)
        if value is None:
            return None
        if not isinstance(value, str):
            self.wrong_type(name, "string", value)
            return None
        for choice in choices:
            if choice.lower() == value.lower():
                return choice
        self.fail(name, f"Expected one of: {', '.join(choices)}.", "invalid_enum_value")
        return None

    def items(self, name: str, *, maximum: int) -> list[Any] | None:
        """Return a list of 1 to `maximum` things of any type."""
        value = self.value(name)
        if value is None:
            return None
        if not isinstance(value, list):
            self.wrong_type(name, "array", value)
        elif not 1 <= len(value) <= maximum:
            code = "too_big" if value else "too_small"
            self.fail(name, f"Expected 1 to {maximum:,} items.", code)
        else:
            return value
        return None

    def ids(self, name: str, *, maximum: int) -> list[UUID] | None:
        """Return a list of 1 to `maximum` ids."""
        given = self.items(name, maximum=maximum)
        if given is None:
            return None
        found = []
        for number, item in enumerate(given):
            pk = read_id(item) if isinstance(item, str) else None
            if pk is None:
                self.fail(f"{name}.{number}", "Expected a UUID.", "invalid_string")
            else:
                found.append(pk)
        return found

    def convert(self, name: str, value: Any, converter: Callable[[str], T]) -> T | None:
        """Return `converter(value)`, its ValueError being what is wrong with the field.

        The error's `code` attribute, where it has one, becomes the field's code.
        """
        if not isinstance(value, str):
            self.wrong_type(name, "string", value)
            return None
        try:
            return converter(value)
        except ValueError as error:
            self.fail(name, str(error), getattr(error, "code", "invalid_string"))
            return None
