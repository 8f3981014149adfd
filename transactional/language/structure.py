"""Which tags there are, and how they stand in each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from transactional.language.feeding import SILENT
from transactional.language.parts import MAX_DEPTH
from transactional.language.scanning import Fault, Kind, Piece

#: Tags that have an end, and the tags in between.
BLOCKS = {
    "if": frozenset({"elsif", "else"}),
    "unless": frozenset({"elsif", "else"}),
    "case": frozenset({"when", "else"}),
    "for": frozenset({"else"}),
    "tablerow": frozenset[str](),
    "capture": frozenset[str](),
}
_PARTS = frozenset({"elsif", "else", "when"})
SINGLES = frozenset(
    {"assign", "cycle", "echo", "increment", "decrement", "break", "continue"}
)
#: Tags that would read other templates.
BLOCKED = frozenset(
    {"include", "render", "layout", "extends", "block", "macro", "call", "import"}
    | {"from", "section", "sections", "snippet", "partial"}
)
KNOWN = frozenset(BLOCKS) | _PARTS | SINGLES | SILENT
#: The tags that end them.
ENDS = {f"end{name}": name for name in BLOCKS}


@dataclass(slots=True)
class _Open:
    """A tag whose end is still to come."""

    piece: Piece
    had_else: bool = False

    @property
    def name(self) -> str:
        return self.piece.name


def faults(pieces: list[Piece]) -> Iterator[Fault]:
    """Yield what is wrong with how tags stand in each other."""
    opened: list[_Open] = []
    for piece in pieces:
        message = _read(piece, opened) if piece.kind is Kind.TAG else ""
        if message:
            yield Fault(message, piece.start)
    for tag in opened:
        yield Fault(
            f"This {{% {tag.name} %}} has no end: write {{% end{tag.name} %}} "
            "where it ends.",
            tag.piece.start,
        )


def _read(piece: Piece, opened: list[_Open]) -> str:
    """Read a tag; return what is wrong with it, or nothing."""
    name = piece.name
    if name in ENDS:
        return _close(ENDS[name], opened)
    if name in _PARTS:
        return _part(name, opened)
    if name in BLOCKS:
        opened.append(_Open(piece))
        is_deep = len(opened) == MAX_DEPTH + 1
        return f"Tags stand in each other more than {MAX_DEPTH} deep." * is_deep
    if name in ("break", "continue"):
        is_inside = any(tag.name == "for" for tag in opened)
        return "" if is_inside else f"{{% {name} %}} only stands in a {{% for %}}."
    return "" if name in KNOWN else _unknown(name)


def _close(name: str, opened: list[_Open]) -> str:
    if all(tag.name != name for tag in opened):
        return f"There is no {{% {name} %}} before this {{% end{name} %}}."
    last = opened.pop().name
    if last == name:
        return ""
    while opened.pop().name != name:
        continue
    return (
        f"Expected {{% end{last} %}} here, not {{% end{name} %}}: the "
        f"{{% {last} %}} inside of it is not ended."
    )


def _part(name: str, opened: list[_Open]) -> str:
    if not opened or name not in BLOCKS[opened[-1].name]:
        owner = {"when": "case"}.get(name, "if")
        return f"There is no {{% {owner} %}} to which this {{% {name} %}} belongs."
    if opened[-1].had_else:
        return f"No {{% {name} %}} can follow an {{% else %}}."
    opened[-1].had_else = name == "else"
    return ""


def _unknown(name: str) -> str:
    if not name:
        return "After “{%” comes the name of a tag, such as “if” or “for”."
    if name in BLOCKED:
        return f"{{% {name} %}} does not exist here: a mail reads no other templates."
    close = get_close_matches(name, sorted(KNOWN | frozenset(ENDS)), n=1)
    if close:
        return f"There is no tag {{% {name[:40]} %}}. Is it {{% {close[0]} %}}?"
    return (
        f"There is no tag {{% {name[:40]} %}}. Tags are if, unless, case, for, "
        "assign, capture, cycle, tablerow, comment and raw."
    )
