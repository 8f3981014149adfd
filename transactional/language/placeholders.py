"""`{{ key ?? default | raw }}`: variables and nothing else, taken apart once.

The fast way of the template language: a part that uses no more of it than this is
filled in with a few look-ups.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from sys import getsizeof
from typing import Any

from transactional.language.parts import MAX_RENDERED, Form, TooLong
from transactional.language.values import Writer, is_unset, look_up, one_line, writer
from transactional.plaintext import unescape

PLACEHOLDER = re.compile(r"\{\{([^{}\r\n]*)\}\}")
#: What only the other way of the language understands: filters, brackets, texts in
#: quotes, and the dashes that take the space around a placeholder away.
_MORE = re.compile(r"\A-|-\Z|\A\s*[\"']|[\[|]")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """`{{ path ?? default | raw }}`, taken apart."""

    path: str
    default: str = ""
    is_raw: bool = False
    has_default: bool = False
    #: Whether there is more to it than that.
    is_more: bool = False

    def write(self, value: Any, write: Writer) -> str:
        """Write the value that was found at its path, or its default."""
        return write(self.default if is_unset(value) else value, self.is_raw)


Segment = str | Placeholder


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
        parts = _filled(self.segments, variables, writer(self.form), limit)
        text = "".join(parts)
        if self.form is Form.LINE:
            return one_line(text[:limit])
        if len(text) > limit:
            raise TooLong(f"Filled in, it has more than {limit:,} characters.")
        return text


def split(source: str, form: Form) -> PlainPart:
    """Take a part apart; nothing in it can be wrong."""
    return PlainPart(tuple(_segments(source)), form)


def has_more(part: PlainPart) -> bool:
    """Say whether a placeholder of a part is more than the fast way understands."""
    return any(
        segment.is_more for segment in part.segments if isinstance(segment, Placeholder)
    )


def read_placeholder(inner: str) -> Placeholder:
    """Take apart what stands between two braces and two braces."""
    return _known_placeholder(inner) if len(inner) <= 100 else _read(inner)


def _segments(source: str) -> Iterator[Segment]:
    position = 0
    for match in PLACEHOLDER.finditer(source):
        if match.start() > position:
            yield source[position : match.start()]
        yield read_placeholder(match[1])
        position = match.end()
    if position < len(source):
        yield source[position:]


def _read(inner: str) -> Placeholder:
    # A text part was made of escaped HTML or not: both spell the quotes of a default.
    path, has_default, rest = unescape(inner).partition("??")
    default, is_raw = rest if has_default else path, False
    head, _, filtered = default.rpartition("|")
    if filtered.strip() == "raw":
        default, is_raw = head, True
    if not has_default:
        path, default = default, ""
    is_more = _MORE.search(path) is not None or "|" in default or inner[-1:] == "-"
    default = unquoted(default.split("??")[0])
    # Editors write no-break spaces.
    path = path.replace("\u00a0", " ").strip()
    return Placeholder(path, default, is_raw, bool(has_default), is_more)


def unquoted(literal: str) -> str:
    """Return a default without the quotes that may stand around it."""
    literal = literal.strip()
    if len(literal) > 1 and literal[0] == literal[-1] and literal[0] in "\"'":
        return literal[1:-1]
    return literal


#: Most placeholders stand in many contents.
_known_placeholder = lru_cache(maxsize=4096)(_read)


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
            value = look_up(segment.path, variables)
            # As in `is_unset`, without a call for each.
            is_missing = value is None or value is False or value in ("", [], {})
            part = write(segment.default if is_missing else value, segment.is_raw)
        parts.append(part)
        length += len(part)
        if length > limit:
            break
    return parts
