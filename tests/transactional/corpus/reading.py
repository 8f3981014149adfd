"""A message read by somebody who did not write it, and what is wrong with it.

The standard library's parser has no part in building our messages. Before it, each rule
that a parser forgives is checked on the bytes (RFC 5322, 2045, 2046, 2047).
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parseaddr

_HEADER = re.compile(
    rb"[!-9;-~]+: ?[\x20-\x7e]*(?:\r\n[ \t][\x20-\x7e]*[!-~][\x20-\x7e]*)*"
)
_WORD = re.compile(rb"=\?[^?\s]+\?[bBqQ]\?[^?\s]*\?=")
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=?-]{1,70}")
_BASE64_LINE = re.compile(rb"[A-Za-z0-9+/]{1,76}={0,2}")
#: These stand in a message once, or not at all (RFC 5322 3.6).
_ONCE = ("from", "to", "subject", "reply-to", "mime-version", "content-type")


@dataclass(frozen=True, slots=True)
class Read:
    """What a recipient's program makes of a message."""

    structure: str
    subject: str
    from_name: str
    from_email: str
    to_name: str
    to_email: str
    headers: dict[str, str]
    text: str | None
    html: str | None
    #: Name, type, disposition, Content-ID and bytes of every other part.
    files: list[tuple[str, str, str, str, bytes]]


def check(raw: bytes) -> None:
    """Fail for what no strict reader of mail would take."""
    assert raw.isascii()
    assert b"\x00" not in raw
    assert raw.endswith(b"\r\n")
    bare = raw.replace(b"\r\n", b"")
    assert b"\r" not in bare
    assert b"\n" not in bare
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    head, _, body = raw.partition(b"\r\n\r\n")
    assert body
    _check_headers(head)
    _check_part(raw)


def _check_headers(head: bytes) -> None:
    """Every line belongs to a header, and none of them stands there twice."""
    headers = re.split(rb"\r\n(?![ \t])", head)
    for header in headers:
        assert _HEADER.fullmatch(header), header
        for line in header.split(b"\r\n"):
            # A line that has an encoded word has no more than 76 (RFC 2047, 2).
            assert len(line) <= (76 if _WORD.search(line) else 998)
        for word in _WORD.findall(header):
            assert len(word) <= 75
    names = [header.partition(b":")[0].decode().lower() for header in headers]
    assert len(names) == len(set(names))
    assert {"from", "to", "subject", "mime-version", "content-type"} <= {*names}


def _check_part(raw: bytes) -> None:
    message = message_from_bytes(raw)
    assert message.defects == []
    boundaries: set[str] = set()
    for part in message.walk():
        assert part.defects == []
        for name in _ONCE:
            assert len(part.get_all(name, [])) <= 1
        payload = part.get_payload()
        if part.is_multipart():
            boundary = part.get_boundary("")
            assert _BOUNDARY.fullmatch(boundary)
            assert boundary not in boundaries
            boundaries.add(boundary)
            assert raw.count(f"\r\n--{boundary}--\r\n".encode()) == 1
            assert len(part.get_payload()) > 1
            continue
        assert part["Content-Transfer-Encoding"] == "base64"
        assert isinstance(payload, str)
        for line in payload.encode().rstrip(b"\r\n").split(b"\r\n"):
            assert not line or _BASE64_LINE.fullmatch(line)
        base64.b64decode(payload, validate=False)


def read(raw: bytes) -> Read:
    """Read a message with the standard library, both of its parsers agreeing."""
    old = message_from_bytes(raw)
    new = message_from_bytes(raw, policy=policy.default)
    assert [part.get_content_type() for part in old.walk()] == [
        part.get_content_type() for part in new.walk()
    ]
    text, html, files = None, None, []
    for part in new.walk():
        kind = part.get_content_type()
        if part.is_multipart():
            continue
        is_file = part.get_content_disposition() or kind not in {
            "text/plain",
            "text/html",
        }
        if is_file:
            files.append(_file(part))
        elif kind == "text/plain" and text is None:
            text = _text(part)
        else:
            assert html is None
            html = _text(part)
    from_name, from_email = _mailbox(old["From"])
    to_name, to_email = _mailbox(old["To"])
    return Read(
        structure=_structure(old),
        subject=_decoded(old["Subject"]),
        from_name=from_name,
        from_email=from_email,
        to_name=to_name,
        to_email=to_email,
        headers={name.lower(): _decoded(value) for name, value in old.items()},
        text=text,
        html=html,
        files=files,
    )


def _structure(part: Message) -> str:
    name = part.get_content_type()
    if not part.is_multipart():
        return name
    inner = ", ".join(_structure(each) for each in part.get_payload())  # type: ignore[arg-type]
    return f"{part.get_content_subtype()}({inner})"


def _file(part: Message) -> tuple[str, str, str, str, bytes]:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return (
        part.get_filename() or "",
        str(part["Content-Type"]).replace('"', ""),
        part.get_content_disposition() or "",
        str(part["Content-ID"] or "").strip("<>"),
        payload,
    )


def _text(part: Message) -> str:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    text = payload.decode("utf-8")
    assert "\n" not in text.replace("\r\n", "")
    return text.replace("\r\n", "\n")


def _mailbox(value: str) -> tuple[str, str]:
    name, address = parseaddr(value)
    return _decoded(name), address


def _decoded(value: str) -> str:
    unfolded = re.sub(r"\r\n(?=[ \t])", "", value)
    return str(make_header(decode_header(unfolded)))
