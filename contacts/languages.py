"""In which language we speak to a contact.

The dashboard is in English. What recipients read, pages and the mail that asks them to
confirm, is in theirs: it is rendered within `speaking(of(contact, project))`.
"""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from typing import Any

from django.utils import translation
from django.utils.translation.trans_real import parse_accept_lang_header

from contacts.models import Contact
from plunk.projects.models import Project

#: By Django's code, the name each language has for itself; contacts/locale has them.
LANGUAGES = {
    "en": "English",
    "bg": "Български",
    "cs": "Čeština",
    "de": "Deutsch",
    "es": "Español",
    "fr": "Français",
    "hi": "हिन्दी",
    "it": "Italiano",
    "ja": "日本語",
    "nl": "Nederlands",
    "pl": "Polski",
    "pt": "Português",
    "sv": "Svenska",
    "zh-hans": "简体中文",
    "zh-hant": "繁體中文",
}
DEFAULT = "en"
#: The longest tag that BCP 47 says everybody must take.
_MAX_LENGTH = 35
_MAX_HEADER = 500
_TAG = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{1,8})*")
#: Chinese is told apart by its script, which most tags name only by a region.
_CHINESE = frozenset({"zh", "cmn", "yue"})
_TRADITIONAL = frozenset({"hant", "tw", "hk", "mo"})
#: What clients of the API know the two as.
_TAGS = {"zh-hans": "zh-CN", "zh-hant": "zh-TW"}
_HTML_TAGS = {"zh-hans": "zh-Hans", "zh-hant": "zh-Hant"}


def of(contact: Contact | None, project: Project) -> str:
    """Return the code of a contact's language: `data.locale`, else the project's."""
    data: Any = contact.data if contact else None
    own = matching(data.get("locale")) if isinstance(data, dict) else None
    return own or matching(project.language) or DEFAULT


def of_browser(header: str) -> str:
    """Return the language of an Accept-Language header, where no contact is known."""
    for tag, _ in parse_accept_lang_header(header[:_MAX_HEADER].lower()):
        language = matching(tag)
        if language:
            return language
    return DEFAULT


def speaking(language: str) -> AbstractContextManager[Any]:
    """Let gettext, templates and dates speak one of LANGUAGES until the block ends."""
    return translation.override(language)


def matching(tag: object) -> str | None:
    """Return which of LANGUAGES serves a locale such as `pt-BR`, `EN_us`, `zh-HK`.

    Whatever else stands in a contact's data is no language: None.
    """
    if not isinstance(tag, str) or len(tag) > _MAX_LENGTH:
        return None
    # The locales of operating systems end in an encoding: de_DE.UTF-8, ca_ES@euro.
    plain = re.split(r"[.@]", tag.strip(), maxsplit=1)[0].lower().replace("_", "-")
    if not _TAG.fullmatch(plain):
        return None
    primary, *others = plain.split("-")
    if primary in _CHINESE:
        return "zh-hant" if _is_traditional(primary, others) else "zh-hans"
    return primary if primary in LANGUAGES else None


def tag_of(language: str) -> str:
    """Return a language as the API names it."""
    return _TAGS.get(language, language)


def html_tag_of(language: str) -> str:
    """Return a language as a page's `lang` names it, script and all."""
    return _HTML_TAGS.get(language, language)


def _is_traditional(primary: str, others: list[str]) -> bool:
    if "hans" in others:
        return False
    return primary == "yue" or not _TRADITIONAL.isdisjoint(others)
