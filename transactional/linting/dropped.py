"""What mail programs leave out, and what filters take for a trick."""

from __future__ import annotations

import re
from collections.abc import Iterator

from transactional.linting.findings import HINT, WARNING, Note
from transactional.linting.markup import Element

_DROPPED = {
    "script": "Mail programs run no scripts.",
    "form": "Most mail programs show no forms: link to a page that has one.",
    "input": "Most mail programs show no forms: link to a page that has one.",
    "select": "Most mail programs show no forms: link to a page that has one.",
    "textarea": "Most mail programs show no forms: link to a page that has one.",
    "iframe": "Mail programs show no frames: link to the page.",
    "video": "Most mail programs show no videos: link a picture to it.",
    "audio": "Most mail programs play no sound: link to it.",
    "object": "Mail programs show no objects.",
    "embed": "Mail programs show no objects.",
    "applet": "Mail programs show no objects.",
    "base": "Mail programs leave the base address out: write whole links.",
}
_POSITION = re.compile(r"(?i)(?:^|[;{\s])(position\s*:\s*(?:absolute|fixed|sticky))")
_IMPORT = re.compile(r"(?i)@import\b")
_INVISIBLE = re.compile(
    r"(?i)(?:^|;)\s*(font-size\s*:\s*[01](?:px|pt)?\s*(?:;|$|!)|"
    r"visibility\s*:\s*hidden|opacity\s*:\s*0(?:\.0+)?\s*(?:;|$)|"
    r"text-indent\s*:\s*-\d{3,})"
)
_COLOR = re.compile(r"(?i)(?:^|;)\s*color\s*:\s*([^;!]+)")
_BACKGROUND = re.compile(r"(?i)(?:^|;)\s*background(?:-color)?\s*:\s*([^;!]+)")


def about_element(element: Element) -> Iterator[Note]:
    """Yield what is to be said about an element that not every program shows."""
    if element.name in _DROPPED:
        message = _DROPPED[element.name]
        yield Note(WARNING, "dropped_element", message, element.start)
    if element.name == "link" and "stylesheet" in element.get("rel").lower():
        yield Note(
            WARNING,
            "external_style",
            "Mail programs load no style sheets: put the styles into the mail.",
            element.start,
        )
    if element.name == "style":
        yield from _about_sheet(element.content, element.end)
    style = element.get("style")
    if style:
        yield from _about_style(style, element)


def _about_sheet(sheet: str, offset: int) -> Iterator[Note]:
    for match in _IMPORT.finditer(sheet):
        yield Note(
            WARNING,
            "external_style",
            "Mail programs load no style sheets: put the styles into the mail.",
            offset + match.start(),
        )
    for match in _POSITION.finditer(sheet):
        yield _unplaced(offset + match.start(1))


def _about_style(style: str, element: Element) -> Iterator[Note]:
    if _POSITION.search(style):
        yield _unplaced(element.place("style"))
    color, ground = _COLOR.search(style), _BACKGROUND.search(style)
    is_same = color and ground and _same(color[1], ground[1])
    if is_same or (element.name != "img" and _INVISIBLE.search(style)):
        yield Note(
            WARNING,
            "invisible_text",
            "Nobody can see this text; filters take such text for a trick.",
            element.place("style"),
        )


def _unplaced(offset: int) -> Note:
    return Note(
        HINT, "dropped_style", "Gmail leaves “position” out: use a table.", offset
    )


def _same(one: str, other: str) -> bool:
    return one.strip().lower() == other.strip().lower()
