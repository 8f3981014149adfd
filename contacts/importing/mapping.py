"""What becomes of each column of a file, and of the people in it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from contacts.data import MAX_KEY_LENGTH, MAX_KEYS, SYSTEM_NAMES
from contacts.importing import cells
from contacts.importing.cells import CellType
from contacts.suppressions import MAX_REASON

#: Headers, in lower case and without marks between words, that name the two columns.
_EMAIL_HEADERS = frozenset(
    {
        *("email", "emailaddress", "mail", "emails", "contactemail", "useremail"),
        *("emailadresse", "adressemail", "courriel", "correo", "epost"),
    }
)
_SUBSCRIBED_HEADERS = frozenset({"subscribed", "issubscribed"})
#: What a file of rejected rows says about each, which is nothing about the person.
OWN_HEADERS = ("import_row", "import_problem")


class Target(StrEnum):
    EMAIL = "email"
    SUBSCRIBED = "subscribed"
    DATA = "data"
    IGNORE = "ignore"


class MappingError(ValueError):
    """Why columns or options are not accepted; `field` names the one."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Column:
    """What becomes of one column; `key` and `type` count for DATA only."""

    target: Target = Target.IGNORE
    key: str = ""
    type: CellType = CellType.TEXT

    @classmethod
    def read(cls, stored: dict[str, Any]) -> Column:
        """Read back what `as_dict` gave."""
        return cls(
            Target(stored["target"]), str(stored["key"]), CellType(stored["type"])
        )

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Options:
    """How an import treats people.

    Whoever unsubscribed stays so and whoever is suppressed too, unless it is asked for
    with a reason, which goes to the consent ledger.
    """

    #: Whether new contacts are subscribed where no cell says.
    subscribe_new: bool = True
    resubscribe: bool = False
    release_suppressed: bool = False
    reason: str = ""
    #: With double opt-in: that they confirmed elsewhere and need not be asked.
    is_confirmed: bool = False

    @classmethod
    def read(cls, stored: dict[str, Any]) -> Options:
        return cls(**{name: stored[name] for name in stored if name in cls.__slots__})

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def check_columns(columns: Sequence[Column], *, width: int) -> list[Column]:
    """Return the columns with their keys as they are stored; raise MappingError."""
    if len(columns) != width:
        raise MappingError("columns", f"Expected {width} columns, got {len(columns)}.")
    checked = [
        _check_key(number, column) if column.target is Target.DATA else column
        for number, column in enumerate(columns)
    ]
    emails = [column for column in checked if column.target is Target.EMAIL]
    if len(emails) != 1:
        raise MappingError("columns", "Choose the one column that holds the address.")
    if sum(column.target is Target.SUBSCRIBED for column in checked) > 1:
        raise MappingError("columns", "Only one column can say who is subscribed.")
    keys: dict[str, int] = {}
    for number, column in enumerate(checked):
        if (
            column.target is Target.DATA
            and keys.setdefault(column.key, number) < number
        ):
            raise MappingError(
                f"columns.{number}.key", f"Two columns go to “{column.key}”."
            )
    if len(keys) > MAX_KEYS:
        raise MappingError("columns", f"More than {MAX_KEYS} columns are data.")
    return checked


def check_options(options: Options) -> Options:
    """Return the options with a trimmed reason; raise MappingError without one."""
    reason = " ".join(options.reason.replace("\x00", "").split())
    if (options.resubscribe or options.release_suppressed) and not reason:
        raise MappingError(
            "reason", "Say why these people may be written to again; it is kept."
        )
    if len(reason) > MAX_REASON:
        raise MappingError("reason", f"Has more than {MAX_REASON} characters.")
    return Options(**{**options.as_dict(), "reason": reason})


def guess_columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Column]:
    """Say what the columns most likely are, from their names and first rows."""
    email = _column_of_email(header, rows)
    columns, taken = [], set[str]()
    for number, name in enumerate(header):
        key = key_of(name)
        if number == email:
            columns.append(Column(Target.EMAIL))
        elif _bare(name) in _SUBSCRIBED_HEADERS and "?" not in taken:
            columns.append(Column(Target.SUBSCRIBED))
            taken.add("?")
        elif key in taken or name in OWN_HEADERS or not is_possible_key(key):
            columns.append(Column(Target.IGNORE))
        else:
            taken.add(key)
            found = [row[number] for row in rows if number < len(row)]
            kind = CellType.TEXT if key == "locale" else cells.guess(found)
            columns.append(Column(Target.DATA, key, kind))
    return columns


def key_of(header: str) -> str:
    """Return the key that a header names: as it reads, spaces cut, composed (NFC)."""
    return unicodedata.normalize("NFC", cells.as_text(header or " ")).strip()


def is_possible_key(key: str) -> bool:
    is_name = bool(key) and len(key) <= MAX_KEY_LENGTH and key.isprintable()
    return is_name and key not in SYSTEM_NAMES


def _check_key(number: int, column: Column) -> Column:
    key = key_of(column.key)
    field = f"columns.{number}.key"
    if not key:
        raise MappingError(field, "Name the field that this column goes to.")
    if len(key) > MAX_KEY_LENGTH:
        raise MappingError(field, f"Has more than {MAX_KEY_LENGTH} characters.")
    if key in SYSTEM_NAMES:
        raise MappingError(field, f"“{key}” is filled in by the system.")
    if not key.isprintable():
        raise MappingError(field, "Must not hold control characters.")
    if key == "locale" and column.type is not CellType.TEXT:
        raise MappingError(field, "“locale” is text.")
    return Column(Target.DATA, key, column.type)


def _column_of_email(
    header: Sequence[str], rows: Sequence[Sequence[str]]
) -> int | None:
    named = [i for i, name in enumerate(header) if _bare(name) in _EMAIL_HEADERS]
    if named:
        return min(named, key=lambda number: _bare(header[number]) != "email")
    counts = [
        sum(number < len(row) and "@" in row[number] for row in rows)
        for number in range(len(header))
    ]
    best = max(range(len(header)), key=lambda number: counts[number], default=None)
    # More than half of the rows, so that a column of notes is not taken for it.
    is_likely = best is not None and counts[best] * 2 > len(rows) > 0
    return best if is_likely else None


def _bare(name: str) -> str:
    return re.sub(r"[\s_.\-]", "", name.lower())
