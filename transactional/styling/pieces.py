"""The pieces HTML is made of, told apart in one pass, whatever it says.

Liquid stands in HTML wherever it likes: in text, in attributes, between the rows of a
table, with a `>` of its own. It is set aside first, and is a single letter to whoever
reads the HTML around it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

#: `{{ … }}` and `{% … %}`. One that is begun anew before it ends is text.
LIQUID = re.compile(
    r"\{\{[^{}]*+(?:(?!\{\{|\}\})[{}][^{}]*+)*+\}\}"
    r"|\{%[^{%]*+(?:(?!\{%|%\})[{%][^{%]*+)*+%\}"
)
#: No alternative gives back what it took, and what is open at the end runs to the end:
#: a million of any beginning is read once.
_PIECE = re.compile(
    r"(?P<comment><!--(?:-?>|.*?(?:--!?>|\Z)))"
    r"|<(?P<start>[a-zA-Z][^\s/>]*+)"
    r"(?:=\s*+(?:\"[^\"]*+\"|'[^']*+')|[^>])*+(?:>|\Z)"
    r"|</(?P<end>[a-zA-Z][^\s/>]*+)[^>]*+(?:>|\Z)"
    r"|(?P<other><[!?/][^>]*+(?:>|\Z))",
    re.DOTALL,
)
#: Elements whose content is no HTML.
_RAW = frozenset(
    "script style textarea title xmp iframe noembed noframes plaintext".split()
)
_RAW_ENDS = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in _RAW}
VOID = frozenset(
    "area base br col embed hr img input link meta param source track wbr".split()
)
#: Elements that end without saying so.
_IMPLIED = frozenset(
    "p li td th tr tbody thead tfoot colgroup option optgroup dt dd rb rp rt".split()
)


_VALUE = re.compile(r"=\s*+(?:\"[^\"]*+\"|'[^']*+')")
_COMMENT_END = re.compile(r"(?:--!?|<!--?)>\Z")


class Kind(Enum):
    COMMENT = auto()
    START = auto()
    END = auto()
    #: What stands in an element such as <style>.
    RAW = auto()
    #: A doctype, and whatever else begins with `<`.
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of HTML that is no text, and where it stands."""

    kind: Kind
    start: int
    end: int
    #: Of the element, in lower case.
    name: str = ""


_KINDS = {
    "comment": Kind.COMMENT,
    "start": Kind.START,
    "end": Kind.END,
    "other": Kind.OTHER,
}


def pieces(source: str) -> Iterator[Piece]:
    """Yield what is no text in HTML; its Liquid is masked or set aside."""
    position = 0
    while match := _PIECE.search(source, position):
        group = str(match.lastgroup)
        name = match[group].lower() if group in ("start", "end") else ""
        yield Piece(_KINDS[group], match.start(), match.end(), name)
        position = match.end()
        if group == "start" and name in _RAW:
            found = _RAW_ENDS[name].search(source, position)
            end = found.start() if found and name != "plaintext" else len(source)
            yield Piece(Kind.RAW, position, end, name)
            position = end


def masked(source: str) -> str:
    """Return HTML in which nothing but HTML is left, each thing in its place."""
    return LIQUID.sub(lambda match: "x" * len(match[0]), source)


def closing(source: str) -> str:
    """Return what ends the comment, tag or text that masked HTML leaves open."""
    return closing_after(source, next(iter(deque(pieces(source), maxlen=1)), None))


def closing_after(source: str, last: Piece | None) -> str:
    """Return the same where its last piece is known."""
    if last is None or last.end < len(source):
        return ""
    tail = source[last.start :]
    if last.kind == Kind.COMMENT:
        return "" if _COMMENT_END.search(tail) else "-->"
    if last.kind == Kind.RAW:
        return f"</{last.name}>"
    return "" if tail.endswith(">") else f"{_open_quote(tail)}>"


def _open_quote(tag: str) -> str:
    """Return the quote that a tag without an end leaves open."""
    found = re.search(r"=\s*([\"'])", _VALUE.sub("=", tag))
    return found[1] if found else ""


def is_self_contained(source: str) -> bool:
    """Say whether masked HTML closes what it opens and nothing else."""
    opened: list[str] = []
    for piece in pieces(source):
        if not source.endswith(">", piece.start, piece.end) and piece.kind != Kind.RAW:
            return False
        if piece.kind == Kind.RAW and piece.end == len(source):
            return False
        if piece.name in VOID or piece.name in _IMPLIED - {"td", "tr"}:
            continue
        if piece.kind == Kind.START:
            opened.append(piece.name)
        elif piece.kind == Kind.END and (not opened or opened.pop() != piece.name):
            return False
    return not opened


def weight(source: str) -> tuple[int, int]:
    """Return about how deep the elements of HTML go, and how many tags it has.

    A parser copies what is left open into every paragraph after it: the two,
    multiplied, are what it may come to.
    """
    opened: dict[str, int] = {}
    depth = deepest = tags = 0
    for piece in pieces(source):
        tags += 1
        if piece.name in VOID or piece.name in _IMPLIED:
            continue
        if piece.kind == Kind.START:
            opened[piece.name] = opened.get(piece.name, 0) + 1
            depth += 1
            deepest = max(deepest, depth)
        elif piece.kind == Kind.END and opened.get(piece.name):
            opened[piece.name] -= 1
            depth -= 1
    return deepest, tags
