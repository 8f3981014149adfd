"""Questions about a value within a contact's data, in the SQL of either database.

Types are strict: text compares with text (by code point), a number with a number, and
yes or no only for being the same. A value that is not there, or null, answers nothing
but `notExists`; any other value that is there is not equal to one of another type.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any

from django.db.models import BooleanField, F
from django.db.models.expressions import Expression
from django.db.models.sql.compiler import SQLCompiler

Sql = tuple[str, tuple[Any, ...]]


class Test(StrEnum):
    """What is asked, by the name of the operator that asks it."""

    EQUALS = "equals"
    NOT_EQUALS = "notEquals"
    GREATER = "greaterThan"
    LESS = "lessThan"
    AT_LEAST = "greaterThanOrEqual"
    AT_MOST = "lessThanOrEqual"
    CONTAINS = "contains"
    NOT_CONTAINS = "notContains"
    EXISTS = "exists"
    NOT_EXISTS = "notExists"


_SIGNS = {
    Test.GREATER: ">",
    Test.LESS: "<",
    Test.AT_LEAST: ">=",
    Test.AT_MOST: "<=",
}


class ValueAt(Expression):
    """Whether the value at a path in the contact's data passes a test."""

    output_field: BooleanField[bool, bool] = BooleanField()

    def __init__(self, path: list[str], test: Test, value: Any) -> None:
        super().__init__()
        self.path = path
        self.test = test
        self.value = value
        self.data: Any = F("data")

    def get_source_expressions(self) -> list[Any]:
        return [self.data]

    def set_source_expressions(self, exprs: Any) -> None:
        (self.data,) = exprs

    def as_sql(self, compiler: SQLCompiler, connection: Any, **extra: Any) -> Sql:
        own, params = compiler.compile(self.data)
        return _PostgreSQL(own, tuple(params), self.path).test(self.test, self.value)

    def as_sqlite(self, compiler: SQLCompiler, connection: Any, **extra: Any) -> Sql:
        own, params = compiler.compile(self.data)
        return _Sqlite(own, tuple(params), self.path).test(self.test, self.value)


class _PostgreSQL:
    """Tests of jsonb; equality is containment, which an index can answer."""

    def __init__(self, own: str, params: tuple[Any, ...], path: list[str]) -> None:
        self.own = own
        self.own_params = params
        self.path = path
        # Only `->` with text: `#>` would take digits for the place in an array.
        self.at = f"({own}{' -> %s::text' * len(path)})"
        self.at_params = (*params, *path)

    def test(self, test: Test, value: Any) -> Sql:
        match test:
            case Test.EQUALS:
                return self._equals(value)
            case Test.NOT_EQUALS:
                return self._not(self._equals(value))
            case Test.CONTAINS:
                return self._contains(value)
            case Test.NOT_CONTAINS:
                return self._not(self._contains(value))
            case Test.EXISTS:
                return self._type("<> 'null'")
            case Test.NOT_EXISTS:
                text, params = self._type("= 'null'")
                return f"COALESCE({text}, TRUE)", params
            case _:
                return self._ordered(_SIGNS[test], value)

    def _type(self, wanted: str) -> Sql:
        return f"jsonb_typeof({self.at}) {wanted}", self.at_params

    def _not(self, yes: Sql) -> Sql:
        there, params = self._type("<> 'null'")
        return f"({there} AND NOT {yes[0]})", (*params, *yes[1])

    def _equals(self, value: Any) -> Sql:
        for key in reversed(self.path):
            value = {key: value}
        return f"({self.own} @> %s::jsonb)", (*self.own_params, _dump(value))

    def _ordered(self, sign: str, value: Any) -> Sql:
        if isinstance(value, str):
            there, params = self._type("= 'string'")
            text = f"({self.at} #>> '{{}}') COLLATE \"C\" {sign} %s"
            return f"({there} AND {text})", (*params, *self.at_params, value)
        there, params = self._type("= 'number'")
        text = f"{self.at} {sign} %s::jsonb"
        return f"({there} AND {text})", (*params, *self.at_params, _dump(value))

    def _contains(self, value: Any) -> Sql:
        listed, params = self._type("= 'array'")
        text = f"({listed} AND {self.at} @> %s::jsonb)"
        params = (*params, *self.at_params, _dump([value]))
        if not isinstance(value, str):
            return text, params
        string, more = self._type("= 'string'")
        inside = f"({string} AND strpos({self.at} #>> '{{}}', %s) > 0)"
        return f"({inside} OR {text})", (*more, *self.at_params, value, *params)


class _Sqlite:
    """Tests of JSON text, by json_each: paths cannot spell every key there is.

    It names a value's type, and has true and false as 1 and 0.
    """

    def __init__(self, own: str, params: tuple[Any, ...], path: list[str]) -> None:
        source, self.tables, self.keys = own, [], []
        for number in range(len(path)):
            self.tables.append(f"json_each({source}) j{number}")
            self.keys.append(f"j{number}.key = %s")
            # Only what is an object has keys; anything else is not even JSON.
            source = f"CASE j{number}.type WHEN 'object' THEN j{number}.value END"
        self.params = (*params, *path)
        self.last = f"j{len(path) - 1}"

    def test(self, test: Test, value: Any) -> Sql:
        match test:
            case Test.EXISTS:
                return self._exists("1", ())
            case Test.NOT_EXISTS:
                text, params = self._exists("1", ())
                return f"NOT {text}", params
            case Test.EQUALS:
                return self._exists(*self._same(self.last, value))
            case Test.NOT_EQUALS:
                text, params = self._same(self.last, value)
                return self._exists(f"NOT {text}", params)
            case Test.CONTAINS:
                return self._exists(*self._contains(value))
            case Test.NOT_CONTAINS:
                text, params = self._contains(value)
                return self._exists(f"NOT {text}", params)
            case _:
                return self._exists(*self._ordered(_SIGNS[test], value))

    def _exists(self, text: str, params: tuple[Any, ...]) -> Sql:
        """Ask for the value, not null, and that `text` holds of it."""
        tables = ", ".join(self.tables)
        keys = " AND ".join(self.keys)
        there = f"{keys} AND {self.last}.type <> 'null'"
        sql = f"EXISTS (SELECT 1 FROM {tables} WHERE {there} AND {text})"  # noqa: S608 - no values
        return sql, (*self.params, *params)

    @staticmethod
    def _same(name: str, value: Any) -> Sql:
        if isinstance(value, bool):
            return f"({name}.type = '{'true' if value else 'false'}')", ()
        if isinstance(value, str):
            return f"({name}.type = 'text' AND {name}.atom = %s)", (value,)
        # SQLite reads the number as it reads those in the data, to the last bit.
        number = f"{name}.atom = json_extract(%s, '$')"
        return f"({name}.type IN ('integer', 'real') AND {number})", (_dump(value),)

    def _ordered(self, sign: str, value: Any) -> Sql:
        if isinstance(value, str):
            text = f"({self.last}.type = 'text' AND {self.last}.atom {sign} %s)"
            return text, (value,)
        number = f"{self.last}.atom {sign} json_extract(%s, '$')"
        types = f"{self.last}.type IN ('integer', 'real')"
        return f"({types} AND {number})", (_dump(value),)

    def _contains(self, value: Any) -> Sql:
        same, params = self._same("e", value)
        array = f"CASE {self.last}.type WHEN 'array' THEN {self.last}.value END"
        listed = f"EXISTS (SELECT 1 FROM json_each({array}) e WHERE {same})"  # noqa: S608 - no values
        if not isinstance(value, str):
            return listed, params
        inside = f"({self.last}.type = 'text' AND instr({self.last}.atom, %s) > 0)"
        return f"({inside} OR {listed})", (value, *params)


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
