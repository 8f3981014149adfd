"""Reading filter trees: what is accepted, and what each error names."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contacts.segments.tree import Filter, Group, Logic, Tree, as_json, parse
from contacts.segments.vocabulary import Operator, Unit
from plunk.api.errors import FieldError, Invalid

SUBSCRIBED = {"field": "subscribed", "operator": "equals", "value": True}


def one(**filter_: Any) -> dict[str, Any]:
    return {"logic": "AND", "groups": [{"filters": [filter_]}]}


def errors(value: Any, name: str = "condition") -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        parse(value, name)
    return {error.field: error.code for error in caught.value.errors}


def test_a_tree_is_read_into_frozen_pieces() -> None:
    tree = parse(
        {
            "logic": "or",
            "groups": [
                {"filters": [SUBSCRIBED]},
                {
                    "filters": [],
                    "conditions": one(
                        field="event.bought",
                        operator="TRIGGEREDATLEAST",
                        count=3,
                        value=30,
                        unit="DAYS",
                    ),
                },
            ],
        }
    )

    bought = Filter("event.bought", Operator.TRIGGERED_AT_LEAST, 30, Unit.DAYS, 3)
    nested = Tree(Logic.AND, (Group((bought,)),))
    assert tree == Tree(
        Logic.OR,
        (
            Group((Filter("subscribed", Operator.EQUALS, True),)),
            Group((), nested),
        ),
    )


def test_what_is_written_is_read_back_as_the_same_tree() -> None:
    tree = parse(
        {
            "logic": "OR",
            "groups": [
                {
                    "filters": [
                        {"field": "data.a.b", "operator": "equals", "value": 1.5},
                        {
                            "field": "createdAt",
                            "operator": "within",
                            "value": 7.0,
                            "unit": "Hours",
                        },
                    ],
                    "conditions": one(field="email.opened", operator="triggered"),
                }
            ],
        }
    )

    assert parse(as_json(tree)) == tree


def test_ids_and_names_are_kept_as_they_are_compared() -> None:
    segment = uuid4()

    (filter_,) = parse(
        one(field=f"segment.{str(segment).upper()}", operator="memberofsegment")
    ).filters()

    assert filter_.field == f"segment.{segment}"
    assert parse(one(field="email.OPEN", operator="triggered")).groups


def test_a_value_that_an_operator_does_not_take_is_not_kept() -> None:
    (filter_,) = parse(one(field="data.plan", operator="exists", value="x")).filters()

    assert filter_ == Filter("data.plan", Operator.EXISTS)


def test_every_error_names_its_place() -> None:
    value = {
        "logic": "XOR",
        "groups": [
            {"filters": [SUBSCRIBED, {"field": "plan", "operator": "equals"}]},
            {"filters": []},
            {
                "filters": [{"field": "email", "operator": "equals", "value": 5}],
                "conditions": {"logic": "AND", "groups": []},
            },
            7,
        ],
    }

    assert errors(value, "filter") == {
        "filter.logic": "invalid_enum",
        "filter.groups.0.filters.1.field": "invalid_enum",
        "filter.groups.1": "too_small",
        "filter.groups.2.filters.0.value": "invalid_type",
        "filter.groups.2.conditions.groups": "too_small",
        "filter.groups.3": "invalid_type",
    }


_PLACE = "condition.groups.0.filters.0"


@pytest.mark.parametrize(
    ("filter_", "field", "code"),
    [
        ({"operator": "equals", "value": 1}, "field", "required"),
        ({"field": 5}, "field", "invalid_type"),
        ({"field": "data."}, "field", "invalid_string"),
        ({"field": "data"}, "field", "invalid_enum"),
        ({"field": "data.a..b"}, "field", "invalid_string"),
        ({"field": "data." + "x" * 129}, "field", "invalid_string"),
        ({"field": "data.\ud800"}, "field", "invalid_string"),
        ({"field": "data.\x00"}, "field", "invalid_string"),
        ({"field": "id"}, "field", "invalid_enum"),
        ({"field": "event."}, "field", "invalid_string"),
        ({"field": "event." + "x" * 256}, "field", "invalid_string"),
        ({"field": "email.read"}, "field", "invalid_string"),
        ({"field": "segment.1"}, "field", "invalid_string"),
        ({"field": "subscribed"}, "operator", "required"),
        ({"field": "subscribed", "operator": "contains"}, "operator", "invalid_enum"),
        ({"field": "email", "operator": "exists"}, "operator", "invalid_enum"),
        ({"field": "subscribed", "operator": "equals"}, "value", "required"),
        (
            {"field": "subscribed", "operator": "equals", "value": "true"},
            "value",
            "invalid_type",
        ),
        ({"field": "data.x", "operator": "equals", "value": []}, "value", None),
        (
            {"field": "data.x", "operator": "equals", "value": 2.0**54},
            "value",
            "too_big",
        ),
        (
            {"field": "data.x", "operator": "equals", "value": float("nan")},
            "value",
            "too_big",
        ),
        (
            {"field": "data.x", "operator": "equals", "value": "x" * 1001},
            "value",
            "too_big",
        ),
        (
            {"field": "data.x", "operator": "lessThan", "value": True},
            "value",
            "invalid",
        ),
        (
            {"field": "data.x", "operator": "contains", "value": ""},
            "value",
            "too_small",
        ),
        (
            {"field": "createdAt", "operator": "equals", "value": "yesterday"},
            "value",
            "invalid_date",
        ),
        (
            {"field": "createdAt", "operator": "equals", "value": "2026-02-30"},
            "value",
            "invalid_date",
        ),
        (
            {"field": "createdAt", "operator": "equals", "value": "0001-01-01"},
            "value",
            "invalid_date",
        ),
        ({"field": "createdAt", "operator": "within", "value": 7}, "unit", "required"),
        (
            {"field": "createdAt", "operator": "within", "unit": "days"},
            "value",
            "required",
        ),
        (
            {"field": "createdAt", "operator": "within", "unit": "weeks", "value": 1},
            "unit",
            "invalid_enum",
        ),
        (
            {"field": "createdAt", "operator": "within", "unit": "days", "value": 0},
            "value",
            "too_small",
        ),
        (
            {"field": "createdAt", "operator": "within", "unit": "days", "value": 1.5},
            "value",
            "invalid_type",
        ),
        (
            {
                "field": "createdAt",
                "operator": "within",
                "unit": "days",
                "value": 36_501,
            },
            "value",
            "too_big",
        ),
        ({"field": "event.x", "operator": "triggeredAtLeast"}, "count", "required"),
        (
            {"field": "event.x", "operator": "triggeredAtLeast", "count": True},
            "count",
            "invalid_type",
        ),
        (
            {
                "field": "event.x",
                "operator": "triggeredAtLeast",
                "count": 1,
                "value": 1,
            },
            "unit",
            "required",
        ),
        (
            {"field": "consentSource", "operator": "equals", "value": "FAX"},
            "value",
            "invalid_enum",
        ),
    ],
)
def test_one_wrong_thing_is_one_error(
    filter_: dict[str, Any], field: str, code: str | None
) -> None:
    assert errors(one(**filter_)) == {f"{_PLACE}.{field}": code or "invalid_type"}


@pytest.mark.parametrize("value", [None, [], "AND", 5, True])
def test_a_tree_is_an_object(value: Any) -> None:
    code = "required" if value is None else "invalid_type"
    assert errors(value) == {"condition": code}


def test_a_hundred_filters_are_enough() -> None:
    fitting = {"logic": "AND", "groups": [{"filters": [SUBSCRIBED] * 50}] * 2}
    more = {"logic": "AND", "groups": [{"filters": [SUBSCRIBED] * 101}] * 2}

    assert len(list(parse(fitting).filters())) == 100
    assert errors(more) == {"condition.groups.0.filters": "too_big"}
    assert errors({"logic": "AND", "groups": [{}] * 101}) == {
        "condition.groups": "too_big"
    }


def test_ten_levels_are_enough() -> None:
    tree = one(**SUBSCRIBED)
    for _ in range(9):
        tree = {"logic": "AND", "groups": [{"conditions": tree}]}

    assert parse(tree).groups
    deep = {"logic": "AND", "groups": [{"conditions": tree}]}
    path = "condition" + ".groups.0.conditions" * 10
    assert errors(deep) == {path: "too_big"}


_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(), max_size=5),
    st.sampled_from(
        [
            *("AND", "or", "email", "data.a", "event.x", "email.open", "createdAt"),
            *(
                "equals",
                "within",
                "triggered",
                "triggeredAtLeast",
                "days",
                "2026-01-01",
            ),
        ]
    ),
)
_NAMES = st.sampled_from(
    ["logic", "groups", "filters", "conditions", "field", "operator", "value", "unit"]
)
_ANYTHING = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner),
    max_leaves=25,
)


@given(value=_ANYTHING)
def test_anything_is_a_tree_or_refused_with_its_places(value: Any) -> None:
    refusals: list[FieldError] = []
    tree = None
    try:
        tree = parse(value)
    except Invalid as refused:
        refusals = refused.errors

    assert tree is None or parse(as_json(tree)) == tree
    assert bool(refusals) is (tree is None)
    assert all(error.field.startswith("condition") for error in refusals)
