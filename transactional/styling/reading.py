"""The blocks of a body as plain text: what a mail says to whoever reads no HTML."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from selectolax.lexbor import LexborNode

from transactional.plaintext import text_of, without_tags
from transactional.styling.blocks import percent_of
from transactional.styling.parsing import parsed
from transactional.styling.setting_aside import (
    SetAside,
    is_whole,
    set_aside,
    set_liquid_aside,
    without_structure,
)

_UNSEEN = frozenset("style script title meta link base head template".split())
_BREAKING = frozenset(
    "p div section article header footer main aside nav address center figure "
    "figcaption h1 h2 h3 h4 h5 h6 ul ol li blockquote pre hr table form fieldset dl dt "
    "dd".split()
)
_HIDDEN = re.compile(r"display\s*:\s*none|mso-hide\s*:\s*all", re.IGNORECASE)
#: HTML's white space; a no-break space is somebody's wish.
_SPACE = re.compile(r"[ \t\n\r\f]+")
_OURS = frozenset({"button", "progress", "spacer", "html"})
_RULE = "-" * 20


def text_of_html(markup: str) -> str:
    """Return HTML as plain text whose Liquid still says what it said."""
    return text_around_liquid(markup) if "{%" in markup else text_of(markup)


def text_around_liquid(markup: str) -> str:
    """Return HTML as plain text; what its Liquid surrounds stays within it.

    A layout of tables would put the `{% for %}` between two rows above all of them.
    """
    aside = set_aside(markup)
    body = parsed(aside.markup)
    if body is not None:
        text = Reader(aside).read(body)
        if is_whole(text):
            return text
    plain = set_liquid_aside(markup)
    text = plain.restored_as_text(without_tags(plain.markup))
    # Better all that may be said than `{% endif %}` before somebody's eyes.
    return text if is_whole(text) else without_structure(text)


class Reader:
    """Reads the blocks of one body."""

    def __init__(self, aside: SetAside) -> None:
        self._aside = aside

    def read(self, body: LexborNode) -> str:
        """Return all blocks, an empty line between any two."""
        return self._aside.restored_as_text("\n\n".join(self._blocks(body)))

    def _blocks(self, node: LexborNode) -> list[str]:
        """Return the blocks within a node; what stands between them is one too."""
        blocks: list[str] = []
        line: list[str] = []

        def end_line() -> None:
            if said := _tidy("".join(line)):
                blocks.append(said)
            line.clear()

        child = node.first_child
        while child is not None:
            if _is_block(child):
                end_line()
                blocks += self._block(child)
            else:
                line.append(self._inline(child))
            child = child.next
        end_line()
        return blocks

    def _block(self, node: LexborNode) -> list[str]:
        if _is_hidden(node):
            return []
        if (block := node.attributes.get("data-block")) in _OURS:
            return self._block_of_ours(node, block)
        match node.tag:
            case "hr":
                return [_RULE]
            case "ul" | "ol":
                return self._list(node)
            case "pre":
                return [_verbatim(node).strip("\n")]
            case "blockquote":
                quoted = "\n\n".join(self._blocks(node))
                return [textwrap.indent(quoted, "> ", lambda _: True)] if quoted else []
            case "table":
                return self._table(node)
            case "img":
                return [said] if (said := self._picture(node)) else []
        return self._blocks(node)

    def _block_of_ours(self, node: LexborNode, block: str | None) -> list[str]:
        match block:
            case "button":
                return [self._link(node, "{label}: {url}")]
            case "progress":
                return [f"{percent_of(node)}%"]
            case "html":
                return self._raw(node)
        return []

    def _raw(self, node: LexborNode) -> list[str]:
        """Read HTML as it came, which stands there as one piece that was set aside."""
        markup = self._aside.restored(node.inner_html or "")
        if "{%" not in markup:
            return self._laid_out(markup)
        return [said] if (said := text_around_liquid(markup)) else []

    def _table(self, node: LexborNode) -> list[str]:
        """Lay a table out, unless its rows come and go."""
        markup = self._aside.restored(node.html or "")
        if "{%" not in markup:
            return self._laid_out(markup)
        rows = "\n".join(self._rows(node))
        return [rows] if rows.strip() else []

    def _rows(self, node: LexborNode) -> Iterator[str]:
        """Yield a line for each row; what stands between two stays between them."""
        child = node.first_child
        while child is not None:
            if child.tag == "tr":
                yield "  ".join(filter(None, self._cells(child)))
            elif _is_block(child) or child.tag in ("tbody", "thead", "tfoot"):
                yield from self._rows(child)
            elif said := self._inline(child).strip():
                yield said
            child = child.next

    def _cells(self, row: LexborNode) -> Iterator[str]:
        child = row.first_child
        while child is not None:
            if child.tag in ("td", "th"):
                yield "" if _is_hidden(child) else "\n".join(self._blocks(child))
            else:
                yield self._inline(child).strip()
            child = child.next

    def _laid_out(self, markup: str) -> list[str]:
        return [said] if (said := text_of(markup)) else []

    def _list(self, node: LexborNode) -> list[str]:
        items: list[str] = []
        number = 0
        child = node.first_child
        while child is not None:
            if child.tag == "li":
                number += 1
                mark = f"{number}. " if node.tag == "ol" else "- "
                items.append(self._item(child, mark))
            elif child.is_comment_node:
                items.append(self._inline(child))
            elif _is_block(child):
                items += self._block(child)
            child = child.next
        return ["\n".join(filter(None, items))] if any(items) else []

    def _item(self, node: LexborNode, mark: str) -> str:
        said = "\n".join(self._blocks(node))
        return mark + textwrap.indent(said, " " * len(mark)).lstrip(" ")

    def _inline(self, node: LexborNode) -> str:
        if node.is_text_node:
            return _SPACE.sub(" ", node.text(deep=False))
        if node.is_comment_node:
            # Liquid that was set aside is kept; a comment is not read.
            written = f"<!--{node.comment_content}-->"
            return written if self._aside.restored(written) != written else ""
        if not node.is_element_node or node.tag in _UNSEEN or _is_hidden(node):
            return ""
        match node.tag:
            case "br":
                return "\n"
            case "img":
                return self._picture(node)
            case "a":
                return self._link(node, "{label} <{url}>")
        return self._inlines(node)

    def _inlines(self, node: LexborNode) -> str:
        parts = []
        child = node.first_child
        while child is not None:
            is_apart = _is_block(child)
            said = "\n".join(self._block(child)) if is_apart else self._inline(child)
            parts.append(f"\n{said}\n" if is_apart else said)
            child = child.next
        return "".join(parts)

    def _picture(self, node: LexborNode) -> str:
        alt = _SPACE.sub(" ", node.attributes.get("alt") or "").strip()
        url = (node.attributes.get("data-href") or "").strip()
        return f"{alt} <{url}>" if alt and url else alt

    def _link(self, node: LexborNode, form: str) -> str:
        label = _tidy(self._inlines(node))
        url = _SPACE.sub("", node.attributes.get("href") or "")
        shown = url.removeprefix("mailto:").removeprefix("tel:")
        if not url or url.startswith("#"):
            return label
        if not label or label in (url, shown):
            return shown
        return form.format(label=label, url=shown)


def _is_block(node: LexborNode) -> bool:
    return node.is_element_node and (
        node.tag in _BREAKING
        or "data-block" in node.attributes
        or (node.tag == "img" and node.parent is not None and node.parent.tag == "body")
    )


def _is_hidden(node: LexborNode) -> bool:
    return bool(_HIDDEN.search(node.attributes.get("style") or ""))


def _tidy(text: str) -> str:
    """Strip the spaces around each line, and the empty lines around all of them."""
    return "\n".join(line.strip(" ") for line in text.split("\n")).strip("\n")


def _verbatim(node: LexborNode) -> str:
    parts = []
    for part in node.traverse(include_text=True):
        if part.is_text_node:
            parts.append(part.text(deep=False))
        elif part.is_comment_node:
            parts.append(f"<!--{part.comment_content}-->")
        elif part.tag == "br":
            parts.append("\n")
    return "".join(parts)
