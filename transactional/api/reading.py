"""The body of `POST /v1/send`, in both generations' shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from contacts.addresses import normalise
from contacts.data import read_data
from plunk.api.endpoints import Call
from plunk.api.fields import Fields
from transactional.attachments import File, read_attachments
from transactional.contents import Draft
from transactional.headers import read_headers
from transactional.mime import MAX_MESSAGE_BYTES
from transactional.models import MailKind, Style
from transactional.outbox import Order, Recipient
from transactional.senders import choose_sender
from transactional.templates import template_of

MAX_RECIPIENTS = 50
MAX_BODY_CHARACTERS = 5_000_000
MAX_NAME = 200
MAX_SUBJECT = 998


def read_order(call: Call) -> Order:
    """Return what a request orders.

    Raises Invalid naming every wrong field, TemplateNotFound, DomainNotVerified.
    """
    fields = Fields(call.body)
    recipients = _recipients(fields)
    sender = _address(fields, "from")
    name = fields.text("name", maximum=MAX_NAME)
    reply = fields.value("reply", "replyTo")
    reply_to = fields.convert("reply", reply, normalise) if reply is not None else None
    subscribed = fields.boolean("subscribed")
    tracks = fields.boolean("tracking")
    headers = read_headers(fields)
    data = read_data(fields)
    files = read_attachments(fields)
    subject = fields.text("subject", maximum=MAX_SUBJECT, blank=False)
    body = fields.text(
        "body", maximum=MAX_BODY_CHARACTERS, single_line=False, blank=False
    )
    if body and _encoded_size(body, files) > MAX_MESSAGE_BYTES:
        fields.fail("body", "The mail has more than 40 MB once encoded.", "too_big")
    template_id = _template_id(fields)
    if template_id is None:
        fields.require("subject", subject)
        fields.require("body", body)
    fields.finish()
    project_id = call.caller.project_id
    template = template_of(project_id, template_id) if template_id else None
    named = sender or Recipient("")
    return Order(
        project_id=project_id,
        recipients=recipients,
        draft=Draft(
            subject or (template.subject if template else ""),
            body or (template.body if template else ""),
            files,
            preheader=template.preheader if template else "",
            style=template.style if template and not body else Style.HTML,
        ),
        sender=choose_sender(
            project_id=project_id,
            email=named.email
            or (template.from_email if template else "")
            or call.caller.from_email,
            name=named.name
            or name
            or (template.from_name if template else "")
            or call.caller.from_name
            or call.caller.project_name,
        ),
        reply_to=reply_to
        or (template.reply_to if template else "")
        or call.caller.reply_to,
        kind=MailKind(template.kind) if template else MailKind.TRANSACTIONAL,
        template_id=template.pk if template else None,
        template_version=template.version if template else None,
        tracks=template.tracks if tracks is None and template else tracks,
        headers=headers,
        stored=data.stored,
        removed=data.removed,
        variables=data.values,
        subscribed=subscribed,
        double_opt_in=call.caller.double_opt_in,
    )


def _encoded_size(body: str, files: Sequence[File]) -> int:
    """Return about how many bytes the message has: text, HTML and files in base64."""
    size = 2 * len(body.encode()) + sum(len(file.data) for file in files)
    return size * 78 // 57


def _recipients(fields: Fields) -> list[Recipient]:
    """Read `to`: one or many addresses or `{email, name}`, without duplicates."""
    given = fields.value("to")
    if given is None:
        fields.require("to", None)
        return []
    if not isinstance(given, list):
        one = _recipient(fields, "to", given)
        return [one] if one else []
    if not 1 <= len(given) <= MAX_RECIPIENTS:
        fields.fail(
            "to",
            f"Expected 1 to {MAX_RECIPIENTS} recipients.",
            "too_big" if given else "too_small",
        )
        return []
    found = [_recipient(fields, f"to.{i}", item) for i, item in enumerate(given)]
    unique: dict[str, Recipient] = {}
    for recipient in found:
        if recipient:
            unique.setdefault(recipient.email, recipient)
    return list(unique.values())


def _address(fields: Fields, name: str) -> Recipient | None:
    given = fields.value(name)
    return None if given is None else _recipient(fields, name, given)


def _recipient(fields: Fields, path: str, given: Any) -> Recipient | None:
    name: str | None = None
    if isinstance(given, dict):
        name = fields.text(f"{path}.name", maximum=MAX_NAME, value=given.get("name"))
        given, path = given.get("email"), f"{path}.email"
        if given is None:
            fields.fail(path, "Is required.", "required")
            return None
    elif not isinstance(given, str):
        fields.wrong_type(path, "string or {email, name}", given)
        return None
    address = fields.convert(path, given, normalise)
    return Recipient(address, (name or "").strip()) if address else None


def _template_id(fields: Fields) -> UUID | None:
    given = fields.value("template")
    if given is None:
        return None
    return fields.convert("template", given, _uuid)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise ValueError("Is not the id of a template.") from error
