"""A body in our own design, and what it says in plain text."""

from __future__ import annotations

import html
import logging
from dataclasses import dataclass

from css_inline import CSSInliner, InlineError
from selectolax.lexbor import LexborHTMLParser, LexborNode

from contacts import languages
from transactional.manuscripts import Manuscript
from transactional.plaintext import TAG
from transactional.styling import footers, surroundings
from transactional.styling.blocks import Writer
from transactional.styling.colors import Palette
from transactional.styling.escaping import escaped
from transactional.styling.footers import Words
from transactional.styling.parsing import BEFORE, is_reasonable
from transactional.styling.pieces import closing, masked
from transactional.styling.reading import Reader, text_of_html
from transactional.styling.setting_aside import (
    SetAside,
    is_whole,
    set_aside,
    set_liquid_aside,
    structure,
    without_reserved,
)

logger = logging.getLogger(__name__)

#: The most of its own style sheets that a body can have written into its elements.
_MAX_SHEETS = 60_000
#: Reads no file and asks no server, whatever a style sheet names.
_inliner = CSSInliner(
    keep_at_rules=True, keep_link_tags=True, load_remote_stylesheets=False
)


@dataclass(frozen=True, slots=True)
class Content:
    """A body, ready for its place in the card."""

    markup: str
    text: str
    #: `<style>` elements that belong in the head.
    styles: str = ""


def designed(manuscript: Manuscript, words: Words | None) -> tuple[str, str]:
    """Return a manuscript as a whole document in our design, and its text."""
    palette = Palette.of(manuscript.look.color)
    content = _content_of(manuscript.body, palette)
    sheet = surroundings.Sheet(
        title=escaped(manuscript.subject),
        language=languages.html_tag_of(manuscript.language),
        preheader=escaped(manuscript.preheader),
        content=content.markup,
        footer=footers.in_design(words) if words else "",
        styles=content.styles,
    )
    return surroundings.document(sheet, palette), manuscript.text or content.text


def _content_of(body: str, palette: Palette) -> Content:
    is_plain = not TAG.search(masked(body))
    markup = paragraphs(body) if is_plain else body
    content = _blocks_of(markup, palette) or as_it_came(markup)
    if is_plain:
        return Content(content.markup, body)
    return content


def paragraphs(text: str) -> str:
    """Return plain text as paragraphs: empty lines part them, others are kept."""
    aside = set_liquid_aside(text)
    lines = html.escape(aside.markup).replace("\r\n", "\n").replace("\r", "\n")
    parts = (part.strip("\n").replace("\n", "<br>\n") for part in lines.split("\n\n"))
    markup = "\n".join(f"<p>{part}</p>" for part in parts if part.strip())
    return aside.restored(markup)


def as_it_came(markup: str) -> Content:
    """Return a body that is not taken apart; only what it leaves open is closed."""
    clean = without_reserved(markup)
    closed = clean + closing(masked(clean))
    return Content(closed, f"{text_of_html(clean)}\n")


def _blocks_of(markup: str, palette: Palette) -> Content | None:
    """Return a body written in our blocks; None if that would change what it says."""
    aside = set_aside(markup)
    if not is_reasonable(aside.markup):
        return None
    body, styles = _parsed(aside.markup)
    if body is None:
        return None
    written = aside.restored(Writer(palette, aside).written(body)).strip()
    styles = aside.restored(styles)
    if structure(styles + written) != structure(markup):
        return None
    return Content(written, _text_of(body, aside, markup), styles)


def _parsed(markup: str) -> tuple[LexborNode | None, str]:
    """Return the body of HTML, of a document or of a part of one, and its sheets."""
    has_sheets = "<style" in markup.lower()
    if has_sheets and len(markup) <= _MAX_SHEETS:
        try:
            markup = _inliner.inline(BEFORE + markup)
        except InlineError:
            # A sheet that is no CSS stays a sheet; the mail goes on without it.
            logger.info("a style sheet cannot be written into its elements")
        else:
            tree = LexborHTMLParser(markup)
            return tree.body, _sheets(tree)
    tree = LexborHTMLParser(BEFORE + markup)
    return tree.body, _sheets(tree) if has_sheets else ""


def _sheets(tree: LexborHTMLParser) -> str:
    texts = (node.text(deep=True).strip() for node in tree.css("style"))
    return "".join(f"<style>{text}</style>\n" for text in texts if text)


def _text_of(body: LexborNode, aside: SetAside, markup: str) -> str:
    text = Reader(aside).read(body)
    if not is_whole(text):
        text = text_of_html(markup)
    return f"{text.strip()}\n"
