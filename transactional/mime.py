"""From a rendered mail to the bytes SES is given (RFC 5322, 2045-2047, 2231).

Built from prepared pieces instead of the standard library's message object, which takes
three milliseconds a mail. Every part is base64 with CRLF: 7-bit clean, no line over 76
octets, and what the author wrote arrives to the byte. Every header passes `_header`,
which knows no line breaks, so nothing that comes from outside can add one.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from transactional.attachments import File

CRLF = "\r\n"
_SPECIALS = re.compile(r'[][\\()<>@,:;".]')
_NOT_PRINTABLE = re.compile(r"[^\x20-\x7e]")
_BREAKS = re.compile("[\r\n\x00\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+")
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


def build_message(
    *,
    envelope: Envelope,
    text: str,
    html: str,
    files: Sequence[File] = (),
    boundary: str,
) -> bytes:
    """Return the whole message; `boundary` is unique to the mail (its id, hex)."""
    body = _multipart(
        "alternative", f"{boundary}a", [_text("plain", text), _text("html", html)]
    )
    inline = [_file(file) for file in files if file.is_inline]
    attached = [_file(file) for file in files if not file.is_inline]
    if inline:
        body = _multipart("related", f"{boundary}r", [body, *inline])
    if attached:
        body = _multipart("mixed", f"{boundary}m", [body, *attached])
    message = (CRLF.join([*_headers(envelope), body])).encode("ascii")
    if len(message) > MAX_MESSAGE_BYTES:
        raise ValueError("The message has more than the 40 MB that Amazon SES takes.")
    return message


def _headers(envelope: Envelope) -> Iterable[str]:
    own = {
        "From": _mailbox("From", envelope.from_name, envelope.from_email),
        "To": _mailbox("To", envelope.to_name, envelope.to_email),
        "Subject": _header("Subject", envelope.subject),
    }
    given = {name.lower() for name in envelope.headers}
    if envelope.reply_to and "reply-to" not in given:
        own["Reply-To"] = _header("Reply-To", envelope.reply_to)
    own |= {name: _header(name, value) for name, value in envelope.headers.items()}
    own["MIME-Version"] = "1.0"
    return [f"{name}: {value}" for name, value in own.items()]


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
        coded = base64.b64encode(octets[start:end]).decode("ascii")
        words.append(f"{_WORD_OPENING}{coded}{_WORD_CLOSING}")
        start, room = end, _WORD_OCTETS
    return f"{CRLF} ".join(words)


def _first_octets(name: str) -> int:
    """Return how much the first encoded word may hold behind the header's name."""
    used = len(name) + 2 + len(_WORD_OPENING) + len(_WORD_CLOSING)
    return min(max((_LINE_LENGTH - used) // 4 * 3, 6), _WORD_OCTETS)


def _mailbox(header: str, name: str, address: str) -> str:
    name = _BREAKS.sub(" ", name[:_VALUE_LIMIT]).strip()
    if not name:
        return address
    if _NOT_PRINTABLE.search(name) or "=?" in name or len(name) > 60:
        return f"{_encoded(header, name)}{CRLF} <{address}>"
    if _SPECIALS.search(name) or "  " in name:
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}" <{address}>'
    return f"{name} <{address}>"


def _multipart(kind: str, boundary: str, parts: Sequence[str]) -> str:
    lines = [f'Content-Type: multipart/{kind}; boundary="{boundary}"', ""]
    for part in parts:
        lines += [f"--{boundary}", part]
    return CRLF.join([*lines, f"--{boundary}--", ""])


def _text(kind: str, content: str) -> str:
    canonical = re.sub("\r\n|\r|\n", CRLF, content)
    return CRLF.join(
        [
            f"Content-Type: text/{kind}; charset=utf-8",
            "Content-Transfer-Encoding: base64",
            "",
            _base64(canonical.encode()),
        ]
    )


def _base64(data: bytes) -> str:
    return base64.encodebytes(data).decode("ascii").replace("\n", CRLF)


def _file(file: File) -> str:
    disposition = "inline" if file.is_inline else "attachment"
    content_type = file.content_type
    if content_type.lower().startswith(("multipart/", "message/")):
        # These must not be encoded (RFC 2045 6.4, RFC 2046 5.2.1), and would be read as
        # a part of the mail's own structure.
        content_type = "application/octet-stream"
    lines = [
        f"Content-Type: {content_type}",
        "Content-Transfer-Encoding: base64",
        f"Content-Disposition: {disposition}{_filename(file.filename)}",
    ]
    if file.content_ref:
        lines.append(f"Content-ID: <{file.content_ref}>")
    return CRLF.join([*lines, "", _base64(file.data)])


def _filename(name: str) -> str:
    """Return the filename parameter, continued and percent-encoded where needed."""
    if not _NOT_PRINTABLE.search(name) and len(name) <= _PARAMETER_CHUNK:
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return f';{CRLF} filename="{escaped}"'
    chunks = [""]
    for character in name:
        # Never within a character: a reader may decode the chunks one by one.
        encoded = quote(character, safe="")
        if len(chunks[-1]) + len(encoded) > _PARAMETER_CHUNK:
            chunks.append("")
        chunks[-1] += encoded
    charset = "utf-8''"
    return "".join(
        f";{CRLF} filename*{i}*={charset if i == 0 else ''}{chunk}"
        for i, chunk in enumerate(chunks)
    )
