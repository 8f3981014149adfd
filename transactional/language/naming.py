"""Which variables a part reads, and where, found without filling it in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from liquid.ast import BlockNode, ConditionalBlockNode, Node
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.expressions.primitive import StringLiteral
from liquid.builtin.tags.decrement_tag import DecrementNode
from liquid.builtin.tags.if_tag import IfNode
from liquid.builtin.tags.increment_tag import IncrementNode
from liquid.expression import Expression

from transactional.language.engine import OutputNode, VariableNode
from transactional.language.filling import Context, Template

_COUNTERS = (IncrementNode, DecrementNode)
_CONDITIONS = (IfNode, ConditionalBlockNode)


@dataclass(frozen=True, slots=True)
class Read:
    """A variable that is read, and where in the source its name begins."""

    #: The names on the way to it with dots between them, as far as they are known.
    path: str
    #: The first of them; empty where it depends on a value which variable it is.
    root: str
    offset: int
    #: Whether the mail says it, and nothing in its place where it has no value.
    is_bare: bool = False


def names_of(template: Template) -> frozenset[str]:
    """Return the names of the variables that a part may read.

    A name that the part gives a value itself is none of them, where it surely has: one
    that is assigned in a condition may still be the variable of that name.
    """
    reader = _Reader(template)
    names = {"now"} if reader.asks_for_now else set()
    for read in reader.reads:
        names |= {read.path, read.root, read.path.partition(".")[0]}
        if not read.root:
            names = names - {""} | {"data"}
    return frozenset(names)


def reads_of(template: Template) -> list[Read]:
    """Return where a part reads which variables."""
    return _Reader(template).reads


class _Reader:
    def __init__(self, template: Template) -> None:
        self.reads: list[Read] = []
        self._context = Context(template, {})
        self._has_dates = self._has_now = False
        self._visit(template.nodes, set(), frozenset())

    @property
    def asks_for_now(self) -> bool:
        return self._has_dates and self._has_now

    def _visit(
        self, nodes: Iterable[Node], own: set[str], asked: frozenset[str]
    ) -> None:
        """Read nodes one after the other.

        What is given a value in there is `own`, and what was asked for in a condition
        around is `asked`.
        """
        for node in nodes:
            for expression in node.expressions():
                self._read(expression, own, _said(node, asked))
            if isinstance(node, _CONDITIONS):
                asked_here = asked | {_dotted(path) for path in _paths(node)}
            else:
                asked_here = asked
            inner = own | set(map(str, node.block_scope()))
            children = list(node.children(self._context))
            # Branches each by themselves: one of them may not be taken.
            branches = [children] if isinstance(node, BlockNode) else zip(children)
            for branch in branches:
                self._visit(branch, set(inner), asked_here)
            if not isinstance(node, _COUNTERS):
                own.update(map(str, node.template_scope()))

    def _read(self, expression: Expression, own: set[str], said: Path | None) -> None:
        for one in _walk(expression):
            if isinstance(one, Path):
                self._note(one, own, is_bare=one is said)
            elif isinstance(one, FilteredExpression):
                filters = one.filters or []
                self._has_dates |= any(made.name == "date" for made in filters)
            elif isinstance(one, StringLiteral):
                self._has_now |= one.value in ("now", "today")

    def _note(self, path: Path, own: set[str], *, is_bare: bool) -> None:
        first = path.path[0]
        root = first if isinstance(first, str) else ""
        if root not in own or not root:
            offset = path.token.start_index
            self.reads.append(Read(_dotted(path), root, offset, is_bare))


def _said(node: Node, asked: frozenset[str]) -> Path | None:
    """Return the path whose value a node says, where nothing stands in for it."""
    path: Expression | None = None
    if isinstance(node, VariableNode) and not node.placeholder.has_default:
        path = node.path
    elif isinstance(node, OutputNode):
        made = node.expression
        filters = (made.filters or []) if isinstance(made, FilteredExpression) else []
        if all(one.name != "default" for one in filters):
            path = made.left if isinstance(made, FilteredExpression) else None
    return path if isinstance(path, Path) and _dotted(path) not in asked else None


def _paths(node: Node) -> Iterator[Path]:
    for expression in node.expressions():
        yield from (one for one in _walk(expression) if isinstance(one, Path))


def _walk(expression: Expression) -> Iterator[Expression]:
    """Yield an expression and all that it is made of."""
    stack = [expression]
    while stack:
        one = stack.pop()
        yield one
        stack.extend(one.children())


def _dotted(path: Path) -> str:
    known: list[str] = []
    for segment in path.path:
        if isinstance(segment, Path):
            break
        known.append(str(segment))
    return ".".join(known)
