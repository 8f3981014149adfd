"""The parts that use more of the language than variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from liquid.exceptions import LiquidError

from transactional.language.engine import parse as parse_pieces
from transactional.language.filling import Buffer, Context, Full, Template
from transactional.language.naming import names_of
from transactional.language.parts import MAX_PIECES, MAX_RENDERED, Form, Unfillable
from transactional.language.scanning import Kind, Piece, Unclosed, scan
from transactional.language.structure import faults
from transactional.language.values import one_line

#: What a tag takes in memory, measured.
_PIECE_SIZE = 700


class Unreadable(ValueError):
    """What a source says is not the language."""


@dataclass(frozen=True, slots=True)
class LiquidPart:
    """A part of a mail that has conditions, loops or filters."""

    template: Template
    form: Form
    names: frozenset[str]
    size: int

    def fill(self, variables: Mapping[str, Any], limit: int = MAX_RENDERED) -> str:
        """Fill in `variables`; raises Unfillable where no whole part comes of it."""
        buffer = Buffer(limit, is_cut=self.form is Form.LINE)
        context = Context(self.template, variables)
        try:
            self.template.render_with_context(context, buffer)
        except Full:
            return one_line(buffer.getvalue()[:limit])
        except LiquidError as error:
            raise Unfillable(str(error.message)) from error
        except RecursionError as error:
            raise Unfillable("Its values are nested too deep.") from error
        text = buffer.getvalue()
        return one_line(text) if self.form is Form.LINE else text


def compile_liquid(source: str, form: Form) -> LiquidPart:
    """Compile a source; raises Unreadable where it says nothing."""
    pieces = read_pieces(source)
    template = parse(pieces, form)
    words = sum(piece.kind is not Kind.TEXT for piece in pieces)
    size = 2_000 + 2 * len(source) + _PIECE_SIZE * words
    return LiquidPart(template, form, names_of(template), size)


def read_pieces(source: str) -> list[Piece]:
    """Take a source apart; raises Unreadable where its tags do not fit together."""
    try:
        pieces = list(islice(scan(source), MAX_PIECES + 1))
    except Unclosed as error:
        raise Unreadable(error.fault.message) from error
    if len(pieces) > MAX_PIECES or any(faults(pieces)):
        raise Unreadable("The tags do not fit together.")
    return pieces


def parse(pieces: list[Piece], form: Form) -> Template:
    """Parse pieces that fit together; raises Unreadable."""
    try:
        return parse_pieces(pieces, form)
    except (LiquidError, RecursionError) as error:
        raise Unreadable("An expression says nothing.") from error
