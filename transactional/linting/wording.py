"""The text of a body: variables that are none by a slip, and shouting."""

from __future__ import annotations

import re
from collections.abc import Iterator

from transactional.linting.findings import HINT, WARNING, Note
from transactional.linting.markup import elements, masked_source
from transactional.plaintext import without_tags

#: Slips with the braces, and the variables of other programs.
_SLIPS = (
    (
        re.compile(r"\{[ \t]+\{[^{}\n]{1,100}\}[ \t]*\}"),
        "Between the two braces stands a space: nothing is filled in here.",
    ),
    (
        re.compile(r"(?<!\{)(?<!\{[ \t])\{[ \t]*[A-Za-z_][\w. ]{0,100}\}\}"),
        "One brace is missing before the name: nothing is filled in here.",
    ),
    (
        re.compile(r"\*\|[A-Z][A-Z0-9_:]{0,50}\|\*|%%[A-Za-z_]{1,50}%%"),
        "This looks like a variable of another program: write {{ name }}.",
    ),
)
_MANY_MARKS = 8
_FEW_LETTERS = 20
#: Longer bodies are not read as a text: they are too long anyway.
_READ = 250_000


def about_slips(source: str) -> Iterator[Note]:
    """Yield what looks like a variable and is none."""
    masked = masked_source(source)
    for pattern, message in _SLIPS:
        for match in pattern.finditer(masked):
            yield Note(WARNING, "mistyped_variable", message, match.start())


def about_text(source: str) -> Iterator[Note]:
    """Yield what is to be said about all that a body says."""
    if len(source) > _READ:
        return
    text = without_tags(source)
    if text.count("!") > _MANY_MARKS:
        yield Note(
            HINT,
            "excited_text",
            f"The mail has {text.count('!')} exclamation marks, as junk mail often "
            "does.",
            source.find("!"),
        )
    if sum(letter.isalnum() for letter in text) >= _FEW_LETTERS:
        return
    first = next((one for one in elements(source) if one.name == "img"), None)
    if first:
        yield Note(
            WARNING,
            "pictures_only",
            "The mail is pictures and hardly any text: filters suspect it, and who "
            "sees no pictures sees nothing.",
            first.start,
        )
