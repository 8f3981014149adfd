"""Liquid, set aside while HTML is read and written, and put back byte for byte."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from transactional.plaintext import unescape
from transactional.styling.pieces import (
    LIQUID,
    Kind,
    Piece,
    is_self_contained,
    pieces,
)

#: Noncharacters, which no text has (Unicode, 23.7), around the number of what was here.
_OPEN, _CLOSE = "\ufdd2", "\ufdd3"
_RESERVED = {ord(_OPEN): None, ord(_CLOSE): None}
TOKEN = re.compile(f"{_OPEN}([0-9]+){_CLOSE}")
#: Text may not stand everywhere in HTML, between the rows of a table for one; comments
#: may, and stay where they are.
_IN_TEXT = re.compile(f"<!--{TOKEN.pattern}-->")
_ANYWHERE = re.compile(f"{_IN_TEXT.pattern}|{TOKEN.pattern}")
_RAW_BLOCK = re.compile(r"\sdata-block\s*=\s*(?:\"html\"|'html'|html(?=[\s/>]))")

_WORD = re.compile(r"\{%-?\s*(\w+)")
_BRANCHES = frozenset({"else", "elsif", "when"})
_BLOCKS = frozenset("if unless case for tablerow capture comment raw ifchanged".split())


@dataclass(frozen=True, slots=True)
class SetAside:
    """HTML with tokens in place of its Liquid and of its blocks of raw HTML."""

    markup: str
    kept: tuple[str, ...]

    def restored(self, markup: str) -> str:
        """Put back what was set aside."""
        return _put_back(markup, lambda number: self.kept[number])

    def restored_as_text(self, text: str) -> str:
        """Put back what was set aside, without HTML's ways to write a character."""
        return _put_back(text, lambda number: unescape(self.kept[number]))


def set_aside(source: str) -> SetAside:
    """Set aside the Liquid of HTML, and what its raw blocks say."""
    kept: list[str] = []
    markup = _without_raw_blocks(_without_liquid(source, kept), kept)
    return SetAside("".join(_with_comments(markup)), tuple(kept))


def set_liquid_aside(source: str) -> SetAside:
    """Set aside the Liquid alone, of HTML that is only read for its text."""
    kept: list[str] = []
    return SetAside(_without_liquid(source, kept), tuple(kept))


def without_reserved(source: str) -> str:
    """Return a source without the characters that tokens are made of."""
    return source.translate(_RESERVED)


def structure(source: str) -> list[str]:
    """Return the `{% … %}` of a source in their order.

    Where one of them is lost, or stands elsewhere, something else is said.
    """
    return [found for found in LIQUID.findall(source) if found.startswith("{%")]


def is_whole(source: str) -> bool:
    """Say whether each `{% if … %}` of a source has its end, in the right order.

    A text may lack some of its HTML's: those in the attributes of an element.
    """
    opened: list[str] = []
    for tag in structure(source):
        word = found[1] if (found := _WORD.match(tag)) else ""
        if word in _BLOCKS:
            opened.append(word)
        elif not _follows(word, opened):
            return False
    return not opened


def _follows(word: str, opened: list[str]) -> bool:
    """Say whether a tag may stand here; the end of a block takes it off the list."""
    if word.startswith("end"):
        return bool(opened) and opened.pop() == word[3:]
    return word not in _BRANCHES or bool(opened)


def without_structure(source: str) -> str:
    """Return a source that shows all of its branches, each once."""
    return LIQUID.sub(
        lambda found: "" if found[0].startswith("{%") else found[0], source
    )


def rewritten_around_liquid(source: str, rewrite: Callable[[str], str]) -> str:
    """Return a source with everything but its Liquid rewritten."""
    parts, position = [], 0
    for found in LIQUID.finditer(source):
        parts += [rewrite(source[position : found.start()]), found[0]]
        position = found.end()
    return "".join([*parts, rewrite(source[position:])])


def _put_back(markup: str, kept: Callable[[int], str]) -> str:
    return _ANYWHERE.sub(lambda found: kept(int(found[1] or found[2])), markup)


def _keep(text: str, kept: list[str]) -> str:
    kept.append(text)
    return f"{_OPEN}{len(kept) - 1}{_CLOSE}"


def _without_liquid(source: str, kept: list[str]) -> str:
    source = without_reserved(source)
    return LIQUID.sub(lambda found: _keep(found[0], kept), source)


def _without_raw_blocks(markup: str, kept: list[str]) -> str:
    """Set aside what raw blocks say, unless it would break out of its place."""
    if "data-block" not in markup:
        return markup
    parts, position = [], 0
    for start, end in _raw_blocks(markup):
        inner = markup[start:end]
        if is_self_contained(inner):
            whole = _put_back(inner, lambda number: kept[number])
            parts += [markup[position:start], _keep(whole, kept)]
            position = end
    return "".join([*parts, markup[position:]])


def _raw_blocks(markup: str) -> list[tuple[int, int]]:
    """Return where the content of each outermost raw block begins and ends."""
    found = []
    begin = depth = 0
    for piece in pieces(markup):
        if piece.name != "div" or piece.kind not in (Kind.START, Kind.END):
            continue
        if not depth:
            if piece.kind == Kind.START and _is_raw_block(markup, piece):
                begin, depth = piece.end, 1
            continue
        depth += 1 if piece.kind == Kind.START else -1
        if not depth:
            found.append((begin, piece.start))
    return found


def _is_raw_block(markup: str, piece: Piece) -> bool:
    return bool(_RAW_BLOCK.search(markup, piece.start, piece.end))


def _with_comments(markup: str) -> list[str]:
    """Return HTML whose tokens are comments wherever it is text."""
    parts, position = [], 0
    for piece in pieces(markup):
        parts.append(_commented(markup[position : piece.start]))
        parts.append(markup[piece.start : piece.end])
        position = piece.end
    return [*parts, _commented(markup[position:])]


def _commented(text: str) -> str:
    return (
        TOKEN.sub(lambda found: f"<!--{found[0]}-->", text) if _OPEN in text else text
    )
