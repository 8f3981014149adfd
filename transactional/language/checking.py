"""What is wrong with a source, said to who wrote it, before anything is sent."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice

from liquid import TokenStream
from liquid import token as kinds
from liquid.builtin.expressions import (
    BooleanExpression,
    FilteredExpression,
    LoopExpression,
    parse_identifier,
)
from liquid.builtin.expressions.arguments import PositionalArgument
from liquid.builtin.expressions.primitive import parse_primitive
from liquid.exceptions import LiquidError

from transactional.language.engine import ENVIRONMENTS
from transactional.language.filters import FILTERS
from transactional.language.liquid import Unreadable, parse
from transactional.language.parts import MAX_PIECES, MAX_SOURCE, Form
from transactional.language.placeholders import read_placeholder
from transactional.language.scanning import Fault, Kind, Piece, Unclosed, scan
from transactional.language.structure import ENDS, faults
from transactional.language.tokens import read_expression

#: The most problems that are told at once.
_MOST = 50
_LINE = re.compile(r"\r\n|\r|\n")
_MARKUP = re.compile(r"<[/A-Za-z][^<>]*>")
_BREAK = re.compile(r"[\r\n]")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_OPERATOR = re.compile(r"==|!=|<>|[<>]=?|\s(?:and|or|contains)\s|&(?:gt|lt);")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong, and where: lines and columns begin at one."""

    message: str
    line: int
    column: int


class Lines:
    """Lines and columns of the places of a source."""

    def __init__(self, source: str) -> None:
        self._starts = [0, *(match.end() for match in _LINE.finditer(source))]

    def place(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1


def check(source: str, form: Form) -> list[Problem]:
    """Return what is wrong with the language in a source, from its beginning on."""
    found = faults_in(source, form)
    if not found:
        return []
    lines = Lines(source)
    return [Problem(fault.message, *lines.place(fault.offset)) for fault in found]


def faults_in(source: str, form: Form) -> list[Fault]:
    """Return what is wrong in a source, with places counted in characters."""
    if len(source) > MAX_SOURCE:
        return [Fault(f"This is longer than {MAX_SOURCE:,} characters.", 0)]
    found = list(islice(_faults(source, form), _MOST))
    return sorted(found, key=lambda fault: fault.offset)


def _faults(source: str, form: Form) -> Iterator[Fault]:
    pieces: list[Piece] = []
    is_whole = True
    try:
        for piece in islice(scan(source), MAX_PIECES + 1):
            pieces.append(piece)  # noqa: PERF402 - as far as it can be read
    except Unclosed as error:
        is_whole = False
        yield error.fault
    if len(pieces) > MAX_PIECES:
        yield Fault(f"There are more than {MAX_PIECES // 2:,} tags and variables.", 0)
        return
    said = [piece for piece in pieces if piece.kind is not Kind.TEXT]
    is_right = is_whole
    # What stands open where the scanner stopped is no second mistake.
    for fault in faults(pieces) if is_whole else ():
        is_right = False
        yield fault
    for piece in said:
        for fault in _in_piece(piece):
            is_right = False
            yield fault
    if is_right and any(_is_more(piece) for piece in said):
        yield from _as_a_whole(pieces, form)


def _is_more(piece: Piece) -> bool:
    return piece.kind is Kind.TAG or read_placeholder(piece.text).is_more


def _as_a_whole(pieces: list[Piece], form: Form) -> Iterator[Fault]:
    """Yield what only the parser finds."""
    try:
        parse(pieces, form)
    except Unreadable as error:
        cause = error.__cause__
        token = cause.token if isinstance(cause, LiquidError) else None
        offset = token.start_index if token else 0
        yield Fault("This cannot be read as a tag.", max(offset, 0))


def _in_piece(piece: Piece) -> Iterator[Fault]:
    if piece.kind is Kind.OUTPUT:
        yield from _in_output(piece)
    elif piece.name in _READERS:
        yield from _in_expression(piece, _READERS[piece.name])
    elif piece.name in _ALONE and piece.text.strip():
        is_elsif = piece.name == "else" and piece.text.startswith("if")
        yield Fault(
            "Write {% elsif … %} for “else if”."
            if is_elsif
            else f"Nothing stands after “{piece.name}” in this tag.",
            piece.text_start,
        )


def _in_output(piece: Piece) -> Iterator[Fault]:
    text = piece.text[piece.trims_before : len(piece.text) - piece.trims_after]
    markup = _MARKUP.search(_QUOTED.sub(_blank, text))
    if markup:
        yield Fault(
            "There is HTML between the braces: style the whole variable, braces and "
            "all.",
            piece.text_start + markup.start(),
        )
        return
    placeholder = read_placeholder(text)
    if placeholder.is_more:
        yield from _in_expression(piece, _filtered)
    elif _BREAK.search(text):
        yield Fault("A variable stands on one line.", piece.start)
    elif not placeholder.path:
        yield Fault(
            "The name of a variable is missing between the braces.", piece.start
        )
    elif operator := _OPERATOR.search(text.partition("??")[0]):
        yield Fault(
            "A comparison stands in a tag, such as {% if age > 18 %}.",
            piece.text_start + operator.start(),
        )


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


_Reader = Callable[[TokenStream], Iterator[Fault]]


def _in_expression(piece: Piece, read: _Reader) -> Iterator[Fault]:
    start = piece.text_start
    text = piece.text
    if piece.kind is Kind.OUTPUT:
        text = text[piece.trims_before : len(text) - piece.trims_after]
        start += piece.trims_before
    name = piece.name or "{{ }}"
    if not text.strip():
        yield Fault(_MISSING.get(piece.name, "Something is missing here."), piece.start)
        return
    try:
        words = read_expression(text, start, piece.name)
        yield from read(words)
        words.expect_eos()
    except LiquidError as error:
        yield _fault(error, name, start + len(text.rstrip()))
    except RecursionError:
        yield Fault("This is too complicated to be read.", start)


def _fault(error: LiquidError, name: str, end: int) -> Fault:
    """Say what the parser stumbled over."""
    token = error.token
    if token is None or token.start_index < 0:
        message = _MISSING.get(name, "Something is missing at the end.")
        return Fault(message, end - 1)
    if token.kind == kinds.TOKEN_ILLEGAL:
        return Fault(str(error.message), token.start_index)
    if token.kind == kinds.TOKEN_ASSIGN and name in _CONDITIONS:
        return Fault("Write “==” to compare.", token.start_index)
    return Fault(
        f"“{token.value[:40]}” is not expected here. {_EXAMPLES.get(name, '')}".strip(),
        token.start_index,
    )


_EXAMPLES = {
    "if": 'A condition looks like {% if plan == "pro" %}.',
    "elsif": 'A condition looks like {% elsif plan == "pro" %}.',
    "unless": 'A condition looks like {% unless plan == "pro" %}.',
    "case": "It looks like {% case plan %}.",
    "when": 'It looks like {% when "pro" %}.',
    "for": "A loop looks like {% for item in items %}.",
    "tablerow": "It looks like {% tablerow item in items cols: 2 %}.",
    "assign": 'It looks like {% assign name = "text" %}.',
    "capture": "It looks like {% capture name %}.",
    "cycle": 'It looks like {% cycle "odd", "even" %}.',
    "{{ }}": "A filter looks like {{ name | upcase }}.",
}
_MISSING = {
    name: f"Something is missing here. {example}" for name, example in _EXAMPLES.items()
}
_CONDITIONS = frozenset({"if", "elsif", "unless"})
#: Tags that are no more than their name.
_ALONE = frozenset(ENDS) | {"else", "break", "continue", "raw", "endraw", "endcomment"}


def _filtered(words: TokenStream) -> Iterator[Fault]:
    made = FilteredExpression.parse(_ENVIRONMENT, words)
    for used in getattr(made, "filters", None) or []:
        known = FILTERS.get(used.name)
        if known is None:
            yield Fault(_unknown_filter(used.name), used.token.start_index)
        elif len(used.args) < known.least:
            yield Fault(
                f"The filter “{used.name}” needs something after it: “{used.name}: …”.",
                used.token.start_index,
            )
        elif len(used.args) > known.most:
            count = f"at most {known.most}" if known.most else "no"
            yield Fault(
                f"The filter “{used.name}” takes {count} values after it.",
                used.token.start_index,
            )


def _unknown_filter(name: str) -> str:
    close = get_close_matches(name.lower(), sorted(FILTERS), n=1)
    hint = f" Is it “{close[0]}”?" if close else ""
    return f"There is no filter “{name[:40]}”.{hint}"


def _condition(words: TokenStream) -> Iterator[Fault]:
    BooleanExpression.parse(_ENVIRONMENT, words)
    yield from ()


def _case(words: TokenStream) -> Iterator[Fault]:
    parse_primitive(_ENVIRONMENT, words)
    yield from ()


def _when(words: TokenStream) -> Iterator[Fault]:
    parse_primitive(_ENVIRONMENT, words)
    while words.current.kind in (kinds.TOKEN_COMMA, kinds.TOKEN_OR):
        next(words)
        parse_primitive(_ENVIRONMENT, words)
    yield from ()


def _loop(words: TokenStream) -> Iterator[Fault]:
    LoopExpression.parse(_ENVIRONMENT, words)
    yield from ()


def _assign(words: TokenStream) -> Iterator[Fault]:
    parse_identifier(_ENVIRONMENT, words, allow_trailing_question_mark=False)
    words.eat(kinds.TOKEN_ASSIGN)
    yield from _filtered(words)


def _name(words: TokenStream) -> Iterator[Fault]:
    parse_identifier(_ENVIRONMENT, words)
    yield from ()


def _cycle(words: TokenStream) -> Iterator[Fault]:
    if words.peek.kind == kinds.TOKEN_COLON:
        parse_primitive(_ENVIRONMENT, words)
        words.eat(kinds.TOKEN_COLON)
    PositionalArgument.parse(_ENVIRONMENT, words)
    yield from ()


_ENVIRONMENT = ENVIRONMENTS[Form.HTML]
_READERS: dict[str, _Reader] = {
    "if": _condition,
    "elsif": _condition,
    "unless": _condition,
    "case": _case,
    "when": _when,
    "for": _loop,
    "tablerow": _loop,
    "assign": _assign,
    "capture": _name,
    "increment": _name,
    "decrement": _name,
    "cycle": _cycle,
    "echo": _filtered,
}
