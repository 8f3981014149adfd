"""Plain text made of HTML in which Liquid stands."""

from __future__ import annotations

import re

from transactional.plaintext import text_of, without_tags
from transactional.styling.pieces import LIQUID
from transactional.styling.setting_aside import set_liquid_aside, structure

_WORD = re.compile(r"\{%-?\s*(\w+)")
_BRANCHES = frozenset({"else", "elsif", "when"})
_BLOCKS = frozenset("if unless case for tablerow capture comment raw ifchanged".split())


def text_of_html(markup: str) -> str:
    """Return HTML as plain text whose Liquid still says what it said."""
    if "{%" not in markup:
        return text_of(markup)
    aside = set_liquid_aside(markup)
    for make in (text_of, without_tags):
        text = aside.restored_as_text(make(aside.markup))
        if is_whole(text):
            return text
    # Better all that may be said than `{% endif %}` before somebody's eyes.
    return without_structure(text)


def is_whole(source: str) -> bool:
    """Say whether each `{% if … %}` of a source has its end, in the right order.

    A text may lack some of its HTML's: those in the attributes of an element.
    """
    opened: list[str] = []
    for tag in structure(source):
        word = found[1] if (found := _WORD.match(tag)) else ""
        if word in _BLOCKS:
            opened.append(word)
        elif not _follows(word, opened):
            return False
    return not opened


def _follows(word: str, opened: list[str]) -> bool:
    """Say whether a tag may stand here; the end of a block takes it off the list."""
    if word.startswith("end"):
        return bool(opened) and opened.pop() == word[3:]
    return word not in _BRANCHES or bool(opened)


def without_structure(source: str) -> str:
    """Return a source that shows all of its branches, each once."""
    return LIQUID.sub(
        lambda found: "" if found[0].startswith("{%") else found[0], source
    )
