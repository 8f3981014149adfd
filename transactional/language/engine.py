"""python-liquid, set up for mails: nothing is loaded, and everything is bounded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TextIO

from liquid import Environment, RenderContext
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
from markupsafe import Markup

from transactional.language.expressions import adapt, path_of, whole
from transactional.language.feeding import tokens_of
from transactional.language.filling import Context, Template, written
from transactional.language.filters.reading import Captured, weigh
from transactional.language.parts import MAX_DEPTH, Form
from transactional.language.placeholders import Placeholder, read_placeholder
from transactional.language.scanning import Piece
from transactional.language.tokens import Stream, read_expression

_SPACE = re.compile(r"(?:\s|&nbsp;)*")


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
        weigh(values)
        group = self.group.evaluate(context) if self.group else None
        key = repr(values) if group is None else str(group)
        return buffer.write(written(values[ours.cycle(key, len(values))], ours))


class _TableRowNode(tablerow_tag.TablerowNode):
    def _int_or_zero(self, arg: object) -> int:
        """Read a number of columns: what is none, such as null, asks for one row."""
        return whole(arg)

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
    nodes = get_parser(environment).parse(Stream(tokens_of(pieces, form)))
    template = Template(environment, nodes)
    around = Context(template, {})
    stack: list[Node] = list(nodes)
    while stack:
        node = stack.pop()
        for expression in node.expressions():
            adapt(expression)
        stack.extend(node.children(around))
    return template
