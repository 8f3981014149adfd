"""Filling in one part: its variables, and what it may spend."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from io import StringIO
from typing import TYPE_CHECKING, Any, TextIO

from liquid import BoundTemplate, RenderContext, Undefined
from liquid.builtin.tags.for_tag import ForLoop
from liquid.builtin.tags.tablerow_tag import TableRow
from liquid.token import Token
from liquid.utils import ReadOnlyChainMap
from markupsafe import Markup

from transactional.language.filters import apply
from transactional.language.filters.reading import Captured, weigh
from transactional.language.parts import MAX_RENDERED, TooLong, TooSlow
from transactional.language.values import is_unset, step, writer

if TYPE_CHECKING:
    from transactional.language.engine import Language

#: How many turns all the loops of a part may take together.
MAX_TURNS = 100_000
#: How long filling in one part may keep a processor busy, in seconds.
MAX_SECONDS = 1.0
#: The most characters that a part keeps under names of its own.
_MAX_KEPT = 10_000_000
_LOOPS = (ForLoop, TableRow, Undefined)


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
        return self.find(list(path.split(".")), is_written=True)

    def find(self, way: list[Any], *, is_written: bool) -> Any:
        """Return what a way through names leads to, or None.

        Written out, it may be a single name with dots in it, as in the fast way.
        """
        self.spend()
        root = str(way[0])
        if is_written and len(way) > 1 and not self.scope.is_own(root):
            dotted = ".".join(way)
            if dotted in self._given:
                return self._given[dotted]
        value = self.scope.get(root)
        for name in way[1:]:
            value = step(value, name)
            if value is None:
                return None
        # A loop says where it stands, and is no value itself.
        return None if isinstance(value, _LOOPS) else value

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
    return weigh(value) if isinstance(value, list) else 1


class Template(BoundTemplate):
    """A part, parsed."""

    env: Language


def written(value: Any, context: Context) -> str:
    """Write what an expression came to."""
    if is_unset(value):
        return ""
    if isinstance(value, Captured):
        return str(value)
    if isinstance(value, list) and any(isinstance(v, Markup) for v in value):
        return "\n".join(f"<li>{written(item, context)}</li>" for item in value)
    return context.write(value, isinstance(value, Markup))
