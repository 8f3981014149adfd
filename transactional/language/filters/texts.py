"""Filters of texts."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from transactional.language.filters.reading import fitting, refuse, text, whole

_TAGS = re.compile(
    r"(?is)<(script|style)\b[^<>]*>.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)|<[a-z/!][^<>]*>"
)
_BREAKS = re.compile(r"\r\n|\r|\n")


def append(value: Any, other: Any) -> str:
    return text(value) + text(other)


def prepend(value: Any, other: Any) -> str:
    return text(other) + text(value)


def capitalize(value: Any) -> str:
    return text(value).capitalize()


def downcase(value: Any) -> str:
    return text(value).lower()


def upcase(value: Any) -> str:
    return text(value).upper()


def strip(value: Any) -> str:
    return text(value).strip()


def lstrip(value: Any) -> str:
    return text(value).lstrip()


def rstrip(value: Any) -> str:
    return text(value).rstrip()


def squish(value: Any) -> str:
    said = text(value)
    return type(said)(" ").join(said.split())


def strip_newlines(value: Any) -> str:
    said = text(value)
    return type(said)(_BREAKS.sub("", said))


def strip_html(value: Any) -> str:
    said = text(value)
    return type(said)(_TAGS.sub("", said))


def remove(value: Any, gone: Any) -> str:
    return text(value).replace(text(gone), "")


def remove_first(value: Any, gone: Any) -> str:
    return text(value).replace(text(gone), "", 1)


def remove_last(value: Any, gone: Any) -> str:
    return replace_last(value, gone, "")


def replace(value: Any, old: Any, new: Any = "") -> str:
    said, sought, put = text(value), text(old), text(new)
    refuse(len(said) + said.count(sought) * len(put))
    return said.replace(sought, put)


def replace_first(value: Any, old: Any, new: Any = "") -> str:
    return text(value).replace(text(old), text(new), 1)


def replace_last(value: Any, old: Any, new: Any = "") -> str:
    before, found, after = text(value).rpartition(text(old))
    return before + text(new) + after if found else after


def slice_(value: Any, start: Any, length: Any = 1) -> Any:
    said = value if isinstance(value, list) else text(value)
    first, count = whole(start), whole(length)
    if first < 0:
        first = max(first + len(said), 0)
    return said[first : first + max(count, 0)]


def split(value: Any, separator: Any = " ") -> list[str]:
    said, between = str(text(value)), text(separator)
    if not between:
        refuse(len(said) * 40)
        return list(said)
    if said.count(between) > 100_000:
        refuse(10**9)
    return said.split() if between == " " else said.split(between) if said else []


def truncate(value: Any, length: Any = 50, ending: Any = "...") -> str:
    said, most, end = text(value), whole(length), text(ending)
    return said if len(said) <= most else said[: max(most - len(end), 0)] + end


def truncatewords(value: Any, words: Any = 15, ending: Any = "...") -> str:
    said = text(value)
    most = max(whole(words), 1)
    found = said.split(None, most)
    return (
        type(said)(" ").join(found[:most]) + text(ending) if len(found) > most else said
    )


def url_encode(value: Any) -> str:
    return quote_plus(str(text(value)))


def url_decode(value: Any) -> str:
    return unquote_plus(str(text(value)))


def base64_encode(value: Any) -> str:
    return base64.b64encode(text(value).encode("utf-8", "replace")).decode()


def base64_decode(value: Any) -> str:
    return base64.b64decode(text(value), validate=True).decode("utf-8", "replace")


def join(value: Any, separator: Any = " ") -> Any:
    if not isinstance(value, list):
        return value
    between = text(separator)
    said = [text(item) for item in value]
    refuse(sum(map(len, said)) + len(between) * len(said))
    return fitting(between.join(said))


FILTERS: dict[str, Callable[..., Any]] = {
    "append": append,
    "prepend": prepend,
    "capitalize": capitalize,
    "downcase": downcase,
    "upcase": upcase,
    "strip": strip,
    "lstrip": lstrip,
    "rstrip": rstrip,
    "squish": squish,
    "strip_newlines": strip_newlines,
    "strip_html": strip_html,
    "remove": remove,
    "remove_first": remove_first,
    "remove_last": remove_last,
    "replace": replace,
    "replace_first": replace_first,
    "replace_last": replace_last,
    "slice": slice_,
    "split": split,
    "truncate": truncate,
    "truncatewords": truncatewords,
    "url_encode": url_encode,
    "url_decode": url_decode,
    "base64_encode": base64_encode,
    "base64_decode": base64_decode,
    "join": join,
}
