"""Variables that nobody has, or not everybody."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from itertools import islice

from transactional.language import MAX_SOURCE, Form
from transactional.language.liquid import Unreadable, parse, read_pieces
from transactional.language.naming import Read, reads_of
from transactional.language.parts import MAX_PIECES
from transactional.language.scanning import Kind, Piece, Unclosed, scan
from transactional.linting.findings import HINT, WARNING, Note
from transactional.models import MailKind
from transactional.variables import OTHER_NAMES, Variable

#: The most variables of a part that are looked at.
_MOST_READ = 2_000


def about_variables(
    source: str, form: Form, known: list[Variable], kind: str, *, is_subject: bool
) -> Iterator[Note]:
    """Yield what is to be said about the variables that a part reads."""
    by_path = {_bare(variable.path): variable for variable in known}
    has_contacts = any(not variable.is_system for variable in known)
    for read in islice(reads_in(source, form), _MOST_READ):
        path = _bare(read.path)
        variable = by_path.get(path) or _around(path, by_path)
        if variable is None:
            is_known = not path or path.partition(".")[0] in OTHER_NAMES
            is_known = is_known or any(one.startswith(f"{path}.") for one in by_path)
            if has_contacts and not is_known:
                yield _unknown(read, path, list(by_path), kind)
        elif read.is_bare and variable.missing and not variable.is_system:
            yield _missing(read, variable, is_subject=is_subject)


def reads_in(source: str, form: Form) -> Iterator[Read]:
    """Yield where a part reads variables; of one that says nothing, the plain ones."""
    if ("{{" not in source and "{%" not in source) or len(source) > MAX_SOURCE:
        return
    try:
        yield from reads_of(parse(read_pieces(source), form))
    except Unreadable:
        for piece in _readable(source):
            try:
                yield from reads_of(parse([piece], form))
            except Unreadable:
                continue


def _readable(source: str) -> Iterator[Piece]:
    try:
        for piece in islice(scan(source), MAX_PIECES):
            if piece.kind is Kind.OUTPUT:
                yield piece
    except Unclosed:
        return


def _bare(path: str) -> str:
    """Return a path by its names alone: without `data.`, and quotes and brackets."""
    for bracket in ('["', "['"):
        path = path.replace(bracket, ".")
    for bracket in ('"]', "']"):
        path = path.replace(bracket, "")
    return path.removeprefix("data.")


def _around(path: str, known: dict[str, Variable]) -> Variable | None:
    """Return the variable that a path leads into, such as a list or an object."""
    while "." in path:
        path = path.rpartition(".")[0]
        if path in known:
            return known[path]
    return None


def _unknown(read: Read, path: str, known: list[str], kind: str) -> Note:
    by_folded = {one.casefold(): one for one in known}
    close = get_close_matches(path.casefold(), list(by_folded), n=1, cutoff=0.75)
    hint = f" Is it “{by_folded[close[0]]}”?" if close else ""
    is_sent_along = kind == MailKind.TRANSACTIONAL
    if is_sent_along and not close:
        hint = " That is fine if it comes with each mail."
    return Note(
        HINT if is_sent_along and not close else WARNING,
        "unknown_variable",
        f"No contact has “{path[:60]}”.{hint}",
        read.offset,
    )


def _missing(read: Read, variable: Variable, *, is_subject: bool) -> Note:
    about = "About " if variable.is_estimate else ""
    count = f"{about}{variable.missing:,}"
    noun = "contact has" if variable.missing == 1 else "contacts have"
    where = " in the subject" if is_subject else ""
    name = variable.path
    return Note(
        WARNING,
        "missing_fallback",
        f"{count} {noun} no “{name[:60]}”, and nothing stands in for it{where}: write "
        f"{{{{ {name[:60]} ?? … }}}}.",
        read.offset,
        contacts=variable.missing,
    )
