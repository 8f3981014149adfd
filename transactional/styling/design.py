"""Our own mail design: its measures, and the markup that Outlook and Gmail keep.

docs/mail-design.md says why each of it is so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from selectolax.lexbor import LexborNode

from plunk.projects.branding import readable_on
from transactional.styling.colors import (
    CARD,
    HEADING,
    PAGE,
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
_EXACTLY = "mso-line-height-rule:exactly"
TABLE = '<table role="presentation" cellpadding="0" cellspacing="0" border="0"'
#: Left by day in programs that know no other word; where the text begins in the rest.
_FROM_START = "text-align:left;text-align:start"


def _type(size: int, line: int, weight: int, color: str, margin: str) -> str:
    return (
        f"margin:{margin};{FONT};font-size:{size}px;line-height:{line}px;{_EXACTLY};"
        f"font-weight:{weight};color:{color}"
    )


_PARAGRAPH = _type(16, 26, 400, TEXT.light, "0 0 16px")
_IN_ITEM = _type(16, 26, 400, TEXT.light, "0")
_LIST = f"{_type(16, 26, 400, TEXT.light, '0 0 16px')};padding:0 0 0 24px"
_ITEM = f"margin:0 0 6px;line-height:26px;{_EXACTLY}"
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
    f"margin:0;{_MONO};font-size:14px;line-height:22px;{_EXACTLY};color:{HEADING.light};"
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
    f"{_EXACTLY};font-weight:600;text-align:center;text-decoration:none;"
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
        f'line-height:{height}px;font-size:1px;{_EXACTLY}">&nbsp;</td></tr></table>'
    )


def bar(percent: str, color: str, cls: str) -> str:
    """Return a bar, full to so many percent; read aloud, it says how many.

    A table within a table, because a cell of no width is as wide as it likes.
    """
    size = (
        f'height="{_BAR}" style="height:{_BAR}px;line-height:{_BAR}px;font-size:1px;'
        f"{_EXACTLY};border-radius:5px"
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
        f'style="padding:4px 0 8px;font-size:0;{_FROM_START}">'
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
        f'<td class="m-cell" style="padding:0 {gap}px 0 0;{_FROM_START}">'
    )


AFTER_COLUMN = "</td></tr></table></div><!--[if mso]></td><![endif]-->"
AFTER_COLUMNS = "<!--[if mso]></tr></table><![endif]--></td></tr></table>"

# -- the document ----------------------------------------------------------------------

#: Fills what an inbox shows after a preheader, so that it does not go on with the body.
_FILLER = "&#847;&zwnj;&nbsp;"
_SHOWN_IN_INBOX = 160
_HIDDEN = (
    "display:none;font-size:1px;line-height:1px;max-height:0;max-width:0;opacity:0;"
    "overflow:hidden;mso-hide:all"
)


def preheader(text: str) -> str:
    """Return what only an inbox shows; the text is HTML already."""
    filler = _FILLER * max(20, _SHOWN_IN_INBOX - len(text))
    return f'<div style="{_HIDDEN}">{text}{filler}</div>'


_OUTLOOK = (
    "<!--[if mso]><noscript><xml><o:OfficeDocumentSettings><o:AllowPNG/>"
    "<o:PixelsPerInch>96</o:PixelsPerInch></o:OfficeDocumentSettings></xml></noscript>"
    "<style>table{border-collapse:collapse;mso-table-lspace:0;mso-table-rspace:0}"
    "td,p,a,li,h1,h2,h3{font-family:'Segoe UI',Arial,sans-serif}"
    "ul,ol{margin-left:24px;padding:0}</style><![endif]-->\n"
)
_SMALL = (
    "@media (max-width:619px){"
    ".m-shell{padding:0 0 24px!important}"
    ".m-card{border-radius:0!important;border-left:0!important;border-right:0!important}"
    ".m-strip{border-radius:0!important}"
    ".m-in{padding:28px 22px 14px!important}"
    ".m-foot{padding:20px 22px 0!important}"
    ".m-col{display:block!important;max-width:100%!important}"
    ".m-pic{max-width:100%!important}"
    ".m-cell{padding-left:0!important;padding-right:0!important}"
    "h1{font-size:25px!important;line-height:33px!important}}"
)

Rule = tuple[str, str, str]


def _rules(palette: Palette) -> Iterator[Rule]:
    """Yield what is another colour by night: selector, property, value."""
    yield ".m-page", "background-color", PAGE.dark
    yield ".m-card", "background-color", CARD.dark
    yield ".m-card", "border-color", RULE.dark
    yield ".m-sunk", "background-color", SUNKEN.dark
    yield ".m-track", "background-color", RULE.dark
    yield ".m-rule", "border-color", RULE.dark
    yield ".m-mark", "border-color", palette.mark.dark
    yield ".m-strip", "background-color", palette.mark.dark
    yield ".m-text", "color", TEXT.dark
    yield ".m-head", "color", HEADING.dark
    yield ".m-soft", "color", SOFT.dark
    yield ".m-link", "color", palette.link.dark
    for name, color in palette.texts.items():
        yield f".{name}", "color", color
    for name, color in palette.fills.items():
        yield f".{name}", "background-color", color
        yield f".{name} a", "color", readable_on(color)
        yield f".{name} a", "border-color", color


def _sheets(palette: Palette) -> Iterator[str]:
    """Yield style sheets, each small, and apart: a program drops whole ones."""
    yield ":root{color-scheme:light dark;supported-color-schemes:light dark}"
    yield _SMALL
    rules = list(_rules(palette))
    night = "".join(f"{at}{{{name}:{value}!important}}" for at, name, value in rules)
    yield f"@media (prefers-color-scheme:dark){{{night}}}"
    # Outlook on the web and on phones says so by an attribute instead.
    yield "".join(
        f"[{'data-ogsb' if name == 'background-color' else 'data-ogsc'}] {at}"
        f"{{{name}:{value}!important}}"
        for at, name, value in rules
    )


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a mail in our design is put together from; all of it is HTML already."""

    title: str
    language: str
    preheader: str
    content: str
    footer: str
    #: Style sheets of the author's own: what could not be written into elements.
    styles: str


def document(sheet: Sheet, palette: Palette) -> str:
    """Return a whole mail."""
    styles = "".join(f"<style>{rules}</style>\n" for rules in _sheets(palette))
    hidden = f"{preheader(sheet.preheader)}\n" if sheet.preheader else ""
    return (
        f'<!DOCTYPE html>\n<html lang="{sheet.language}" dir="ltr"'
        ' xmlns:o="urn:schemas-microsoft-com:office:office">\n<head>\n'
        '<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        '<meta name="supported-color-schemes" content="light dark">\n'
        '<meta name="format-detection"'
        ' content="telephone=no,date=no,address=no,email=no,url=no">\n'
        '<meta name="x-apple-disable-message-reformatting">\n'
        f"<title>{sheet.title}</title>\n{_OUTLOOK}{styles}{sheet.styles}</head>\n"
        f'<body class="m-page" style="margin:0;padding:0;width:100%;'
        f"background-color:{PAGE.light};-webkit-text-size-adjust:100%;"
        f'-ms-text-size-adjust:100%">\n{hidden}'
        f'{TABLE} width="100%" class="m-page" bgcolor="{PAGE.light}"'
        f' style="background-color:{PAGE.light}"><tr>\n'
        '<td class="m-shell" align="center" style="padding:32px 12px 40px">\n'
        f'<!--[if mso]>{TABLE} width="{WIDTH}" align="center"><tr><td><![endif]-->\n'
        f'{TABLE} width="100%" class="m-card" bgcolor="{CARD.light}" style="'
        f"max-width:{WIDTH}px;background-color:{CARD.light};border:1px solid"
        f' {RULE.light};border-radius:12px;border-collapse:separate">\n'
        f'<tr><td class="m-strip" height="5" bgcolor="{palette.mark.light}" style="'
        f"height:5px;line-height:5px;font-size:1px;{_EXACTLY};"
        f'background-color:{palette.mark.light};border-radius:11px 11px 0 0">&nbsp;'
        "</td></tr>\n"
        f'<tr><td class="m-in m-text" style="padding:36px {PADDING}px 24px;{FONT};'
        f"font-size:16px;line-height:26px;color:{TEXT.light};{_FROM_START};"
        f'word-break:break-word">\n{sheet.content}\n</td></tr>\n</table>\n'
        f"{sheet.footer}"
        "<!--[if mso]></td></tr></table><![endif]-->\n"
        "</td>\n</tr></table>\n</body>\n</html>\n"
    )


def footer(lines: list[str]) -> str:
    """Return the lines below the card."""
    small = f"{FONT};font-size:13px;line-height:20px;{_EXACTLY};color:{SOFT.light}"
    inner = "".join(
        f'<p class="m-soft" dir="auto" style="margin:0 0 6px;{small}">{line}</p>\n'
        for line in lines
    )
    return (
        f'{TABLE} width="100%" style="max-width:{WIDTH}px"><tr>\n'
        f'<td class="m-foot m-soft" align="center" style="padding:24px {PADDING}px 0;'
        f'text-align:center;{small}">\n{inner}</td>\n</tr></table>\n'
    )


def footer_link(href: str, label: str) -> str:
    return (
        f'<a href="{href}" class="m-soft" style="color:{SOFT.light};'
        f'text-decoration:underline">{label}</a>'
    )
