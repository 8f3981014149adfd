"""Our own mail design: the document around the blocks, by day and by night.

docs/mail-design.md says why each of it is so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

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
from transactional.styling.design import (
    EXACTLY,
    FONT,
    FROM_START,
    PADDING,
    TABLE,
    WIDTH,
)

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
        f"height:5px;line-height:5px;font-size:1px;{EXACTLY};"
        f'background-color:{palette.mark.light};border-radius:11px 11px 0 0">&nbsp;'
        "</td></tr>\n"
        f'<tr><td class="m-in m-text" style="padding:36px {PADDING}px 24px;{FONT};'
        f"font-size:16px;line-height:26px;color:{TEXT.light};{FROM_START};"
        f'word-break:break-word">\n{sheet.content}\n</td></tr>\n</table>\n'
        f"{sheet.footer}"
        "<!--[if mso]></td></tr></table><![endif]-->\n"
        "</td>\n</tr></table>\n</body>\n</html>\n"
    )


def footer(lines: list[str]) -> str:
    """Return the lines below the card."""
    small = f"{FONT};font-size:13px;line-height:20px;{EXACTLY};color:{SOFT.light}"
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
