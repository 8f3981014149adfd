"""The blocks of a body, written as HTML that mail programs can show.

Everything that decides the look stands in the elements themselves: many programs read
no style sheet, and Outlook knows tables and little else. Classes only serve the night
and small screens.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from selectolax.lexbor import LexborNode

from plunk.projects.branding import readable_on
from transactional.styling import design
from transactional.styling.colors import Palette, outline
from transactional.styling.pieces import VOID
from transactional.styling.setting_aside import TOKEN, SetAside

#: What a full document has in its head; a mail has one of each already.
_DROPPED = frozenset({"title", "meta", "link", "base", "style"})
_OPAQUE = frozenset({"script", "xmp", "iframe", "noembed", "noframes"})
#: Each begins a direction of its own, the one of its first letter.
_DIRECTED = frozenset("p h1 h2 h3 h4 h5 h6 ul ol blockquote pre".split())
_COLOR = re.compile(
    r"(?<![-\w])color\s*:\s*(?:#([0-9a-f]{3}){1,2}\b"
    r"|rgb\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\))",
    re.IGNORECASE,
)
_HEX = re.compile(r"#[0-9a-f]{6}", re.IGNORECASE)
_BACKGROUND = re.compile(r"(?<![-\w])background(?:-color|-image)?\s*:", re.IGNORECASE)
_ALIGNS = frozenset({"left", "center", "right"})
_LONGEST_SPACE = 400

Attributes = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: how wide it may be, and on what ground."""

    width: int
    #: On a background of its author's, which stays as it is by night.
    is_boxed: bool = False


class Writer:
    """Writes the blocks of one body."""

    def __init__(self, palette: Palette, aside: SetAside) -> None:
        self.palette = palette
        self._aside = aside
        self._parts: list[str] = []
        self._blocks: dict[str, Callable[[LexborNode, Place], None]] = {
            "button": self._button,
            "columns": self._columns,
            "progress": self._progress,
            "spacer": self._spacer,
            "html": self._raw,
        }
        self._elements: dict[str, Callable[[LexborNode, Place], None]] = {
            "hr": self._divider,
            "blockquote": self._quote,
            "pre": self._code,
        }

    def written(self, body: LexborNode) -> str:
        """Return all blocks of a body."""
        self._children(body, Place(design.INNER_WIDTH))
        return "".join(self._parts)

    # -- the tree ----------------------------------------------------------------------

    def _children(self, node: LexborNode, place: Place) -> None:
        child = node.first_child
        while child is not None:
            self._node(child, place)
            child = child.next

    def _node(self, node: LexborNode, place: Place) -> None:
        if node.is_text_node:
            self._parts.append(node.html or "")
        elif node.is_comment_node:
            self._parts.append(f"<!--{node.comment_content}-->")
        elif node.is_element_node and node.tag not in _DROPPED:
            self._write_of(node)(node, place)

    def _write_of(self, node: LexborNode) -> Callable[[LexborNode, Place], None]:
        block = self._blocks.get(node.attributes.get("data-block") or "")
        if block is not None:
            return block
        if node.tag == "img" and is_alone(node):
            return self._picture
        return self._elements.get(node.tag or "", self._element)

    def _element(self, node: LexborNode, place: Place) -> None:
        tag = node.tag or "div"
        if tag == "p" and any(is_block(child) for child in node.iter()):
            tag = "div"
        attributes, place = self._dressed(node, place)
        self._parts.append(f"<{tag}{self._attributes(attributes)}>")
        if tag in VOID:
            return
        if tag in _OPAQUE:
            self._parts.append(node.text(deep=True))
        elif tag == "p" and node.first_child is None:
            self._parts.append("&nbsp;")
        else:
            self._children(node, place)
        self._parts.append(f"</{tag}>")

    def _dressed(self, node: LexborNode, place: Place) -> tuple[Attributes, Place]:
        """Return the attributes of an element, ours before those of its author."""
        tag = node.tag or ""
        attributes = dict(node.attributes)
        style = attributes.pop("style", None) or ""
        look = design.look_of(node, self.palette)
        ours, classes = look.style, list(look.classes)
        if "bgcolor" in attributes or _BACKGROUND.search(style):
            place = replace(place, is_boxed=True)
            ours = f"{design.ON_PAPER};{ours}" if ours else design.ON_PAPER
        if tag == "img":
            attributes |= _fitted(attributes, place.width)
        if place.is_boxed:
            classes = []
        elif color := color_in(style):
            classes = [self.palette.text_class(color)]
        if tag in _DIRECTED:
            attributes.setdefault("dir", "auto")
        if ours or style:
            attributes["style"] = ";".join(filter(None, (ours, style.strip(" ;"))))
        if classes := [name for name in (*classes, attributes.get("class")) if name]:
            attributes["class"] = " ".join(classes)
        return attributes, place

    def _attributes(self, attributes: Attributes) -> str:
        return "".join(
            f" {name}"
            if value is None or (not value and TOKEN.search(name))
            # What was set aside may have double quotes of its own.
            else f" {name}={self._quoted(value)}"
            for name, value in attributes.items()
        )

    def _quoted(self, value: str) -> str:
        said = self._aside.restored(value) if TOKEN.search(value) else ""
        if '"' in said and "'" not in said:
            return "'" + html.escape(value, quote=False).replace("'", "&#39;") + "'"
        return f'"{attribute(value)}"'

    # -- blocks ------------------------------------------------------------------------

    def _picture(self, node: LexborNode, place: Place) -> None:
        attributes, place = self._dressed(node, place)
        align = align_of(node)
        width = attributes.get("width") or str(place.width)
        if place.width < design.INNER_WIDTH and width.isdecimal() and int(width) > 99:
            # Beside others it is small; on a phone it has a line of its own.
            known = attributes.get("class")
            attributes = {**attributes, "class": f"m-pic {known}" if known else "m-pic"}
        shown = dict(attributes) | {
            "width": width,
            "style": f"{design.PICTURE};max-width:{pixels(width)};"
            f"{design.ALIGNED[align]}",
        }
        link = node.attributes.get("data-href")
        for name in ("data-align", "data-href"):
            shown.pop(name, None)
        picture = f"<img{self._attributes(shown)}>"
        if link:
            picture = (
                f'<a href={self._quoted(link)} target="_blank"'
                f' style="text-decoration:none">{picture}</a>'
            )
        self._parts.append(design.row(picture, design.PICTURE_SPACE, align=align))

    def _button(self, node: LexborNode, place: Place) -> None:
        color = self._color_of(node)
        on_it, align = readable_on(color), align_of(node)
        cls = "" if place.is_boxed else self.palette.fill_class(color)
        href = self._quoted(node.attributes.get("href") or "")
        self._parts.append(design.before_row(design.BUTTON_SPACE, align=align))
        self._parts.append(
            f"{design.TABLE}><tr>"
            f'<td class="{cls}" align="center" bgcolor="{color}" style="{design.FILL}'
            f'background-color:{color}">'
            f'<a href={href} target="_blank" style="{design.LABEL}color:{on_it};'
            f'border:1px solid {outline(color)}">'
        )
        self._children(node, replace(place, is_boxed=True))
        self._parts.append(f"</a></td></tr></table>{design.AFTER_ROW}")

    def _columns(self, node: LexborNode, place: Place) -> None:
        """Write columns that stand beside each other where there is room.

        They are boxes in a line, which Outlook does not know: it is given a table.
        """
        columns = [child for child in node.iter() if is_column(child)]
        width = design.column_width(len(columns) or 1, place.width)
        self._parts.append(design.before_columns())
        child, left = node.first_child, len(columns)
        while child is not None:
            if is_column(child):
                left -= 1
                self._parts.append(design.before_column(width, is_last=not left))
                self._children(child, replace(place, width=max(width, 1)))
                self._parts.append(design.AFTER_COLUMN)
            else:
                self._node(child, place)
            child = child.next
        self._parts.append(design.AFTER_COLUMNS)

    def _progress(self, node: LexborNode, place: Place) -> None:
        color = self._color_of(node)
        cls = "" if place.is_boxed else self.palette.fill_class(color)
        percent = percent_of(node)
        self._parts.append(
            design.row(design.bar(percent, color, cls), design.BAR_SPACE)
        )

    def _spacer(self, node: LexborNode, _place: Place) -> None:
        digits = re.match(r"\s*(\d{1,4})", node.attributes.get("data-height") or "")
        height = int(digits[1]) if digits else 24
        self._parts.append(design.spacer(max(1, min(height, _LONGEST_SPACE))))

    def _raw(self, node: LexborNode, place: Place) -> None:
        """Write HTML as it came; what would have broken out was not set aside."""
        self._parts.append("<div>")
        self._children(node, replace(place, is_boxed=True))
        self._parts.append("</div>")

    def _divider(self, _node: LexborNode, _place: Place) -> None:
        self._parts.append(design.DIVIDER)

    def _quote(self, node: LexborNode, place: Place) -> None:
        mark = self.palette.mark
        self._parts.append(design.before_quote(mark.light))
        inner = replace(place, width=max(place.width - 20, 1))
        self._element(node, inner)
        self._parts.append(design.AFTER_BOX)

    def _code(self, node: LexborNode, place: Place) -> None:
        self._parts.append(design.BEFORE_CODE)
        self._element(node, place)
        self._parts.append(design.AFTER_BOX)

    def _color_of(self, node: LexborNode) -> str:
        picked = (node.attributes.get("data-color") or "").strip()
        return picked.lower() if _HEX.fullmatch(picked) else self.palette.own


def attribute(value: str) -> str:
    return value.replace("&", "&amp;").replace('"', "&quot;")


def is_alone(node: LexborNode) -> bool:
    """Say whether an image is a block, and not a part of a line or of a table."""
    parent = node.parent
    return parent is None or parent.tag == "body" or is_column(parent)


def is_block(node: LexborNode) -> bool:
    return node.is_element_node and "data-block" in node.attributes


def is_column(node: LexborNode) -> bool:
    return is_block(node) and node.attributes["data-block"] == "column"


def align_of(node: LexborNode) -> str:
    align = (node.attributes.get("data-align") or "").lower()
    return align if align in _ALIGNS else "left"


def percent_of(node: LexborNode) -> str:
    """Return how full a bar is, 0 to 100, or the variable that says it."""
    value = node.attributes.get("data-percent") or ""
    if found := TOKEN.search(value):
        return found[0]
    digits = re.match(r"\s*(\d{1,4})", value)
    return str(min(int(digits[1]), 100)) if digits else "0"


def pixels(width: str) -> str:
    return f"{width}px" if width.isdecimal() else width


def color_in(style: str) -> str:
    """Return the colour that a style gives to text, `#rrggbb`; empty if none."""
    found = _COLOR.search(style)
    if not found:
        return ""
    if found[2]:
        return "#" + "".join(f"{min(int(found[n]), 255):02x}" for n in (2, 3, 4))
    digits = found[0].rpartition("#")[2].lower()
    return "#" + (digits if len(digits) == 6 else "".join(c * 2 for c in digits))


def _fitted(attributes: Attributes, width: int) -> Attributes:
    """Return how wide an image is, which Outlook takes from its attribute alone."""
    given = (attributes.get("width") or "").strip().removesuffix("px")
    if not given.isdecimal() or len(given) > 5:
        return {}
    fitted: dict[str, str | None] = {"width": str(max(1, min(int(given), width)))}
    if int(given) > width and attributes.get("height"):
        fitted["height"] = "auto"
    return fitted
