"""What to look at before a mail goes out: findings about its words and its markup.

Nothing is fetched, and nothing is decided: a finding keeps no mail back.
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from transactional.language import MAX_SOURCE, Form
from transactional.language.checking import faults_in
from transactional.linting.dropped import about_element
from transactional.linting.findings import (
    ERROR,
    HINT,
    WARNING,
    Finding,
    Note,
    placed,
)
from transactional.linting.links import about_link
from transactional.linting.markup import elements
from transactional.linting.naming import about_variables, reads_in
from transactional.linting.pictures import about_picture
from transactional.linting.sizes import about_size
from transactional.linting.subjects import about_preheader, about_subject
from transactional.linting.wording import about_slips, about_text
from transactional.manuscripts import Manuscript
from transactional.marketing import MANAGE_URL, UNSUBSCRIBE_URL, names_contact_link
from transactional.models import MailKind
from transactional.plaintext import TAG
from transactional.variables import Variable, known_variables

#: How much markup is read, in characters: what is longer is too long for any mail.
_MOST_READ = 250_000

__all__ = ["ERROR", "HINT", "WARNING", "Finding", "lint"]


def lint(
    *,
    project_id: UUID,
    subject: str,
    preheader: str,
    body: str,
    text: str,
    style: str,
    kind: str,
) -> list[Finding]:
    """Return what is worth a look, by part and place."""
    subject, preheader, body, text = map(_encodable, (subject, preheader, body, text))
    known = known_variables(project_id)
    manuscript = Manuscript(
        subject=subject,
        body=body,
        text=text,
        preheader=preheader,
        style=style,
        kind=kind,
    )
    notes: dict[str, list[Note]] = {
        "subject": [*_language(subject, Form.LINE, known, kind, is_subject=True)],
        "preheader": [*_language(preheader, Form.LINE, known, kind)],
        "body": [*_language(body, Form.HTML, known, kind)],
    }
    notes["subject"] += about_subject(subject)
    notes["preheader"] += about_preheader(preheader, kind)
    notes["body"] += _about_body(manuscript)
    sources = {"subject": subject, "preheader": preheader, "body": body}
    return [
        finding
        for part, source in sources.items()
        for finding in placed(part, source, notes[part])
    ]


def _encodable(source: str) -> str:
    """Return a source without lone surrogates, every character in its place."""
    return source.encode("utf-8", "replace").decode()


def _language(
    source: str,
    form: Form,
    known: list[Variable],
    kind: str,
    *,
    is_subject: bool = False,
) -> Iterator[Note]:
    """Yield what is wrong with the language, and with the variables, of a part."""
    for fault in faults_in(source, form):
        yield Note(ERROR, "syntax", fault.message, fault.offset)
    yield from about_slips(source[:_MOST_READ])
    yield from about_variables(source, form, known, kind, is_subject=is_subject)


def _about_body(manuscript: Manuscript) -> Iterator[Note]:
    body = manuscript.body
    if len(body) > MAX_SOURCE:
        return
    if manuscript.kind == MailKind.HEADLESS:
        yield from _about_way_out(manuscript)
    if TAG.search(body):
        yield from _about_markup(body[:_MOST_READ])
        yield from about_text(body)
    yield from about_size(manuscript)


def _about_markup(body: str) -> Iterator[Note]:
    links = 0
    for element in elements(body):
        if element.name == "a":
            links = max(links + (-1 if element.is_end else 1), 0)
        if element.is_end:
            continue
        yield from about_element(element)
        if element.name == "img":
            yield from about_picture(element, is_link=links > 0)
        if element.name in ("a", "area", "img"):
            yield from about_link(element)


def _about_way_out(manuscript: Manuscript) -> Iterator[Note]:
    """Yield whether a marketing mail without our footer has no link of its own."""
    for part, form in ((manuscript.body, Form.HTML), (manuscript.text, Form.TEXT)):
        names = {read.root for read in reads_in(part, form)}
        if {UNSUBSCRIBE_URL, MANAGE_URL} & names or names_contact_link(part):
            return
    yield Note(
        WARNING,
        "missing_unsubscribe",
        "There is no link to unsubscribe, and this kind of mail gets no footer: write "
        f'<a href="{{{{ {UNSUBSCRIBE_URL} }}}}">Unsubscribe</a>.',
    )
