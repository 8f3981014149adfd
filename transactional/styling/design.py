"""Our own mail design: its measures, and the blocks that Outlook and Gmail keep.

docs/mail-design.md says why each of it is so.
"""

from __future__ import annotations

from dataclasses import dataclass

from selectolax.lexbor import LexborNode

from transactional.styling.colors import (
    HEADING,
    RULE,
    SOFT,
    SUNKEN,
    TEXT,
    Palette,
)

#: In pixels: the card, what is left between its paddings, and between two columns.
WIDTH, PADDING, GUTTER = 600, 40, 24
INNER_WIDTH = WIDTH - 2 * PADDING - 2  # within its borders

FONT = (
    "font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,"
    "'Helvetica Neue',Arial,sans-serif"
)
_MONO = "font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace"
#: Outlook takes a line's height for the least it may be unless it is told.
EXACTLY = "mso-line-height-rule:exactly"
TABLE = '<table role="presentation" cellpadding="0" cellspacing="0" border="0"'
#: Left by day in programs that know no other word; where the text begins in the rest.
FROM_START = "text-align:left;text-align:start"


def _type(size: int, line: int, weight: int, color: str, margin: str) -> str:
    return (
        f"margin:{margin};{FONT};font-size:{size}px;line-height:{line}px;{EXACTLY};"
        f"font-weight:{weight};color:{color}"
    )


_PARAGRAPH = _type(16, 26, 400, TEXT.light, "0 0 16px")
_IN_ITEM = _type(16, 26, 400, TEXT.light, "0")
_LIST = f"{_type(16, 26, 400, TEXT.light, '0 0 16px')};padding:0 0 0 24px"
_ITEM = f"margin:0 0 6px;line-height:26px;{EXACTLY}"
_HEADINGS = {
    "h1": (28, 36, "0 0 16px", "letter-spacing:-0.3px"),
    "h2": (21, 30, "28px 0 10px", "letter-spacing:-0.2px"),
    "h3": (17, 26, "24px 0 6px", ""),
    "h4": (16, 26, "20px 0 4px", ""),
    "h5": (14, 22, "20px 0 4px", ""),
    "h6": (14, 22, "20px 0 4px", ""),
}
_QUOTED = _type(17, 27, 400, SOFT.light, "0")
_INLINE_CODE = (
    f"{_MONO};font-size:14px;color:{HEADING.light};background-color:{SUNKEN.light};"
    "padding:2px 5px;border-radius:4px"
)
_CODE = (
    f"margin:0;{_MONO};font-size:14px;line-height:22px;{EXACTLY};color:{HEADING.light};"
    "white-space:pre-wrap;word-break:break-word"
)
#: The colour of text on a background that its author chose for light paper.
ON_PAPER = f"color:{TEXT.light}"
_FLUID = "max-width:100%;height:auto;border:0"
PICTURE = (
    f"display:block;width:100%;height:auto;border:0;border-radius:6px;{FONT};"
    f"font-size:14px;line-height:20px;color:{SOFT.light}"
)
ALIGNED = {
    "left": "margin:0",
    "center": "margin:0 auto",
    "right": "margin:0 0 0 auto",
}
FILL = "border-radius:8px;mso-padding-alt:13px 26px;"
LABEL = (
    f"display:inline-block;padding:13px 26px;{FONT};font-size:16px;line-height:22px;"
    f"{EXACTLY};font-weight:600;text-align:center;text-decoration:none;"
    "border-radius:8px;"
)
#: Above and below a block: paddings, because Outlook drops the margins of tables.
PICTURE_SPACE = "4px 0 20px"
BUTTON_SPACE = "8px 0 24px"
BAR_SPACE = "6px 0 22px"
_BAR = 10


@dataclass(frozen=True, slots=True)
class Look:
    """What an element is given: its style, and classes for the night."""

    style: str = ""
    classes: tuple[str, ...] = ()


_LOOKS = {
    "ul": Look(_LIST, ("m-text",)),
    "ol": Look(_LIST, ("m-text",)),
    "li": Look(_ITEM),
    "blockquote": Look(_QUOTED, ("m-soft",)),
    "pre": Look(_CODE, ("m-head",)),
    "code": Look(_INLINE_CODE, ("m-head", "m-sunk")),
    "img": Look(_FLUID),
}


def look_of(node: LexborNode, palette: Palette) -> Look:
    """Return how an element looks where it stands."""
    tag = node.tag or ""
    parent = node.parent.tag if node.parent is not None else ""
    match tag:
        case "p" if parent == "li":
            return Look(_IN_ITEM, ("m-text",))
        case "p" if parent == "blockquote":
            below = "0" if _is_last(node) else "0 0 12px"
            return Look(_type(17, 27, 400, SOFT.light, below), ("m-soft",))
        case "p":
            return Look(_PARAGRAPH, ("m-text",))
        case "ul" | "ol" if parent == "li":
            return Look(_LIST.replace("0 0 16px", "6px 0 0", 1), ("m-text",))
        case "a":
            style = f"color:{palette.link.light};text-decoration:underline"
            return Look(style, ("m-link",))
        case "code" if parent == "pre":
            return Look(f"{_MONO};font-size:14px")
        case _ if tag in _HEADINGS:
            return _heading(node)
    return _LOOKS.get(tag, Look())


def _heading(node: LexborNode) -> Look:
    size, line, margin, extra = _HEADINGS[node.tag or ""]
    before = _element_before(node)
    if before is None or before.tag == "img" or before.tag == "hr":
        margin = "0" + margin[margin.index(" ") :]
    elif "data-block" in before.attributes:
        # What is above has left room already.
        margin = "4px" + margin[margin.index(" ") :]
    style = _type(size, line, 700, HEADING.light, margin)
    return Look(f"{style};{extra}" if extra else style, ("m-head",))


def _element_before(node: LexborNode) -> LexborNode | None:
    before = node.prev
    while before is not None and not before.is_element_node:
        before = before.prev
    return before


def _is_last(node: LexborNode) -> bool:
    after = node.next
    while after is not None and not after.is_element_node:
        after = after.next
    return after is None


# -- blocks --------------------------------------------------------------------------


def before_row(space: str, *, align: str = "left") -> str:
    return f'{TABLE} width="100%"><tr><td align="{align}" style="padding:{space}">'


AFTER_ROW = "</td></tr></table>"


def row(content: str, space: str, *, align: str = "left") -> str:
    """Return something on a line of its own."""
    return f"{before_row(space, align=align)}{content}{AFTER_ROW}"


DIVIDER = (
    f'{TABLE} width="100%"><tr><td style="padding:12px 0 28px">'
    f'{TABLE} width="100%"><tr><td class="m-rule" height="1" style="height:1px;'
    f"line-height:1px;font-size:1px;border-top:1px solid {RULE.light}"
    f'">&nbsp;</td></tr></table>{AFTER_ROW}'
)
BEFORE_CODE = (
    f'{TABLE} width="100%"><tr><td style="padding:4px 0 20px">'
    f'{TABLE} width="100%"><tr><td class="m-sunk" bgcolor="{SUNKEN.light}"'
    f' style="padding:16px 18px;background-color:{SUNKEN.light};border-radius:8px">'
)
AFTER_BOX = f"{AFTER_ROW}{AFTER_ROW}"


def before_quote(color: str) -> str:
    return (
        f'{TABLE} width="100%"><tr><td style="padding:4px 0 20px">'
        f'{TABLE} width="100%"><tr><td class="m-mark" style="padding:2px 0 2px 18px;'
        f'border-left:3px solid {color}">'
    )


def spacer(height: int) -> str:
    return (
        f'{TABLE} width="100%"><tr><td height="{height}" style="height:{height}px;'
        f'line-height:{height}px;font-size:1px;{EXACTLY}">&nbsp;</td></tr></table>'
    )


def bar(percent: str, color: str, cls: str) -> str:
    """Return a bar, full to so many percent; read aloud, it says how many.

    A table within a table, because a cell of no width is as wide as it likes.
    """
    size = (
        f'height="{_BAR}" style="height:{_BAR}px;line-height:{_BAR}px;font-size:1px;'
        f"{EXACTLY};border-radius:5px"
    )
    done = (
        f'{TABLE} width="{percent}%"><tr><td class="{cls}" bgcolor="{color}" {size};'
        f'background-color:{color}">&nbsp;</td></tr></table>'
    )
    return (
        f'<table role="img" aria-label="{percent}%" width="100%" cellpadding="0"'
        f' cellspacing="0" border="0"><tr><td class="m-track" align="left"'
        f' bgcolor="{RULE.light}" {size};background-color:{RULE.light}">'
        f"{'&nbsp;' if percent == '0' else done}</td></tr></table>"
    )


def before_columns() -> str:
    return (
        f'{TABLE} width="100%"><tr><td class="m-cols" align="left" '
        f'style="padding:4px 0 8px;font-size:0;{FROM_START}">'
        f'<!--[if mso]>{TABLE} width="100%"><tr><![endif]-->'
    )


def column_width(count: int, width: int) -> int:
    """Return what each of so many columns has to itself."""
    return (width - GUTTER * (count - 1)) // count


def before_column(width: int, *, is_last: bool) -> str:
    """Open a column; all but the last have the gap at their right.

    None has it at its left: below each other they begin at the same edge.
    """
    gap = 0 if is_last else GUTTER
    return (
        f'<!--[if mso]><td width="{width + gap}" valign="top"><![endif]-->'
        f'<div class="m-col" style="display:inline-block;width:100%;'
        f'max-width:{width + gap}px;vertical-align:top">{TABLE} width="100%"><tr>'
        f'<td class="m-cell" style="padding:0 {gap}px 0 0;{FROM_START}">'
    )


AFTER_COLUMN = "</td></tr></table></div><!--[if mso]></td><![endif]-->"
AFTER_COLUMNS = "<!--[if mso]></tr></table><![endif]--></td></tr></table>"
