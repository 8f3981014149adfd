"""Headers that a sender may add to a mail."""

from __future__ import annotations

import re
from typing import Any

from plunk.api.fields import Fields

MAX_HEADERS = 50
_NAME = re.compile(r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,76}$", re.ASCII)
#: Headers that are ours or Amazon's to write.
_RESERVED = frozenset(
    """from sender to cc bcc subject date message-id mime-version return-path received
    dkim-signature""".split()
)
#: How the bytes are to be read, which we alone decide, and what SES is to do.
_RESERVED_STARTS = ("content-", "x-ses-")


def read_headers(fields: Fields) -> dict[str, str]:
    """Read the request's `headers`: names to one-line texts."""
    given = fields.mapping("headers") or {}
    if len(given) > MAX_HEADERS:
        fields.fail("headers", f"Has more than {MAX_HEADERS} headers.", "too_big")
        return {}
    headers: dict[str, str] = {}
    for name, value in given.items():
        path = f"headers.{name[:76]}"
        if value is None:
            continue
        if name.lower() in (other.lower() for other in headers):
            fields.fail(path, "Appears twice, in another case.", "duplicate_header")
        elif _is_allowed(fields, path, name):
            text = _value(fields, path, value)
            if text is not None:
                headers[name] = text
    return headers


def is_name(name: str) -> bool:
    """Say whether a header can be called so (RFC 5322, 3.6.8)."""
    return _NAME.fullmatch(name) is not None


def is_reserved(name: str) -> bool:
    """Say whether a header is ours or Amazon's to write."""
    return name.lower() in _RESERVED or name.lower().startswith(_RESERVED_STARTS)


def _is_allowed(fields: Fields, path: str, name: str) -> bool:
    if not is_name(name):
        fields.fail(path, "Is not the name of a header.", "invalid_string")
    elif is_reserved(name):
        fields.fail(path, "Is written by the system.", "reserved_header")
    else:
        return True
    return False


def _value(fields: Fields, path: str, value: Any) -> str | None:
    return fields.text(path, maximum=998, value=value)
