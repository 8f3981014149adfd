"""From a manuscript to HTML and plain text whose variables are still to be filled in.

dressed = dress(Manuscript(subject="Hi", body="<p>{{ name }}</p>"))
"""

from __future__ import annotations

import html
from dataclasses import dataclass

from transactional.manuscripts import Manuscript
from transactional.models import Style
from transactional.plaintext import TAG
from transactional.styling import footers, surroundings
from transactional.styling.designed import designed
from transactional.styling.documents import (
    looks_written_by_hand,
    with_beginning,
    with_end,
)
from transactional.styling.escaping import escaped
from transactional.styling.footers import Words
from transactional.styling.reading import text_of_html
from transactional.tracking.marking import mark

__all__ = ["Dressed", "dress", "looks_written_by_hand"]


@dataclass(frozen=True, slots=True)
class Dressed:
    """A whole document and the text that goes with it; no HTML is a mail of text."""

    html: str
    text: str


def dress(manuscript: Manuscript) -> Dressed:
    """Give a body its style, its footer and its plain text.

    Marketing gets its footer here, once for all the mails of a content that are in one
    language. An author's own document stays as it is to the byte, but for what is put
    into it; our design is built around the body.
    """
    words = footers.words_of(manuscript)
    if not manuscript.body:
        markup, text = "", manuscript.text
    elif manuscript.style == Style.PLUNK:
        markup, text = designed(manuscript, words)
    else:
        markup, text = _as_written(manuscript, words)
    if words:
        text = text.rstrip() + footers.in_text(words, text)
    if manuscript.marks_links and markup:
        markup = mark(markup)
    return Dressed(markup, text)


def _as_written(manuscript: Manuscript, words: Words | None) -> tuple[str, str]:
    body = markup = manuscript.body
    if TAG.search(body):
        text = manuscript.text or f"{text_of_html(body)}\n"
    else:
        text = manuscript.text or body
        markup = "<br>\n".join(html.escape(line) for line in body.splitlines())
    if manuscript.preheader:
        hidden = surroundings.preheader(escaped(manuscript.preheader))
        markup = with_beginning(markup, hidden)
    if words and (footer := footers.in_html(words, body)):
        markup = with_end(markup, footer)
    return markup, text
