"""A contact's data as rows of a form: a name, a type and a value each.

A row remembers what it showed. Only rows that were changed are written, and a key that
somebody else changed since is not overwritten unasked.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Any

from django.db.models import TextChoices
from django.http import QueryDict

from contacts.data import MAX_KEY_LENGTH, MAX_KEYS, SYSTEM_NAMES, DataChange
from contacts.pages.people import written
from plunk.api.errors import ApiError, Invalid
from plunk.api.strictjson import read_object

_NUMBER = re.compile(r"[+-]?\d{1,18}(\.\d{1,18})?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}[^\s]{0,20}", re.ASCII)
_WORDS = {"yes": True, "true": True, "no": False, "false": False}


class Type(TextChoices):
    TEXT = "text", "Text"
    NUMBER = "number", "Number"
    YES_NO = "boolean", "Yes or no"
    DATE = "date", "Date"
    LIST = "list", "List"
    JSON = "json", "JSON"


@dataclass(slots=True)
class Row:
    """A row of the editor, as it was shown or as it was sent."""

    name: str = ""
    type: Type = Type.TEXT
    text: str = ""
    #: The fingerprint of the name and value that were shown; empty for a new row.
    before: str = ""
    error: str = ""

    @property
    def is_blank(self) -> bool:
        return not (self.name or self.text.strip())

    @property
    def is_day(self) -> bool:
        """Say whether the browser's own field for dates can hold the text."""
        return not self.text or bool(_DAY.fullmatch(self.text))

    @property
    def lines(self) -> int:
        """Return how many lines the field for the text should have."""
        return min(12, max(1, self.text.count("\n") + 1))


class Refused(ValueError):
    """Why a text is no value of its type, for whoever typed it."""


def rows_of(data: Any) -> list[Row]:
    """Return the rows that show a contact's data, by name."""
    if not isinstance(data, dict):
        return []
    return [_row(name, data[name]) for name in sorted(data, key=str.lower)]


def read_rows(post: QueryDict) -> list[Row]:
    """Return the rows of a form as they were sent, but for blank ones."""
    shown = frozenset(post.getlist("shown"))
    sent = zip_longest(
        *(post.getlist(name) for name in ("name", "type", "value", "before")),
        fillvalue="",
    )
    rows = [
        Row(
            name=name if name in shown else _tidy(name),
            type=Type(kind) if kind in Type.values else Type.TEXT,
            text=text.replace("\r\n", "\n"),
            before=before,
        )
        for name, kind, text, before in sent
    ]
    return [row for row in rows if not row.is_blank]


def _tidy(name: str) -> str:
    """Return one spelling, whichever way a keyboard composes its accents."""
    return unicodedata.normalize("NFC", name.strip())


def change_of(rows: Sequence[Row], *, shown: Sequence[str], data: Any) -> DataChange:
    """Return what the rows change of a contact's data; notes what is wrong in them.

    `shown` are the keys that the form had: those without a row any more are removed.
    `data` is what the contact has now. Rows with an error change nothing.
    """
    now: Mapping[str, Any] = data if isinstance(data, dict) else {}
    change = DataChange()
    names = {row.name for row in rows}
    if len(names) > MAX_KEYS:
        rows[MAX_KEYS].error = f"There can be no more than {MAX_KEYS} keys."
    seen: set[str] = set()
    for row in rows:
        _read_row(row, change, seen, now)
    change.removed = [name for name in shown if name in now and name not in names]
    return change


def is_fine(rows: Sequence[Row]) -> bool:
    return not any(row.error for row in rows)


def _row(name: str, value: Any) -> Row:
    kind = _type_of(value)
    return Row(name, kind, _text_of(kind, value), fingerprint(name, value))


def fingerprint(name: str, value: Any) -> str:
    """Return a short text that another name or value does not have."""
    # Not as JSON, in which true is 1 to nobody but Python.
    return hashlib.sha256(repr((name, value)).encode()).hexdigest()[:20]


def _type_of(value: Any) -> Type:
    if isinstance(value, bool):
        return Type.YES_NO
    if isinstance(value, int | float):
        return Type.NUMBER if _NUMBER.fullmatch(str(value)) else Type.JSON
    if isinstance(value, str):
        return Type.DATE if _is_date(value) else Type.TEXT
    if isinstance(value, list) and value and all(map(_is_line, value)):
        return Type.LIST
    return Type.JSON


def _is_line(value: Any) -> bool:
    return isinstance(value, str) and value == value.strip() != "" and "\n" not in value


def _text_of(kind: Type, value: Any) -> str:
    if kind == Type.LIST:
        return "\n".join(value)
    if kind != Type.JSON:
        return written(value)
    # Not orjson, which refuses integers that the database keeps.
    return json.dumps(value, ensure_ascii=False, indent=2)


def _read_row(
    row: Row, change: DataChange, seen: set[str], now: Mapping[str, Any]
) -> None:
    row.error = row.error or _fault_of_name(row.name, seen)
    seen.add(row.name)
    if row.error or _is_untouched(row, now):
        return
    try:
        value = _value(row)
    except Refused as refusal:
        row.error = str(refusal)
        return
    sent = fingerprint(row.name, value)
    current = fingerprint(row.name, now[row.name]) if row.name in now else ""
    if sent in (row.before, current):
        return
    if row.before and current and current != row.before:
        row.before = current
        row.error = (
            f"Somebody changed this meanwhile, to “{written(now[row.name])[:80]}”. "
            "Save again to put yours in its place."
        )
        return
    change.stored[row.name] = change.values[row.name] = value


def _is_untouched(row: Row, now: Mapping[str, Any]) -> bool:
    """Say whether a row is as it would be shown, which need not be what we accept."""
    if row.name not in now:
        return False
    shown = _row(row.name, now[row.name])
    return (row.type, row.text) == (shown.type, shown.text.replace("\r\n", "\n"))


def _fault_of_name(name: str, seen: set[str]) -> str:
    if not name:
        return "Give it a name, or remove the row."
    if len(name) > MAX_KEY_LENGTH:
        return f"A name has at most {MAX_KEY_LENGTH} characters."
    if "\x00" in name:
        return "A name cannot hold the character NUL."
    if name in SYSTEM_NAMES:
        return f"“{name}” is filled in by the system; choose another name."
    if name in seen:
        return "There is a row of this name already."
    return ""


def _value(row: Row) -> Any:
    """Return what a row's text stands for; raises Refused."""
    if "\x00" in row.text:
        raise Refused("A value cannot hold the character NUL.")
    if row.type == Type.TEXT and row.text.strip():
        value: Any = row.text
    elif not row.text.strip():
        raise Refused("Write a value, or remove the row.")
    else:
        value = _READERS[row.type](row.text.strip())
    if row.name == "locale" and not isinstance(value, str):
        raise Refused("The language is a text, such as en or pt-BR.")
    return value


def _number(text: str) -> int | float:
    if not _NUMBER.fullmatch(text):
        raise Refused("Write a number, such as 12 or 3.5.")
    return float(text) if "." in text else int(text)


def _yes_no(text: str) -> bool:
    if text.lower() not in _WORDS:
        raise Refused("Write yes or no.")
    return _WORDS[text.lower()]


def _date(text: str) -> str:
    if not _is_date(text):
        raise Refused("Write a date such as 2026-03-31, or 2026-03-31T09:30:00Z.")
    return text


def _is_date(text: str) -> bool:
    if not (_DAY.fullmatch(text) or _MOMENT.fullmatch(text)):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _list(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


def _json(text: str) -> Any:
    try:
        value = read_object(b'{"value":' + text.encode() + b"}")
    except Invalid as error:
        raise Refused(error.errors[0].message) from None
    except ApiError as error:
        reason = error.message.replace("The body", "It")
        raise Refused(f"This JSON cannot be kept: {reason}") from None
    if value.keys() != {"value"}:
        raise Refused("Write one JSON value.")
    if value["value"] in (None, ""):
        raise Refused("This would remove the key: remove the row instead.")
    return value["value"]


_READERS: Mapping[Type, Callable[[str], Any]] = {
    Type.NUMBER: _number,
    Type.YES_NO: _yes_no,
    Type.DATE: _date,
    Type.LIST: _list,
    Type.JSON: _json,
}
