"""Which variables a part reads, found without filling it in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from liquid.ast import BlockNode, Node
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.expressions.primitive import StringLiteral
from liquid.builtin.tags.decrement_tag import DecrementNode
from liquid.builtin.tags.increment_tag import IncrementNode
from liquid.expression import Expression

from transactional.language.engine import Context, Template

_COUNTERS = (IncrementNode, DecrementNode)


def names_of(template: Template) -> frozenset[str]:
    """Return the names of the variables that a part may read.

    A name that the part gives a value itself is none of them, where it surely has: one
    that is assigned in a condition may still be the variable of that name.
    """
    return _Reader(template).names


def paths_in(expression: Expression) -> Iterator[Path]:
    """Yield the paths of an expression, those within brackets too."""
    for one in walk(expression):
        if isinstance(one, Path):
            yield one


def walk(expression: Expression) -> Iterator[Expression]:
    """Yield an expression and all that it is made of."""
    stack = [expression]
    while stack:
        one = stack.pop()
        yield one
        stack.extend(one.children())


def dotted(path: Path) -> str:
    """Return a path as one text, up to where it depends on a value."""
    known: list[str] = []
    for segment in path.path:
        if isinstance(segment, Path):
            break
        known.append(str(segment))
    return ".".join(known)


class _Reader:
    def __init__(self, template: Template) -> None:
        self._context = Context(template, {})
        self._found: set[str] = set()
        self._has_dates = self._has_now = False
        self._visit(template.nodes, set())

    @property
    def names(self) -> frozenset[str]:
        reads_now = self._has_dates and self._has_now
        return frozenset(self._found | ({"now"} if reads_now else set()))

    def _visit(self, nodes: Iterable[Node], own: set[str]) -> None:
        """Read nodes one after the other; what is given a value in there is `own`."""
        for node in nodes:
            for expression in node.expressions():
                self._read(expression, own)
            inner = own | set(map(str, node.block_scope()))
            children = list(node.children(self._context))
            # Branches each by themselves: one of them may not be taken.
            branches = [children] if isinstance(node, BlockNode) else zip(children)
            for branch in branches:
                self._visit(branch, set(inner))
            if not isinstance(node, _COUNTERS):
                own.update(map(str, node.template_scope()))

    def _read(self, expression: Expression, own: set[str]) -> None:
        for one in walk(expression):
            if isinstance(one, Path):
                self._note(one, own)
            elif isinstance(one, FilteredExpression):
                filters = one.filters or []
                self._has_dates |= any(made.name == "date" for made in filters)
            elif isinstance(one, StringLiteral):
                self._has_now |= one.value in ("now", "today")

    def _note(self, path: Path, own: set[str]) -> None:
        name = dotted(path)
        root = name.partition(".")[0]
        if not isinstance(path.path[0], str):
            # `[name]` may be any of them.
            self._found.add("data")
        elif str(path.path[0]) not in own:
            self._found |= {name, str(path.path[0]), root}
