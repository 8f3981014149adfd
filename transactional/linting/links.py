"""Links that lead nowhere, or where no mail program follows them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from transactional.linting.findings import ERROR, HINT, WARNING, Note
from transactional.linting.markup import Element

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
#: Control characters and spaces, which browsers leave out before they look.
_IGNORED = re.compile(r"[\x00-\x20]+")
_DANGEROUS = frozenset({"javascript", "vbscript", "data", "file"})
_FOLLOWED = frozenset({"http", "https", "mailto", "tel", "sms", "cid"})
_PLACEHOLDER = re.compile(
    r"(?i)^(?:https?://)?(?:[\w-]+\.)*(?:example\.(?:com|org|net)|"
    r"your-?(?:domain|site|website|company|link|url)\b|yoursite|localhost\b|"
    r"domain\.com|website\.com)|^(?:url|link|todo|xxx+)$"
)


def about_link(element: Element) -> Iterator[Note]:
    """Yield what is to be said about where an element leads."""
    for name in ("href", "data-href"):
        if name in element.attributes:
            yield from _about(element, name)
    if element.get("data-block") == "button" and "href" not in element.attributes:
        yield Note(WARNING, "empty_link", "This button leads nowhere.", element.start)


def _about(element: Element, name: str) -> Iterator[Note]:
    address, offset = element.get(name), element.place(name)
    if name == "data-href" and not address:
        return
    if address in ("", "#") or not _IGNORED.sub("", address):
        yield Note(WARNING, "empty_link", "This link leads nowhere.", offset)
        return
    if address.startswith(("{{", "{%", "#")):
        return
    match = _SCHEME.match(_IGNORED.sub("", address))
    scheme = match[1].lower() if match else ""
    if scheme in _DANGEROUS:
        yield Note(
            ERROR,
            "dangerous_link",
            f"Mail programs take a link with “{scheme}:” out, and filters may take "
            "the whole mail for an attack.",
            offset,
        )
    elif _PLACEHOLDER.search(address):
        yield Note(
            WARNING,
            "placeholder_link",
            f"“{address[:60]}” looks like a placeholder that nobody replaced.",
            offset,
        )
    elif not scheme:
        yield Note(
            WARNING,
            "relative_link",
            f"“{address[:60]}” leads nowhere from a mail: begin it with https://.",
            offset,
        )
    elif scheme == "http":
        yield Note(
            HINT,
            "insecure_link",
            "This link is not encrypted: write https:// if the site has it.",
            offset,
        )
    elif scheme not in _FOLLOWED:
        yield Note(
            HINT,
            "unusual_link",
            f"Many mail programs do not follow a link with “{scheme}:”.",
            offset,
        )
