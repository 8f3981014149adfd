"""What comes along about a contact: kept, removed, or for this once."""

from __future__ import annotations

from typing import Any

import pytest

from contacts.data import DataChange, read_data
from plunk.api.errors import Invalid
from plunk.api.fields import Fields


def read(data: Any) -> DataChange:
    fields = Fields({"data": data})
    change = read_data(fields)
    fields.finish()
    return change


@pytest.mark.parametrize(
    "value", ["x", 0, 1.5, True, False, [], [1, None], {}, {"a": None}]
)
def test_any_value_is_kept(value: Any) -> None:
    assert read({"k": value}).stored == {"k": value}


def test_null_removes_and_an_empty_string_does_nothing() -> None:
    change = read({"gone": None, "empty": ""})

    assert (change.stored, change.removed, change.values) == ({}, ["gone"], {})


def test_a_wrapped_value_is_for_this_once_unless_it_is_to_persist() -> None:
    change = read(
        {
            "once": {"value": 1, "persistent": False},
            "kept": {"value": 2, "persistent": True},
            "plain": {"value": 3},
            "null": {"value": 4, "persistent": None},
            "object": {"value": 5, "other": 6},
        }
    )

    assert change.values.keys() == {"once", "kept", "plain", "null", "object"}
    assert change.stored == {
        "kept": 2,
        "plain": 3,
        "null": 4,
        "object": {"value": 5, "other": 6},
    }


@pytest.mark.parametrize("persistent", ["false", 0, 1, [], {}])
def test_persistent_must_be_a_boolean(persistent: Any) -> None:
    """Something secret must not be stored because its sender mistook the type."""
    with pytest.raises(Invalid) as refused:
        read({"code": {"value": "1234", "persistent": persistent}})

    assert refused.value.errors[0].field == "data.code.persistent"


@pytest.mark.parametrize(
    "name",
    "id email plunk_id plunk_email unsubscribeUrl subscribeUrl manageUrl".split(),
)
def test_names_of_the_system_are_ignored(name: str) -> None:
    assert read({name: "x", "a": 1}).values == {"a": 1}
