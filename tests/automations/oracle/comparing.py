"""How a condition compares, as the contract tells it (4.5), a line an operator."""

from __future__ import annotations

from typing import Any


def compares(operator: str, found: Any, wanted: Any) -> bool:
    is_there = found is not None
    if operator == "exists":
        return is_there
    if operator == "notExists":
        return not is_there
    if operator == "equals":
        return _same(found, wanted)
    if not is_there:
        return False
    if operator == "notEquals":
        return not _same(found, wanted)
    if operator in ("contains", "notContains"):
        is_in = isinstance(found, str) and str(wanted) in found
        return is_in is (operator == "contains")
    try:
        left, right = float(found), float(wanted)
    except (TypeError, ValueError):
        return False
    return {
        "greaterThan": left > right,
        "lessThan": left < right,
        "greaterThanOrEqual": left >= right,
        "lessThanOrEqual": left <= right,
    }[operator]


def _same(found: Any, wanted: Any) -> bool:
    """Say whether two values are the same, of the same kind: `"3"` is not `3`."""
    kinds = {bool: "bool", int: "number", float: "number", str: "text"}
    return kinds.get(type(found)) == kinds.get(type(wanted)) and bool(found == wanted)
