"""python-liquid, set up for mails: nothing is loaded, and everything is bounded."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from io import StringIO
from typing import Any, TextIO

from liquid import BoundTemplate, Environment, RenderContext
from liquid import token as kinds
from liquid.ast import Node
from liquid.builtin import content, illegal
from liquid.builtin.expressions import FilteredExpression
from liquid.builtin.tags import (
    assign_tag,
    capture_tag,
    case_tag,
    cycle_tag,
    decrement_tag,
    for_tag,
    if_tag,
    increment_tag,
    tablerow_tag,
    unless_tag,
)
from liquid.expression import Expression
from liquid.parser import get_parser
from liquid.stream import TokenStream
from liquid.tag import Tag
from liquid.token import Token
from liquid.utils import ReadOnlyChainMap
from markupsafe import Markup

from transactional.language.expressions import adapt, path_of, whole
from transactional.language.filters import apply
from transactional.language.filters.reading import Captured
from transactional.language.parts import MAX_RENDERED, Form, TooLong, TooSlow
from transactional.language.placeholders import Placeholder, read_placeholder
from transactional.language.scanning import Kind, Piece
from transactional.language.tokens import Stream, read_expression
from transactional.language.values import is_unset, step, writer

#: How deep tags stand in tags, how many pieces a part is made of, the texts in between
#: counted, and how many turns all of its loops may take together.
MAX_DEPTH = 30
MAX_PIECES = 10_000
MAX_TURNS = 100_000
#: How long filling in one part may keep a processor busy, in seconds.
MAX_SECONDS = 1.0
#: The most characters that a part keeps under names of its own.
_MAX_KEPT = 10_000_000


#: Tags that only the scanner knows.
SILENT = frozenset({"raw", "endraw", "comment", "endcomment", "#"})
_BREAK = re.compile(r"[\r\n]")
_SPACE = re.compile(r"(?:\s|&nbsp;)*")


class Full(Exception):
    """A line is as long as it may get."""


class Buffer(StringIO):
    """What was written so far, and how much more there may be."""

    def __init__(self, left: int, *, is_cut: bool = False) -> None:
        super().__init__()
        self.left = left
        self.is_cut = is_cut

    def write(self, text: str, /) -> int:
        self.left -= len(text)
        written = super().write(text)
        if self.left < 0:
            if self.is_cut:
                raise Full
            raise TooLong("Filled in, it has more characters than a mail may have.")
        return written


class Scope(ReadOnlyChainMap):
    """The names of the loops around, the part's own, and those that were given."""

    def is_own(self, name: str) -> bool:
        """Say whether a name is a loop's or the part's own."""
        *inner, _given, _counters = self._maps
        return any(name in names for names in inner)


class Context(RenderContext):
    """One filling in: its variables, and what it may still spend."""

    __slots__ = ("_deadline", "_given", "_kept", "_turns", "form", "write")

    def __init__(self, template: Template, given: Mapping[str, Any]) -> None:
        super().__init__(template, globals=given)
        # Without what python-liquid adds: a clock, by which no mail is the same twice.
        self.scope: Scope = Scope(self.locals, given, self.counters)
        self.form = template.env.form
        self.write = writer(self.form)
        self._given = given
        self._deadline = time.thread_time() + MAX_SECONDS
        self._turns = 0
        self._kept = 0

    def spend(self) -> None:
        """Raise TooSlow where the time is up."""
        if time.thread_time() > self._deadline:
            raise TooSlow(f"Filling in takes longer than {MAX_SECONDS:g} s.")

    def write_raw(self, value: Any) -> str:
        is_raw = True
        return self.write(value, is_raw)

    def now(self) -> Any:
        return self._given.get("now")

    def look_up(self, path: str) -> Any:
        """Return what a path names, in the loops and names around it before all."""
        return self.get(list(path.split(".")), token=None)

    def get(
        self, path: list[object], *, token: Token | None, default: object = None
    ) -> object:
        """Return what a way through names leads to, or None."""
        self.spend()
        root = str(path[0])
        if len(path) > 1 and not self.scope.is_own(root):
            dotted = ".".join(map(str, path))
            if dotted in self._given:
                return self._given[dotted]
        value = self.scope.get(root)
        for name in path[1:]:
            value = step(value, name)
            if value is None:
                return None
        return value

    def assign(self, key: str, val: Any) -> None:
        """Keep a value under a name, within bounds."""
        self.spend()
        self._kept += _weight(val) - _weight(self.locals.get(key))
        if self._kept > _MAX_KEPT:
            raise TooLong("It keeps more under names of its own than a mail may.")
        self.locals[key] = val

    def raise_for_loop_limit(self, length: int = 1) -> None:
        """Count the turns of all loops, one after the other or one in the other."""
        self._turns += length
        if self._turns > MAX_TURNS:
            raise TooSlow(f"Its loops take more than {MAX_TURNS:,} turns.")

    def get_buffer(self, buf: TextIO | None = None) -> StringIO:
        if isinstance(buf, Buffer) and not buf.is_cut:
            return Buffer(buf.left)
        return Buffer(MAX_RENDERED)

    def filter(self, name: str, token: Token | None) -> Callable[..., object]:
        def applied(value: object, *given: object, **named: object) -> object:
            self.spend()
            return apply(self, name, value, [*given, *named.values()])

        return applied


def _weight(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    return 8 * len(value) if isinstance(value, list) else 1


class Template(BoundTemplate):
    """A part, parsed."""

    env: Language


class VariableNode(Node):
    """`{{ path ?? default | raw }}`, written as the fast way writes it."""

    __slots__ = ("path", "placeholder")

    def __init__(self, token: Token, placeholder: Placeholder) -> None:
        super().__init__(token)
        self.placeholder = placeholder
        self.path = path_of(placeholder.path, token)

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        ours = _ours(context)
        value = ours.look_up(self.placeholder.path)
        if isinstance(value, Markup) and value:
            return buffer.write(written(value, ours))
        return buffer.write(self.placeholder.write(value, ours.write))

    def expressions(self) -> Iterator[Expression]:
        yield self.path


class OutputNode(Node):
    """`{{ … }}` with filters, or with brackets in its path."""

    __slots__ = ("expression",)

    def __init__(self, token: Token, expression: Expression) -> None:
        super().__init__(token)
        self.expression = expression

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        ours = _ours(context)
        return buffer.write(written(self.expression.evaluate(context), ours))

    def expressions(self) -> Iterator[Expression]:
        yield self.expression


def written(value: Any, context: Context) -> str:
    """Write what an expression came to."""
    if is_unset(value):
        return ""
    if isinstance(value, Captured):
        return str(value)
    if isinstance(value, list) and any(isinstance(v, Markup) for v in value):
        return "\n".join(f"<li>{written(item, context)}</li>" for item in value)
    return context.write(value, isinstance(value, Markup))


def _ours(context: RenderContext) -> Context:
    if not isinstance(context, Context):
        raise TypeError("A part is filled in by its own context.")
    return context


def _leading_space(text: str) -> str:
    return match[0] if (match := _SPACE.match(text)) else ""


class _Output(Tag):
    """What stands between two braces and two braces."""

    name = kinds.TOKEN_OUTPUT
    block = False

    def parse(self, stream: TokenStream) -> Node:
        token = stream.eat(kinds.TOKEN_OUTPUT)
        inner = stream.expect(kinds.TOKEN_EXPRESSION)
        placeholder = read_placeholder(inner.value)
        if not placeholder.is_more:
            start = inner.start_index + len(_leading_space(inner.value))
            return VariableNode(inner._replace(start_index=start), placeholder)
        words = read_expression(inner.value, inner.start_index)
        return OutputNode(token, FilteredExpression.parse(self.env, words))


class _CaptureNode(capture_tag.CaptureNode):
    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        inner = context.get_buffer(buffer)
        self.block.render(context, inner)
        is_html = _ours(context).form is Form.HTML
        said = inner.getvalue()
        context.assign(self.name, Captured(said) if is_html else said)
        return 0


class _Capture(capture_tag.CaptureTag):
    node_class = _CaptureNode


class _CycleNode(cycle_tag.CycleNode):
    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        ours = _ours(context)
        values = [argument.evaluate(context) for argument in self.args]
        group = self.group.evaluate(context) if self.group else None
        key = repr(values) if group is None else str(group)
        return buffer.write(written(values[ours.cycle(key, len(values))], ours))


class _TableRowNode(tablerow_tag.TablerowNode):
    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        """Write a table's rows; where there is no HTML, lines."""
        if _ours(context).form is Form.HTML:
            return int(super().render_to_output(context, buffer))
        items, length = self.expression.evaluate(context)
        columns = self.expression.cols
        width = whole(columns.evaluate(context), length) if columns else length
        row = tablerow_tag.TableRow(self.expression.identifier, items, length, width)
        namespace: dict[str, object] = {"tablerowloop": row}
        with context.loop(namespace, row):
            for item in row:
                namespace[self.expression.identifier] = item
                self.block.render(context, buffer)
                buffer.write("\n" if row.col_last or row.last else "  ")
        return 0


class _TableRow(tablerow_tag.TablerowTag):
    node_class = _TableRowNode


class _Cycle(cycle_tag.CycleTag):
    node_class = _CycleNode


class _Echo(Tag):
    """`{% echo … %}`, which is `{{ … }}`."""

    name = "echo"
    block = False

    def parse(self, stream: TokenStream) -> Node:
        token = stream.eat(kinds.TOKEN_TAG)
        words = stream.into_inner(tag=token, eat=False)
        return OutputNode(token, FilteredExpression.parse(self.env, words))


_TAGS: tuple[type[Tag], ...] = (
    content.Literal,
    illegal.Illegal,
    _Output,
    if_tag.IfTag,
    unless_tag.UnlessTag,
    case_tag.CaseTag,
    for_tag.ForTag,
    for_tag.BreakTag,
    for_tag.ContinueTag,
    _TableRow,
    assign_tag.AssignTag,
    increment_tag.IncrementTag,
    decrement_tag.DecrementTag,
    _Capture,
    _Cycle,
    _Echo,
)


class Language(Environment):
    """The language of one form of a part: neither files nor a clock, and no more tags
    than are named here.
    """

    template_class = Template
    block_nesting_limit = MAX_DEPTH
    context_depth_limit = MAX_DEPTH + 20
    suppress_blank_control_flow_blocks = False
    logical_not_operator = True
    form: Form

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        for tag in _TAGS:
            self.add_tag(tag)


def _environment(form: Form) -> Language:
    environment = Language()
    environment.form = form
    return environment


ENVIRONMENTS: dict[Form, Language] = {form: _environment(form) for form in Form}


def parse(pieces: list[Piece], form: Form) -> Template:
    """Parse the pieces of a part; raises LiquidError where they say nothing."""
    environment = ENVIRONMENTS[form]
    nodes = get_parser(environment).parse(Stream(tokens_of(pieces)))
    template = Template(environment, nodes)
    around = Context(template, {})
    stack: list[Node] = list(nodes)
    while stack:
        node = stack.pop()
        for expression in node.expressions():
            adapt(expression)
        stack.extend(node.children(around))
    return template


def tokens_of(pieces: list[Piece]) -> Iterator[Token]:
    """Yield pieces as python-liquid's parser reads them."""
    for index, piece in enumerate(pieces):
        if piece.kind is Kind.TEXT:
            text = piece.text
            if index and pieces[index - 1].trims_after:
                text = text.lstrip()
            if index + 1 < len(pieces) and pieces[index + 1].trims_before:
                text = text.rstrip()
            if text:
                yield Token(kinds.TOKEN_CONTENT, text, piece.start, "")
        elif piece.kind is Kind.OUTPUT:
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
