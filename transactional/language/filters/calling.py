"""The register of filters, and how one is applied."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from html import escape as escape_html
from typing import TYPE_CHECKING, Any

from liquid import Markup

from transactional.language.dates import write_date
from transactional.language.filters import lists, numbers, texts
from transactional.language.filters.reading import MAX_TEXT, fitting, refuse, text
from transactional.language.parts import Form, Unfillable
from transactional.language.values import is_unset
from transactional.plaintext import unescape

if TYPE_CHECKING:
    from transactional.language.filling import Context

__all__ = ["FILTERS", "MAX_TEXT", "Filter", "apply"]


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter, and how many arguments it takes after the value."""

    function: Callable[..., Any]
    least: int
    most: int
    #: Whether it looks at the mail around it, as its first argument.
    is_contextual: bool = False


def apply(context: Context, name: str, value: Any, arguments: list[Any]) -> Any:
    """Apply a filter to a value; an unknown one, or one that cannot, leaves it."""
    found = FILTERS.get(name)
    if found is None or len(arguments) < found.least:
        return value
    before = (context,) if found.is_contextual else ()
    try:
        made = found.function(*before, value, *arguments[: found.most])
    except Unfillable:
        raise
    except (TypeError, ValueError, ArithmeticError, LookupError):
        return value
    return fitting(made)


def raw(context: Context, value: Any) -> Any:
    """Let a value be HTML; a text part has none, and reads it."""
    if isinstance(value, list):
        return [raw(context, item) for item in value]
    if context.form is Form.HTML:
        return Markup(text(value))
    return context.write_raw(value) if context.form is Form.TEXT else value


def default(_: Context, value: Any, other: Any = "", allow_false: Any = None) -> Any:
    if value is False and allow_false is True:
        return value
    return other if is_unset(value) else value


def escape(context: Context, value: Any) -> str:
    """Escape a value, which what is HTML does anyway: once, not twice."""
    said = text(value)
    is_html = context.form is Form.HTML and not isinstance(said, Markup)
    return Markup(escape_html(said)) if is_html else said


def escape_once(context: Context, value: Any) -> str:
    return escape(context, unescape(str(text(value))))


def newline_to_br(context: Context, value: Any) -> str:
    said = text(value)
    if context.form is not Form.HTML:
        return said
    refuse(len(said) + 6 * said.count("\n"))
    lines = escape(context, said).replace("\r\n", "\n").split("\n")
    return Markup("<br>\n").join(lines)


def date(context: Context, value: Any, form: Any = None) -> Any:
    """Write a date; `now` and `today` are when the mail was composed."""
    if isinstance(value, str) and value in ("now", "today"):
        value = context.now() or value
    written = write_date(value, form)
    return value if written is None else written


def _filter(function: Callable[..., Any], *, is_contextual: bool = False) -> Filter:
    taken = list(inspect.signature(function).parameters.values())
    own = 2 if is_contextual else 1
    needed = sum(one.default is inspect.Parameter.empty for one in taken)
    return Filter(function, needed - own, len(taken) - own, is_contextual)


_PLAIN: dict[str, Callable[..., Any]] = {
    **texts.FILTERS,
    **numbers.FILTERS,
    **lists.FILTERS,
}
_CONTEXTUAL: dict[str, Callable[..., Any]] = {
    "raw": raw,
    "safe": raw,
    "default": default,
    "escape": escape,
    "h": escape,
    "escape_once": escape_once,
    "newline_to_br": newline_to_br,
    "date": date,
}
FILTERS: dict[str, Filter] = {
    name: _filter(function) for name, function in _PLAIN.items()
} | {
    name: _filter(function, is_contextual=True)
    for name, function in _CONTEXTUAL.items()
}
