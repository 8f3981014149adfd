"""From a rendered mail to the bytes SES is given (RFC 5322, 2045-2047, 2231, 2387).

    mixed
    ├ alternative
    │ ├ text/plain
    │ ├ related            where the HTML shows pictures of the mail's own
    │ │ ├ text/html
    │ │ └ image, inline
    │ └ text/calendar      another form of the whole
    └ file                 attached

A level with one part is left out; a mail of text alone is text and nothing around it.

Built from prepared pieces instead of the standard library's message object, which takes
three milliseconds a mail. Every part is base64 with CRLF: 7-bit clean, no line over 76
octets, and what the author wrote arrives to the byte. Every header passes `_header` or
`_mailbox`, which know no line breaks, so nothing that comes from outside can add one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import getaddresses
from urllib.parse import quote

from pybase64 import b64encode_as_string, encodebytes

from transactional.attachments import File

CRLF = "\r\n"
_BREAK = b"\r\n"
_SPECIALS = re.compile(r'[][\\()<>@,:;".]')
_NOT_PRINTABLE = re.compile(r"[^\x20-\x7e]")
_BREAKS = re.compile("[\r\n\x00\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+")
_LINE_ENDS = re.compile("\r\n|\r|\n")
_NAME = re.compile(r"[!-9;-~]+")
#: What stands between < and >: an address of atoms, as `contacts.addresses` writes it.
_ADDRESS = re.compile(r"[!#-'*+./0-9=?A-Z^-~-]+@[A-Za-z0-9.-]+")
#: Headers that say who writes to whom, and how the bytes after them are to be read.
_OWN = frozenset({"from", "to", "subject", "mime-version"})
#: SES v2, after encoding (Developer Guide, "Service quotas").
MAX_MESSAGE_BYTES = 40 * 1024 * 1024
#: Longer headers are folded at their spaces; a line may have 998 octets (RFC 5322).
_PLAIN_LENGTH = 900
_FOLD_LENGTH = 800
#: A header says no more, whatever was filled in: the doors let 998 characters through.
_VALUE_LIMIT = 4_000
#: An encoded word, with what surrounds it, has at most 75 characters (RFC 2047).
_WORD_OPENING, _WORD_CLOSING = "=?utf-8?b?", "?="
_LINE_LENGTH = 76
_WORD_OCTETS = 45
_PARAMETER_CHUNK = 60


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who writes to whom about what."""

    from_email: str
    to_email: str
    subject: str
    from_name: str = ""
    to_name: str = ""
    reply_to: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


#: Pieces of a message, with a line break between each two of them.
_Lines = list[bytes]


def build_message(
    *,
    envelope: Envelope,
    text: str,
    html: str,
    files: Sequence[File] = (),
    boundary: str,
) -> bytes:
    """Return the whole message; `boundary` is unique to the mail (its id, hex).

    No `html` is a mail of text alone. Raises ValueError for what no message can carry.
    """
    others = [_file(file) for file in files if file.is_alternative]
    inline = [
        _file(file)
        for file in files
        if html and file.is_inline and not file.is_alternative
    ]
    attached = [
        _file(file)
        for file in files
        if not file.is_alternative and not (html and file.is_inline)
    ]
    forms = [_text("plain", text)]
    if html:
        forms.append(_related(_text("html", html), inline, boundary))
    body = _multipart("alternative", f"{boundary}a", [*forms, *others])
    body = _multipart("mixed", f"{boundary}m", [body, *attached])
    message = _BREAK.join([*_headers(envelope), *body, b""])
    if len(message) > MAX_MESSAGE_BYTES:
        raise ValueError("The message has more than the 40 MB that Amazon SES takes.")
    return message


def _headers(envelope: Envelope) -> _Lines:
    own = {
        "From": _mailbox("From", envelope.from_name, envelope.from_email),
        "To": _mailbox("To", envelope.to_name, envelope.to_email),
        "Subject": _header("Subject", envelope.subject),
    }
    if envelope.reply_to:
        own["Reply-To"] = _addresses("Reply-To", envelope.reply_to)
    for name, value in envelope.headers.items():
        _refuse_name(name)
        if name.lower() == "reply-to":
            own.pop("Reply-To", None)
            own["Reply-To"] = _addresses("Reply-To", value)
        else:
            own[name] = _header(name, value)
    own["MIME-Version"] = "1.0"
    return [f"{name}: {value}".encode("ascii") for name, value in own.items()]


def _refuse_name(name: str) -> None:
    """Raise ValueError for what no sender can write, whichever door missed it."""
    low = name.lower()
    if not _NAME.fullmatch(name) or low in _OWN or low.startswith("content-"):
        raise ValueError(f"{name[:76]!r} is not a header that a sender can add.")


def _header(name: str, value: str) -> str:
    """Return a header's value, encoded where it is not plain ASCII of a fair length."""
    value = _BREAKS.sub(" ", value[:_VALUE_LIMIT])
    if _NOT_PRINTABLE.search(value) or "=?" in value:
        return _encoded(name, value)
    if len(name) + len(value) <= _PLAIN_LENGTH:
        return value
    return _folded(name, value) or _encoded(name, value)


def _folded(name: str, value: str) -> str:
    """Return a long value with breaks at its spaces: identifiers and links in it must
    stay as they are. Empty where there is no space in the right place.
    """
    first, *words = value.strip(" ").split(" ")
    lines, line = [], first
    room = _FOLD_LENGTH - len(name)
    for word in words:
        if len(line) + 1 + len(word) <= room:
            line = f"{line} {word}"
            continue
        lines.append(line)
        line, room = word, _FOLD_LENGTH
    lines.append(line)
    # A line of nothing but spaces would end the headers for some readers.
    fits = len(lines[0]) <= _FOLD_LENGTH - len(name) and all(
        line.strip(" ") and len(line) <= _FOLD_LENGTH for line in lines
    )
    return f"{CRLF} ".join(lines) if fits else ""


def _encoded(name: str, value: str) -> str:
    """Return a value as encoded words, one a line: linear, where the standard library's
    class takes seconds for a long one.
    """
    octets = value.encode("utf-8", "replace")
    words = []
    start, room = 0, _first_octets(name)
    while start < len(octets):
        end = min(start + room, len(octets))
        # Never within a character: a reader may decode the words one by one.
        while end < len(octets) and octets[end] & 0xC0 == 0x80:
            end -= 1
        coded = b64encode_as_string(octets[start:end])
        words.append(f"{_WORD_OPENING}{coded}{_WORD_CLOSING}")
        start, room = end, _WORD_OCTETS
    return f"{CRLF} ".join(words)


def _first_octets(name: str) -> int:
    """Return how much the first encoded word may hold behind the header's name."""
    used = len(name) + 2 + len(_WORD_OPENING) + len(_WORD_CLOSING)
    return min(max((_LINE_LENGTH - used) // 4 * 3, 6), _WORD_OCTETS)


def _mailbox(header: str, name: str, address: str) -> str:
    if not _ADDRESS.fullmatch(address):
        raise ValueError(f"{address[:254]!r} cannot stand in a mail's headers.")
    name = _BREAKS.sub(" ", name[:_VALUE_LIMIT]).strip()
    if not name:
        return address
    if _NOT_PRINTABLE.search(name) or "=?" in name or len(name) > 60:
        return f"{_encoded(header, name)}{CRLF} <{address}>"
    if _SPECIALS.search(name) or "  " in name:
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}" <{address}>'
    return f"{name} <{address}>"


def _addresses(header: str, value: str) -> str:
    """Return a list of mailboxes, of which only the names may be encoded."""
    value = _BREAKS.sub(" ", value[:_VALUE_LIMIT])
    if not _NOT_PRINTABLE.search(value) and "=?" not in value:
        return _header(header, value)
    mailboxes = getaddresses([value])
    if not all(_ADDRESS.fullmatch(address) for _, address in mailboxes):
        return _encoded(header, value)
    return f",{CRLF} ".join(_mailbox(header, *mailbox) for mailbox in mailboxes)


def _multipart(
    kind: str, boundary: str, parts: Sequence[_Lines], parameters: str = ""
) -> _Lines:
    if len(parts) == 1:
        return parts[0]
    opening = f'Content-Type: multipart/{kind};{parameters} boundary="{boundary}"'
    lines = [opening.encode("ascii"), b""]
    for part in parts:
        lines.append(f"--{boundary}".encode("ascii"))
        lines += part
    lines.append(f"--{boundary}--".encode("ascii"))
    return lines


def _related(shown: _Lines, inline: Iterable[_Lines], boundary: str) -> _Lines:
    parts = [shown, *inline]
    return _multipart("related", f"{boundary}r", parts, ' type="text/html";')


def _text(kind: str, content: str) -> _Lines:
    if "\r" in content:
        content = _LINE_ENDS.sub("\n", content)
    return [
        f"Content-Type: text/{kind}; charset=utf-8".encode("ascii"),
        b"Content-Transfer-Encoding: base64",
        b"",
        _base64(content.replace("\n", CRLF).encode("utf-8", "replace")),
    ]


def _base64(data: bytes) -> bytes:
    """Return lines of 76."""
    return encodebytes(data)[:-1].replace(b"\n", _BREAK)


def _file(file: File) -> _Lines:
    content_type = file.content_type
    if content_type.lower().startswith(("multipart/", "message/")):
        # These must not be encoded (RFC 2045 6.4, RFC 2046 5.2.1), and would be read as
        # a part of the mail's own structure.
        content_type = "application/octet-stream"
    content_type = _NOT_PRINTABLE.sub("", content_type) or "application/octet-stream"
    lines = [f"Content-Type: {content_type}", "Content-Transfer-Encoding: base64"]
    if not file.is_alternative:
        # A form of the whole mail is shown by who can; nobody is offered it as a file.
        disposition = "inline" if file.is_inline else "attachment"
        lines.append(f"Content-Disposition: {disposition}{_filename(file.filename)}")
    if reference := _NOT_PRINTABLE.sub("", file.content_ref):
        lines.append(f"Content-ID: <{reference}>")
    return [*(line.encode("ascii") for line in lines), b"", _base64(file.data)]


def _filename(name: str) -> str:
    """Return the filename parameter, continued and percent-encoded where needed."""
    if not _NOT_PRINTABLE.search(name) and len(name) <= _PARAMETER_CHUNK:
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return f';{CRLF} filename="{escaped}"'
    chunks = [""]
    for character in name:
        # Never within a character: a reader may decode the chunks one by one.
        encoded = quote(character, safe="", errors="replace")
        if len(chunks[-1]) + len(encoded) > _PARAMETER_CHUNK:
            chunks.append("")
        chunks[-1] += encoded
    charset = "utf-8''"
    return "".join(
        f";{CRLF} filename*{i}*={charset if i == 0 else ''}{chunk}"
        for i, chunk in enumerate(chunks)
    )
