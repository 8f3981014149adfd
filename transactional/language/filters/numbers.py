"""Filters of numbers: exact as far as people count, half a cent rounded up."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from transactional.language.filters.reading import Number, bounded, number, whole


def _decimal(value: Any) -> Decimal:
    return Decimal(str(number(value)))


def _plain(value: Decimal) -> Number:
    """Return a number as it is written: no more digits than it has."""
    return bounded(int(value) if value == value.to_integral_value() else float(value))


def plus(value: Any, other: Any) -> Number:
    return _plain(_decimal(value) + _decimal(other))


def minus(value: Any, other: Any) -> Number:
    return _plain(_decimal(value) - _decimal(other))


def times(value: Any, other: Any) -> Number:
    return _plain(_decimal(value) * _decimal(other))


def divided_by(value: Any, other: Any, is_whole: Any = None) -> Number:
    quotient = _decimal(value) / _decimal(other)
    return math.floor(quotient) if is_whole is True else _plain(quotient)


def modulo(value: Any, other: Any) -> Number:
    left, right = _decimal(value), _decimal(other)
    return _plain(left - right * math.floor(left / right))


def abs_(value: Any) -> Number:
    return abs(number(value))


def ceil(value: Any) -> int:
    return math.ceil(number(value))


def floor(value: Any) -> int:
    return math.floor(number(value))


def round_(value: Any, digits: Any = 0) -> Number:
    places = max(0, min(whole(digits), 15))
    return _plain(_decimal(value).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP))


def at_least(value: Any, other: Any) -> Number:
    return max(number(value), number(other))


def at_most(value: Any, other: Any) -> Number:
    return min(number(value), number(other))


FILTERS: dict[str, Callable[..., Any]] = {
    "plus": plus,
    "minus": minus,
    "times": times,
    "divided_by": divided_by,
    "modulo": modulo,
    "abs": abs_,
    "ceil": ceil,
    "floor": floor,
    "round": round_,
    "at_least": at_least,
    "at_most": at_most,
}
