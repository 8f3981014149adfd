"""What mails say, kept once and addressed by its hash."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import orjson
from django.db.models.functions import Now

from transactional.attachments import File
from transactional.models import Attachment, Content, Style


@dataclass(frozen=True, slots=True)
class Draft:
    """Subject, body and files, as the sender gave them."""

    subject: str
    body: str
    files: Sequence[File] = field(default_factory=list)
    #: The sender's own plain text; empty: made of the body.
    text: str = ""
    preheader: str = ""
    style: str = Style.HTML


def content_id(project_id: UUID, draft: Draft) -> UUID:
    """Return the key of a content: 128 bits of its SHA-256 and the project's id.

    The project is part of it, so nobody learns or shares what another project said; a
    collision would take 2^64 contents of one project.
    """
    parts = [
        draft.subject,
        draft.body,
        [draft.text, draft.preheader, draft.style],
        *(
            [
                file.filename,
                file.content_type,
                file.content_ref,
                [file.is_inline, file.is_alternative],
                hashlib.sha256(file.data).hexdigest(),
            ]
            for file in draft.files
        ),
    ]
    hashed = hashlib.sha256(project_id.bytes + orjson.dumps(parts)).digest()
    return UUID(bytes=hashed[:16])


def content_of(project_id: UUID, draft: Draft) -> Content:
    """Return the row of a content, for `bulk_create` with `ignore_conflicts`."""
    return Content(
        id=content_id(project_id, draft),
        project_id=project_id,
        subject=draft.subject,
        preheader=draft.preheader,
        body=draft.body,
        text=draft.text,
        style=draft.style,
        has_attachments=bool(draft.files),
        created_at=Now(),
    )


def store_files(*, content: UUID, files: Sequence[File]) -> None:
    """Store the files of a content whose row is written; again is a no-op."""
    Attachment.objects.bulk_create(
        [
            Attachment(
                content_id=content,
                position=position,
                filename=file.filename,
                content_type=file.content_type,
                content_ref=file.content_ref,
                is_inline=file.is_inline,
                is_alternative=file.is_alternative,
                data=file.data,
            )
            for position, file in enumerate(files)
        ],
        ignore_conflicts=True,
    )
