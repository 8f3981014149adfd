"""The links by which recipients have their way, and how contents name them."""

from __future__ import annotations

import re

#: The names by which a content asks for its recipient's own links.
UNSUBSCRIBE_URL = "unsubscribeUrl"
SUBSCRIBE_URL = "subscribeUrl"
MANAGE_URL = "manageUrl"
LINK_NAMES = frozenset({UNSUBSCRIBE_URL, SUBSCRIBE_URL, MANAGE_URL})
#: Links as contents of other installations write them, around the contact's id.
_OWN_LINK = re.compile(r"/(?:unsubscribe|manage)/\{\{\s*(?:plunk_)?id\s*\}\}")


def names_contact_link(body: str) -> bool:
    """Say whether a body has written a link of its own around the contact's id."""
    return bool(_OWN_LINK.search(body))
