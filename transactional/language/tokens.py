"""The words of an expression, as python-liquid's parser reads them.

Its own tokenizer knows neither `??` nor names with spaces, and reads no HTML.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from liquid import TokenStream
from liquid import token as kinds
from liquid.exceptions import LiquidSyntaxError
from liquid.token import Token

from transactional.language.placeholders import unquoted
from transactional.language.scanning import clean

#: The longest expression, and the most words in one: each takes a step of the stack.
MAX_EXPRESSION = 10_000
MAX_WORDS = 400

_WORD = r"\w[\w-]*(?:\?(?!\?))?"
_RULES = (
    ("space", r"\s+"),
    ("range", r"\((?=[^()]*\.\.)"),
    ("fallback", r"\?\?"),
    ("key", r"\[\s*(?:\"[^\"]*\"|'[^']*')\s*\]"),
    ("place", r"\[\s*-?\d{1,9}\s*\]"),
    ("text", r"\"[^\"]*\"|'[^']*'"),
    ("dots", r"\.\."),
    ("float", r"-?\d{1,15}\.\d{1,15}(?![\w.])"),
    ("integer", r"-?\d{1,15}(?![\w-])"),
    ("word", _WORD),
    ("mark", r"[!=<>]{1,2}|\|\||[.|:,()\[\]]"),
    ("other", r"."),
)
_TOKEN = re.compile("|".join(f"(?P<{name}>{rule})" for name, rule in _RULES), re.DOTALL)
#: The literal after `??`: up to the next filter, unless it stands in quotes.
_LITERAL = re.compile(
    r"\s*(?:\"[^\"]*\"(?=\s*(?:\||\?\?|\Z))|'[^']*'(?=\s*(?:\||\?\?|\Z)))?"
    r"(?:(?!\?\?)[^|])*"
)
_MARKS = {
    **kinds.operators,
    ".": kinds.TOKEN_DOT,
    "(": kinds.TOKEN_LPAREN,
    ")": kinds.TOKEN_RPAREN,
    "[": kinds.TOKEN_LBRACKET,
    "]": kinds.TOKEN_RBRACKET,
    "|": kinds.TOKEN_PIPE,
    ":": kinds.TOKEN_COLON,
    ",": kinds.TOKEN_COMMA,
}
_LITERALS = frozenset({"true", "false", "nil", "null", "empty", "blank"})
_LOGIC = _LITERALS | {"and", "or", "contains", "not"}
_LOOP = _LITERALS | {"in", "reversed", "limit", "offset", "cols", "continue"}
#: Which words of a tag are its own; everywhere else they are names.
_KEYWORDS = {
    **dict.fromkeys(("if", "elsif", "unless", "when"), _LOGIC),
    **dict.fromkeys(("for", "tablerow"), _LOOP),
}
_ADVICE = {
    "&": "Write “and” in place of “&”.",
    "|": "Write “or” in place of “||”.",
    "!": "Write “!=” for “is not”.",
    "=": "Write “==” to compare.",
    "+": "Write “| plus: 1” to add.",
    "*": "Write “| times: 2” to multiply.",
    "/": "Write “| divided_by: 2” to divide.",
    '"': "This quotation mark has no second one.",
    "'": "This quotation mark has no second one.",
    "“": "Write straight quotation marks: \" or '.",
    "”": "Write straight quotation marks: \" or '.",
    "?": "A fallback begins with “??”.",
    "<": "There is HTML in here: style the whole of it, from brace to brace.",
}


class Stream(TokenStream):
    """Tokens of a part, whose expressions are read by us."""

    def into_inner(self, *, tag: Token | None = None, eat: bool = True) -> Stream:
        """Return the tokens of the expression that stands here."""
        expression = self.current
        if expression.kind != kinds.TOKEN_EXPRESSION:
            raise LiquidSyntaxError("Something is missing here.", token=tag)
        if eat:
            next(self)
        name = tag.value if tag else ""
        return read_expression(expression.value, expression.start_index, name)


def read_expression(text: str, start: int, tag: str = "") -> Stream:
    """Take an expression apart, which begins at `start` of the source.

    `tag` is the tag that it stands in, and empty between two braces.
    """
    if len(text) > MAX_EXPRESSION:
        raise _error("This is too long to be read.", text[:1], start)
    tokens = list(_tokens(text, start, _KEYWORDS.get(tag, _LITERALS)))
    if len(tokens) > MAX_WORDS:
        raise _error("This is too long to be read.", text[:1], start)
    return Stream(iter(tokens))


def _tokens(text: str, start: int, keywords: frozenset[str]) -> Iterator[Token]:
    meant, moves = clean(text)
    places = [place for place, _ in moves]

    def token(kind: str, value: str, index: int) -> Token:
        moved = bisect_right(places, index)
        further = moves[moved - 1][1] if moved else 0
        return Token(kind, value, start + index + further, "")

    last: Token | None = None
    position = 0
    while match := _TOKEN.match(meant, position):
        rule, value, index = match.lastgroup, match[0], match.start()
        position = match.end()
        if rule == "space":
            continue
        if rule == "fallback":
            if last:
                yield last
            literal, position = _literal(meant, position)
            yield token(kinds.TOKEN_PIPE, "|", index)
            yield token(kinds.TOKEN_WORD, "default", index)
            yield token(kinds.TOKEN_COLON, ":", index)
            last = token(kinds.TOKEN_STRING, literal, index)
            continue
        new = token(*_read(rule or "", value, keywords), index)
        if new.kind == kinds.TOKEN_ILLEGAL:
            raise _illegal(value, new.start_index)
        if last and last.kind == new.kind == kinds.TOKEN_WORD:
            # A name of two words.
            last = last._replace(value=f"{last.value} {new.value}")
            continue
        if last:
            yield last
        last = new
    if last:
        yield last


def _read(rule: str, value: str, keywords: frozenset[str]) -> tuple[str, str]:
    """Return the kind and the value of a token."""
    if rule == "word":
        return (value, value) if value in keywords else (kinds.TOKEN_WORD, value)
    if rule == "text":
        return kinds.TOKEN_STRING, value[1:-1]
    if rule == "key":
        return kinds.TOKEN_IDENTSTRING, value[1:-1].strip()[1:-1]
    if rule == "place":
        return kinds.TOKEN_IDENTINDEX, value[1:-1].strip()
    if rule == "mark":
        return _MARKS.get(value, kinds.TOKEN_ILLEGAL), value
    kind = {
        "range": kinds.TOKEN_RANGE_LITERAL,
        "dots": kinds.TOKEN_RANGE,
        "float": kinds.TOKEN_FLOAT,
        "integer": kinds.TOKEN_INTEGER,
    }.get(rule, kinds.TOKEN_ILLEGAL)
    return kind, value


def _literal(text: str, position: int) -> tuple[str, int]:
    """Read the literal after `??`; of several, the first one counts."""
    match = _LITERAL.match(text, position)
    literal, end = (match[0], match.end()) if match else ("", position)
    while text.startswith("??", end) and (match := _LITERAL.match(text, end + 2)):
        end = match.end()
    return unquoted(literal), end


def _illegal(value: str, offset: int) -> LiquidSyntaxError:
    advice = _ADVICE.get(value[:1], f"“{value}” has no meaning here.")
    return _error(advice, value, offset)


def _error(message: str, value: str, offset: int) -> LiquidSyntaxError:
    return LiquidSyntaxError(
        message, token=Token(kinds.TOKEN_ILLEGAL, value, offset, "")
    )
