"""How expressions come to a value: python-liquid's, with our rules for values.

Truth is JavaScript's, as in the mails that people bring along: an empty text and zero
are false, an empty list is true. Comparing never fails, and a range is bounded before
there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from liquid import RenderContext
from liquid.builtin.expressions import (
    BooleanExpression,
    LoopExpression,
    Path,
)
from liquid.builtin.expressions import logical as logic
from liquid.builtin.expressions.primitive import (
    Blank,
    RangeLiteral,
    StringLiteral,
)
from liquid.expression import Expression
from liquid.token import Token

from transactional.language.parts import TooSlow

if TYPE_CHECKING:
    from transactional.language.filling import Context

#: The most numbers that a range may have.
MAX_RANGE = 10_000


def is_true(value: Any) -> bool:
    """Say whether a value counts as true."""
    return not (value is None or value is False or value == "" or _is_zero(value))


def _is_zero(value: Any) -> bool:
    return isinstance(value, int | float) and value == 0


def whole(value: Any, default: int = 0) -> int:
    """Return a value as a whole number, or the default."""
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return default
    return max(-(10**15), min(number, 10**15))


def adapt(expression: Expression) -> Expression:
    """Give an expression, and all within it, our way to come to a value.

    python-liquid builds its expressions in functions of its own, where no setting
    reaches: what they built is what we have, and it takes another class.
    """
    kind = _OURS.get(type(expression))
    if kind:
        expression.__class__ = kind
    if isinstance(expression, BooleanExpression):
        expression.expression = _tight(expression.expression)
    for child in expression.children():
        adapt(child)
    return expression


def _tight(expression: Expression) -> Expression:
    """Let `not` reach no further than the next `and` or `or`."""
    if isinstance(expression, logic.LogicalNotExpression):
        inner = _tight(expression.right)
        if isinstance(inner, logic.LogicalAndExpression | logic.LogicalOrExpression):
            inner.left = logic.LogicalNotExpression(expression.token, inner.left)
            return inner
    elif isinstance(expression, logic.LogicalAndExpression | logic.LogicalOrExpression):
        expression.right = _tight(expression.right)
    return expression


class _Path(Path):
    __slots__ = ()

    def evaluate(self, context: RenderContext) -> object:
        way = [
            one.evaluate(context) if isinstance(one, Path) else one for one in self.path
        ]
        # A key with a dot in it is one that the author wrote, and no value's choice.
        is_written = all(isinstance(one, str) for one in self.path)
        return _ours(context).find(way, is_written=is_written)


class _Boolean(BooleanExpression):
    __slots__ = ()

    def evaluate(self, context: RenderContext) -> bool:
        _spend(context)
        return is_true(self.expression.evaluate(context))


class _And(logic.LogicalAndExpression):
    __slots__ = ()

    def evaluate(self, context: RenderContext) -> bool:
        left = is_true(self.left.evaluate(context))
        return left and is_true(self.right.evaluate(context))


class _Or(logic.LogicalOrExpression):
    __slots__ = ()

    def evaluate(self, context: RenderContext) -> bool:
        left = is_true(self.left.evaluate(context))
        return left or is_true(self.right.evaluate(context))


class _Not(logic.LogicalNotExpression):
    __slots__ = ()

    def evaluate(self, context: RenderContext) -> bool:
        return not is_true(self.right.evaluate(context))


class _Equal(logic.EqExpression):
    __slots__ = ()

    def evaluate(self, context: RenderContext) -> bool:
        return is_equal(self.left.evaluate(context), self.right.evaluate(context))


class _Unequal(logic.NeExpression):
    __slots__ = ()

    def evaluate(self, context: RenderContext) -> bool:
        return not is_equal(self.left.evaluate(context), self.right.evaluate(context))


def is_equal(left: Any, right: Any) -> bool:
    """Say whether two values are the same; true is not one, and nothing is blank."""
    if isinstance(left, Blank) or isinstance(right, Blank):
        other = right if isinstance(left, Blank) else left
        if other is None or other is False:
            return True
    if isinstance(left, bool) != isinstance(right, bool):
        return False
    return bool(left == right)


class _Compared(Expression):
    """Two values, of which one is greater or not, or neither can be said."""

    __slots__ = ()

    def _are(self, context: RenderContext, test: Callable[[Any, Any], bool]) -> bool:
        left = _comparable(self.left.evaluate(context))  # type: ignore[attr-defined]
        right = _comparable(self.right.evaluate(context))  # type: ignore[attr-defined]
        if isinstance(left, str) != isinstance(right, str):
            left, right = _number(left), _number(right)
        return left is not None and right is not None and test(left, right)


def _comparable(value: Any) -> str | int | float | None:
    is_one = isinstance(value, str | int | float) and not isinstance(value, bool)
    return value if is_one else None


def _number(value: Any) -> int | float | None:
    """Return a number; texts hold many, as forms and imports bring them."""
    if not isinstance(value, str):
        return value if value is None else _comparable(value)  # type: ignore[return-value]
    try:
        return float(value)
    except ValueError:
        return None


class _Less(_Compared, logic.LtExpression):
    __slots__ = ()

    def evaluate(self, context: RenderContext) -> bool:
        return self._are(context, lambda left, right: left < right)


class _Greater(_Compared, logic.GtExpression):
    __slots__ = ()

    def evaluate(self, context: RenderContext) -> bool:
        return self._are(context, lambda left, right: left > right)


class _AtMost(_Compared, logic.LeExpression):
    __slots__ = ()

    def evaluate(self, context: RenderContext) -> bool:
        return self._are(context, lambda left, right: left <= right)


class _AtLeast(_Compared, logic.GeExpression):
    __slots__ = ()

    def evaluate(self, context: RenderContext) -> bool:
        return self._are(context, lambda left, right: left >= right)


class _Contains(logic.ContainsExpression):
    __slots__ = ()

    def evaluate(self, context: RenderContext) -> bool:
        left = self.left.evaluate(context)
        right = self.right.evaluate(context)
        if isinstance(left, str):
            return right is not None and str(right) in left
        if isinstance(left, list):
            return any(is_equal(item, right) for item in left)
        return isinstance(left, Mapping) and isinstance(right, str) and right in left


class _Range(RangeLiteral):
    __slots__ = ()

    def evaluate(self, context: RenderContext) -> Any:
        first = whole(self.start.evaluate(context))
        last = whole(self.stop.evaluate(context))
        if last - first >= MAX_RANGE:
            raise TooSlow(f"A range has more than {MAX_RANGE:,} numbers.")
        return list(range(first, last + 1))


class _Loop(LoopExpression):
    """What a loop goes through, and how much of it."""

    __slots__ = ()

    def evaluate(self, context: RenderContext) -> tuple[Iterator[object], int]:
        items = _items(self.iterable.evaluate(context))
        start = self._start(context)
        limit = self.limit.evaluate(context) if self.limit else None
        stop = len(items) if limit is None else start + max(whole(limit), 0)
        chosen = list(islice(items, start, min(stop, len(items))))
        context.stopindex(self._key, start + len(chosen))
        if self.reversed:
            chosen.reverse()
        return self._each(chosen, context), len(chosen)

    @property
    def _key(self) -> str:
        return f"{self.identifier}-{self.iterable}"

    def _start(self, context: RenderContext) -> int:
        if self.offset is None:
            return 0
        if isinstance(self.offset, StringLiteral) and self.offset.value == "continue":
            return context.stopindex(self._key)
        return max(whole(self.offset.evaluate(context)), 0)

    def _each(self, items: list[Any], context: RenderContext) -> Iterator[object]:
        for item in items:
            _spend(context)
            yield item


def _items(value: Any) -> list[Any]:
    if isinstance(value, list):
        return list(value)
    if isinstance(value, Mapping):
        return [[key, item] for key, item in value.items()]
    return [] if value is None or value is False or value == "" else [value]


def _ours(context: RenderContext) -> Context:
    ours: Context = context  # type: ignore[assignment]
    return ours


def _spend(context: RenderContext) -> None:
    _ours(context).spend()


def path_of(names: str, token: Token) -> Path:
    """Return a dotted path as python-liquid has it."""
    return Path(token, list(names.split(".")))


_OURS: dict[type[Expression], type[Expression]] = {
    Path: _Path,
    BooleanExpression: _Boolean,
    logic.LogicalAndExpression: _And,
    logic.LogicalOrExpression: _Or,
    logic.LogicalNotExpression: _Not,
    logic.EqExpression: _Equal,
    logic.NeExpression: _Unequal,
    logic.LtExpression: _Less,
    logic.GtExpression: _Greater,
    logic.LeExpression: _AtMost,
    logic.GeExpression: _AtLeast,
    logic.ContainsExpression: _Contains,
    RangeLiteral: _Range,
    LoopExpression: _Loop,
}
