"""Headers that strangers chose."""

from __future__ import annotations

import re

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,100}")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_MOST_VALUE = 4000
#: What the client says by itself, and what is between it and the next server alone.
_OURS = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "http2-settings",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_OURS_BEGIN = ("proxy-", "webhook-")


def check_header(name: str, value: str) -> str:
    """Return what is wrong with a header, in words; nothing where it may be sent."""
    if not _NAME.fullmatch(name):
        return "A header's name has letters, digits and hyphens, at most 100 of them."
    if name.lower() in _OURS or name.lower().startswith(_OURS_BEGIN):
        return f"The header {name} is set by us."
    if _CONTROL.search(value):
        return "A header's value stands on one line, without control characters."
    if len(value) > _MOST_VALUE:
        return f"A header's value has at most {_MOST_VALUE:,} characters."
    return ""
