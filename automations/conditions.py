"""How a condition compares a value, as both generations mean it (contract 4.5).

`equals` is strict about types, `contains` about case; what is ordered is read as a
number; a value that is not there meets nothing but `notExists` and `equals` nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any


class Operator(StrEnum):
    EQUALS = "equals"
    NOT_EQUALS = "notEquals"
    CONTAINS = "contains"
    NOT_CONTAINS = "notContains"
    GREATER_THAN = "greaterThan"
    LESS_THAN = "lessThan"
    GREATER_THAN_OR_EQUAL = "greaterThanOrEqual"
    LESS_THAN_OR_EQUAL = "lessThanOrEqual"
    EXISTS = "exists"
    NOT_EXISTS = "notExists"

    @property
    def needs_value(self) -> bool:
        return self not in (Operator.EXISTS, Operator.NOT_EXISTS)


def holds(operator: Operator, found: Any, wanted: Any) -> bool:
    """Say whether a found value, None for a missing one, meets what is wanted."""
    match operator:
        case Operator.EXISTS:
            return found is not None
        case Operator.NOT_EXISTS:
            return found is None
        case Operator.EQUALS:
            return _equal(found, wanted)
    if found is None:
        return False
    match operator:
        case Operator.NOT_EQUALS:
            return not _equal(found, wanted)
        case Operator.CONTAINS:
            return _contains(found, wanted)
        case Operator.NOT_CONTAINS:
            return not _contains(found, wanted)
    return _ordered(operator, found, wanted)


def at_path(values: Any, path: str) -> Any:
    """Return what stands at a dotted path; a key that has dots itself comes first."""
    if not isinstance(values, Mapping):
        return None
    if path in values:
        return values[path]
    head, dot, rest = path.partition(".")
    return at_path(values.get(head), rest) if dot else None


def _equal(found: Any, wanted: Any) -> bool:
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    if isinstance(found, int | float) and isinstance(wanted, int | float):
        return found == wanted
    return type(found) is type(wanted) and bool(found == wanted)


def _contains(found: Any, wanted: Any) -> bool:
    if isinstance(found, list):
        return any(_equal(item, wanted) for item in found)
    return isinstance(found, str) and _text(wanted) in found


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


_ORDERS: dict[Operator, Callable[[float, float], bool]] = {
    Operator.GREATER_THAN: lambda found, wanted: found > wanted,
    Operator.LESS_THAN: lambda found, wanted: found < wanted,
    Operator.GREATER_THAN_OR_EQUAL: lambda found, wanted: found >= wanted,
    Operator.LESS_THAN_OR_EQUAL: lambda found, wanted: found <= wanted,
}


def _ordered(operator: Operator, found: Any, wanted: Any) -> bool:
    left, right = _number(found), _number(wanted)
    if left is None or right is None:
        return False
    return _ORDERS[operator](left, right)


def _number(value: Any) -> float | None:
    if not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
