"""The one reader of JSON that comes from outside (RFC 8259, and stricter).

Python's reader and PostgreSQL's jsonb silently keep the last of two equal keys, and
neither minds NaN or a lone surrogate until much later. Here each of these is an answer.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

import orjson

from plunk.api.errors import (
    ECHO_LIMIT,
    FieldError,
    Invalid,
    InvalidBody,
    NotJson,
)

#: A filter tree of ten levels in a body is 34 of these (contacts/segments/tree.py).
MAX_DEPTH = 40
#: Commas and opening brackets outside strings: an object in memory takes fifty times
#: the room of the `[],` that asks for it.
MAX_VALUES = 200_000
_MAX_INTEGER = 2**63
_MAX_ERRORS = 100
_UNSAFE = re.compile("[\x00\ud800-\udfff]")
_UNSAFE_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
#: Everything up to the next comma or opening bracket that is no part of a string. A
#: string without an end goes to the end, so that each byte is looked at once.
_TO_NEXT_VALUE = re.compile(
    rb'(?:[^"\[{,]++|"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z))*+[\[{,]', re.DOTALL
)

#: Where a value stands: where its parent stands, and its key or number in there.
#: Written out only for what is reported; a path for each value could fill the memory.
_Place = tuple["_Place | None", str | int] | None

type_name = {
    dict: "object",
    list: "array",
    str: "string",
    bool: "boolean",
    int: "number",
    float: "number",
    type(None): "null",
}


def read_object(raw: bytes) -> dict[str, Any]:
    """Return the JSON object in `raw`; an empty body is an empty object.

    Raises NotJson where it is not JSON, InvalidBody where it is JSON that is not read
    (not an object, two equal keys, NaN, huge numbers, too deep), and Invalid where a
    string holds NUL or a lone surrogate, naming the field.
    """
    if not raw.strip():
        return {}
    _refuse_too_many_values(raw)
    value = _parse(_decode(raw))
    if not isinstance(value, dict):
        raise InvalidBody(
            f"The body must be a JSON object, not {type_name[type(value)]}."
        )
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise InvalidBody(f"The body is nested deeper than {MAX_DEPTH} levels.")
    # Only an escape can smuggle these in: UTF-8 has no surrogates, and the parser
    # refuses a bare NUL within a string.
    if _UNSAFE_ESCAPE.search(raw):
        _refuse_unsafe(value)
    return value


def write(value: Any, *, sort_keys: bool = False) -> bytes:
    """Return as JSON what may have come out of the database.

    PostgreSQL gives 1e300 back as an integer of 301 digits, which orjson refuses, as
    do many clients: it is written as the number that was sent.
    """
    option = orjson.OPT_SORT_KEYS if sort_keys else None
    try:
        return orjson.dumps(value, option=option)
    except TypeError:
        plain = json.loads(json.dumps(value), parse_int=_as_sent)
        return orjson.dumps(plain, option=option)


def _as_sent(digits: str) -> int | float:
    number = int(digits)
    return number if -_MAX_INTEGER <= number < 2 * _MAX_INTEGER else float(number)


def _refuse_too_many_values(raw: bytes) -> None:
    """Refuse a body that would take far more memory than it has bytes (B10)."""
    if sum(raw.count(mark) for mark in (b"[", b"{", b",")) <= MAX_VALUES:
        return
    # Most of them may be text, such as the styles of a mail: now those outside.
    for number, _ in enumerate(_TO_NEXT_VALUE.finditer(raw), start=1):
        if number > MAX_VALUES:
            raise InvalidBody(f"The body holds more than {MAX_VALUES:,} values.")


def _decode(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidBody(
            f"The body is not valid UTF-8 (byte {error.start})."
        ) from error


def _parse(text: str) -> Any:
    try:
        return json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_int=_integer,
            parse_float=_float,
        )
    except json.JSONDecodeError as error:
        raise NotJson(
            f"The body is not valid JSON: {error.msg} "
            f"(line {error.lineno}, column {error.colno})."
        ) from error
    except RecursionError as error:
        raise InvalidBody(
            f"The body is nested deeper than {MAX_DEPTH} levels."
        ) from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise InvalidBody(
                    f"The key {json.dumps(key[:ECHO_LIMIT])} appears twice."
                )
            seen.add(key)
    return result


def _constant(name: str) -> Any:
    raise InvalidBody(f"{name} is not a JSON number.")


def _integer(digits: str) -> int:
    if len(digits) > 20 or not -_MAX_INTEGER <= (number := int(digits)) < _MAX_INTEGER:
        raise InvalidBody(
            "A number is out of range: integers have up to 64 bits; "
            "send larger ones as strings."
        )
    return number


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise InvalidBody("A number is out of range: send it as a string.")
    return number


def _depth(value: Any) -> int:
    deepest, level = 0, [value]
    while level:
        deepest += 1
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, dict | list)
        ]
    return deepest


def _refuse_unsafe(body: dict[str, Any]) -> None:
    errors: list[FieldError] = []
    stack: list[tuple[_Place, Any]] = [(None, body)]
    while stack and len(errors) < _MAX_ERRORS:
        place, parent = stack.pop()
        children = parent.items() if isinstance(parent, dict) else enumerate(parent)
        for name, child in children:
            if isinstance(name, str) and _UNSAFE.search(name):
                errors.append(_unsafe(place, "A key must not"))
            elif isinstance(child, dict | list):
                stack.append(((place, name), child))
            elif isinstance(child, str) and _UNSAFE.search(child):
                errors.append(_unsafe((place, name), "Must not"))
            if len(errors) == _MAX_ERRORS:
                break
    if errors:
        raise Invalid(errors)


def _unsafe(place: _Place, who: str) -> FieldError:
    return FieldError(
        _path(place), f"{who} hold NUL or a lone surrogate.", "invalid_string"
    )


def _path(place: _Place) -> str:
    """Write out a place, such as `data.0.name`, no longer than an answer repeats it."""
    names: list[str] = []
    while place is not None:
        place, name = place
        names.append(str(name)[:ECHO_LIMIT])
    return ".".join(reversed(names))[: ECHO_LIMIT + 1] or "(body)"
