"""A message as it came, cut into its parts (RFC 5322, 2045, 2046).

Written for what strangers send: every step is linear in the size of the message, and
nesting, parts and headers are counted before they cost anything. The standard library's
parser tries each line against every boundary around it, which takes minutes where they
are a few hundred.
"""

from __future__ import annotations

import codecs
import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from functools import lru_cache
from quopri import decodestring

from transactional.smtp.refusals import UNREADABLE, Refused

MAX_DEPTH = 20
MAX_PARTS = 200
MAX_HEADERS = 300
MAX_HEADER_BYTES = 128 * 1024
#: A header that says how a part is to be read has no use for more.
_MAX_STRUCTURE = 2_000
_MAX_LINE = 998

#: What mails are written in. Python knows more: some of it takes for ever.
_CHARSETS = re.compile(
    r"utf-?8|us-ascii|ascii|latin-?1|iso-8859-\d{1,2}|iso-2022-[a-z0-9-]{2,8}"
    r"|(?:windows|cp)-?(?:125\d|874|932|949|950|437|850|852|866)|koi8-[rut]"
    r"|shift[_-]?jis|sjis|euc-(?:jp|kr)|gb2312|gbk|gb18030|big5(?:-hkscs)?"
    r"|utf-?(?:16|32)(?:-?[bl]e)?|tis-620|macintosh|mac-?roman"
)
#: Spelt by mail programs as the smaller set, and used as the larger.
_LARGER = {
    spelling: larger
    for larger, spellings in {
        "cp932": ("shift_jis", "shift-jis", "sjis"),
        "cp1252": ("iso-8859-1", "latin-1", "latin1"),
        "gb18030": ("gb2312", "gbk"),
        "mac-roman": ("macintosh", "macroman"),
        "utf-8": ("ascii", "us-ascii"),
    }.items()
    for spelling in spellings
}
_OVERLONG = re.compile(rb"[^\r\n]{%d}" % (_MAX_LINE + 1))
_NAME = re.compile(r"([!-9;-~]+)[ \t]*:")
_BROKEN = re.compile("[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]+")
#: Charset without its language (RFC 2231), encoding and text of an encoded word.
_WORD = re.compile(
    r"=\?([\w.:-]{1,40})(?:\*[\w-]{0,40})?\?([bBqQ])\?([^?]{1,2000})\?=", re.ASCII
)
_SPACE = re.compile(rb"[\s]+")
_STRUCTURE = frozenset(
    {
        "content-type",
        "content-disposition",
        "content-transfer-encoding",
        "content-id",
    }
)


@dataclass(slots=True)
class Part:
    """A piece of a message: its headers, and either parts or a body."""

    #: Names as they were written, values unfolded and not decoded.
    headers: list[tuple[str, str]]
    #: The headers that say how it is to be read, for the standard library's readers.
    structure: Message
    raw: bytes = b""
    parts: list[Part] = field(default_factory=list)

    @property
    def content_type(self) -> str:
        return self.structure.get_content_type()

    @property
    def is_multipart(self) -> bool:
        return self.structure.get_content_maintype() == "multipart"

    def all(self, name: str) -> list[str]:
        """Return every value of a header."""
        return [value for key, value in self.headers if key.lower() == name]

    def first(self, name: str) -> str:
        return next(iter(self.all(name)), "")

    def decoded(self) -> bytes:
        """Return the body without its transfer encoding; raises Refused."""
        given = str(self.structure.get("content-transfer-encoding", "7bit"))
        encoding = given.split(";")[0].strip().lower()
        if encoding in {"7bit", "8bit", "binary", ""}:
            return self.raw
        if encoding == "quoted-printable":
            return decodestring(self.raw)
        if encoding == "base64":
            try:
                return b64decode(_SPACE.sub(b"", self.raw), validate=True)
            except Base64Error as error:
                raise Refused(UNREADABLE, "A part says base64 and is not.") from error
        raise Refused(UNREADABLE, f"The encoding {encoding[:40]} is not known.")


def split(raw: bytes) -> Part:
    """Return the parts of a message; raises Refused for what is none."""
    if raw.count(b"\r\n") != raw.count(b"\n") or raw.count(b"\r\n") != raw.count(b"\r"):
        raise Refused(UNREADABLE, "A line ends with a bare CR or LF; send CRLF.")
    if _OVERLONG.search(raw):
        raise Refused("500 5.6.0", f"A line has more than {_MAX_LINE} octets.")
    return _Splitter(raw).part(0, len(raw), depth=0)


class _Splitter:
    """Cuts one message by offsets: only the bodies at the end are copied."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.count = 0

    def part(self, start: int, end: int, *, depth: int) -> Part:
        self.count += 1
        if depth > MAX_DEPTH or self.count > MAX_PARTS:
            raise Refused(UNREADABLE, "The mail has too many parts within parts.")
        head_end, body_start = self._head(start, end)
        headers = list(_headers(self.raw[start:head_end]))
        part = Part(headers, _structure(headers))
        boundary = part.structure.get_boundary() if part.is_multipart else None
        if not part.is_multipart:
            part.raw = self.raw[body_start:end]
        elif not boundary or len(boundary) > 200:
            raise Refused(UNREADABLE, "A part of several has no boundary.")
        else:
            part.parts = [
                self.part(first, last, depth=depth + 1)
                for first, last in self._between(boundary, body_start, end)
            ]
            if not part.parts:
                raise Refused(UNREADABLE, "A part of several has none.")
        return part

    def _head(self, start: int, end: int) -> tuple[int, int]:
        """Return where the headers end and the body begins."""
        if self.raw[start : start + 2] == b"\r\n":
            return start, min(start + 2, end)
        found = self.raw.find(b"\r\n\r\n", start, end)
        head_end = end if found < 0 else found
        if head_end - start > MAX_HEADER_BYTES:
            raise Refused(UNREADABLE, "The headers have more than 128 KB.")
        return head_end, min(head_end + 4, end)

    def _between(
        self, boundary: str, start: int, end: int
    ) -> Iterator[tuple[int, int]]:
        """Yield where the parts between the boundaries begin and end."""
        delimiter = re.compile(
            rb"\r\n--"
            + re.escape(boundary.encode("utf-8", "replace"))
            # What follows must be the line's end: one boundary may begin another.
            + rb"(--)?[ \t]*(?=\r\n|\Z)"
        )
        first: int | None = None
        # The line break before the first boundary ends the headers.
        for match in delimiter.finditer(self.raw, max(start - 2, 0), end):
            if first is not None:
                yield first, max(first, match.start())
            first = min(match.end() + 2, end)
            if match[1]:
                return
        if first is not None:
            yield first, end


def _headers(head: bytes) -> Iterator[tuple[str, str]]:
    """Yield names and values, continued lines put together."""
    if not head:
        return
    try:
        text = head.decode()
    except UnicodeDecodeError:
        text = head.decode("latin-1")
    lines = text.removesuffix("\r\n").split("\r\n")
    fields: list[list[str]] = []
    for each in lines:
        if each[:1] in {" ", "\t"} and fields:
            fields[-1].append(each.lstrip(" \t"))
        else:
            fields.append([each])
    if len(fields) > MAX_HEADERS:
        raise Refused(UNREADABLE, f"The mail has more than {MAX_HEADERS} headers.")
    for pieces in fields:
        match = _NAME.match(pieces[0])
        if match is None:
            raise Refused(UNREADABLE, "A line among the headers is none.")
        pieces[0] = pieces[0][match.end() :].strip(" \t")
        yield match[1], " ".join(pieces).strip(" \t")


def _structure(headers: list[tuple[str, str]]) -> Message:
    message = Message()
    for name, value in headers:
        low = name.lower()
        if low not in _STRUCTURE:
            continue
        if len(value) > _MAX_STRUCTURE:
            raise Refused(UNREADABLE, f"The header {name[:40]} is too long.")
        if low not in message:
            message[low] = value
    return message


@lru_cache(maxsize=256)
def codec_of(charset: str) -> str:
    """Return what Python calls a charset of mails, in lower case; empty: it is none."""
    if not _CHARSETS.fullmatch(charset):
        return ""
    try:
        return codecs.lookup(_LARGER.get(charset, charset)).name
    except LookupError:
        return ""


def words(value: str) -> str:
    """Return a header's text: encoded words read (RFC 2047), on one line.

    What cannot be read is shown as it came.
    """
    pieces: list[str] = []
    # Some mailers cut within a character: words that follow each other are one text.
    charset, octets, position = "", b"", 0
    for match in _WORD.finditer(value):
        between, decoded = value[position : match.start()], _octets(match)
        if decoded is None:
            continue
        position = match.end()
        if octets and (between.strip(" \t") or match[1].lower() != charset):
            pieces.append(octets.decode(codec_of(charset), "replace"))
            octets = b""
            pieces.append(between if between.strip(" \t") else "")
        elif not octets:
            pieces.append(between)
        charset, octets = match[1].lower(), octets + decoded
    if octets:
        pieces.append(octets.decode(codec_of(charset), "replace"))
    text = "".join([*pieces, value[position:]])
    # Half a character, as a word can say it, is none.
    text = text.encode("utf-8", "replace").decode()
    return _BROKEN.sub(" ", text).strip()


def _octets(word: re.Match[str]) -> bytes | None:
    """Return what an encoded word holds; None for one that is none."""
    if not codec_of(word[1].lower()):
        return None
    text = word[3].encode("utf-8", "replace")
    if word[2] in "qQ":
        return decodestring(text, header=True)
    try:
        return b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except Base64Error:
        return None
