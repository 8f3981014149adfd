"""From claimed mails to the messages that SES is given."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from django.db import Error

from contacts.links import manage_url, subscribe_url, unsubscribe_url
from transactional.attachments import File
from transactional.claiming import Claimed
from transactional.compiling import compiled_content, compiled_id, keep_compiled
from transactional.manuscripts import Manuscript
from transactional.marketing import (
    MANAGE_URL,
    SUBSCRIBE_URL,
    UNSUBSCRIBE_URL,
    with_list_headers,
)
from transactional.mime import Envelope, build_message
from transactional.models import Attachment, Content, MailKind
from transactional.presets import Preset, presets_of
from transactional.recording import Attempt, Trace
from transactional.rendering import Compiled, render, scope, used_variables
from transactional.ses import Answer, Outcome

logger = logging.getLogger(__name__)

#: Contents that this process has read, so that a campaign's body is read once.
_CACHE_SIZE = 128
_CACHED_CHARACTERS = 200_000


@dataclass(frozen=True, slots=True)
class Composed:
    """A mail, ready to leave."""

    mail: Claimed
    raw: bytes
    trace: Trace


@dataclass(frozen=True, slots=True)
class Material:
    """What a mail is made of, besides its recipient and its files."""

    content: Content
    compiled: Compiled
    compiled_id: UUID


_cache: dict[UUID, Content] = {}


def compose(mails: list[Claimed]) -> Iterator[Composed | Attempt]:
    """Compose mails one by one; one that cannot be is an attempt that came to nothing
    and stops no other.

    What the mail itself says wrong ends it; anything else, such as a memory that is
    full or a fault of a new release, is worth another try.
    """
    contents = _contents({mail.content_id for mail in mails})
    presets = presets_of({mail.project_id for mail in mails})
    materials: list[tuple[Claimed, Material]] = []
    for mail in mails:
        try:
            content, preset = contents[mail.content_id], presets[mail.project_id]
            materials.append((mail, prepare(mail, content, preset)))
        except Exception as error:
            logger.exception("a mail cannot be composed", extra=_named(mail))
            yield _stumbled(mail, error)
    # Written down before the first of them leaves: what left can be shown again.
    keep_compiled([(it.content, it.compiled_id, it.compiled) for _, it in materials])
    for mail, material in materials:
        try:
            yield compose_one(mail, material, _files(material.content))
        except Error:
            raise
        except Exception as error:
            logger.exception("a mail cannot be composed", extra=_named(mail))
            yield _stumbled(mail, error)


def prepare(mail: Claimed, content: Content, preset: Preset) -> Material:
    """Compile what a mail is made of; a few look-ups for all but the first of many."""
    compiled = compiled_content(content.pk, manuscript_of(mail, content, preset))
    return Material(content, compiled, compiled_id(content.pk, compiled))


def compose_one(
    mail: Claimed, material: Material, files: Sequence[File] = ()
) -> Composed:
    """Return the message of one mail."""
    compiled = material.compiled
    links = _links(mail, compiled)
    rendered = render(
        compiled,
        scope(
            contact_id=mail.contact_id,
            address=mail.to_email,
            data=mail.data,
            variables=mail.variables,
            links=links,
        ),
    )
    raw = build_message(
        envelope=Envelope(
            from_email=mail.from_email,
            from_name=mail.from_name,
            to_email=mail.to_email,
            to_name=mail.to_name,
            subject=rendered.subject,
            reply_to=mail.reply_to,
            headers=with_list_headers(
                mail.headers or {}, links.get(UNSUBSCRIBE_URL, "")
            ),
        ),
        text=rendered.text,
        html=rendered.html,
        files=files,
        boundary=f"=_{mail.id.hex}",
    )
    variables = {**(mail.data or {}), **(mail.variables or {})}
    used = used_variables(compiled, variables)
    return Composed(mail, raw, Trace(material.compiled_id, sha256(raw).digest(), used))


def _named(mail: Claimed) -> dict[str, str]:
    return {"email": str(mail.id)}


def _stumbled(mail: Claimed, error: Exception) -> Attempt:
    is_final = isinstance(error, ValueError)
    outcome = Outcome.REJECTED if is_final else Outcome.RETRY
    return Attempt(mail, Answer(outcome, code="render", message=str(error)))


def manuscript_of(mail: Claimed, content: Content, preset: Preset) -> Manuscript:
    """Return what a mail is compiled from; equal for the mails of a campaign."""
    is_marketing = mail.kind == MailKind.MARKETING
    return Manuscript(
        subject=content.subject,
        body=content.body,
        text=content.text,
        preheader=content.preheader,
        style=content.style,
        kind=mail.kind,
        # Only the footer speaks: all other mail is the same in every language.
        language=preset.language_of(mail.data) if is_marketing else "en",
        look=preset.look,
    )


def _links(mail: Claimed, compiled: Compiled) -> dict[str, str]:
    """Return those of the recipient's own links that the content or the kind asks for.

    Signing one takes time: no other is made.
    """
    names = compiled.links
    if MailKind(mail.kind).needs_consent:
        names |= {UNSUBSCRIBE_URL}
    if not names:
        return {}
    sign = {
        UNSUBSCRIBE_URL: unsubscribe_url,
        SUBSCRIBE_URL: subscribe_url,
        MANAGE_URL: manage_url,
    }
    return {
        name: sign[name](
            project_id=mail.project_id, contact_id=mail.contact_id, email_id=mail.id
        )
        for name in names
    }


def _contents(ids: set[UUID]) -> dict[UUID, Content]:
    found: dict[UUID, Content] = {}
    for pk in ids:
        cached = _cache.get(pk)
        if cached is not None:
            found[pk] = cached
    missing = ids - found.keys()
    for pk, content in Content.objects.in_bulk(missing).items():
        found[pk] = content
        if len(content.body) <= _CACHED_CHARACTERS:
            if len(_cache) >= _CACHE_SIZE:
                _cache.clear()
            _cache[pk] = content
    return found


def _files(content: Content) -> list[File]:
    """Return the files, of one mail at a time: all of a batch may not fit in memory."""
    if not content.has_attachments:
        return []
    rows = Attachment.objects.filter(content_id=content.pk).order_by("position")
    return [
        File(
            row.filename,
            row.content_type,
            row.content_ref,
            row.is_inline,
            bytes(row.data),
            row.is_alternative,
        )
        for row in rows
    ]
