"""What the address of the contact list asks for: filters, an order and columns.

The list, its total, an export, a saved view and "all that match" read the same query
string, so that they are about the same contacts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import QuerySet, TextChoices
from django.http import QueryDict

from contacts.bulk import Selection
from contacts.data import MAX_KEY_LENGTH
from contacts.models import Contact, Door
from contacts.standing import Standing
from plunk.api.errors import Invalid
from plunk.pages.paging import ByText, ByTime, Order

MAX_COLUMNS = 8
#: Of the text that is searched for and of the value that a key is compared with.
_MAX_TEXT = 254
#: The name of the address's text in the query string, as on every list.
SEARCH = "q"

_WORDS = {"true": True, "yes": True, "false": False, "no": False}
#: As many digits as a number in a filter may have.
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?", re.ASCII)

C = TypeVar("C", bound=TextChoices)


class State(TextChoices):
    """Where a contact stands."""

    SUBSCRIBED = "subscribed", "Subscribed"
    UNSUBSCRIBED = "unsubscribed", "Not subscribed"
    PENDING = "pending", "Waiting for confirmation"
    SNOOZED = "snoozed", "Snoozed"
    SUPPRESSED = "suppressed", "Suppressed"


class Sort(TextChoices):
    NEWEST = "newest", "Newest first"
    OLDEST = "oldest", "Oldest first"
    CHANGED = "changed", "Last changed first"
    ADDRESS = "address", "Address A to Z"
    ADDRESS_DOWN = "address-down", "Address Z to A"


#: Each is kept by an index of the contacts.
ORDERS: Mapping[Sort, Order] = {
    Sort.NEWEST: ByTime(),
    Sort.OLDEST: ByTime(is_descending=False),
    Sort.CHANGED: ByTime("updated_at"),
    Sort.ADDRESS: ByText("email"),
    Sort.ADDRESS_DOWN: ByText("email", is_descending=True),
}


#: The states that the filter language has no word for.
_STANDINGS: Mapping[State | None, Standing] = {
    State.PENDING: Standing.PENDING,
    State.SNOOZED: Standing.SNOOZED,
}


@dataclass(frozen=True, slots=True)
class Question:
    """What the list shows; what is empty does not narrow it."""

    text: str = ""
    state: State | None = None
    segment_id: UUID | None = None
    topic_id: UUID | None = None
    door: Door | None = None
    import_id: UUID | None = None
    key: str = ""
    value: str = ""
    sort: Sort = Sort.NEWEST
    columns: tuple[str, ...] = ()

    @classmethod
    def read(cls, query: QueryDict) -> Question:
        """Read a query string; whatever makes no sense in it does not count."""
        key = _text(query, "data", MAX_KEY_LENGTH)
        return cls(
            # Not cut: a text longer than any address finds nothing.
            text=query.get(SEARCH, "").strip(),
            state=_choice(State, query.get("state", "")),
            segment_id=_id(query.get("segment", "")),
            topic_id=_id(query.get("topic", "")),
            door=_choice(Door, query.get("door", "").upper()),
            import_id=_id(query.get("import", "")),
            key=key,
            value=_text(query, "value", _MAX_TEXT) if key else "",
            sort=_choice(Sort, query.get("sort", "")) or Sort.NEWEST,
            columns=_columns(query.getlist("col")),
        )

    @property
    def order(self) -> Order:
        return ORDERS[self.sort]

    @property
    def is_narrow(self) -> bool:
        """Say whether it leaves anybody out."""
        return bool(self.filters())

    def filters(self) -> list[tuple[str, str]]:
        """Return what narrows the list, as members of the query string."""
        members: list[tuple[str, Any]] = [
            (SEARCH, self.text[: _MAX_TEXT + 1]),
            ("state", self.state),
            ("segment", self.segment_id),
            ("topic", self.topic_id),
            ("door", self.door.lower() if self.door else ""),
            ("import", self.import_id),
        ]
        if self.key and self.value:
            members += [("data", self.key), ("value", self.value)]
        return [(name, str(value)) for name, value in members if value]

    def members(self) -> list[tuple[str, str]]:
        """Return all of it as members of the query string, without what is usual."""
        members = self.filters()
        if self.sort != Sort.NEWEST:
            members.append(("sort", self.sort))
        return members + [("col", column) for column in self.columns]

    def query(self) -> str:
        """Return it as a query string."""
        return urlencode(self.members())

    def without(self, *names: str) -> Question:
        """Return it with the usual in place of what these fields say."""
        usual = Question()
        return replace(self, **{name: getattr(usual, name) for name in names})

    def rows(self, project_id: UUID) -> QuerySet[Contact]:
        """Return the contacts that it is about, in no order.

        None, where it names a segment or a topic that the project does not have.
        """
        try:
            return self.selection().found(project_id)
        except Invalid:
            return Contact.objects.none()

    def selection(self) -> Selection:
        """Return it for a job that does something to all whom it is about."""
        return Selection.of_query(
            search=self.text,
            condition=self.condition(),
            standing=_STANDINGS.get(self.state),
            import_id=self.import_id,
        )

    def condition(self) -> dict[str, Any] | None:
        """Return it as a filter tree, as JSON has it, as far as one can say it."""
        group: dict[str, Any] = {"filters": list(self._filters())}
        if self.key and self.value:
            group["conditions"] = _has_value(self.key, self.value)
        elif not group["filters"]:
            return None
        return {"logic": "AND", "groups": [group]}

    def _filters(self) -> Iterator[dict[str, Any]]:
        if self.state in (State.SUBSCRIBED, State.UNSUBSCRIBED):
            yield _equals("subscribed", self.state == State.SUBSCRIBED)
        if self.state == State.SUPPRESSED:
            yield _equals("suppressed", True)  # noqa: FBT003 - the value
        if self.door:
            yield _equals("consentSource", self.door)
        if self.segment_id:
            yield {"field": f"segment.{self.segment_id}", "operator": "memberOfSegment"}
        if self.topic_id:
            yield {"field": f"topic.{self.topic_id}", "operator": "joined"}


def _equals(field: str, value: object) -> dict[str, Any]:
    return {"field": field, "operator": "equals", "value": value}


def _has_value(key: str, text: str) -> dict[str, Any]:
    """Compare with a text as it was typed, and with what else it may stand for."""
    values = [text, *_other_readings(text)]
    groups = [{"filters": [_equals(f"data.{key}", value)]} for value in values]
    return {"logic": "OR", "groups": groups}


def _other_readings(text: str) -> list[Any]:
    """Return the number or the yes or no that a text stands for."""
    if text.lower() in _WORDS:
        return [_WORDS[text.lower()]]
    if not _NUMBER.fullmatch(text):
        return []
    number = float(text)
    return [int(number) if number.is_integer() else number]


def _text(query: QueryDict, name: str, limit: int) -> str:
    text = query.get(name, "").strip()
    return text if len(text) <= limit and "\x00" not in text else ""


def _choice(choices: type[C], value: str) -> C | None:
    return choices(value) if value in choices.values else None


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _columns(names: list[str]) -> tuple[str, ...]:
    sensible = [
        name
        for name in dict.fromkeys(names)
        if 0 < len(name) <= MAX_KEY_LENGTH and "\x00" not in name
    ]
    return tuple(sensible[:MAX_COLUMNS])
