"""From a manuscript to HTML and plain text whose variables are still to be filled in.

dressed = dress(Manuscript(subject="Hi", body="<p>{{ name }}</p>"))
"""

from __future__ import annotations

import html
from dataclasses import dataclass

from transactional.manuscripts import Manuscript
from transactional.marketing import with_footer, with_text_footer
from transactional.models import MailKind
from transactional.plaintext import TAG, text_of

__all__ = ["Dressed", "dress"]


@dataclass(frozen=True, slots=True)
class Dressed:
    """A whole document and the text that goes with it; no HTML is a mail of text."""

    html: str
    text: str


def dress(manuscript: Manuscript) -> Dressed:
    """Give a body its style, its footer and its plain text.

    A body without any tag is plain text. Marketing gets its footer here, once for all
    the mails of a content.
    """
    body = manuscript.body
    if not body:
        markup, text = "", manuscript.text
    elif TAG.search(body):
        markup, text = body, manuscript.text or text_of(body) + "\n"
    else:
        text = manuscript.text or body
        markup = "<br>\n".join(html.escape(line) for line in body.splitlines())
    if manuscript.kind == MailKind.MARKETING:
        text = with_text_footer(text)
        markup = with_footer(markup) if markup else ""
    return Dressed(markup, text)
