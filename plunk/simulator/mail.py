"""A mail as it reaches the simulator, and what its headers say."""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.parser import BytesHeaderParser
from email.utils import getaddresses, parseaddr

_END_OF_HEADERS = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(r"\r?\n(?=[ \t])|[\r\n]")


@dataclass(frozen=True, slots=True)
class Mail:
    """What one send call asked for; `operation` is the call's name in the events."""

    raw: bytes
    sender: str
    recipients: list[str]
    tags: dict[str, str] = field(default_factory=dict)
    configuration_set: str = ""
    operation: str = "SendEmail"

    @property
    def sender_domain(self) -> str:
        """The part after the sender's last @; empty if there is none."""
        _, at, domain = parseaddr(self.sender)[1].rpartition("@")
        return domain.lower() if at else ""


@dataclass(frozen=True, slots=True)
class Headers:
    """A mail's headers in their order, unfolded, as text that every database takes."""

    items: list[tuple[str, str]]

    def get(self, name: str) -> str:
        """Return the first header of that name, still encoded; empty if none."""
        wanted = name.lower()
        return next((value for key, value in self.items if key.lower() == wanted), "")

    def addresses(self, *names: str) -> list[str]:
        """Return the bare addresses in all headers of these names."""
        wanted = {name.lower() for name in names}
        values = [value for key, value in self.items if key.lower() in wanted]
        return [address for _, address in getaddresses(values) if address]


def read_headers(raw: bytes) -> Headers:
    """Read the headers of a raw mail without touching its body."""
    end = _END_OF_HEADERS.search(raw)
    parsed = BytesHeaderParser().parsebytes(raw[: end.end()] if end else raw)
    return Headers(
        [
            (clean(key), clean(_FOLD.sub("", str(value))))
            for key, value in parsed.items()
        ]
    )


def decoded(value: str) -> str:
    """Return an encoded header as people read it; a broken one as it came."""
    try:
        return clean(str(make_header(decode_header(value))))
    except (HeaderParseError, LookupError, ValueError, binascii.Error):
        return clean(value)


def bare_address(text: str) -> str:
    """Return the address in `Name <address>`, or the text itself."""
    return text.rpartition("<")[2].rstrip(">").strip() if "<" in text else text.strip()


def clean(text: str) -> str:
    """Return text without what UTF-8 or PostgreSQL cannot hold."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")
