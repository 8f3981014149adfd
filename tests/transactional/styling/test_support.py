"""What mail programs can show: the rules of docs/mail-design.md, for all that we make.

Gmail drops a style sheet beyond 8,192 characters, some programs drop all of them;
Outlook for Windows lays out with the engine of Word; Apple Mail shows everything and
turns dark what does not say that it is ready for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import pytest
from selectolax.lexbor import LexborHTMLParser, LexborNode

from plunk.projects.branding import TEXT_CONTRAST, contrast
from tests.transactional.styling.bodies import manuscript
from transactional.gallery import GALLERY
from transactional.styling import colors, dress

NAMES = ["kitchen-sink", *(sample.slug for sample in GALLERY)]
each = pytest.mark.parametrize("name", NAMES)
#: Properties and values that Outlook or Gmail do not know, or know otherwise.
UNKNOWN = re.compile(
    r"(?:^|;)\s*(?:position|float|clip(?:-path)?|transform|flex[-a-z]*|grid[-a-z]*|gap"
    r"|object-fit|filter|box-shadow|background-image|background|inset[-a-z]*"
    r"|font)\s*:"
    r"|rgba?\(|hsla?\(|var\(|calc\(|\burl\(|\b\d+(?:rem|vw|vh|ch)\b|display:\s*(?:flex|grid)",
    re.IGNORECASE,
)
_STYLE = re.compile(r"(?s)<style>(.*?)</style>")


@cache
def markup(name: str) -> str:
    if name == "kitchen-sink":
        return dress(manuscript()).html
    found = next(sample for sample in GALLERY if sample.slug == name)
    return dress(
        manuscript(
            found.body,
            subject=found.subject,
            preheader=found.preheader,
            kind=found.kind,
        )
    ).html


def tree(name: str) -> LexborHTMLParser:
    return LexborHTMLParser(markup(name))


def declarations(node: LexborNode) -> dict[str, str]:
    style = node.attributes.get("style") or ""
    pairs = (part.partition(":") for part in style.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def styled(name: str) -> Iterator[tuple[LexborNode, dict[str, str]]]:
    body = tree(name).body
    assert body is not None
    for node in body.css("[style]"):
        yield node, declarations(node)


@each
def test_the_document_says_what_it_is(name: str) -> None:
    html, parsed = markup(name), tree(name)
    root, title = parsed.css_first("html"), parsed.css_first("title")

    assert root is not None
    assert title is not None
    assert html.startswith("<!DOCTYPE html>\n")
    assert root.attributes["lang"] == "en"
    assert root.attributes["dir"] == "ltr"
    assert '<meta charset="utf-8">' in html[:300]
    assert title.text()
    for meta in ("viewport", "color-scheme", "x-apple-disable-message-reformatting"):
        assert parsed.css_first(f'meta[name="{meta}"]') is not None


@each
def test_gmail_keeps_all_of_it(name: str) -> None:
    """It clips a mail after 102 kB, and drops long sheets and what it cannot read."""
    html = markup(name)
    sheets = _STYLE.findall(html)

    assert len(html.encode()) < 102_000
    assert all(len(sheet) < 8_192 for sheet in sheets)
    assert not re.search(r"@import|@font-face|<link|<script|javascript:", html)
    assert all(sheet.count("{") == sheet.count("}") for sheet in sheets)


@each
def test_by_day_no_style_sheet_is_needed(name: str) -> None:
    """Each sheet is for a small screen, for the night or for Outlook alone."""
    visible = re.sub(r"(?s)<!--.*?-->", "", markup(name))

    for sheet in _STYLE.findall(visible):
        assert re.match(r":root\{|@media |\[data-ogs[bc]\]", sheet)


@each
def test_no_element_asks_for_what_outlook_or_gmail_do_not_know(name: str) -> None:
    for node, _ in styled(name):
        style = str(node.attributes["style"])
        assert not UNKNOWN.search(style), (node.tag, style)


@each
def test_a_layout_is_made_of_tables_that_nobody_reads_aloud(name: str) -> None:
    for table in tree(name).css("table"):
        attributes = table.attributes
        assert attributes.get("role") == "presentation" or attributes.get("aria-label")
        assert attributes.get("cellpadding") == "0"
        assert attributes.get("cellspacing") == "0"
        assert attributes.get("border") == "0"


@each
def test_no_room_is_made_by_the_margin_of_a_table_or_a_box(name: str) -> None:
    """Outlook drops it."""
    for node, style in styled(name):
        if node.tag in ("table", "td", "div", "tr"):
            assert not any(key.startswith("margin") for key in style), style


@each
def test_only_cells_and_links_with_a_twin_for_outlook_are_padded(name: str) -> None:
    for node, style in styled(name):
        if "padding" not in style or node.tag in ("td", "body", "code", "ul", "ol"):
            continue
        assert node.tag == "a"
        parent = node.parent
        assert parent is not None
        assert "mso-padding-alt" in declarations(parent)


@each
def test_every_image_has_its_width_and_its_words(name: str) -> None:
    for image in tree(name).css("img"):
        assert "alt" in image.attributes
        width = str(image.attributes["width"])
        assert 0 < int(width) <= 518
        assert "max-width" in declarations(image)


@each
def test_a_line_is_as_high_as_it_says(name: str) -> None:
    for node, style in styled(name):
        if node.tag in ("p", "h1", "h2", "h3", "li", "a") and "line-height" in style:
            assert re.fullmatch(r"\d+px", style["line-height"])
            assert style.get("mso-line-height-rule") == "exactly"


@each
def test_every_text_names_its_font_size_and_colour(name: str) -> None:
    for node, style in styled(name):
        if node.tag in ("p", "h1", "h2", "h3", "ul", "ol"):
            assert {"font-family", "font-size", "color"} <= style.keys()


@each
def test_what_outlook_alone_reads_is_closed(name: str) -> None:
    html = markup(name)
    for_outlook = "".join(re.findall(r"(?s)<!--\[if mso\]>(.*?)<!\[endif\]-->", html))

    assert html.count("<!--[if mso]>") == html.count("<![endif]-->")
    for tag in ("table", "tr", "td"):
        assert for_outlook.count(f"<{tag}") == for_outlook.count(f"</{tag}>")


@each
def test_all_tables_are_closed(name: str) -> None:
    html = markup(name)

    for tag in ("table", "tr", "td", "div", "p", "a"):
        opened = re.findall(rf"<{tag}[\s>]", html)
        assert len(opened) == html.count(f"</{tag}>"), tag


@each
def test_every_colour_of_the_day_has_one_for_the_night(name: str) -> None:
    """A text in our colours has a class, and both kinds of night know the class."""
    html = markup(name)
    day, night = html[html.index("<body") :], html[: html.index("<body")]

    for cls in set(re.findall(r"\bm-(?:text|head|soft|link|card|page|sunk)\b", day)):
        assert night.count(f".{cls}{{") >= 2, cls


@pytest.mark.parametrize("shade", ["HEADING", "TEXT", "SOFT"])
@pytest.mark.parametrize("ground", ["CARD", "PAGE", "SUNKEN"])
def test_text_can_be_read_on_every_ground(shade: str, ground: str) -> None:
    """WCAG 2.2, 1.4.3."""
    text, behind = getattr(colors, shade), getattr(colors, ground)

    assert contrast(text.light, behind.light) >= TEXT_CONTRAST
    assert contrast(text.dark, behind.dark) >= TEXT_CONTRAST


@pytest.mark.parametrize(
    "color",
    ["#000000", "#ffffff", "#ffee00", "#5546d6", "#0f766e", "#e11d48", "#888888"],
)
def test_the_colours_of_a_project_can_be_read(color: str) -> None:
    palette = colors.Palette.of(color)
    palette.fill_class(color)

    assert contrast(palette.link.light, colors.CARD.light) >= TEXT_CONTRAST
    assert contrast(palette.link.dark, colors.CARD.dark) >= TEXT_CONTRAST
    for fill in palette.fills.values():
        assert contrast(fill, colors.CARD.dark) >= 3
