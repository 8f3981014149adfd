"""What a client of SMTP may do, and the mail it leaves: all that asks the database.

Every function here runs in a thread, beside the loop that talks to clients.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError

from plunk.api.errors import Invalid, InvalidKey
from plunk.api.idempotency import once
from plunk.api.keys import Caller, caller_of, forget_cached_keys
from plunk.api.ratelimit import limit_requests
from plunk.postgresql import past_deadlocks
from plunk.projects.models import KeyKind
from transactional.models import Source
from transactional.outbox import Order, Recipient, accept
from transactional.senders import choose_sender
from transactional.smtp.reading import Letter, read_letter
from transactional.smtp.refusals import NOT_FROM_THERE, Refused, line

logger = logging.getLogger(__name__)

USER = b"plunk"
#: Ids that a reply has room for; the others are on the Emails page.
_IDS = 10


def log_in(user: bytes, password: bytes) -> str | None:
    """Return the secret key that opens this door; None for anything else.

    Raises ProjectDisabled for the key of a disabled project.
    """
    try:
        key = password.decode("ascii")
    except UnicodeDecodeError:
        return None
    if user.lower() != USER:
        return None
    try:
        caller_of(key, KeyKind.SECRET)
    except InvalidKey:
        return None
    return key


def admit(key: str, envelope_sender: str) -> None:
    """Let a client begin a mail; raises whatever keeps it from that.

    The mail counts as a request of the project, and its envelope must name a domain of
    the project as its From header must.
    """
    caller = caller_of(key, KeyKind.SECRET)
    limit_requests(caller.project_id, kind=caller.kind)
    try:
        choose_sender(project_id=caller.project_id, email=envelope_sender, name="")
    except Invalid as error:
        raise Refused("553 5.1.7", f"The sender {error.message[:200]}") from error


def receive(key: str, recipients: Sequence[str], raw: bytes) -> str:
    """Accept a mail for each recipient; return the reply, once it is committed."""
    started = time.perf_counter()
    letter = read_letter(raw)
    try:
        ids = _accept(key, recipients, letter)
    except IntegrityError:
        # The project may have been deleted while its key was still believed, or a
        # contact erased in the very moment: what is done is one transaction.
        forget_cached_keys()
        ids = _accept(key, recipients, letter)
    logger.info(
        "mail by SMTP",
        extra={
            "recipients": len(ids),
            "bytes": len(raw),
            "ms": round((time.perf_counter() - started) * 1000, 1),
        },
    )
    more = f" and {len(ids) - _IDS} more" if len(ids) > _IDS else ""
    return line("250 2.0.0", f"Accepted as {' '.join(ids[:_IDS])}{more}")


def _accept(key: str, recipients: Sequence[str], letter: Letter) -> list[str]:
    """Accept a mail once by its Idempotency-Key; return its ids.

    A client whose mail has more recipients than we take at once sends the same to the
    others: that is another mail under the same key, and not the first one again.
    """
    caller = caller_of(key, KeyKind.SECRET)
    # A hash: what is kept of an answer names nobody.
    to, given = _hashed(sorted(recipients)), letter.idempotency_key

    def accept_as(name: str | None) -> dict[str, Any]:
        answer = past_deadlocks(
            lambda: once(
                project_id=caller.project_id,
                key=name,
                request="SMTP",
                body=_fingerprinted(letter),
                work=lambda: _answer(_order(caller, recipients, letter), to),
            )
        )
        body: dict[str, Any] = answer.body
        return body

    body = accept_as(given)
    # An answer that was scrubbed for an erased contact says no more whom it was for.
    if given is not None and body.get("to", to) != to:
        body = accept_as(f"SMTP {_hashed([given, to])}")
    return [str(it) for it in body.get("emails", [])]


def _hashed(lines: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _answer(order: Order, to: str) -> dict[str, Any]:
    emails = [str(mail.id) for mail in accept(order)]
    return {"success": True, "emails": emails, "to": to}


def _order(caller: Caller, recipients: Sequence[str], letter: Letter) -> Order:
    try:
        sender = choose_sender(
            project_id=caller.project_id,
            email=letter.from_email,
            name=letter.from_name or caller.from_name or caller.project_name,
        )
    except Invalid as error:
        raise Refused(NOT_FROM_THERE, f"The From header: {error.message}") from error
    return Order(
        project_id=caller.project_id,
        recipients=[Recipient(it, letter.names.get(it, "")) for it in recipients],
        draft=letter.draft,
        sender=sender,
        reply_to=letter.reply_to or caller.reply_to,
        source=Source.SMTP,
        headers=letter.headers,
        double_opt_in=caller.double_opt_in,
    )


def _fingerprinted(letter: Letter) -> dict[str, Any]:
    """Return what makes two mails the same one: not their dates, ids and boundaries."""
    draft = letter.draft
    return {
        "from": [letter.from_name, letter.from_email],
        "replyTo": letter.reply_to,
        "subject": draft.subject,
        "html": draft.body,
        "text": draft.text,
        "headers": letter.headers,
        "files": [
            [
                file.filename,
                file.content_type,
                file.content_ref,
                hashlib.sha256(file.data).hexdigest(),
            ]
            for file in draft.files
        ],
    }
