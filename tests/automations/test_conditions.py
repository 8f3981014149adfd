from __future__ import annotations

from typing import Any

import pytest

from automations.conditions import Operator, at_path, holds


@pytest.mark.parametrize(
    ("operator", "found", "wanted", "expected"),
    [
        ("equals", "pro", "pro", True),
        ("equals", "Pro", "pro", False),
        ("equals", 1, "1", False),
        ("equals", 1, 1.0, True),
        ("equals", True, 1, False),
        ("equals", None, "pro", False),
        ("notEquals", "free", "pro", True),
        ("notEquals", None, "pro", False),
        ("contains", "a professional", "pro", True),
        ("contains", "a Professional", "pro", False),
        ("contains", ["a", "b"], "b", True),
        ("contains", 5, "5", False),
        ("notContains", "free", "pro", True),
        ("notContains", None, "pro", False),
        ("greaterThan", 10, 9, True),
        ("greaterThan", "10", 9, True),
        ("greaterThan", "ten", 9, False),
        ("greaterThan", None, -1, False),
        ("greaterThan", 10**400, 1, False),
        ("lessThan", "nan", 1, False),
        ("lessThanOrEqual", 9, "9", True),
        ("greaterThanOrEqual", True, 1, True),
        ("greaterThan", [3], 1, False),
        ("exists", 0, None, True),
        ("exists", None, None, False),
        ("notExists", None, None, True),
    ],
)
def test_a_value_is_compared_as_both_generations_do(
    operator: str, found: Any, wanted: Any, *, expected: bool
) -> None:
    assert holds(Operator(operator), found, wanted) is expected


@pytest.mark.parametrize(
    ("values", "path", "expected"),
    [
        ({"a": {"b": 1}}, "a.b", 1),
        ({"a.b": 2, "a": {"b": 1}}, "a.b", 2),
        ({"a": [1]}, "a.0", None),
        ({"a": None}, "a.b", None),
        ({}, "a", None),
        ("text", "a", None),
    ],
)
def test_a_path_leads_to_a_value(values: Any, path: str, expected: Any) -> None:
    assert at_path(values, path) == expected
