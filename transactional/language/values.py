"""Values: how they are found among the variables, and how they are written.

Both ways of the language read and write with these, so that a variable is the same
wherever it stands.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from typing import Any

from plunk.api import strictjson
from transactional.language.parts import Form
from transactional.plaintext import TAG, text_of, without_tags

#: How much of a mail's raw values is laid out as text; the rest only loses its tags.
_RAW_LAYOUT = 20_000
#: The noncharacters that stand around the addresses to be counted: never in a value.
_MARKS = re.compile("[\ufdd0\ufdd1]")
_LINE_BREAKS = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029]+")
_DIGITS = re.compile(r"-?\d{1,9}", re.ASCII)

Writer = Callable[[Any, bool], str]


def is_unset(value: Any) -> bool:
    """Say whether a fallback takes the place of a value: zero is one, empty is none."""
    return value is None or value is False or value in ("", [], {})


def look_up(path: str, variables: Mapping[str, Any]) -> Any:
    """Return what a path names: a key of just that name, or a way through the keys."""
    if path in variables:
        return variables[path]
    value: Any = variables
    for name in path.split("."):
        value = step(value, name)
        if value is None:
            return None
    return value


def step(value: Any, name: Any) -> Any:
    """Return what is called `name` in a value, or None.

    Objects have their own keys and nothing else. Lists have places, counted from zero,
    and `first`, `last` and `size`; texts have a `size`.
    """
    if isinstance(value, Mapping):
        key = name if isinstance(name, str) else str(name)
        return value.get(key)
    if isinstance(value, list):
        return _of_list(value, name)
    return len(value) if name == "size" and isinstance(value, str) else None


def _of_list(items: list[Any], name: Any) -> Any:
    if name == "size":
        return len(items)
    place = {"first": 0, "last": -1}.get(name, name) if isinstance(name, str) else name
    if isinstance(place, str) and _DIGITS.fullmatch(place):
        place = int(place)
    if isinstance(place, bool) or not isinstance(place, int):
        return None
    return items[place] if -len(items) <= place < len(items) else None


def plain(value: Any) -> str:
    """Return a value as text, without the marks of addresses."""
    if isinstance(value, str):
        return value if value.isascii() else _MARKS.sub("", value)
    if value is None:
        text = ""
    elif isinstance(value, float) and value.is_integer():
        text = str(int(value))
    elif isinstance(value, bool | int | float | dict):
        text = strictjson.write(value).decode()
    else:
        text = str(value)
    return text if text.isascii() else _MARKS.sub("", text)


def one_line(text: str) -> str:
    """Return a text with no break of line in it."""
    return text if text.isprintable() else _LINE_BREAKS.sub(" ", text)


def writer(form: Form) -> Writer:
    """Return what writes the values of one mail's part."""
    return TextWriter().write if form is Form.TEXT else _WRITERS[form]


def _write_line(value: Any, _is_raw: bool) -> str:  # noqa: FBT001 - a Writer
    if isinstance(value, list):
        return ", ".join(_write_line(item, _is_raw) for item in value)
    return plain(value)


def _write_html(value: Any, is_raw: bool) -> str:  # noqa: FBT001 - a Writer
    if isinstance(value, list):
        return "\n".join(f"<li>{_write_html(item, is_raw)}</li>" for item in value)
    return plain(value) if is_raw else html.escape(plain(value))


_WRITERS: dict[Form, Writer] = {Form.LINE: _write_line, Form.HTML: _write_html}


class TextWriter:
    """Writes the values of one mail's text part.

    Laying out raw HTML takes a millisecond for a kilobyte, so each value is laid out
    once, and only so much of all of them.
    """

    def __init__(self) -> None:
        self._left = _RAW_LAYOUT
        self._known: dict[str, str] = {}

    def write(self, value: Any, is_raw: bool) -> str:  # noqa: FBT001 - a Writer
        if isinstance(value, list):
            return "\n".join(f"- {self.write(item, is_raw)}" for item in value)
        text = plain(value)
        return self._without_markup(text) if is_raw and TAG.search(text) else text

    def _without_markup(self, markup: str) -> str:
        if markup not in self._known:
            self._left -= len(markup)
            make = text_of if self._left >= 0 else without_tags
            self._known[markup] = make(markup)
        return self._known[markup]
