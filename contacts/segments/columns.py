"""What the filter language says about a contact's own row."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q

from contacts.addresses import AddressError, normalise
from contacts.data import MAX_KEY_LENGTH
from contacts.fields_of_data import fields as known_fields
from contacts.models import Contact, Door
from contacts.segments.compiling import Part, Plain
from contacts.segments.jsontests import Test, ValueAt
from contacts.segments.scopes import Scope, cutoff
from contacts.segments.tree import Filter, day_of, read_moment
from contacts.segments.vocabulary import Kind, Name, Operator, Option, Relation
from contacts.segments.wording import COMPARED, clock, lately, length, spoken
from plunk.pages.paging import first_spelling, last_spelling

MAX_PATH = 32


class Column(Relation):
    """A column of the contact, under the name it has in the API."""

    def __init__(self, name: str, kind: Kind, label: str, column: str) -> None:
        self.name = name
        self.kind = kind
        self.label = label
        self.column = column

    def changed(self, filter_: Filter, scope: Scope, since: datetime) -> list[Part]:
        # Every change of a contact's row shows in `updated_at`, where all begin.
        return []

    def found(self, filter_: Filter, scope: Scope, contact: Contact) -> str:
        value = getattr(contact, self.column)
        return f"It is {spoken(value)}." if value else "It is empty."


class Address(Column):
    def phrase(self, filter_: Filter, name: str) -> str:
        return f"whose address {COMPARED[filter_.operator]} {spoken(filter_.value)}"

    def part(self, filter_: Filter, scope: Scope) -> Part:
        text = str(filter_.value)
        if filter_.operator in {Operator.EQUALS, Operator.NOT_EQUALS}:
            condition = Q(email=_as_stored(text))
        else:
            condition = Q(email__contains=text.lower())
        is_negated = filter_.operator in {Operator.NOT_EQUALS, Operator.NOT_CONTAINS}
        return Plain(~condition if is_negated else condition)


def _as_stored(text: str) -> str:
    try:
        return normalise(text)
    except AddressError:
        return text.strip().lower()


class Flag(Column):
    def phrase(self, filter_: Filter, name: str) -> str:
        wanted = filter_.value is (filter_.operator is Operator.EQUALS)
        return "who are subscribed" if wanted else "who are not subscribed"

    def found(self, filter_: Filter, scope: Scope, contact: Contact) -> str:
        is_so = getattr(contact, self.column)
        return "Is subscribed." if is_so else "Is not subscribed."

    def part(self, filter_: Filter, scope: Scope) -> Part:
        wanted = filter_.value is (filter_.operator is Operator.EQUALS)
        return Plain(Q(**{self.column: wanted}))


class ConsentSource(Column):
    options = tuple(Option(door.value, door.label) for door in Door)

    def phrase(self, filter_: Filter, name: str) -> str:
        word = "came" if filter_.operator is Operator.EQUALS else "did not come"
        return f"whose consent {word} by {spoken(Door(str(filter_.value)).label)}"

    def found(self, filter_: Filter, scope: Scope, contact: Contact) -> str:
        source = contact.consent_source
        if source not in Door.values:
            return "It is not known where it came from."
        return f"It came by {spoken(Door(source).label)}."

    def part(self, filter_: Filter, scope: Scope) -> Part:
        condition = Q(consent_source=filter_.value)
        return Plain(condition if filter_.operator is Operator.EQUALS else ~condition)


class Moment(Column):
    """A time, compared with a moment; with a whole day where it is asked to be equal.

    SQLite keeps one moment in several spellings: see `plunk.pages.paging`.
    """

    def __init__(
        self, name: str, kind: Kind, label: str, column: str, did: str, did_not: str
    ) -> None:
        super().__init__(name, kind, label, column)
        #: How it is said of contacts, and denied: “were added”.
        self.did = did
        self.did_not = did_not

    def phrase(self, filter_: Filter, name: str) -> str:
        match filter_.operator:
            case Operator.EXISTS:
                return f"who {self.did}"
            case Operator.NOT_EXISTS:
                return f"who {self.did_not}"
            case Operator.WITHIN:
                return f"who {self.did} {lately(filter_)}"
            case Operator.OLDER:
                return f"who {self.did} more than {length(filter_)} ago"
            case operator:
                return f"who {self.did} {_on(operator, str(filter_.value))}"

    def found(self, filter_: Filter, scope: Scope, contact: Contact) -> str:
        at = getattr(contact, self.column)
        return f"That was on {clock(at)}." if at else "That has not happened."

    def part(self, filter_: Filter, scope: Scope) -> Part:
        operator = filter_.operator
        if operator in {Operator.EXISTS, Operator.NOT_EXISTS}:
            is_empty = operator is Operator.NOT_EXISTS
            return Plain(Q(**{f"{self.column}__isnull": is_empty}))
        if operator is Operator.WITHIN:
            begin = Q(self._from(cutoff(filter_, scope)))
            return Plain(begin & self._until(scope.now))
        if operator is Operator.OLDER:
            return Plain(self._before(cutoff(filter_, scope)))
        return Plain(self._compared(operator, str(filter_.value)))

    def _compared(self, operator: Operator, text: str) -> Q:
        moment, day = read_moment(text), day_of(text)
        next_day = day + timedelta(days=1)
        match operator:
            case Operator.EQUALS:
                return self._from(day) & self._before(next_day)
            case Operator.NOT_EQUALS:
                return self._before(day) | self._from(next_day)
            case Operator.GREATER:
                return self._after(moment)
            case Operator.AT_LEAST:
                return self._from(moment)
            case Operator.LESS:
                return self._before(moment)
            case _:
                return self._until(moment)

    def _from(self, at: datetime) -> Q:
        return Q(**{f"{self.column}__gte": first_spelling(at)})

    def _before(self, at: datetime) -> Q:
        return Q(**{f"{self.column}__lt": first_spelling(at)})

    def _after(self, at: datetime) -> Q:
        return Q(**{f"{self.column}__gt": last_spelling(at)})

    def _until(self, at: datetime) -> Q:
        return Q(**{f"{self.column}__lte": last_spelling(at)})

    def changed(self, filter_: Filter, scope: Scope, since: datetime) -> list[Part]:
        """Return those whom the edge of the window went over, and whom now reached."""
        window = filter_.window
        if window is None:
            return []
        edge = self._from(since - window) & self._until(scope.now - window)
        if filter_.operator is Operator.OLDER:
            return [Plain(edge)]
        return [Plain(edge), Plain(self._from(since) & self._until(scope.now))]


class Data(Relation):
    """The contact's data; the path's dots lead into nested objects."""

    name = "data."
    kind = Kind.DATA
    label = "Data"
    is_open = True

    def read(self, rest: str) -> str:
        keys = unicodedata.normalize("NFC", rest).split(".")
        if not all(keys):
            raise ValueError("Names no key, or an empty one between two dots.")
        if len(keys) > MAX_PATH:
            raise ValueError(f"Has more than {MAX_PATH} keys, one within the other.")
        if max(map(len, keys)) > MAX_KEY_LENGTH:
            raise ValueError(f"A key has more than {MAX_KEY_LENGTH} characters.")
        return ".".join(keys)

    def offered(self, project_id: UUID) -> list[Name]:
        return [
            Name(fact.name, fact.name, fact.type) for fact in known_fields(project_id)
        ]

    def phrase(self, filter_: Filter, name: str) -> str:
        key, value = spoken(filter_.rest), spoken(filter_.value)
        match filter_.operator:
            case Operator.EXISTS:
                return f"whose {key} is known"
            case Operator.NOT_EXISTS:
                return f"whose {key} is not known"
            case Operator.WITHIN:
                return f"whose {key} is a date {lately(filter_)}"
            case Operator.OLDER:
                return f"whose {key} is a date more than {length(filter_)} ago"
            case operator if isinstance(filter_.value, str):
                return f"whose {key} {COMPARED[operator]} {value}"
            case operator:
                return (
                    f"whose {key} {_COUNTED.get(operator, COMPARED[operator])} {value}"
                )

    def found(self, filter_: Filter, scope: Scope, contact: Contact) -> str:
        value: Any = contact.data
        for key in filter_.rest.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        return "It is not known." if value is None else f"It is {spoken(value)}."

    def part(self, filter_: Filter, scope: Scope) -> Part:
        path = filter_.rest.split(".")
        operator, value = filter_.operator, filter_.value
        if operator is Operator.WITHIN:
            begin, end = iso(cutoff(filter_, scope)), iso(scope.now)
            return Plain(
                Q(ValueAt(path, Test.AT_LEAST, begin))
                & Q(ValueAt(path, Test.AT_MOST, end))
            )
        if operator is Operator.OLDER:
            return Plain(ValueAt(path, Test.LESS, iso(cutoff(filter_, scope))))
        return Plain(ValueAt(path, Test(operator), value))

    def changed(self, filter_: Filter, scope: Scope, since: datetime) -> list[Part]:
        window = filter_.window
        if window is None:
            return []
        path = filter_.rest.split(".")
        return [
            Plain(
                Q(ValueAt(path, Test.AT_LEAST, iso(begin)))
                & Q(ValueAt(path, Test.AT_MOST, iso(end)))
            )
            for begin, end in ((since - window, scope.now - window), (since, scope.now))
        ]


def iso(at: datetime) -> str:
    """Return a moment the way JavaScript writes it, with which data is compared."""
    text = at.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"


_ON = {
    Operator.EQUALS: "on",
    Operator.NOT_EQUALS: "on another day than",
    Operator.GREATER: "after",
    Operator.LESS: "before",
    Operator.AT_LEAST: "on or after",
    Operator.AT_MOST: "on or before",
}
#: Of a date these mean its first moment: who came on that day came after it.
_OF_MOMENT = {
    Operator.GREATER: "after the beginning of",
    Operator.AT_MOST: "no later than the beginning of",
}


def _on(operator: Operator, text: str) -> str:
    """Say when, in the words that fit a whole day, a moment or the start of a day."""
    if operator in (Operator.EQUALS, Operator.NOT_EQUALS):
        return f"{_ON[operator]} {text[:10]}"
    words = _OF_MOMENT if len(text) == 10 else _ON
    return f"{words.get(operator, _ON[operator])} {text}"


_COUNTED = {
    Operator.GREATER: "is more than",
    Operator.LESS: "is less than",
    Operator.AT_LEAST: "is at least",
    Operator.AT_MOST: "is at most",
}

COLUMNS: tuple[Relation, ...] = (
    Address("email", Kind.ADDRESS, "E-mail address", "email"),
    Flag("subscribed", Kind.BOOLEAN, "Subscribed", "subscribed"),
    Moment(
        *("createdAt", Kind.MOMENT, "Added", "created_at"),
        *("were added", "were not added"),
    ),
    Moment(
        *("updatedAt", Kind.MOMENT, "Changed", "updated_at"),
        *("were changed", "were not changed"),
    ),
    Moment(
        *("consentAt", Kind.OPTIONAL_MOMENT, "Consent given or taken", "consent_at"),
        *("gave or took back their consent", "neither gave nor took back consent"),
    ),
    Moment(
        *("confirmedAt", Kind.OPTIONAL_MOMENT, "Confirmed", "confirmed_at"),
        *("confirmed their address", "did not confirm their address"),
    ),
    ConsentSource("consentSource", Kind.CHOICE, "Consent came by", "consent_source"),
    Data(),
)
