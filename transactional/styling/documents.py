"""A document of its author's: what we add to it, and where, to the byte."""

from __future__ import annotations

import re

from transactional.styling.pieces import Kind, Piece, closing_after, masked, pieces

_DOCTYPE = re.compile(r"<!doctype\b", re.IGNORECASE)
_CLASS = re.compile(r"\sclass\s*=", re.IGNORECASE)
_BLOCK = re.compile(r"\sdata-block\s*=", re.IGNORECASE)
_CONDITION = re.compile(r"<!--\s*\[if\b", re.IGNORECASE)
#: What only somebody who lays out a mail by hand, or a program for it, writes.
_BY_HAND = frozenset("html head body style link table center font section".split())
_IN_HEAD = frozenset("head meta title link base style script noscript".split())


def with_end(source: str, addition: str) -> str:
    """Return a document with something as the last thing in its body."""
    plain = masked(source)
    ends: dict[str, int] = {}
    last: Piece | None = None
    for piece in pieces(plain):
        is_end = piece.kind == Kind.END and plain[piece.end - 1] == ">"
        if is_end and piece.name in ("body", "html"):
            ends[piece.name] = piece.start
        last = piece
    end = ends.get("body", ends.get("html", -1))
    if end < 0:
        return f"{source}{closing_after(plain, last)}\n{addition}"
    return f"{source[:end]}\n{addition}{source[end:]}"


def with_beginning(source: str, addition: str) -> str:
    """Return a document with something as the first thing in its body."""
    plain = masked(source)
    at = 0
    for piece in pieces(plain):
        if piece.kind == Kind.START and piece.name == "body":
            at = piece.end
            break
        if _stands_before_body(plain, piece):
            at = piece.end
        elif piece.kind == Kind.START and piece.name not in _IN_HEAD:
            break
    return f"{source[:at]}{addition}{source[at:]}"


def _stands_before_body(plain: str, piece: Piece) -> bool:
    if piece.kind == Kind.OTHER:
        return bool(_DOCTYPE.match(plain, piece.start))
    if piece.kind == Kind.START:
        return piece.name == "html"
    return piece.kind == Kind.END and piece.name == "head"


def looks_written_by_hand(body: str) -> bool:
    """Say whether a body has a look of its own, which ours would spoil.

    Tables, boxes, classes, style sheets, a doctype: an editor for text writes none.
    """
    plain = masked(body)
    return any(_is_by_hand(plain, piece) for piece in pieces(plain))


def _is_by_hand(plain: str, piece: Piece) -> bool:
    match piece.kind:
        case Kind.OTHER:
            return bool(_DOCTYPE.match(plain, piece.start))
        case Kind.COMMENT:
            return bool(_CONDITION.match(plain, piece.start))
        case Kind.START if piece.name in _BY_HAND:
            return True
        case Kind.START:
            tag = plain[piece.start : piece.end]
            if piece.name == "div":
                return not _BLOCK.search(tag)
            return bool(_CLASS.search(tag))
    return False
