"""From a message to what `POST /v1/send` would have been told.

The first text and the first HTML are the mail's own; whatever else there is goes along
as a file, inline where the HTML shows it. Nothing is dropped in silence but the headers
that are not the sender's to write.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import getaddresses
from urllib.parse import unquote

from django.conf import settings

from contacts.addresses import AddressError, normalise
from transactional.attachments import (
    File,
    clean_filename,
    is_media_type,
    is_refused,
    refusal,
)
from transactional.contents import Draft
from transactional.headers import MAX_HEADERS, is_name, is_reserved
from transactional.mime import MAX_MESSAGE_BYTES
from transactional.smtp.parts import Part, codec_of, split, words
from transactional.smtp.refusals import NOT_FROM_THERE, UNREADABLE, Refused

MAX_SUBJECT = MAX_VALUE = 998
MAX_BODY_CHARACTERS = 5_000_000
MAX_NAME = 200
_MAX_REPLY_TO = 254
#: Longer lists of addresses are searched for no names.
_MAX_ADDRESSES = 16_000
#: Each of these makes the second of two equal mails the first one's answer.
IDEMPOTENCY_HEADERS = (
    "idempotency-key",
    "x-idempotency-key",
    "resend-idempotency-key",
)
_PRINTABLE = re.compile(r"[\x20-\x7e]{1,255}")
_CONTENT_REF = re.compile(r"[!-;=?-~]{1,255}")
#: Written by us, by Amazon, or by those that a mail came through.
_DROPPED = frozenset({"reply-to", "apparently-to", "idempotency-key", "bcc", "status"})
#: Parameters of a file's type that its reader needs.
_KEPT = ("charset", "method", "component", "format", "delsp", "profile")


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as its author meant it; who gets it is the envelope's to say."""

    from_email: str
    from_name: str
    draft: Draft
    reply_to: str
    headers: dict[str, str]
    #: What To and Cc call those whom they name, by their addresses.
    names: dict[str, str]
    idempotency_key: str | None


def read_letter(raw: bytes) -> Letter:
    """Read a message; raises Refused, with the reply, for what cannot be sent."""
    top = split(raw)
    from_name, from_email = _author(top)
    reply_to, headers = _headers(top)
    return Letter(
        from_email=from_email,
        from_name=from_name,
        draft=_draft(top),
        reply_to=reply_to,
        headers=headers,
        names=dict(_names(top)),
        idempotency_key=_idempotency_key(top),
    )


def _author(top: Part) -> tuple[str, str]:
    given = top.all("from")
    if len(given) != 1:
        raise Refused(NOT_FROM_THERE, "A mail has one From header.")
    if len(given[0]) > _MAX_ADDRESSES:
        raise Refused(NOT_FROM_THERE, "The From header is too long.")
    found = _addresses(given[0])
    if len(found) != 1:
        raise Refused(NOT_FROM_THERE, "The From header names one address.")
    name, address = found[0]
    return name[:MAX_NAME], address


def _addresses(value: str) -> list[tuple[str, str]]:
    """Return the names and addresses of a header, as they were written."""
    try:
        found = getaddresses([value])
    except RecursionError as error:
        raise Refused(UNREADABLE, "An address is nested too deeply.") from error
    return [(words(name), it.strip()) for name, it in found if it.strip()]


def _names(top: Part) -> Iterator[tuple[str, str]]:
    for header in ("cc", "to"):
        for value in top.all(header):
            if len(value) > _MAX_ADDRESSES:
                continue
            for name, address in _addresses(value):
                try:
                    yield normalise(address), name[:MAX_NAME]
                except AddressError:
                    # Named, but nobody whom the envelope could mean.
                    continue


def _headers(top: Part) -> tuple[str, dict[str, str]]:
    """Return where answers go, and the sender's own headers."""
    headers: dict[str, str] = {}
    spelling: dict[str, str] = {}
    for name, given in top.headers:
        low = name.lower()
        if not _is_own(low):
            continue
        value = words(given)
        if low in spelling:
            value = f"{headers[spelling[low]]}, {value}"
        if low == "references":
            value = _last_references(value)
        if len(value) > MAX_VALUE:
            raise Refused(
                UNREADABLE,
                f"The header {name[:76]} has more than {MAX_VALUE} characters.",
            )
        headers[spelling.setdefault(low, name)] = value
    if len(headers) > MAX_HEADERS:
        raise Refused(
            UNREADABLE, f"The mail has more than {MAX_HEADERS} headers of its own."
        )
    reply_to, in_full = _reply_to(top)
    if in_full:
        headers["Reply-To"] = in_full
    return reply_to, headers


def _is_own(low: str) -> bool:
    return (
        is_name(low)
        and not is_reserved(low)
        and low not in _DROPPED
        and low not in IDEMPOTENCY_HEADERS
    )


def _last_references(value: str) -> str:
    """Return as many of a thread's last messages as a header has room for."""
    while len(value) > MAX_VALUE and " " in value:
        value = value.partition(" ")[2]
    return value


def _reply_to(top: Part) -> tuple[str, str]:
    """Return the first address, and all of the header where it says more."""
    found = _addresses(top.first("reply-to")[:_MAX_ADDRESSES])
    if not found:
        return "", ""
    try:
        plain = [(name[:MAX_NAME], normalise(address)) for name, address in found]
    except AddressError as error:
        raise Refused(UNREADABLE, f"Reply-To: {error}") from error
    if len(plain) == 1 and not plain[0][0]:
        return plain[0][1], ""
    in_full = ", ".join(_mailbox(name, address) for name, address in plain)
    if len(in_full) > MAX_VALUE:
        raise Refused(UNREADABLE, "The header Reply-To is too long.")
    return plain[0][1][:_MAX_REPLY_TO], in_full


def _mailbox(name: str, address: str) -> str:
    if not name:
        return address
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}" <{address}>'


def _idempotency_key(top: Part) -> str | None:
    given = [value for name in IDEMPOTENCY_HEADERS for value in top.all(name)]
    if not given:
        return None
    if len(set(given)) > 1 or not _PRINTABLE.fullmatch(given[0]):
        raise Refused(
            UNREADABLE, "The Idempotency-Key has 1 to 255 printable ASCII characters."
        )
    return given[0]


# -- bodies and files -----------------------------------------------------------------
@dataclass(slots=True)
class _Found:
    """What has been found of a message so far."""

    text: str | None = None
    html: str | None = None
    files: list[_Piece] = field(default_factory=list)


@dataclass(slots=True)
class _Piece:
    """A part that goes along as a file, and where it stood."""

    part: Part
    is_related: bool
    is_alternative: bool


def _draft(top: Part) -> Draft:
    subject = words(top.first("subject"))
    if not subject:
        raise Refused(UNREADABLE, "The mail has no subject.")
    if len(subject) > MAX_SUBJECT:
        raise Refused(
            UNREADABLE, f"The subject has more than {MAX_SUBJECT} characters."
        )
    found = _Found()
    _walk(top, found, parent="mixed")
    text, html = found.text or "", found.html or ""
    if not (text.strip() or html.strip()):
        raise Refused(UNREADABLE, "The mail has neither text nor HTML.")
    if len(text) + len(html) > MAX_BODY_CHARACTERS:
        raise Refused("552 5.3.4", "The text has more than 5 million characters.")
    draft = Draft(
        subject=subject,
        body=html if html.strip() else "",
        text=text if text.strip() else "",
        files=_files(found.files, html),
    )
    if _encoded_size(draft) > MAX_MESSAGE_BYTES:
        raise Refused("552 5.3.4", "The mail has more than 40 MB once encoded.")
    return draft


def _encoded_size(draft: Draft) -> int:
    """Return about how many bytes the message will have, all of it in base64."""
    html, text = len(draft.body.encode()), len(draft.text.encode())
    # Without a text of its own a mail gets one from its HTML.
    size = html + (text or html) + sum(len(file.data) for file in draft.files)
    return size * 78 // 57


def _walk(part: Part, found: _Found, *, parent: str) -> None:
    if part.is_multipart:
        kind = part.content_type.partition("/")[2]
        # What stands beside the HTML of a form belongs to it.
        inner = kind if kind in {"alternative", "related"} else "mixed"
        for child in part.parts:
            _walk(child, found, parent=inner)
        return
    is_attached = part.structure.get_content_disposition() == "attachment"
    has_name = bool(part.structure.get_filename())
    kind = part.content_type
    if not is_attached and not has_name:
        if kind == "text/html" and found.html is None:
            found.html = _text(part)
            return
        if kind == "text/plain" and found.text is None:
            found.text = _text(part)
            return
    is_alternative = parent == "alternative" and not is_attached
    found.files.append(_Piece(part, parent == "related", is_alternative))


def _text(part: Part) -> str:
    """Return a text without what no text holds; broken characters are replaced."""
    raw = part.decoded()
    given = str(part.structure.get_param("charset", "") or "").strip().lower()
    try:
        text = raw.decode(codec_of(given) or "utf-8")
    except UnicodeError:
        # Said wrongly or not at all: UTF-8, if it can be, else Western European.
        text = _guessed(raw, declared=given)
    text = text.replace("\x00", "").replace("\r\n", "\n")
    return text.encode("utf-8", "replace").decode()


def _guessed(raw: bytes, *, declared: str) -> str:
    if declared in {"utf-8", "utf8"}:
        return raw.decode("utf-8", "replace")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def _files(pieces: list[_Piece], html: str) -> list[File]:
    if len(pieces) > settings.MAX_ATTACHMENTS_COUNT:
        raise Refused(
            "552 5.3.4",
            f"The mail has more than {settings.MAX_ATTACHMENTS_COUNT} attachments.",
        )
    shown = {unquote(it) for it in re.findall(r"""cid:([^\s"'<>)]{1,255})""", html)}
    files = [
        _file(piece, number, shown) for number, piece in enumerate(pieces, start=1)
    ]
    limit = settings.MAX_ATTACHMENT_SIZE_MB * 1024 * 1024
    if sum(len(file.data) for file in files) > limit:
        raise Refused(
            "552 5.3.4",
            f"The attachments have more than {settings.MAX_ATTACHMENT_SIZE_MB} MB "
            "together.",
        )
    return files


def _file(piece: _Piece, number: int, shown: set[str]) -> File:
    part = piece.part
    content_type = _content_type(part)
    name = clean_filename(words(part.structure.get_filename() or ""))
    if not name:
        ending = mimetypes.guess_extension(part.content_type) or ".bin"
        name = (
            f"part-{number}{'.eml' if ending == '.bin' and _is_mail(part) else ending}"
        )
    if is_refused(name):
        raise Refused("554 5.7.0", refusal(name))
    given = str(part.structure.get("content-id", "")).strip().strip("<>").strip()
    reference = given if _CONTENT_REF.fullmatch(given) else ""
    is_inline = bool(reference) and (piece.is_related or reference in shown)
    return File(
        filename=name,
        content_type=content_type,
        content_ref=reference,
        is_inline=is_inline and not piece.is_alternative,
        data=part.decoded(),
        is_alternative=piece.is_alternative,
    )


def _is_mail(part: Part) -> bool:
    return part.content_type == "message/rfc822"


def _content_type(part: Part) -> str:
    """Return a file's type with the parameters that its reader needs."""
    kept = "".join(
        f'; {name}="{value}"'
        for name in _KEPT
        if isinstance(value := part.structure.get_param(name), str)
    )
    for candidate in (f"{part.content_type}{kept}", part.content_type):
        if is_media_type(candidate):
            return candidate
    return "application/octet-stream"
