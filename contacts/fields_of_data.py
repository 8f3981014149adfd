"""What a project keeps about its contacts: names, types and values, from a sample.

Nobody declares fields: they are what the contacts' data holds. A sample of bounded size
stands for the table, half of it the newest contacts and half spread over all the time
there is; a small table is its own sample, and everything said about it is exact.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F, Func, IntegerField, QuerySet

from contacts.counting import count_contacts
from contacts.models import Contact, Segment
from plunk.pages.paging import Cursor, older
from plunk.postgresql import is_postgresql

#: Contacts in a sample, and into how many places its second half is spread.
SAMPLE = 2_000
_PLACES = 8
#: Bytes of data that a sample reads at most, as the database stores them, and contacts
#: whose data is in memory at once.
_MAX_READ = 8 * 1024 * 1024
_BATCH = 250
#: Longer texts are no choice to offer.
_MAX_VALUE = 200
_HIGHEST_ID = UUID(int=2**128 - 1)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?.{0,6}")

Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True)
class FieldFact:
    """A key of the contacts' data.

    `type` is `string`, `number`, `boolean`, `date`, `array` or `object`, whichever is
    the most frequent; `coverage` is the percentage of contacts that have the key.
    """

    name: str
    type: str
    coverage: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What would miss a key; `contacts` is an estimate in a large project."""

    segments: list[Segment]
    contacts: int


def fields(project_id: UUID) -> list[FieldFact]:
    """Return the keys of the contacts' data, by name."""
    types: dict[str, Counter[str]] = {}
    size = 0
    for data in sample(project_id):
        size += 1
        for name, value in data.items():
            types.setdefault(name, Counter())[type_of(value)] += 1
    return [
        FieldFact(name, seen.most_common(1)[0][0], _percentage(seen.total(), size))
        for name, seen in sorted(types.items())
    ]


def values(project_id: UUID, name: str, limit: int = 100) -> list[Scalar]:
    """Return values of one key, the most frequent first; elements where it has lists.

    `name` is a key, or a path of keys with dots between them.
    """
    seen: Counter[tuple[type, Scalar]] = Counter()
    for data in sample(project_id):
        for value in _scalars(_look_up(data, name)):
            # To Python, 1 and true are one key of a dictionary.
            seen[type(value), value] += 1
    common = sorted(seen.items(), key=lambda item: (-item[1], str(item[0][1])))
    return [value for (_, value), _ in common[:limit]]


def usage(project_id: UUID, name: str) -> Usage:
    """Return which segments ask for a key, and how many contacts have it."""
    size = having = 0
    for data in sample(project_id):
        size += 1
        having += name in data
    everybody = count_contacts(project_id) if size >= SAMPLE // 2 else size
    return Usage(
        segments=asking_for(project_id, f"data.{name}"),
        contacts=round(everybody * having / size) if size else 0,
    )


def asking_for(project_id: UUID, field: str) -> list[Segment]:
    """Return the segments whose condition names a field, or something inside of it."""
    segments = Segment.objects.filter(project_id=project_id, condition__isnull=False)
    return [
        segment
        for segment in segments.order_by("name", "pk")
        if _names(segment.condition, field)
    ]


def _percentage(part: int, whole: int) -> int:
    """Return a percentage that is 0 or 100 only where it is nothing or everything."""
    if part in (0, whole):
        return 100 * (part == whole)
    return min(99, max(1, round(100 * part / whole)))


def type_of(value: Any) -> str:
    """Return what kind of value it is, in the words of FieldFact."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "date" if _is_date(value) else "string"
    return "array" if isinstance(value, list) else "object"


def _is_date(text: str) -> bool:
    """Say whether a text is a date, or a date and time, of ISO 8601."""
    if not _DATE.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _look_up(data: dict[str, Any], name: str) -> Any:
    if name in data:
        return data[name]
    value: Any = data
    for key in name.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def _scalars(value: Any) -> Iterator[Scalar]:
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, bool | int | float) or (
            isinstance(one, str) and len(one) <= _MAX_VALUE
        ):
            yield one


def _names(condition: Any, field: str) -> bool:
    if isinstance(condition, list):
        return any(_names(part, field) for part in condition)
    if not isinstance(condition, dict):
        return False
    named = condition.get("field")
    if isinstance(named, str) and f"{named}.".startswith(f"{field}."):
        return True
    return any(_names(part, field) for part in condition.values())


def sample(project_id: UUID) -> Iterator[dict[str, Any]]:
    """Yield the data of the sampled contacts, an empty one where there is none."""
    rows = Contact.objects.filter(project_id=project_id)
    sizes = dict(_sizes(rows, SAMPLE // 2))
    if len(sizes) == SAMPLE // 2:
        for place in _places(rows):
            sizes |= _sizes(older(rows, place), SAMPLE // 2 // _PLACES)
    room, chosen = _MAX_READ, []
    for pk, size in sizes.items():
        if size > room:
            continue
        room -= size
        chosen.append(pk)
    for start in range(0, len(chosen), _BATCH):
        batch = rows.filter(pk__in=chosen[start : start + _BATCH])
        for data in batch.values_list("data", flat=True):
            yield data if isinstance(data, dict) else {}


def _sizes(rows: QuerySet[Contact], limit: int) -> list[tuple[UUID, int]]:
    """Return (id, size of the data) of the newest rows, without reading the data."""
    function = "pg_column_size" if is_postgresql() else "length"
    size = Func(F("data"), function=function, output_field=IntegerField())
    newest = rows.order_by("-created_at", "-id").annotate(size=size)
    return [(pk, n or 0) for pk, n in newest.values_list("pk", "size")[:limit]]


def _places(rows: QuerySet[Contact]) -> list[Cursor]:
    """Return places spread evenly from the oldest contact to the newest."""
    times = rows.order_by("created_at", "id").values_list("created_at", flat=True)
    first = times.first()
    last = times.reverse().first()
    if first is None or last is None:
        return []
    step = (last - first) / _PLACES
    return [
        Cursor(first + step * number, _HIGHEST_ID) for number in range(1, _PLACES + 1)
    ]
