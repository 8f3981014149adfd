"""Links that count: who they are for is signed, where they lead stands in them.

Nothing is stored for a link. The token is the mail's id and a signature over the id and
the address, so a link leads only where a mail of ours led, and a token is worth nothing
for another address, another mail or another purpose. It does not expire: a mail of
years ago must still lead on. A secret that is replaced stays in `JWT_SECRET_FALLBACKS`
and keeps the links that it signed.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import cache, lru_cache
from urllib.parse import quote, urlsplit
from uuid import UUID

from django.conf import settings

CLICK_PATH = "/t/c/"
OPEN_PATH = "/t/o/"
#: A whole link may have so many characters: more than any program or server takes.
MAX_LINK = 4_000
_SIGNATURE_BYTES = 16
#: Most links stand in all mails of a campaign; a few long ones may stay in memory.
_MOST_KNOWN = 256
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_CLICK, _OPEN = b"c", b"o"
#: Stands in a query as it is (RFC 3986), and in an attribute, quoted or not.
_PLAIN = "/:?@!$*,;~-._"
#: What browsers leave out of an address before they read it (WHATWG URL, 4.4).
_LEFT_OUT = re.compile("[\t\n\r]")
_AROUND = "".join(map(chr, range(0x21)))
_LEADS_AWAY = re.compile(r"https?://[^/?#\\\s]", re.IGNORECASE)
_CONTROL = re.compile("[\x00-\x1f\x7f]")


def link_address(
    email_id: UUID, url: str, host: str = "", *, app_uri: str = "", secret: str = ""
) -> str:
    """Return the link that counts a click in a mail and leads on to `url`.

    `url` as it is where such a link would be too long to arrive. `app_uri` and `secret`
    make a link as it was under settings of before; empty: those of now.
    """
    base = base_address(host, app_uri)
    token = _token(secret, _CLICK, email_id, url)
    address = f"{base}{CLICK_PATH}{token}?u={_quoted(url)}"
    return address if len(address) <= MAX_LINK else url


def pixel_address(
    email_id: UUID, host: str = "", *, app_uri: str = "", secret: str = ""
) -> str:
    """Return the address of the picture that counts an open of a mail."""
    token = _token(secret, _OPEN, email_id, "")
    return f"{base_address(host, app_uri)}{OPEN_PATH}{token}.gif"


def clicked_mail(token: str, url: str) -> UUID | None:
    """Return the mail in which a link led to `url`, if we signed both, else None."""
    return _read(_CLICK, token, url)


def opened_mail(token: str) -> UUID | None:
    """Return the mail whose picture it is, if we signed it, else None."""
    return _read(_OPEN, token, "")


def destination(text: str, app_uri: str = "") -> str:
    """Return an address as a browser reads it, or "" for one that is not counted.

    Only http and https are: everything else, `javascript:` above all, stays with the
    program that shows the mail. Half characters, which nothing can encode, are
    replaced.
    """
    url = _as_read(text)
    return "" if is_ours(url, app_uri) else url


@lru_cache(maxsize=_MOST_KNOWN)
def _as_read(text: str) -> str:
    """Return an address as a browser reads it, or "" for one that leads nowhere."""
    url = _LEFT_OUT.sub("", text.strip(_AROUND)).encode("utf-8", "replace").decode()
    return "" if not _LEADS_AWAY.match(url) or _CONTROL.search(url) else url


@lru_cache(maxsize=_MOST_KNOWN)
def _quoted(url: str) -> str:
    return quote(url, safe=_PLAIN)


#: Where the recipient's own links lead, and links that count already.
_OUR_PATHS = re.compile(r"/(?:unsubscribe|subscribe|manage|t/[co])/")


def is_ours(url: str, app_uri: str = "") -> bool:
    """Say whether a link acts for its recipient, or counts already: it stays as it is.

    A way out that passes through a counter would be lost with it.
    """
    start = app_uri or settings.APP_URI
    return url.startswith(start) and bool(_OUR_PATHS.match(url, len(start)))


def base_address(host: str, app_uri: str = "") -> str:
    """Return what links on a project's own host, or on ours, begin with."""
    app_uri = app_uri or settings.APP_URI
    if not host:
        return app_uri
    scheme, port = _scheme_and_port(app_uri)
    return f"{scheme}://{host}{port}"


@lru_cache(8)
def _scheme_and_port(app_uri: str) -> tuple[str, str]:
    parts = urlsplit(app_uri)
    return parts.scheme, f":{parts.port}" if parts.port else ""


def _token(secret: str, purpose: bytes, email_id: UUID, url: str) -> str:
    secret = secret or settings.SECRET_KEY
    whole = email_id.bytes + _signature(secret, purpose, email_id, url)
    return urlsafe_b64encode(whole)[:-1].decode("ascii")


def _read(purpose: bytes, token: str, url: str) -> UUID | None:
    if not _TOKEN.fullmatch(token):
        return None
    whole = urlsafe_b64decode(f"{token}=")
    email_id, given = UUID(bytes=whole[:16]), whole[16:]
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        expected = _signature(str(secret), purpose, email_id, url)
        if hmac.compare_digest(given, expected):
            return email_id
    return None


def _signature(secret: str, purpose: bytes, email_id: UUID, url: str) -> bytes:
    # The id has a fixed length, so nothing can move between it and the address.
    message = purpose + email_id.bytes + url.encode("utf-8", "replace")
    return hmac.digest(_key(secret), message, "sha256")[:_SIGNATURE_BYTES]


@cache
def _key(secret: str) -> bytes:
    """Return a key that signs tracked links and nothing else."""
    return hashlib.sha256(b"transactional.tracking.links" + secret.encode()).digest()
