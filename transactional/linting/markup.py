"""HTML as its author wrote it: elements and attributes, with their places.

Parsers mend HTML and forget where it stood. This one reads tags where they are, in one
pass; what the template language says in them is set aside before, so that a `>` in a
condition ends no tag.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from transactional.language.scanning import Kind, Unclosed, scan
from transactional.plaintext import unescape

_TAG = re.compile(
    r"<(?:!--(?P<comment>)|(?P<end>/?)(?P<name>[A-Za-z][A-Za-z0-9:-]*)"
    r"(?P<attributes>(?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*+|[^<>]*)>)"
)
_ATTRIBUTE = re.compile(r"([^\s=/\"'<>]+)(?:\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s\"'<>]+))?")
#: Elements whose content is no markup.
_OPAQUE = frozenset({"script", "style", "title", "textarea"})
_SETTING_ASIDE = "\ufffc"


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute as it was written, without HTML's references."""

    value: str
    offset: int


@dataclass(frozen=True, slots=True)
class Element:
    """A tag: where it begins and ends, and whether it ends an element."""

    name: str
    start: int
    end: int
    is_end: bool = False
    attributes: dict[str, Attribute] = field(default_factory=dict)
    #: Of style and script: what is in it, and where.
    content: str = ""

    def get(self, name: str) -> str:
        return self.attributes[name].value if name in self.attributes else ""

    def place(self, name: str) -> int:
        return self.attributes[name].offset if name in self.attributes else self.start


def elements(source: str) -> Iterator[Element]:
    """Yield the tags of a source in their order."""
    masked = masked_source(source)
    lowered = ""
    position = 0
    while match := _TAG.search(masked, position):
        position = match.end()
        if match["comment"] is not None:
            end = masked.find("-->", position)
            position = len(masked) if end < 0 else end + 3
            continue
        name = match["name"].lower()
        is_end = bool(match["end"])
        content = ""
        if name in _OPAQUE and not is_end:
            lowered = lowered or masked.lower()
            end = lowered.find(f"</{name}", position)
            end = len(masked) if end < 0 else end
            content = source[position:end]
            position = end
        yield Element(
            name,
            match.start(),
            match.end(),
            is_end,
            {} if is_end else _attributes(source, masked, match),
            content,
        )


def masked_source(source: str) -> str:
    """Return a source of the same length, the template language set aside."""
    if "{" not in source:
        return source
    parts: list[str] = []
    position = 0
    try:
        for piece in scan(source):
            # Between two pieces is what a comment says.
            parts.append(_SETTING_ASIDE * (piece.start - position))
            if piece.kind is Kind.TEXT:
                parts.append(piece.text)
            else:
                parts.append(_SETTING_ASIDE * (piece.end - piece.start))
            position = piece.end
    except Unclosed as error:
        # From there on it is text.
        position = min(position, error.fault.offset)
    return "".join([*parts, source[position:]])


def _attributes(source: str, masked: str, match: re.Match[str]) -> dict[str, Attribute]:
    found: dict[str, Attribute] = {}
    start, end = match.span("attributes")
    for one in _ATTRIBUTE.finditer(masked, start, end):
        first, last = one.span(2) if one[2] is not None else (one.end(), one.end())
        if one[2] and one[2][0] in "\"'":
            first, last = first + 1, last - 1
        value = unescape(source[first:last]).strip()
        found.setdefault(one[1].lower(), Attribute(value, first))
    return found
