"""The pieces of a source, as python-liquid's parser reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from liquid import token as kinds
from liquid.token import Token

from transactional.language.parts import Form
from transactional.language.placeholders import read_placeholder
from transactional.language.scanning import Kind, Piece

#: Tags that only the scanner knows.
SILENT = frozenset({"raw", "endraw", "comment", "endcomment", "#"})
_BREAK = re.compile(r"[\r\n]")
#: In plain text a tag that stands alone on a line leaves no empty line behind.
_REST_OF_LINE = re.compile(r"\A[ \t]*\r?\n")
_LINE_BEGINS = re.compile(r"\n[ \t]*\Z")


def tokens_of(pieces: list[Piece], form: Form) -> Iterator[Token]:
    """Yield pieces as python-liquid's parser reads them."""
    is_line_empty = True
    for index, piece in enumerate(pieces):
        if piece.kind is Kind.TEXT:
            text = piece.text
            if index and pieces[index - 1].trims_after:
                text = text.lstrip()
            if index + 1 < len(pieces) and pieces[index + 1].trims_before:
                text = text.rstrip()
            if form is Form.TEXT and index and is_line_empty:
                text = _REST_OF_LINE.sub("", text, count=1)
            is_line_empty = bool(_LINE_BEGINS.search(piece.text))
            if text:
                yield Token(kinds.TOKEN_CONTENT, text, piece.start, "")
        elif piece.kind is Kind.OUTPUT:
            is_line_empty = False
            yield from _output_tokens(piece)
        elif piece.name not in SILENT:
            yield Token(kinds.TOKEN_TAG, piece.name, piece.start, "")
            if piece.text.strip():
                yield Token(kinds.TOKEN_EXPRESSION, piece.text, piece.text_start, "")


def _output_tokens(piece: Piece) -> Iterator[Token]:
    text = piece.text[piece.trims_before : len(piece.text) - piece.trims_after]
    if _BREAK.search(text) and not read_placeholder(text).is_more:
        # As in the fast way, a variable stands on one line.
        yield Token(kinds.TOKEN_CONTENT, f"{{{{{piece.text}}}}}", piece.start, "")
        return
    start = piece.text_start + piece.trims_before
    yield Token(kinds.TOKEN_OUTPUT, text, piece.start, "")
    yield Token(kinds.TOKEN_EXPRESSION, text, start, "")
