"""`{{ key ?? default | raw }}`: variables and nothing else, taken apart once.

The fast way of the template language: a part that uses no more of it than this is
filled in with a few look-ups.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from sys import getsizeof
from typing import Any

from plunk.api import strictjson
from transactional.language.parts import MAX_RENDERED, Form, TooLong
from transactional.plaintext import TAG, text_of, unescape, without_tags

_PLACEHOLDER = re.compile(r"\{\{([^{}\r\n]*)\}\}")
#: How much of a mail's raw values is laid out as text; the rest only loses its tags.
_RAW_LAYOUT = 20_000


@dataclass(frozen=True, slots=True)
class Placeholder:
    """`{{ path ?? default | raw }}`, taken apart."""

    path: str
    default: str = ""
    is_raw: bool = False


Segment = str | Placeholder
Writer = Callable[[Any, bool], str]


@dataclass(frozen=True, slots=True)
class PlainPart:
    """A part of a mail whose only language is placeholders."""

    segments: tuple[Segment, ...]
    form: Form

    @property
    def names(self) -> frozenset[str]:
        return frozenset(
            name
            for segment in self.segments
            if isinstance(segment, Placeholder)
            for name in (segment.path, segment.path.partition(".")[0])
        )

    @property
    def size(self) -> int:
        """Return about how many bytes it takes; a placeholder counts as new."""
        return sum(
            getsizeof(text) + 16
            for segment in self.segments
            for text in (
                (segment,)
                if isinstance(segment, str)
                else (segment.path, segment.default, segment)
            )
        )

    def fill(self, variables: Mapping[str, Any], limit: int = MAX_RENDERED) -> str:
        """Fill in `variables`; raises TooLong where it grows beyond `limit`."""
        write = _TextWriter().write if self.form is Form.TEXT else _WRITERS[self.form]
        parts = _filled(self.segments, variables, write, limit)
        if sum(map(len, parts)) > limit:
            if self.form is Form.LINE:
                return "".join(parts)[:limit]
            raise TooLong(f"Filled in, it has more than {limit:,} characters.")
        return "".join(parts)


def split(source: str, form: Form) -> PlainPart:
    """Take a part apart; nothing in it can be wrong."""
    return PlainPart(tuple(_segments(source)), form)


def _segments(source: str) -> Iterator[Segment]:
    position = 0
    for match in _PLACEHOLDER.finditer(source):
        if match.start() > position:
            yield source[position : match.start()]
        yield _placeholder(match[1])
        position = match.end()
    if position < len(source):
        yield source[position:]


def _placeholder(inner: str) -> Placeholder:
    return _known_placeholder(inner) if len(inner) <= 100 else _read_placeholder(inner)


def _read_placeholder(inner: str) -> Placeholder:
    # A text part was made of escaped HTML or not: both spell the quotes of a default.
    path, has_default, rest = unescape(inner).partition("??")
    default, is_raw = rest if has_default else path, False
    head, _, filtered = default.rpartition("|")
    if filtered.strip() == "raw":
        default, is_raw = head, True
    if not has_default:
        return Placeholder(default.strip(), "", is_raw)
    default = default.split("??")[0].strip()
    if len(default) > 1 and default[0] == default[-1] and default[0] in "\"'":
        default = default[1:-1]
    return Placeholder(path.strip(), default, is_raw)


#: Most placeholders stand in many contents.
_known_placeholder = lru_cache(maxsize=4096)(_read_placeholder)


def _filled(
    segments: tuple[Segment, ...],
    variables: Mapping[str, Any],
    write: Writer,
    limit: int,
) -> list[str]:
    """Return what the segments come to, up to the one that passes the limit."""
    parts = []
    length = 0
    for segment in segments:
        if isinstance(segment, str):
            part = segment
        else:
            value = _look_up(segment.path, variables)
            is_unset = value is None or value is False or value in ("", [], {})
            part = write(segment.default if is_unset else value, segment.is_raw)
        parts.append(part)
        length += len(part)
        if length > limit:
            break
    return parts


def _look_up(path: str, variables: Mapping[str, Any]) -> Any:
    if path in variables:
        return variables[path]
    value: Any = variables
    for name in path.split("."):
        if not isinstance(value, Mapping) or name not in value:
            return None
        value = value[name]
    return value


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, bool | int | float | dict):
        return strictjson.write(value).decode()
    return str(value)


def _write_line(value: Any, _is_raw: bool) -> str:  # noqa: FBT001 - a Writer
    if isinstance(value, list):
        return ", ".join(_plain(item) for item in value)
    return _plain(value)


def _write_html(value: Any, is_raw: bool) -> str:  # noqa: FBT001 - a Writer
    if isinstance(value, list):
        return "\n".join(f"<li>{_write_html(item, is_raw)}</li>" for item in value)
    return _plain(value) if is_raw else html.escape(_plain(value))


_WRITERS: dict[Form, Writer] = {Form.LINE: _write_line, Form.HTML: _write_html}


class _TextWriter:
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
        text = _plain(value)
        return self._without_markup(text) if is_raw and TAG.search(text) else text

    def _without_markup(self, markup: str) -> str:
        if markup not in self._known:
            self._left -= len(markup)
            make = text_of if self._left >= 0 else without_tags
            self._known[markup] = make(markup)
        return self._known[markup]
