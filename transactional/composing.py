"""From claimed mails to the messages that SES is given."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db import Error

from contacts.links import Issuer, Purpose
from transactional.attachments import File
from transactional.claiming import Claimed
from transactional.compiling import Prepared, keep_prepared
from transactional.compiling import prepare as prepare_content
from transactional.manuscripts import Manuscript
from transactional.marketing import MANAGE_URL, SUBSCRIBE_URL, UNSUBSCRIBE_URL
from transactional.mime import Envelope, build_message
from transactional.models import Attachment, Content, MailKind, Source
from transactional.own_headers import headers_of
from transactional.presets import Preset, presets_of
from transactional.recording import Attempt, Trace
from transactional.rendering import Compiled, filled_in, moment, render, scope
from transactional.ses import Answer, Outcome
from transactional.tracking import (
    Counter,
    counted,
    counter,
    link_address,
    pixel_address,
)

logger = logging.getLogger(__name__)

#: Contents that this process has read, so that a campaign's body is read once.
_CACHE_SIZE = 128
_CACHED_CHARACTERS = 200_000

#: What the recipient's own links are called in a content, and what each is good for.
_PURPOSES = {
    UNSUBSCRIBE_URL: Purpose.UNSUBSCRIBE,
    SUBSCRIBE_URL: Purpose.SUBSCRIBE,
    MANAGE_URL: Purpose.MANAGE,
}


@dataclass(frozen=True, slots=True)
class Composed:
    """A mail, ready to leave."""

    mail: Claimed
    raw: bytes
    trace: Trace
    #: Who counts its opens and clicks.
    counter: Counter


@dataclass(frozen=True, slots=True)
class Material:
    """What a mail is made of, besides its recipient and its files."""

    prepared: Prepared
    language: str
    counter: Counter


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
    keep_prepared(material.prepared for _, material in materials)
    for mail, material in materials:
        try:
            yield compose_one(mail, material, files_of(material.prepared.content))
        except Error:
            raise
        except Exception as error:
            logger.exception("a mail cannot be composed", extra=_named(mail))
            yield _stumbled(mail, error)


def prepare(mail: Claimed, content: Content, preset: Preset) -> Material:
    """Compile what a mail is made of; a few look-ups for all but the first of many."""
    who = counter_of(mail, preset)
    is_ours = who is Counter.OWN
    return Material(
        prepare_content(
            content,
            manuscript_of(mail, content, preset, marks_links=is_ours),
            tracking_host=preset.tracking_host if is_ours else "",
        ),
        preset.language_of(mail.data),
        who,
    )


def counter_of(mail: Claimed, preset: Preset) -> Counter:
    """Return who counts a mail's opens and clicks."""
    return counter(
        # Whoever tries a mail out is no reader.
        tracks=mail.tracks if mail.source != Source.TEST else False,
        kind=mail.kind,
        mode=preset.tracking,
        tracker=preset.tracker,
    )


def compose_one(
    mail: Claimed, material: Material, files: Sequence[File] = ()
) -> Composed:
    """Return the message of one mail."""
    prepared = material.prepared
    filled = filled_in(
        prepared.compiled,
        data=mail.data,
        variables=mail.variables,
        moment=moment(subscribed=mail.subscribed, language=material.language),
    )
    issuer = Issuer.now()
    raw = message_of(
        mail,
        prepared,
        filled=filled,
        links=links_of(mail, prepared.compiled, issuer),
        files=files,
        issuer=issuer,
    )
    trace = Trace(prepared.id, sha256(raw).digest(), filled)
    return Composed(mail, raw, trace, material.counter)


def message_of(
    mail: Claimed,
    prepared: Prepared,
    *,
    filled: Mapping[str, Any] | None,
    links: Mapping[str, str],
    files: Sequence[File],
    issuer: Issuer,
) -> bytes:
    """Return the bytes of a mail, made of nothing but what is kept: equal arguments
    give equal bytes, today and when the mail is shown again.
    """
    rendered = render(
        prepared.compiled,
        scope(
            contact_id=mail.contact_id,
            address=mail.to_email,
            data=filled,
            variables=mail.variables,
            links=links,
        ),
    )
    return build_message(
        envelope=Envelope(
            from_email=mail.from_email,
            from_name=mail.from_name,
            to_email=mail.to_email,
            to_name=mail.to_name,
            subject=rendered.subject,
            reply_to=mail.reply_to,
            headers=headers_of(mail, links.get(UNSUBSCRIBE_URL, "")),
        ),
        text=rendered.text,
        html=_counted(mail.id, rendered.html, prepared, issuer),
        files=files,
        boundary=f"=_{mail.id.hex}",
    )


def _counted(email_id: UUID, html: str, prepared: Prepared, issuer: Issuer) -> str:
    """Return HTML whose links lead past this installation, if it is to count them."""
    if not prepared.is_counted:
        return html
    made_by = {"app_uri": issuer.app_uri, "secret": issuer.secret}
    host = prepared.tracking_host
    return counted(
        html,
        address=lambda url: link_address(email_id, url, host, **made_by),
        pixel=pixel_address(email_id, host, **made_by),
        app_uri=issuer.app_uri,
    )


def links_of(mail: Claimed, compiled: Compiled, issuer: Issuer) -> dict[str, str]:
    """Return those of the recipient's own links that the content or the kind asks for.

    Signing one takes time: no other is made.
    """
    names = compiled.links
    if MailKind(mail.kind).needs_consent:
        names |= {UNSUBSCRIBE_URL}
    return {
        name: issuer.url(
            _PURPOSES[name],
            project_id=mail.project_id,
            contact_id=mail.contact_id,
            email_id=mail.id,
        )
        for name in names
    }


def manuscript_of(
    mail: Claimed, content: Content, preset: Preset, *, marks_links: bool = False
) -> Manuscript:
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
        marks_links=marks_links,
    )


def files_of(content: Content) -> list[File]:
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


def _named(mail: Claimed) -> dict[str, str]:
    return {"email": str(mail.id)}


def _stumbled(mail: Claimed, error: Exception) -> Attempt:
    is_final = isinstance(error, ValueError)
    outcome = Outcome.REJECTED if is_final else Outcome.RETRY
    return Attempt(mail, Answer(outcome, code="render", message=str(error)))


def _contents(ids: set[UUID]) -> dict[UUID, Content]:
    found: dict[UUID, Content] = {}
    for pk in ids:
        cached = _cache.get(pk)
        if cached is not None:
            found[pk] = cached
    missing = ids - found.keys()
    for pk, content in Content.objects.in_bulk(missing).items():
        found[pk] = content
        if len(content.body) + len(content.text) <= _CACHED_CHARACTERS:
            if len(_cache) >= _CACHE_SIZE:
                _cache.clear()
            _cache[pk] = content
    return found
