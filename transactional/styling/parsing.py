"""HTML as a tree, where that is safe."""

from __future__ import annotations

from selectolax.lexbor import LexborHTMLParser, LexborNode

from transactional.styling.pieces import weight

#: Beyond these nothing is taken apart: it would take seconds, or a parser would copy
#: what is left open into every paragraph after it.
MAX_LENGTH = 300_000
_MAX_DEPTH = 100
_MAX_WEIGHT = 400_000
#: Whatever comes first in a body, a comment for one, is in it and not before it.
BEFORE = "<!DOCTYPE html><body>"


def is_reasonable(markup: str) -> bool:
    """Say whether HTML, its Liquid set aside, can be taken apart."""
    if len(markup) > MAX_LENGTH:
        return False
    depth, tags = weight(markup)
    return depth <= _MAX_DEPTH and depth * tags <= _MAX_WEIGHT


def parsed(markup: str) -> LexborNode | None:
    """Return the body of a document, or of a part of one; None beyond reason."""
    return LexborHTMLParser(BEFORE + markup).body if is_reasonable(markup) else None
