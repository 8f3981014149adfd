"""What every mail that needs consent carries: a way out (RFC 2369, RFC 8058)."""

from __future__ import annotations

import re
from collections.abc import Mapping

#: The names by which a content asks for its recipient's own links.
UNSUBSCRIBE_URL = "unsubscribeUrl"
SUBSCRIBE_URL = "subscribeUrl"
MANAGE_URL = "manageUrl"
LINK_NAMES = frozenset({UNSUBSCRIBE_URL, SUBSCRIBE_URL, MANAGE_URL})
#: Links as contents of other installations write them, around the contact's id.
_OWN_LINK = re.compile(r"/(?:unsubscribe|manage)/\{\{\s*(?:plunk_)?id\s*\}\}")
#: The end of the body, and comments, in which an end of the body is none.
_BODY_END = re.compile(r"(?is)<!--.*?(?:-->|\Z)|</(body)\s*>")
_LIST_HEADERS = frozenset({"list-unsubscribe", "list-unsubscribe-post"})
_WHY = "You get this mail because you subscribed to it."
_COLOR = "color:#6b6b6b"
_FOOTER_HTML = (
    '<div style="clear:both;max-width:600px;margin:32px auto 0;padding:16px;'
    "border-top:1px solid #dddddd;text-align:center;font-family:sans-serif;"
    f'font-size:13px;line-height:20px;{_COLOR}">{_WHY} '
    f'<a href="{{{{{UNSUBSCRIBE_URL}}}}}" style="{_COLOR};text-decoration:underline">'
    "Unsubscribe</a></div>\n"
)
_FOOTER_TEXT = f"\n\n----\n{_WHY}\nUnsubscribe: {{{{{UNSUBSCRIBE_URL}}}}}\n"


def with_footer(markup: str) -> str:
    """Return HTML with the visible link, as the last thing in its body."""
    ends = [match.start() for match in _BODY_END.finditer(markup) if match[1]]
    end = ends[-1] if ends else len(markup)
    return f"{markup[:end]}\n{_FOOTER_HTML}{markup[end:]}"


def with_text_footer(text: str) -> str:
    """Return plain text with the visible link."""
    return text.rstrip() + _FOOTER_TEXT


def names_contact_link(body: str) -> bool:
    """Say whether a body has written a link of its own around the contact's id."""
    return bool(_OWN_LINK.search(body))


def with_list_headers(given: Mapping[str, str], url: str) -> Mapping[str, str]:
    """Return headers with those by which mail programs unsubscribe; `url` may be empty.

    A sender who writes either of them answers for both: half of theirs and half of ours
    would lead to two places.
    """
    if not url or not _LIST_HEADERS.isdisjoint(name.lower() for name in given):
        return given
    return {
        **given,
        "List-Unsubscribe": f"<{url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
