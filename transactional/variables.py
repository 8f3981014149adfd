"""What a mail can name: the fields of the contacts' data, and what the system says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from contacts.counting import count_contacts
from contacts.fields_of_data import SAMPLE, sample, type_of
from transactional.language.values import is_unset, plain

#: The most variables that are listed, the most frequent ones.
_MOST = 300
#: How deep objects in the data are looked into, and how long an example may be.
_DEPTH = 3
_EXAMPLE = 60
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[^\W\d_a-zA-Z]+")
_SIMPLE = re.compile(r"[^\W_][\w -]*\w|\w")
_UNWRITABLE = re.compile(r"[{}\r\n]")

#: Path, label, type and example.
_SYSTEM = (
    ("email", "Email address", "string", "ada@example.com"),
    ("id", "Contact ID", "string", "0190163d-8694-739b-aea5-966c26f8ad91"),
    ("subscribed", "Subscribed", "boolean", "true"),
    ("locale", "Language", "string", "en"),
    ("unsubscribeUrl", "Link to unsubscribe", "link", "https://…/unsubscribe/…"),
    ("manageUrl", "Link to their preferences", "link", "https://…/manage/…"),
    ("subscribeUrl", "Link to subscribe", "link", "https://…/subscribe/…"),
    ("now", "Time of sending", "date", "2026-03-07T18:05:09Z"),
)
#: Names that are always known and that no list needs.
OTHER_NAMES = frozenset({"data", "event", "plunk_id", "plunk_email", "today"})


@dataclass(frozen=True, slots=True)
class Variable:
    """Something that a mail can name.

    `coverage` is the percentage of contacts for whom it says something, and `missing`
    how many are left, exactly or about: `is_estimate` says which.
    """

    path: str
    label: str
    type: str
    coverage: int
    example: str
    is_system: bool
    missing: int = 0
    is_estimate: bool = False


def known_variables(project_id: UUID) -> list[Variable]:
    """Return what a mail of a project can name: the system's, then the data's by name.

    From a sample, whatever the number of contacts; a small project is its own sample.
    """
    found, size = _read(project_id)
    frequent = sorted(found.items(), key=lambda item: -item[1].having)[:_MOST]
    is_estimate = size >= SAMPLE // 2
    everybody = count_contacts(project_id) if is_estimate else size
    of_data = [
        Variable(
            path=path,
            label=_label(path),
            type=seen.types.most_common(1)[0][0],
            coverage=_percentage(seen.having, size),
            example=seen.example,
            is_system=False,
            missing=round(everybody * (size - seen.having) / size),
            is_estimate=is_estimate,
        )
        for path, seen in sorted(frequent, key=lambda item: item[0].lower())
    ]
    return [*_system(), *of_data]


@dataclass(slots=True)
class _Seen:
    """What was seen of one path."""

    having: int = 0
    types: Counter[str] = field(default_factory=Counter)
    example: str = ""


def _system() -> list[Variable]:
    return [
        Variable(path, label, kind, 100, example, is_system=True)
        for path, label, kind, example in _SYSTEM
    ]


def _read(project_id: UUID) -> tuple[dict[str, _Seen], int]:
    """Return what the sampled contacts have, and how many of them there are."""
    taken = {path for path, *_ in _SYSTEM} | OTHER_NAMES
    found: dict[str, _Seen] = {}
    size = 0
    for data in sample(project_id):
        size += 1
        for path, value in _paths(data, "", _DEPTH):
            if path.partition(".")[0] in taken:
                continue
            seen = found.setdefault(path, _Seen())
            seen.types[type_of(value)] += 1
            if not _is_missing(value):
                seen.having += 1
                seen.example = seen.example or plain(value)[:_EXAMPLE]
    return found, size


def _is_missing(value: Any) -> bool:
    return value is not False and is_unset(value)


def _paths(data: dict[str, Any], before: str, depth: int) -> Iterator[tuple[str, Any]]:
    for name, value in data.items():
        path = _path(before, name)
        if not path or value is None:
            continue
        if isinstance(value, dict) and depth > 1:
            yield from _paths(value, path, depth - 1)
        else:
            yield path, value


def _path(before: str, name: str) -> str:
    """Return how an author writes a name; empty where there is no way."""
    if _UNWRITABLE.search(name) or len(name) > 100 or not name:
        return ""
    if _SIMPLE.fullmatch(name):
        return f"{before}.{name}" if before else name
    quote = "'" if '"' in name else '"'
    return "" if quote in name else f"{before or 'data'}[{quote}{name}{quote}]"


def _label(path: str) -> str:
    words = " ".join(_WORD.findall(path)).lower()
    return words[:1].upper() + words[1:] if words else path


def _percentage(part: int, whole: int) -> int:
    """Return a percentage that is 0 or 100 only where it is nothing or everything."""
    if part in (0, whole):
        return 100 * (part == whole)
    return min(99, max(1, round(100 * part / whole)))
