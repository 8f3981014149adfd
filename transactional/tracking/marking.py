"""Finding the links of a document that are to be counted, and replacing them.

A content is read once: `mark` puts a noncharacter before and after each address that
may be counted. A mail then costs a split: `counted` replaces what stands between them,
once the variables are filled in and the address is known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape, unescape
from html.entities import html5

from transactional.marketing import LINK_NAMES
from transactional.tracking.links import destination

__all__ = ["counted", "mark", "unmarked"]

#: Never in a text that people exchange (Unicode, "Noncharacters").
BEFORE, AFTER = "\ufdd0", "\ufdd1"
#: Where the picture goes: a mark around what no address is.
_NO_ADDRESS = "\ufdd2"
PLACE = BEFORE + _NO_ADDRESS + AFTER

# -- once for a content ---------------------------------------------------------------

#: A character that is nothing to HTML, in place of each of the template language's.
_BLANK = "\x01"
_EXPRESSION = re.compile(r"\{([{%])")
#: Comments, with those that some mail programs read, and the start of a tag.
_OPENING = re.compile(
    r"<!--(?:-?>|.*?(?:--!?>|\Z))|<[!?][^>]*|<(?P<name>/?[a-zA-Z][^\s/>]*)", re.DOTALL
)
_ATTRIBUTE = re.compile(
    r"""[\s/]*+(?P<name>[^\s/>][^\s/>=]*+)
    (?:\s*+=\s*+(?:"(?P<double>[^"]*+)(?:"|\Z)|'(?P<single>[^']*+)(?:'|\Z)
      |(?P<bare>[^\s>]*+)))?+""",
    re.VERBOSE,
)
_LINKS = frozenset({"a", "area"})
#: Elements whose content is text, whatever it looks like.
_RAW = {
    name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE)
    for name in (
        *("script", "style", "title", "textarea"),
        *("xmp", "iframe", "noembed", "noframes"),
    )
}
_OFF = frozenset({"off", "false", "no", "0"})
_NAMES_OWN_LINK = re.compile(
    rf"\b(?:{'|'.join(sorted(LINK_NAMES))})\b|/(?:unsubscribe|subscribe|manage)/\{{\{{"
)
_WEB = re.compile(r"\s*(?:https?:|\{[{%])", re.IGNORECASE)


def mark(html: str) -> str:
    """Mark the links of a document that are counted once it is filled in.

    Those of `<a>` and `<area>` to the web, and those that begin with a variable: where
    they lead is seen later. Not those of the recipient, such as the one out, not those
    whose element says `data-no-track`, `data-track="off"` or `ses:no-track`, and none
    in comments, which hold Outlook's own version of a mail. The end of the body is
    marked too. Nothing else is changed.
    """
    html = unmarked(html)
    if not html:
        return ""
    marked: list[str] = []
    done, place = 0, len(html)
    for tag in _tags(_without_expressions(html)):
        if tag.name == "/body" or (tag.name == "/html" and place == len(html)):
            place = tag.start
        for start, end in _addresses(html, tag):
            marked += [html[done:start], BEFORE, html[start:end], AFTER]
            done = end
    if place < done:
        place = len(html)
    return "".join([*marked, html[done:place], PLACE, html[place:]])


def _without_expressions(html: str) -> str:
    """Blank out what the template language will replace: quotes in it are not HTML's.

    Every character keeps its place.
    """
    pieces, done, at = [], 0, 0
    last = {"{": html.rfind("}}"), "%": html.rfind("%}")}
    while opening := _EXPRESSION.search(html, at):
        closing = "}}" if opening[1] == "{" else "%}"
        if last[opening[1]] < opening.end():
            at = opening.start() + 1
            continue
        at = html.index(closing, opening.end()) + 2
        pieces += [html[done : opening.start()], _BLANK * (at - opening.start())]
        done = at
    return "".join([*pieces, html[done:]])


_Span = tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class _Tag:
    """A tag: its name in lower case, with the slash of a closing one."""

    name: str
    start: int
    #: Each attribute's name, in lower case, and where its value stands.
    attributes: list[tuple[str, _Span]]


def _tags(blanked: str) -> Iterator[_Tag]:
    at = 0
    while opening := _OPENING.search(blanked, at):
        at = opening.end()
        name = (opening["name"] or "").lower()
        if not name:
            continue
        attributes, at = _attributes(blanked, at)
        yield _Tag(name, opening.start(), attributes)
        if name == "plaintext":
            return
        if name in _RAW:
            closing = _RAW[name].search(blanked, at)
            if closing is None:
                return
            at = closing.start()


def _attributes(blanked: str, at: int) -> tuple[list[tuple[str, _Span]], int]:
    """Return a tag's attributes, and where the last one ends."""
    found: list[tuple[str, _Span]] = []
    while match := _ATTRIBUTE.match(blanked, at):
        at = match.end()
        kind = match.lastgroup or "name"
        name = match["name"].strip(_BLANK).lower()
        found.append((name, None if kind == "name" else match.span(kind)))
    return found, at


def _addresses(html: str, tag: _Tag) -> Iterator[tuple[int, int]]:
    """Yield where the addresses that are counted stand in a tag."""
    if tag.name not in _LINKS or _is_left_alone(html, tag):
        return
    for name, span in tag.attributes:
        if name != "href" or span is None:
            continue
        value = html[slice(*span)]
        if _WEB.match(_decoded(value)) and not _NAMES_OWN_LINK.search(value):
            yield span


def _is_left_alone(html: str, tag: _Tag) -> bool:
    for name, span in tag.attributes:
        if name in ("data-no-track", "ses:no-track"):
            return True
        if name == "data-track" and span:
            return html[slice(*span)].strip().lower() in _OFF
    return False


def unmarked(html: str) -> str:
    """Return a document without marks, whoever put them there."""
    return html.replace(BEFORE, "").replace(AFTER, "").replace(_NO_ADDRESS, "")


# -- once for a mail ------------------------------------------------------------------

_REFERENCE = re.compile(
    r"&(?:#(?:[0-9]++|[xX][0-9a-fA-F]++);?"
    r"|(?P<name>[A-Za-z][A-Za-z0-9]*+(?:;|(?![=A-Za-z0-9]))))"
)


def counted(
    html: str, *, address: Callable[[str], str], pixel: str, app_uri: str = ""
) -> str:
    """Replace the marked links of a document that is filled in, and add the picture.

    `address` returns what a link to an address becomes; `pixel` is the address of the
    picture that counts opens, or empty. `app_uri` is where our own links led when the
    mail was made; empty: as now.
    """

    image = (
        f'<img src="{escape(pixel)}" width="1" height="1" alt="" style="border:0;'
        'height:1px;width:1px;margin:0;padding:0">'
        if pixel
        else ""
    )

    first, *rest = html.split(BEFORE)
    pieces = [first]
    for piece in rest:
        value, after, more = piece.partition(AFTER)
        if value == _NO_ADDRESS:
            value = image
        elif after and (url := destination(_decoded(value), app_uri)):
            value = escape(address(url))
        pieces += [value, more]
    return "".join(pieces)


def _decoded(value: str) -> str:
    """Return what an attribute's value stands for.

    By the rules for attributes: `&copy=` in an address is no copyright sign.
    """
    return _REFERENCE.sub(_character, value) if "&" in value else value


def _character(match: re.Match[str]) -> str:
    name = match["name"]
    return html5.get(name, match[0]) if name else unescape(match[0])
