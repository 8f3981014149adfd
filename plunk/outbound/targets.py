"""Taking apart a URL that a stranger wrote, with no room for two readings of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import idna

from plunk.outbound.addresses import Address, is_reachable, read_address
from plunk.outbound.errors import Refused

MOST_CHARACTERS = 2000
_PORTS = {"http": 80, "https": 443}
#: Other software reads some of these as nothing, a slash or the end of the URL.
_NEVER = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029\ud800-\udfff]")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
#: 2130706433, 0x7f.1, 127.1, 0177.0.0.1: some resolvers take them for addresses.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_MOST_NAME = 253


@dataclass(frozen=True, slots=True)
class Target:
    """What is called: a server, and what it is asked for."""

    scheme: str
    #: A name in lower case as DNS has it, or an address without brackets.
    host: str
    port: int
    #: Path and query, in ASCII.
    path: str

    @property
    def address(self) -> Address | None:
        return read_address(self.host)

    @property
    def authority(self) -> str:
        """Host and port as they stand in a URL and in the header Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.authority}"


def read_target(url: str) -> Target:
    """Take a URL apart; raises Refused, in words for whoever wrote it."""
    if len(url) > MOST_CHARACTERS:
        raise Refused(f"A URL has at most {MOST_CHARACTERS:,} characters.")
    if _NEVER.search(url):
        raise Refused("A URL has no spaces, backslashes or control characters.")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = parts.hostname or ""
    except ValueError:
        raise Refused("This is no URL.") from None
    if parts.scheme not in _PORTS:
        raise Refused("A URL begins with https:// or http://.")
    if "@" in parts.netloc:
        raise Refused("A URL has no user name and password: put them in a header.")
    if port == 0 or parts.netloc.endswith(":"):
        raise Refused("A port is a number from 1 to 65535.")
    path = quote(parts.path, safe="/%:@!$&'()*+,;=~-._") or "/"
    if parts.query:
        path += "?" + quote(parts.query, safe="/?%:@!$&'()*+,;=~-._[]")
    return Target(
        scheme=parts.scheme,
        host=_read_host(host, is_bracketed="[" in parts.netloc),
        port=port or _PORTS[parts.scheme],
        path=path,
    )


def check_target(target: Target) -> None:
    """Raise Refused for a server that can be told to be inside without asking DNS."""
    address = read_address("127.0.0.1") if is_local(target.host) else target.address
    if address is not None and not is_reachable(address):
        raise Refused(INSIDE)


#: Says no more than that: the address itself is nobody's business.
INSIDE = (
    "This address is not on the open net. Servers of a private network can be called "
    "only if the operator of this installation allows it (WEBHOOK_ALLOWED_NETWORKS)."
)


def is_local(host: str) -> bool:
    """Say whether a name means this machine, whatever DNS says (RFC 6761)."""
    return host == "localhost" or host.endswith(".localhost")


def _read_host(host: str, *, is_bracketed: bool) -> str:
    if not host:
        raise Refused("A URL names a server, such as https://example.com/hook.")
    if is_bracketed:
        if ":" not in host or "%" in host or read_address(host) is None:
            raise Refused("Only an IPv6 address stands in brackets.")
        return str(read_address(host))
    name = _to_ascii(host).removesuffix(".")
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]) and read_address(name) is None:
        raise Refused("Write an address as four numbers: 192.0.2.1.")
    if len(name) > _MOST_NAME or not all(_LABEL.fullmatch(label) for label in labels):
        raise Refused("The name of the server is none that DNS could have.")
    return name


def _to_ascii(host: str) -> str:
    if host.isascii():
        return host.lower()
    try:
        return idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        raise Refused("The name of the server is none that DNS could have.") from None
