"""From HTML to the text a mail also carries: bounded, whatever the HTML says.

Ordinary mails are laid out, with their lists and tables. What would take long or grow
far beyond its source is only freed of its tags, in one pass.
"""

from __future__ import annotations

import html
import re
from typing import Any

from inscriptis import get_text
from inscriptis.html_properties import Display
from inscriptis.model.config import ParserConfig
from inscriptis.model.css import CssParse
from inscriptis.model.html_document_state import HtmlDocumentState
from inscriptis.model.html_element import HtmlElement
from inscriptis.model.table import Table
from inscriptis.model.tag import CustomHtmlTagHandlerMapping
from inscriptis.model.tag.list_tag import ol_start_handler, ul_start_handler
from inscriptis.model.tag.table_tag import table_end_handler

#: Stops at the next `<`: a body of a million of them is read once, not a million times.
TAG = re.compile(r"<[A-Za-z!/][^<>]*>")
#: What no reader sees, with its content.
_UNSEEN = re.compile(
    r"(?is)<(script|style|title)\b[^<>]*>.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)"
)
_BLOCK = re.compile(
    r"(?i)</?(?:p|div|br|hr|h[1-6]|li|ul|ol|tr|table|blockquote)\b[^<>]*>"
)
_HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)
#: Longer markup is made into text without layout: a table of megabytes takes seconds,
#: and every other mail would wait for it.
_LAYOUT_LIMIT = 300_000
#: The most spaces a line begins with: lists in lists in lists.
_DEEPEST = 80
#: What the tables of a mail may come to, padded, for each character of its markup.
_TABLE_GROWTH, _TABLE_FLOOR = 8, 200_000
#: A text that is longer than its markup by more than this is padding.
_GROWTH, _FLOOR = 4, 20_000


class _Unreasonable(ValueError):
    """The layout would be far larger than what is laid out."""


def text_of(markup: str) -> str:
    """Return HTML as plain text."""
    if len(markup) > _LAYOUT_LIMIT:
        return without_tags(markup)
    try:
        text = str(get_text(markup, _Layout(len(markup)).config)).strip()
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        # Beyond reason, or what the layout itself stumbles over.
        return without_tags(markup)
    is_reasonable = len(text) <= _GROWTH * len(markup) + _FLOOR
    return text if is_reasonable else without_tags(markup)


def without_tags(markup: str) -> str:
    """Return HTML as plain text without any layout, in one pass."""
    plain = unescape(TAG.sub("", _BLOCK.sub("\n", _UNSEEN.sub("", markup))))
    lines = (line.strip() for line in plain.splitlines())
    return "\n".join(line for line in lines if line)


def unescape(text: str) -> str:
    """Replace HTML's character references; a number of thousands of digits is none."""
    try:
        return html.unescape(text)
    except ValueError:
        return text


class _Layout:
    """The layout of one piece of HTML, and how much it may still grow."""

    def __init__(self, length: int) -> None:
        self.left = _TABLE_GROWTH * length + _TABLE_FLOOR
        self.config = ParserConfig(
            display_links=True,
            custom_html_tag_handler_mapping=CustomHtmlTagHandlerMapping(
                start_tag_mapping={
                    "div": _refuse_depth,
                    "ul": _start_list,
                    "ol": _start_numbered,
                },
                end_tag_mapping={"table": self._end_table},
            ),
        )
        self.config.attribute_handler.attribute_mapping = _ATTRIBUTES

    def _end_table(self, state: HtmlDocumentState) -> None:
        """Write a table, unless its padded cells would be too much together.

        Tables within tables are counted again: they are copied again.
        """
        if state.current_table:
            self.left -= _size(state.current_table[-1])
            if self.left < 0:
                raise _Unreasonable
        table_end_handler(state)


def _size(table: Table) -> int:
    """Return about how many characters a table has once its columns are padded."""
    heights = 0
    widths: list[int] = []
    for row in table.rows:
        heights += max((cell.normalize_blocks() for cell in row.columns), default=1)
        for index, cell in enumerate(row.columns):
            if index == len(widths):
                widths.append(0)
            widths[index] = max(widths[index], cell.width)
    # Each column is looked for in each row, whether it is there or not.
    return heights * (sum(widths) + 2 * len(widths)) + len(table.rows) * len(widths)


def _refuse_depth(state: HtmlDocumentState, _attributes: Any) -> None:
    if state.tags[-1].canvas.left_margin > _DEEPEST:
        raise _Unreasonable


def _start_list(state: HtmlDocumentState, attributes: Any) -> None:
    _refuse_depth(state, attributes)
    ul_start_handler(state, attributes)


def _start_numbered(state: HtmlDocumentState, attributes: Any) -> None:
    _refuse_depth(state, attributes)
    ol_start_handler(state, attributes)


def _hide(style: str, element: HtmlElement) -> None:
    """Read no more of a style than whether it hides: margins and paddings of its choice
    are how fifty kilobytes become gigabytes.
    """
    if _HIDDEN.search(style):
        element.display = Display.none


_ATTRIBUTES = {
    "style": _hide,
    "align": CssParse.attr_horizontal_align,
    "valign": CssParse.attr_vertical_align,
}
