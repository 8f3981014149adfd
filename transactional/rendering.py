"""From what an author wrote and variables to what a recipient reads: the one way.

A manuscript is dressed (style, footer, plain text), its parts are compiled in the
template language, and both are kept, so that a mail costs a few look-ups.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from transactional.language import MAX_RENDERED, Form, Part, TooLong, compile_part
from transactional.manuscripts import Manuscript
from transactional.marketing import (
    LINK_NAMES,
    UNSUBSCRIBE_URL,
    names_contact_link,
)
from transactional.styling import dress
from transactional.tracking import marking

__all__ = [
    "MAX_RENDERED",
    "MAX_SUBJECT",
    "Compiled",
    "Rendered",
    "TooLong",
    "compile_content",
    "compile_parts",
    "filled_in",
    "moment",
    "render",
    "scope",
    "unmarked",
]

_LINE_BREAKS = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029]+")
#: A subject is cut here once it is filled in: the longest line of a mail (RFC 5322).
MAX_SUBJECT = 998


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mail as its recipient reads it; `html` is empty in a mail of text alone."""

    subject: str
    html: str
    text: str


@dataclass(frozen=True, slots=True)
class Compiled:
    """A content, ready to be filled in, and what it was compiled from."""

    subject: Part
    #: None in a mail of text alone.
    html: Part | None
    text: Part
    #: What the two were compiled from: all that has to be kept to do it again.
    html_source: str
    text_source: str
    #: Which of the recipient's own links stand in it (`marketing.LINK_NAMES`).
    links: frozenset[str]
    #: The names of all variables, and the first of each dotted one.
    names: frozenset[str]

    @property
    def parts(self) -> tuple[Part, ...]:
        return tuple(part for part in (self.subject, self.html, self.text) if part)


def compile_content(manuscript: Manuscript) -> Compiled:
    """Dress a manuscript and compile it, once for all the mails that carry it."""
    dressed = dress(manuscript)
    html = dressed.html if manuscript.marks_links else unmarked(dressed.html)
    return compile_parts(manuscript.subject, html, dressed.text)


def unmarked(html: str) -> str:
    """Return HTML without the marks of links, whoever put them there: that it has some
    is how a mail whose links were counted is known.
    """
    return marking.unmarked(html)


def compile_parts(subject: str, html: str, text: str) -> Compiled:
    """Compile what a manuscript was dressed as; no HTML is a mail of text alone."""
    parts = (
        compile_part(subject, Form.LINE),
        compile_part(html, Form.HTML) if html else None,
        compile_part(text, Form.TEXT),
    )
    names = frozenset[str]().union(*(part.names for part in parts if part))
    links = LINK_NAMES & names
    if names_contact_link(html or text):
        links |= {UNSUBSCRIBE_URL}
    return Compiled(
        *parts, html_source=html, text_source=text, links=links, names=names
    )


def render(compiled: Compiled, variables: Mapping[str, Any]) -> Rendered:
    """Fill in `variables`; an unknown one is empty.

    A subject that gets too long is cut; raises ValueError for any other part.
    """
    subject = compiled.subject.fill(variables, MAX_SUBJECT)
    return Rendered(
        subject=_LINE_BREAKS.sub(" ", subject[:MAX_SUBJECT]).strip(),
        html=compiled.html.fill(variables) if compiled.html else "",
        text=compiled.text.fill(variables),
    )


def moment(
    *, subscribed: bool, language: str, at: datetime | None = None
) -> dict[str, Any]:
    """Return what can be said when a mail is composed: of the time, and of a contact
    beside its data. The contact's own `locale` goes before ours.
    """
    at = at or datetime.now(UTC)
    return {
        "now": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "subscribed": subscribed,
        "locale": language,
    }


def filled_in(
    compiled: Compiled,
    *,
    data: Mapping[str, Any] | None,
    variables: Mapping[str, Any] | None,
    moment: Mapping[str, Any],
) -> dict[str, Any] | None:
    """Return what a mail draws from its contact and from the moment it is composed in.

    It is all of either that the mail is rendered from, and is kept with the mail: from
    `variables`, which came with it and go before, and from this the same is rendered
    again. Of the contact's data only what the content names is kept.
    """
    names = compiled.names
    known = {key: value for key, value in moment.items() if key in names}
    if "data" in names:
        known |= data or {}
    else:
        known |= {key: value for key, value in (data or {}).items() if key in names}
    for key in variables or {}:
        known.pop(key, None)
    return known or None


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
    # Databases give keys back in orders of their own; a content may show all of them.
    known = {key: known[key] for key in sorted(known)}
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
