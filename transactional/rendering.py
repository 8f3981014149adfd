"""From content and variables to what a recipient reads: the one way to render a mail.

`{{ key }}` is filled in once, escaped in bodies unless `| raw`; `{{ key ?? default }}`
has a fallback; dots go into objects; a list becomes list items. A content is compiled
once and kept, so that a mail costs a few lookups.
"""

from __future__ import annotations

import html
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from sys import getsizeof
from threading import Lock
from typing import Any
from uuid import UUID

from django.conf import settings

from contacts.links import manage_url, unsubscribe_url
from plunk.api import strictjson
from transactional.marketing import (
    LINK_NAMES,
    MANAGE_URL,
    SUBSCRIBE_URL,
    UNSUBSCRIBE_URL,
    names_contact_link,
    with_footer,
    with_text_footer,
)
from transactional.models import Content, Email, MailKind
from transactional.plaintext import TAG, text_of, unescape, without_tags

_PLACEHOLDER = re.compile(r"\{\{([^{}\r\n]*)\}\}")
_LINE_BREAKS = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029]+")
#: The most characters that one part may have once it is filled in.
MAX_RENDERED = 10_000_000
#: A subject is cut here once it is filled in: the longest line of a mail (RFC 5322).
MAX_SUBJECT = 998
#: How much of a mail's raw values is laid out as text; the rest only loses its tags.
_RAW_LAYOUT = 20_000
#: Longer contents are compiled each time instead of kept.
_KEPT_LENGTH = 250_000
#: What the kept contents may take together, in bytes.
_KEPT_BYTES = 64_000_000


class TooLong(ValueError):
    """What a content is with these variables no mail can carry."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mail as its recipient reads it."""

    subject: str
    html: str
    text: str


@dataclass(frozen=True, slots=True)
class Placeholder:
    """`{{ path ?? default | raw }}`, taken apart."""

    path: str
    default: str = ""
    is_raw: bool = False


Segment = str | Placeholder
Writer = Callable[[Any, bool], str]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A content, ready to be filled in."""

    subject: tuple[Segment, ...]
    html: tuple[Segment, ...]
    text: tuple[Segment, ...]
    #: Which of the recipient's own links stand in it (`marketing.LINK_NAMES`).
    links: frozenset[str] = frozenset()

    def names(self) -> set[str]:
        """Return the first names of all variables, e.g. `user` of `user.name`."""
        return {
            name
            for part in (self.subject, self.html, self.text)
            for segment in part
            if isinstance(segment, Placeholder)
            for name in (segment.path, segment.path.partition(".")[0])
        }


def compile_content(
    subject: str, body: str, kind: str = MailKind.TRANSACTIONAL
) -> Compiled:
    """Take subject and body apart; a body without any tag is plain text.

    Marketing gets its footer here, once for all the mails of a content.
    """
    if TAG.search(body):
        text = text_of(body) + "\n"
        markup = body
    else:
        text = body
        markup = "<br>\n".join(html.escape(line) for line in body.splitlines())
    if kind == MailKind.MARKETING:
        markup, text = with_footer(markup), with_text_footer(text)
    compiled = Compiled(_split(subject), _split(markup), _split(text))
    links = LINK_NAMES & compiled.names()
    if names_contact_link(body):
        links |= {UNSUBSCRIBE_URL}
    return replace(compiled, links=links)


def render(compiled: Compiled, variables: Mapping[str, Any]) -> Rendered:
    """Fill in `variables`; an unknown one is empty.

    A subject that gets too long is cut; raises TooLong for any other part.
    """
    subject = "".join(_filled(compiled.subject, variables, _write_line, MAX_SUBJECT))
    return Rendered(
        subject=_LINE_BREAKS.sub(" ", subject[:MAX_SUBJECT]).strip(),
        html=_fill(compiled.html, variables, _write_html),
        text=_fill(compiled.text, variables, _TextWriter().write),
    )


def scope(
    *,
    contact_id: UUID,
    address: str,
    data: Mapping[str, Any] | None,
    variables: Mapping[str, Any] | None,
    links: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return what a mail can name: the contact's data, under what came with the mail,
    under what the system says, which nobody overrides.

    A link may be missing where the content does not have it: signing one takes time.
    """
    known = {**(data or {}), **(variables or {})}
    links = links or {}
    return {
        **known,
        "data": known,
        "id": str(contact_id),
        "plunk_id": str(contact_id),
        "email": address,
        "plunk_email": address,
        **{name: links.get(name, "") for name in LINK_NAMES},
    }


def used_variables(
    compiled: Compiled, variables: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return those of `variables` a content names, so it can be shown again later."""
    names = compiled.names()
    if "data" in names:
        return dict(variables)
    used = {name: variables[name] for name in names if name in variables}
    return used or None


def preview(email: Email) -> Rendered:
    """Render a mail again: as it left, or as it would leave now if it has not."""
    content: Content = email.content
    compiled = compiled_content(content.pk, content.subject, content.body, email.kind)
    data = email.contact.data if email.sent_at is None else None
    return render(
        compiled,
        scope(
            contact_id=email.contact_id,
            address=email.to_email,
            data=data,
            variables=email.variables,
            links=_links_to_show(email),
        ),
    )


def _links_to_show(email: Email) -> dict[str, str]:
    """Return a mail's links for those who only look at it.

    The one that subscribes proves who has read the mail: it is for nobody else's eyes.
    """
    ids = {
        "project_id": email.project_id,
        "contact_id": email.contact_id,
        "email_id": email.pk,
    }
    return {
        UNSUBSCRIBE_URL: unsubscribe_url(**ids),
        MANAGE_URL: manage_url(**ids),
        SUBSCRIBE_URL: f"{settings.APP_URI}/subscribe/…",
    }


def compiled_content(
    content_id: UUID, subject: str, body: str, kind: str = MailKind.TRANSACTIONAL
) -> Compiled:
    """Compile a content, or return it from this process's memory."""
    if len(body) > _KEPT_LENGTH:
        return compile_content(subject, body, kind)
    key = (content_id, subject, body, kind)
    kept = _kept.get(key)
    if kept is None:
        kept = compile_content(subject, body, kind)
        _kept.keep(key, kept)
    return kept


_Key = tuple[UUID, str, str, str]


class _Kept:
    """What was compiled, the least used forgotten first, within so many bytes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self._contents: OrderedDict[_Key, tuple[Compiled, int]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: _Key) -> Compiled | None:
        with self._lock:
            if key not in self._contents:
                return None
            self._contents.move_to_end(key)
            return self._contents[key][0]

    def keep(self, key: _Key, compiled: Compiled) -> None:
        size = sum(getsizeof(part) for part in key) + _size(compiled)
        with self._lock:
            _, before = self._contents.pop(key, (None, 0))
            self._contents[key] = (compiled, size)
            self.size += size - before
            while self.size > self.limit:
                _, (_, gone) = self._contents.popitem(last=False)
                self.size -= gone


def _size(compiled: Compiled) -> int:
    """Return about how many bytes a content takes; a placeholder counts as new."""
    return 1_000 + sum(
        getsizeof(text) + 16
        for part in (compiled.subject, compiled.html, compiled.text)
        for segment in part
        for text in (
            (segment,)
            if isinstance(segment, str)
            else (segment.path, segment.default, segment)
        )
    )


_kept = _Kept(_KEPT_BYTES)


def _split(source: str) -> tuple[Segment, ...]:
    return tuple(_segments(source))


def _segments(source: str) -> Iterator[Segment]:
    position = 0
    for match in _PLACEHOLDER.finditer(source):
        if match.start() > position:
            yield source[position : match.start()]
        yield _placeholder(match[1])
        position = match.end()
    if position < len(source):
        yield source[position:]


def _placeholder(inner: str) -> Placeholder:
    return _known_placeholder(inner) if len(inner) <= 100 else _read_placeholder(inner)


def _read_placeholder(inner: str) -> Placeholder:
    # A text part was made of escaped HTML or not: both spell the quotes of a default.
    path, has_default, rest = unescape(inner).partition("??")
    default, is_raw = rest if has_default else path, False
    head, _, filtered = default.rpartition("|")
    if filtered.strip() == "raw":
        default, is_raw = head, True
    if not has_default:
        return Placeholder(default.strip(), "", is_raw)
    default = default.split("??")[0].strip()
    if len(default) > 1 and default[0] == default[-1] and default[0] in "\"'":
        default = default[1:-1]
    return Placeholder(path.strip(), default, is_raw)


#: Most placeholders stand in many contents.
_known_placeholder = lru_cache(maxsize=4096)(_read_placeholder)


def _fill(
    segments: tuple[Segment, ...], variables: Mapping[str, Any], write: Writer
) -> str:
    parts = _filled(segments, variables, write, MAX_RENDERED)
    if sum(map(len, parts)) > MAX_RENDERED:
        raise TooLong(f"Filled in, it has more than {MAX_RENDERED:,} characters.")
    return "".join(parts)


def _filled(
    segments: tuple[Segment, ...],
    variables: Mapping[str, Any],
    write: Writer,
    limit: int,
) -> list[str]:
    """Return what the segments come to, up to the one that passes the limit."""
    parts = []
    length = 0
    for segment in segments:
        if isinstance(segment, str):
            part = segment
        else:
            value = _look_up(segment.path, variables)
            is_unset = value is None or value is False or value in ("", [], {})
            part = write(segment.default if is_unset else value, segment.is_raw)
        parts.append(part)
        length += len(part)
        if length > limit:
            break
    return parts


def _look_up(path: str, variables: Mapping[str, Any]) -> Any:
    if path in variables:
        return variables[path]
    value: Any = variables
    for name in path.split("."):
        if not isinstance(value, Mapping) or name not in value:
            return None
        value = value[name]
    return value


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, bool | int | float | dict):
        return strictjson.write(value).decode()
    return str(value)


def _write_line(value: Any, _is_raw: bool) -> str:  # noqa: FBT001 - a Writer
    if isinstance(value, list):
        return ", ".join(_plain(item) for item in value)
    return _plain(value)


def _write_html(value: Any, is_raw: bool) -> str:  # noqa: FBT001 - a Writer
    if isinstance(value, list):
        return "\n".join(f"<li>{_write_html(item, is_raw)}</li>" for item in value)
    return _plain(value) if is_raw else html.escape(_plain(value))


class _TextWriter:
    """Writes the values of one mail's text part.

    Laying out raw HTML takes a millisecond for a kilobyte, so each value is laid out
    once, and only so much of all of them.
    """

    def __init__(self) -> None:
        self._left = _RAW_LAYOUT
        self._known: dict[str, str] = {}

    def write(self, value: Any, is_raw: bool) -> str:  # noqa: FBT001 - a Writer
        if isinstance(value, list):
            return "\n".join(f"- {self.write(item, is_raw)}" for item in value)
        text = _plain(value)
        return self._without_markup(text) if is_raw and TAG.search(text) else text

    def _without_markup(self, markup: str) -> str:
        if markup not in self._known:
            self._left -= len(markup)
            make = text_of if self._left >= 0 else without_tags
            self._known[markup] = make(markup)
        return self._known[markup]
