"""A kept mail as a reader sees it: HTML, text, headers, attachments, links.

Whatever is in the mail came from outside. Nothing here raises for a broken one: what
cannot be read is left out, and the source can always be shown.
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass, field
from email import message_from_bytes
from email.header import decode_header
from email.message import Message
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

from plunk.simulator.mail import clean, decoded, read_headers

_PARTS_LIMIT = 200
_HEADERS_LIMIT = 500
_HEADER_LENGTH = 10_000
_LINKS_LIMIT = 50
#: The bytes of all pictures that are put into one mail's HTML, each time one is.
_INLINE_LIMIT = 10 * 1024 * 1024
#: How far links are looked for.
_LINKS_LENGTH = 200_000
_LINKS_REST = 5_000
_NAME_LIMIT = 120
_NOT_IN_NAMES = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\u202a-\u202e\u2066-\u2069]+')
_CID = re.compile(r"cid:([^\"'\s)>]{1,500})", re.IGNORECASE)
# All of these stop at the next `<`: a page of tags that never end is read once.
_HEAD = re.compile(r"<head(?:\s[^<>]*)?>", re.IGNORECASE)
_DOCTYPE = re.compile(r"\s*<!doctype[^<>]*>", re.IGNORECASE)
_IMAGE = re.compile(r"<img\b([^<>]+)", re.IGNORECASE)
_REMOTE_SOURCE = re.compile(
    r"(?<![^\s\"'/])src\s*=\s*(?:[\"']\s*)?(?:https?:)?//", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part that is not shown as the mail's text."""

    number: int
    name: str
    content_type: str
    content: bytes
    content_id: str = ""

    @property
    def size(self) -> int:
        return len(self.content)


@dataclass(slots=True)
class Reading:
    """What could be read of a mail."""

    html: str = ""
    text: str = ""
    attachments: list[Attachment] = field(default_factory=list)
    headers: list[tuple[str, str]] = field(default_factory=list)
    is_broken: bool = False

    @property
    def files(self) -> list[Attachment]:
        """Return the attachments that the HTML does not show already."""
        shown = {unquote(cid) for cid in _CID.findall(self.html)}
        return [one for one in self.attachments if one.content_id not in shown]

    @property
    def has_remote_images(self) -> bool:
        return any(
            _REMOTE_SOURCE.search(image[1]) for image in _IMAGE.finditer(self.html)
        )

    def header(self, name: str) -> str:
        """Return the first header of that name, decoded; empty if none."""
        wanted = name.lower()
        return next((text for key, text in self.headers if key.lower() == wanted), "")


def read(raw: bytes) -> Reading:
    """Read a raw mail as far as it can be read."""
    reading = Reading(
        headers=[
            (key, decoded(value[:_HEADER_LENGTH]))
            for key, value in read_headers(raw).items[:_HEADERS_LIMIT]
        ]
    )
    try:
        for count, part in enumerate(message_from_bytes(raw).walk()):
            if count >= _PARTS_LIMIT:
                break
            _take(reading, part)
    except (RecursionError, ValueError, LookupError, TypeError, AttributeError):
        # A part nested a thousand deep, or one the parser itself stumbles over.
        reading.is_broken = True
    return reading


def framed(reading: Reading) -> str:
    """Return the HTML for a sandboxed frame: inline images in it, links without a way.

    `<base target>` sends every link to a new window, which the sandbox does not open,
    so a click never replaces the mail with a page from elsewhere.
    """
    html = _CID.sub(_Pictures(reading).inline, reading.html)
    head = _HEAD.search(html) or _DOCTYPE.match(html)
    at = head.end() if head else 0
    return f'{html[:at]}<base target="_blank">{html[at:]}'


def links(html: str) -> list[tuple[str, str]]:
    """Return the web links of some HTML, each once: their words and their address."""
    parser = _Links()
    try:
        parser.feed(html[:_LINKS_LENGTH])
        # Closing looks at the rest again from each `<` in it.
        if len(parser.rawdata) <= _LINKS_REST:
            parser.close()
    except (AssertionError, ValueError):
        # What the standard library's parser says of a declaration it does not know.
        parser.reset()
    return list(parser.found.items())[:_LINKS_LIMIT]


def _take(reading: Reading, part: Message) -> None:
    if part.is_multipart() or any(
        len(str(value)) > _HEADER_LENGTH
        for name, value in part.items()
        if name.lower().startswith("content-")
    ):
        return
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return
    kind = part.get_content_type()
    is_attached = part.get_content_disposition() == "attachment" or part.get_filename()
    if kind == "text/html" and not is_attached and not reading.html:
        reading.html = _text(part, content)
    elif kind == "text/plain" and not is_attached and not reading.text:
        reading.text = _text(part, content)
    else:
        number = len(reading.attachments) + 1
        reading.attachments.append(
            Attachment(
                number=number,
                name=_safe_name(part, number),
                content_type=kind,
                content=content,
                content_id=str(part.get("Content-ID", "")).strip().strip("<>"),
            )
        )


def _text(part: Message, content: bytes) -> str:
    charset = str(part.get_content_charset() or "utf-8")
    try:
        return clean(content.decode(charset, "replace"))
    except (LookupError, ValueError):
        return clean(content.decode("utf-8", "replace"))


def _safe_name(part: Message, number: int) -> str:
    """Return a name that is a file's and nothing else: no path, no control characters.

    Also without the marks that make "exe.png" out of "gnp.exe" on the screen.
    """
    given = part.get_filename() or ""
    if "=?" in given and decode_header(given):
        given = decoded(given)
    last = clean(given).replace("\\", "/").rpartition("/")[2]
    name = _NOT_IN_NAMES.sub("_", last).strip(". ")
    if len(name) > _NAME_LIMIT:
        stem, dot, extension = name.rpartition(".")
        extension = extension[:20] if dot else ""
        name = f"{(stem or name)[: _NAME_LIMIT - 21]}{dot}{extension}"
    return name or f"attachment-{number}"


class _Pictures:
    """Puts a mail's own pictures into its HTML, as long as they are few enough."""

    def __init__(self, reading: Reading) -> None:
        self._left = _INLINE_LIMIT
        self._pictures: dict[str, Attachment] = {}
        for one in reading.attachments:
            if one.content_type.startswith("image/"):
                self._pictures.setdefault(one.content_id, one)
        self._written: dict[str, str] = {}

    def inline(self, found: re.Match[str]) -> str:
        wanted = unquote(found.group(1))
        picture = self._pictures.get(wanted)
        if picture is None or picture.size > self._left:
            return found.group(0)
        self._left -= picture.size
        if wanted not in self._written:
            encoded = b64encode(picture.content).decode()
            self._written[wanted] = f"data:{picture.content_type};base64,{encoded}"
        return self._written[wanted]


class _Links(HTMLParser):
    """Collects `href`s and the words between `<a>` and `</a>`."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self._open = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            href = (dict(attrs).get("href") or "").strip()
            self._open = href if _is_web(href) else ""
            if self._open:
                self.found.setdefault(self._open, "")

    def handle_data(self, data: str) -> None:
        words = " ".join(data.split())
        if self._open and words and len(self.found[self._open]) < 100:
            self.found[self._open] = f"{self.found[self._open]} {words}".strip()[:100]

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._open = ""


def _is_web(href: str) -> bool:
    try:
        return urlsplit(href).scheme in ("http", "https") and len(href) <= 2000
    except ValueError:
        return False
