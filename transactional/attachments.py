"""Attachments of a request: decoded, bounded, and with names that harm nobody."""

from __future__ import annotations

import base64
import binascii
import mimetypes
import re
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from plunk.api.fields import Fields

_CONTENT_TYPE = re.compile(
    r"^[A-Za-z0-9!#$&^_.+-]{1,100}/[A-Za-z0-9!#$&^_.+-]{1,100}"
    r"""(?:; *[A-Za-z0-9-]{1,40}=(?:"[ !#-[\]-~]{0,80}"|[!#-:<-[\]-~]{1,80}))*$""",
    re.ASCII,
)
#: Controls, bidirectional overrides, line and paragraph separators, and what a path or
#: a header parameter is made of.
_HARMFUL = re.compile(
    '[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069"\\\\/:*?<>|;]'
)
_SPACE = re.compile(r"\s+")
#: Types that Amazon SES refuses to carry (Developer Guide, "Unsupported attachments").
_REFUSED = frozenset(
    """ade adp app asp bas bat cer chm cmd com cpl crt csh der exe fxp gadget hlp hta
    inf ins isp its js jse ksh lib lnk mad maf mag mam maq mar mas mat mau mav maw mda
    mdb mde mdt mdw mdz msc msh msh1 msh2 mshxml msh1xml msh2xml msi msp mst ops pcd pif
    plg prf prg reg scf scr sct shb shs sys ps1 ps1xml ps2 ps2xml psc1 psc2 tmp url vb
    vbe vbs vps vsmacros vss vst vsw vxd ws wsc wsf wsh xnk""".split()
)


@dataclass(frozen=True, slots=True)
class File:
    """An attachment as it will be sent."""

    filename: str
    content_type: str
    content_ref: str
    is_inline: bool
    data: bytes
    #: Another form of the text, such as an invitation to a calendar.
    is_alternative: bool = False


def read_attachments(fields: Fields) -> list[File]:
    """Read the request's `attachments`: a list of objects, or a single one."""
    given = fields.value("attachments")
    if given is None:
        return []
    if isinstance(given, dict):
        given = [given]
    if not isinstance(given, list):
        fields.wrong_type("attachments", "array", given)
        return []
    if len(given) > settings.MAX_ATTACHMENTS_COUNT:
        fields.fail(
            "attachments",
            f"Has more than {settings.MAX_ATTACHMENTS_COUNT} items.",
            "too_big",
        )
        return []
    files = [_read_one(fields, index, item) for index, item in enumerate(given)]
    limit = settings.MAX_ATTACHMENT_SIZE_MB * 1024 * 1024
    if sum(len(file.data) for file in files if file) > limit:
        fields.fail(
            "attachments",
            f"Have more than {settings.MAX_ATTACHMENT_SIZE_MB} MB together.",
            "too_big",
        )
    return [file for file in files if file]


def _read_one(fields: Fields, index: int, item: Any) -> File | None:
    path = f"attachments.{index}"
    if not isinstance(item, dict):
        fields.wrong_type(path, "object", item)
        return None
    part = Fields(item)
    filename = _filename(part)
    content_type = _content_type(part, filename or "")
    data = _content(part)
    is_inline = _disposition(part)
    reference = part.text("contentId", maximum=255) or ""
    if re.search(r"[<>\s]", reference) or not reference.isascii():
        part.fail("contentId", "Must be ASCII without < > or spaces.", "invalid_string")
    if is_inline and not reference:
        part.fail("contentId", "Is required for an inline attachment.", "required")
    for error in part.errors:
        fields.fail(f"{path}.{error.field}", error.message, error.code)
    if part.errors or filename is None or data is None:
        return None
    return File(filename, content_type, reference, is_inline, data)


def _filename(part: Fields) -> str | None:
    """Return a name that is nothing but a name, or report that there is none."""
    given = part.text("filename", maximum=10_000, single_line=False)
    if given is None:
        part.require("filename", None)
        return None
    name = clean_filename(given)
    if not name:
        part.fail("filename", "Holds no usable name.", "invalid_string")
        return None
    if is_refused(name):
        part.fail("filename", refusal(name), "file_type")
        return None
    return name


def clean_filename(given: str) -> str:
    """Return what of a name is a name, without path and harm; it may be empty."""
    last = re.split(r"[/\\]", given)[-1]
    name = _SPACE.sub(" ", _HARMFUL.sub("", last)).strip(" .")
    stem, dot, ending = name.rpartition(".")
    if len(name) <= 200:
        return name
    return f"{(stem or name)[:180]}{dot}{ending[:19]}" if dot else name[:200]


def is_refused(name: str) -> bool:
    """Say whether Amazon SES carries no files that are called like this."""
    return name.rpartition(".")[2].lower() in _REFUSED


def refusal(name: str) -> str:
    """Return why a file is refused."""
    return f"Amazon SES does not carry .{name.rpartition('.')[2][:20]} files."


def is_media_type(value: str) -> bool:
    """Say whether a type, with its parameters, can stand in a part's headers."""
    return len(value) <= 255 and _CONTENT_TYPE.fullmatch(value) is not None


def _content_type(part: Fields, filename: str) -> str:
    given = part.value("contentType", "type", "content_type")
    if given is None:
        return mimetypes.guess_type(filename)[0] or "application/octet-stream"
    value = part.text("contentType", maximum=255, value=given)
    if value is not None and not is_media_type(value):
        part.fail("contentType", "Is not a media type.", "invalid_string")
    return value or ""


def _content(part: Fields) -> bytes | None:
    given = part.value("content")
    if not isinstance(given, str):
        if given is None:
            part.require("content", None)
        else:
            part.wrong_type("content", "string", given)
        return None
    try:
        data = base64.b64decode(_SPACE.sub("", given), validate=True)
    except (binascii.Error, ValueError):
        part.fail("content", "Is not base64.", "invalid_string")
        return None
    if not data:
        part.fail("content", "Is empty.", "too_small")
        return None
    return data


def _disposition(part: Fields) -> bool:
    value = part.text("disposition", maximum=20)
    if value is None:
        return False
    if value.lower() not in {"attachment", "inline"}:
        part.fail("disposition", "Expected attachment or inline.", "invalid_enum_value")
    return value.lower() == "inline"
