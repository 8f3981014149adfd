"""Accepting mail: rows first, everything else later.

Whoever gets an id back can rely on it: the mail, its content and its contact are one
committed transaction. Nothing here talks to SES or to the broker.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import transaction

from contacts.data import data_that_fits
from contacts.ledger import Act
from contacts.models import Door
from contacts.subscriptions import set_all_subscribed
from contacts.upserting import (
    CONTACT_CTE,
    Person,
    Upserted,
    contact_params,
    upsert_contacts,
)
from plunk.api.errors import BadRequest
from plunk.api.strictjson import write
from plunk.ids import new_id
from plunk.postgresql import fetch_all, is_postgresql
from plunk.waking import wake_on_commit
from transactional.contents import Draft, content_id, content_of, store_files
from transactional.models import Content, Email, MailKind, Source
from transactional.senders import Sender


class ContactUnsubscribed(BadRequest):
    code = "CONTACT_UNSUBSCRIBED"
    suggestion = "Use a transactional template, or subscribe the contact first."


@dataclass(frozen=True, slots=True)
class Recipient:
    """Where a mail goes: a normalised address, and a name to go with it."""

    email: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """A mail to one or several recipients, who never see each other."""

    project_id: UUID
    recipients: Sequence[Recipient]
    draft: Draft
    sender: Sender
    reply_to: str = ""
    kind: MailKind = MailKind.TRANSACTIONAL
    source: Source = Source.API
    template_id: UUID | None = None
    template_version: int | None = None
    #: Whether opens and clicks are counted; None: as the project says.
    tracks: bool | None = None
    headers: dict[str, str] = field(default_factory=dict)
    #: What is kept with every recipient's contact, removed from it, and filled in.
    stored: dict[str, Any] = field(default_factory=dict)
    removed: Sequence[str] = ()
    variables: dict[str, Any] = field(default_factory=dict)
    subscribed: bool | None = None
    #: Whether the project asks its contacts to confirm.
    double_opt_in: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """One mail of an order, in the order of its recipients."""

    id: UUID
    contact_id: UUID
    address: str


def accept(order: Order) -> list[Accepted]:
    """Queue an order; returns one mail for each recipient.

    Raises ContactUnsubscribed, with nothing stored, where marketing would go to
    somebody who has not agreed to it, and Invalid where a contact's data grows too
    large.
    """
    with data_that_fits(), _transaction_for(order):
        mails = {recipient.email: new_id() for recipient in order.recipients}
        write = _write_postgresql if is_postgresql() else _write_portable
        contacts = {row.email: row for row in write(order, mails)}
        if order.draft.files:
            store_files(
                content=content_id(order.project_id, order.draft),
                files=order.draft.files,
            )
        _settle_consent(order, contacts)
        wake_on_commit("transactional.tasks.deliver")
    return [
        Accepted(mails[recipient.email], contacts[recipient.email].id, recipient.email)
        for recipient in order.recipients
    ]


def _transaction_for(order: Order) -> AbstractContextManager[Any]:
    """Open a transaction unless the order is a single statement, atomic by itself."""
    is_single = (
        is_postgresql()
        and not order.draft.files
        and not order.subscribed
        and not order.kind.needs_consent
    )
    return nullcontext() if is_single else transaction.atomic()


def _people(order: Order) -> list[Person]:
    return [
        Person(
            recipient.email,
            order.stored | ({"name": recipient.name} if recipient.name else {}),
            order.removed,
        )
        for recipient in order.recipients
    ]


_ACCEPT_SQL = f"""
WITH {CONTACT_CTE},
content AS (
  INSERT INTO transactional_content (
    id, project_id, subject, preheader, body, text, style, has_attachments
  )
  VALUES (
    %(content_id)s, %(project_id)s, %(subject)s, %(preheader)s, %(body)s, %(text)s,
    %(style)s, %(has_attachments)s
  )
  ON CONFLICT (id) DO NOTHING
),
queued AS (
  INSERT INTO transactional_email (
    id, project_id, contact_id, content_id, template_id, template_version, kind,
    source, to_email, to_name, from_email, from_name, reply_to, headers, variables,
    tracks
  )
  SELECT
    mail.id, %(project_id)s, contact.id, %(content_id)s, %(template_id)s,
    %(template_version)s, %(kind)s, %(source)s, contact.email, mail.name,
    %(from_email)s, %(from_name)s, %(reply_to)s, %(headers)s::jsonb,
    %(variables)s::jsonb, %(tracks)s
  FROM unnest(%(email_ids)s::uuid[], %(addresses)s::text[], %(names)s::text[])
    AS mail(id, email, name)
  JOIN contact USING (email)
)
SELECT * FROM contact
"""  # noqa: S608 - constants only


def _write_postgresql(order: Order, mails: dict[str, UUID]) -> list[Upserted]:
    params = contact_params(
        project_id=order.project_id,
        people=_people(order),
        subscribed_when_new=_is_subscribed_when_new(order),
        door=Door.SEND,
    )
    params |= {
        "content_id": content_id(order.project_id, order.draft),
        "subject": order.draft.subject,
        "preheader": order.draft.preheader,
        "body": order.draft.body,
        "text": order.draft.text,
        "style": str(order.draft.style),
        "has_attachments": bool(order.draft.files),
        "template_id": order.template_id,
        "template_version": order.template_version,
        "tracks": order.tracks,
        "kind": order.kind.value,
        "source": order.source.value,
        "from_email": order.sender.email,
        "from_name": order.sender.name,
        "reply_to": order.reply_to,
        "headers": _json(order.headers),
        "variables": _json(order.variables),
        "email_ids": list(mails.values()),
        "names": [recipient.name for recipient in order.recipients],
    }
    return [Upserted(*row) for row in fetch_all(_ACCEPT_SQL, params)]


def _write_portable(order: Order, mails: dict[str, UUID]) -> list[Upserted]:
    contacts = upsert_contacts(
        project_id=order.project_id,
        people=_people(order),
        subscribed_when_new=_is_subscribed_when_new(order),
        door=Door.SEND,
    )
    content = content_of(order.project_id, order.draft)
    Content.objects.bulk_create([content], ignore_conflicts=True)
    Email.objects.bulk_create(
        Email(
            id=mails[contact.email],
            project_id=order.project_id,
            contact_id=contact.id,
            content_id=content.pk,
            template_id=order.template_id,
            template_version=order.template_version,
            tracks=order.tracks,
            kind=order.kind,
            source=order.source,
            to_email=contact.email,
            to_name=recipient.name,
            from_email=order.sender.email,
            from_name=order.sender.name,
            reply_to=order.reply_to,
            headers=order.headers or None,
            variables=order.variables or None,
        )
        for contact, recipient in zip(contacts, order.recipients, strict=True)
    )
    return contacts


def _json(value: dict[str, Any]) -> str | None:
    return write(value).decode() if value else None


def _is_subscribed_when_new(order: Order) -> bool:
    return bool(order.subscribed) and not order.double_opt_in


def _settle_consent(order: Order, contacts: dict[str, Upserted]) -> None:
    """Subscribe whom the sender says has agreed; refuse marketing to anybody else.

    A test goes to a member who asked for it, whatever kind of mail it shows.
    """
    out = [contact for contact in contacts.values() if not contact.subscribed]
    if out and order.subscribed:
        back = set_all_subscribed(
            project_id=order.project_id,
            contact_ids=[contact.id for contact in out],
            subscribed=True,
            act=Act(Door.SEND, "api"),
            double_opt_in=order.double_opt_in,
        )
        out = [contact for contact in out if contact.id not in back]
    if out and order.kind.needs_consent and order.source != Source.TEST:
        raise ContactUnsubscribed(
            f"{out[0].email} has not agreed to mail of this kind."
        )
