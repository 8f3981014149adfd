"""From claimed mails to the messages that SES is given."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import Error

from contacts.links import manage_url, subscribe_url, unsubscribe_url
from transactional.attachments import File
from transactional.claiming import Claimed
from transactional.marketing import (
    MANAGE_URL,
    SUBSCRIBE_URL,
    UNSUBSCRIBE_URL,
    with_list_headers,
)
from transactional.mime import Envelope, build_message
from transactional.models import Attachment, Content, MailKind
from transactional.recording import Attempt
from transactional.rendering import (
    Compiled,
    compiled_content,
    render,
    scope,
    used_variables,
)
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
    #: What was filled in, where the mail cannot be shown again without it.
    variables: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Material:
    """What a mail is made of, besides its recipient."""

    content: Content
    files: list[File] = field(default_factory=list)


_cache: dict[UUID, Content] = {}


def compose(mails: list[Claimed]) -> Iterator[Composed | Attempt]:
    """Compose mails one by one; one that cannot be is an attempt that came to nothing
    and stops no other.

    What the mail itself says wrong ends it; anything else, such as a memory that is
    full or a fault of a new release, is worth another try.
    """
    contents = _contents({mail.content_id for mail in mails})
    for mail in mails:
        try:
            yield compose_one(mail, _material(contents[mail.content_id]))
        except Error:
            raise
        except Exception as error:
            logger.exception("a mail cannot be composed", extra={"email": str(mail.id)})
            is_final = isinstance(error, ValueError)
            outcome = Outcome.REJECTED if is_final else Outcome.RETRY
            yield Attempt(mail, Answer(outcome, code="render", message=str(error)))


def compose_one(mail: Claimed, material: Material) -> Composed:
    """Return the message of one mail."""
    content = material.content
    compiled = compiled_content(content.pk, content.subject, content.body, mail.kind)
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
        files=material.files,
        boundary=f"=_{mail.id.hex}",
    )
    variables = {**(mail.data or {}), **(mail.variables or {})}
    return Composed(mail, raw, used_variables(compiled, variables))


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


def _material(content: Content) -> Material:
    """Add the files, of one mail at a time: a batch of them may not fit in memory."""
    if not content.has_attachments:
        return Material(content)
    rows = Attachment.objects.filter(content_id=content.pk).order_by("position")
    files = [
        File(
            row.filename,
            row.content_type,
            row.content_ref,
            row.is_inline,
            bytes(row.data),
        )
        for row in rows
    ]
    return Material(content, files)
