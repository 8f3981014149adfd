"""Where the language stands in a source: one pass, whatever the source says.

python-liquid's own scanner looks for the end of each tag to the end of the source: two
megabytes of beginnings take hours. It also knows nothing of HTML, in whose tags an
editor writes `&gt;` and `&nbsp;`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from transactional.plaintext import unescape

#: Of three braces the first is text.
_OPENING = re.compile(r"\{\{(?![{%])|\{%")
#: No braces inside: such a thing ends before the next one begins.
_OUTPUT = re.compile(r"\{\{([^{}]*)\}\}")
_TAG = re.compile(r"\{%((?:[^{%]|\{(?![{%])|%(?!\}))*+)%\}")
_TAG_NAME = re.compile(r"-?\s*(#|\w*)\s*")
_ENDRAW = re.compile(r"\{%-?\s*endraw\s*-?%\}")
_COMMENTS = re.compile(r"\{%-?\s*(end)?comment\b[^{}]*%\}")
_ENTITY = re.compile(
    r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"
)


class Kind(Enum):
    TEXT = auto()
    #: `{{ … }}`
    OUTPUT = auto()
    #: `{% … %}`
    TAG = auto()


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a source, from `start` to `end`.

    `text` is what is said in it, and begins at `text_start`: what stands between the
    braces, and of a tag what follows its name.
    """

    kind: Kind
    start: int
    end: int
    text: str
    text_start: int
    name: str = ""
    #: Whether a dash asks for the space before or after it to go.
    trims_before: bool = False
    trims_after: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong, and where in the source it begins."""

    message: str
    offset: int


class Unclosed(ValueError):
    """Something begins and does not end."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.fault = Fault(message, offset)


def scan(source: str) -> Iterator[Piece]:
    """Yield the pieces of a source, `raw` and `comment` with nothing between them but
    text; raises Unclosed where one of them has no end.
    """
    position = 0
    while opening := _OPENING.search(source, position):
        start = opening.start()
        if start > position:
            yield _text(source, position, start)
        piece = _output(source, start) if opening[0] == "{{" else _tag(source, start)
        yield piece
        position = piece.end
        if piece.name == "raw":
            end = _end_of_raw(source, piece)
            yield _text(source, position, end.start)
        elif piece.name == "comment":
            end = _end_of_comment(source, piece)
        else:
            continue
        yield end
        position = end.end
    if position < len(source):
        yield _text(source, position, len(source))


def clean(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Return a text without HTML's references, and where it differs: pairs of a place
    in the result and how much further on the same place is in the text given.
    """
    if "&" not in text:
        return text, []
    parts, moves, position, length = [], [], 0, 0
    for match in _ENTITY.finditer(text):
        meant = unescape(match[0])
        parts += [text[position : match.start()], meant]
        length += match.start() - position + len(meant)
        position = match.end()
        moves.append((length, position - length))
    parts.append(text[position:])
    return "".join(parts), moves


def _text(source: str, start: int, end: int) -> Piece:
    return Piece(Kind.TEXT, start, end, source[start:end], start)


def _output(source: str, start: int) -> Piece:
    match = _OUTPUT.match(source, start)
    if match is None:
        raise Unclosed("A variable begins here with “{{” and has no “}}”.", start)
    return Piece(
        Kind.OUTPUT,
        start,
        match.end(),
        match[1],
        start + 2,
        trims_before=match[1].startswith("-"),
        trims_after=match[1].endswith("-"),
    )


def _tag(source: str, start: int) -> Piece:
    match = _TAG.match(source, start)
    if match is None:
        raise Unclosed("A tag begins here with “{%” and has no “%}”.", start)
    inner = match[1]
    # What editors write for a space.
    spaced = inner.replace("&nbsp;", "      ").replace("\u00a0", " ")
    head = _TAG_NAME.match(spaced)
    name_end = head.end() if head else 0
    trims_after = inner.endswith("-")
    return Piece(
        Kind.TAG,
        start,
        match.end(),
        spaced[name_end : len(inner) - trims_after],
        start + 2 + name_end,
        name=head[1] if head else "",
        trims_before=inner.startswith("-"),
        trims_after=trims_after,
    )


def _end_of_raw(source: str, piece: Piece) -> Piece:
    match = _ENDRAW.search(source, piece.end)
    if match is None:
        raise Unclosed("This {% raw %} has no {% endraw %}.", piece.start)
    return _tag(source, match.start())


def _end_of_comment(source: str, piece: Piece) -> Piece:
    depth = 1
    for match in _COMMENTS.finditer(source, piece.end):
        depth += -1 if match[1] else 1
        if depth == 0:
            return _tag(source, match.start())
    raise Unclosed("This {% comment %} has no {% endcomment %}.", piece.start)
