"""Filters of lists, and of what lists are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from plunk.api import strictjson
from transactional.language.expressions import is_equal, is_true
from transactional.language.filters.numbers import plus
from transactional.language.filters.reading import Number, fitting, items, text
from transactional.language.values import plain, step


def first(value: Any) -> Any:
    return step(value, "first") if isinstance(value, list) else None


def last(value: Any) -> Any:
    return step(value, "last") if isinstance(value, list) else None


def size(value: Any) -> int:
    return len(value) if isinstance(value, str | list | Mapping) else 0


def reverse(value: Any) -> Any:
    return items(value)[::-1] if isinstance(value, list) else value


def concat(value: Any, other: Any) -> list[Any]:
    return items(value) + items(other)


def compact(value: Any, key: Any = None) -> list[Any]:
    return [item for item in items(value) if _named(item, key) is not None]


def map_(value: Any, key: Any) -> list[Any]:
    return [step(item, key) for item in items(value)]


def sort(value: Any, key: Any = None) -> list[Any]:
    return sorted(items(value), key=lambda item: _rank(_named(item, key)))


def sort_natural(value: Any, key: Any = None) -> list[Any]:
    return sorted(items(value), key=lambda item: _rank(_named(item, key), str.casefold))


def uniq(value: Any, key: Any = None) -> list[Any]:
    seen: dict[bytes, Any] = {}
    for item in items(value):
        seen.setdefault(_identity(_named(item, key)), item)
    return list(seen.values())


def where(value: Any, key: Any, sought: Any = None) -> list[Any]:
    return [item for item in items(value) if _is(item, key, sought)]


def reject(value: Any, key: Any, sought: Any = None) -> list[Any]:
    return [item for item in items(value) if not _is(item, key, sought)]


def find(value: Any, key: Any, sought: Any = None) -> Any:
    return next((item for item in items(value) if _is(item, key, sought)), None)


def has(value: Any, key: Any, sought: Any = None) -> bool:
    return any(_is(item, key, sought) for item in items(value))


def sum_(value: Any, key: Any = None) -> Number:
    total: Number = 0
    for item in items(value):
        total = plus(total, _countable(_named(item, key)))
    return total


def json(value: Any) -> str:
    return str(fitting(strictjson.write(value).decode()))


def _countable(value: Any) -> Any:
    try:
        return plus(value, 0)
    except (ValueError, ArithmeticError):
        return 0


def _named(item: Any, key: Any) -> Any:
    return item if key is None else step(item, key)


def _is(item: Any, key: Any, sought: Any) -> bool:
    found = step(item, key)
    return is_true(found) if sought is None else is_equal(found, sought)


def _rank(value: Any, fold: Callable[[str], str] = str) -> tuple[int, float, str]:
    """Return by what anything is sorted: numbers, texts, then what has no value."""
    if isinstance(value, int | float):
        return (0, value, "")
    return (2, 0, "") if value is None else (1, 0, fold(plain(text(value))))


def _identity(value: Any) -> bytes:
    return strictjson.write(value, sort_keys=True)


FILTERS: dict[str, Callable[..., Any]] = {
    "first": first,
    "last": last,
    "size": size,
    "reverse": reverse,
    "concat": concat,
    "compact": compact,
    "map": map_,
    "sort": sort,
    "sort_natural": sort_natural,
    "uniq": uniq,
    "where": where,
    "reject": reject,
    "find": find,
    "has": has,
    "sum": sum_,
    "json": json,
}
