"""What is answered to a command that has passed aiosmtpd's own checks."""

from __future__ import annotations

import asyncio
import logging
from base64 import b64decode
from binascii import Error as Base64Error
from typing import TYPE_CHECKING

from aiosmtpd.smtp import MISSING, Envelope, Session

from contacts.addresses import AddressError, normalise
from transactional.smtp import accepting
from transactional.smtp.houses import House
from transactional.smtp.refusals import CLOSING, line, reply_to

if TYPE_CHECKING:
    from transactional.smtp.conversations import Conversation

logger = logging.getLogger(__name__)

MAX_FAILURES = 5


class Clerk:
    """What aiosmtpd asks when a command has passed its own checks."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def handle_EHLO(
        self,
        server: Conversation,
        session: Session,
        envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        session.host_name = hostname
        dropped = {"250-SMTPUTF8", "250 HELP"}
        return [*(it for it in responses if it not in dropped), "250 PIPELINING"]

    async def handle_AUTH(
        self,
        server: Conversation,
        session: Session,
        envelope: Envelope,
        args: list[str],
    ) -> str | None:
        read = _plain if args[0] == "PLAIN" else _login
        given = await read(server, args[1] if len(args) > 1 else None)
        if given is None:
            return None
        user, password = given
        try:
            key = await self._house.run(lambda: accepting.log_in(user, password))
        except Exception as error:  # noqa: BLE001 - the last door
            return reply_to(error)
        if key is None:
            return await self._fail(server)
        server.key = key
        session.authenticated = True
        self._house.guard.succeeded(server.place or "")
        return "235 2.7.0 Welcome."

    async def _fail(self, server: Conversation) -> str | None:
        """Let whoever guesses wait; nobody else does."""
        server.failures += 1
        must_wait = self._house.guard.failed(server.place or "")
        logger.warning("wrong log-in by SMTP", extra={"address": server.place})
        await asyncio.sleep(self._house.options.failure_seconds)
        if must_wait or server.failures >= MAX_FAILURES:
            server.part_with("421 4.7.0 Too many failed log-ins; try again later.")
            return None
        return "535 5.7.8 The user is plunk, the password a secret key (sk_)."

    async def handle_MAIL(
        self,
        server: Conversation,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        if self._house.is_closing:
            return CLOSING
        if address == "<>":
            return "550 5.7.1 A mail of yours has a sender; answers go to Reply-To."
        if "SMTPUTF8" in options:
            return "555 5.5.4 SMTPUTF8 is not offered."
        if not address.isascii():
            return "553 5.6.7 The address has characters beyond ASCII."
        key = server.key or ""
        try:
            await self._house.run(lambda: accepting.admit(key, address))
        except Exception as error:  # noqa: BLE001 - the last door
            return reply_to(error)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Ok"

    async def handle_RCPT(
        self,
        server: Conversation,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        if not address.isascii():
            return "553 5.6.7 The address has characters beyond ASCII."
        try:
            recipient = normalise(address)
        except AddressError as error:
            return line("553 5.1.3", str(error))
        if recipient not in envelope.rcpt_tos:
            if len(envelope.rcpt_tos) >= self._house.options.max_recipients:
                most = self._house.options.max_recipients
                return f"452 4.5.3 A mail has at most {most} recipients."
            envelope.rcpt_tos.append(recipient)
        return "250 2.1.5 Ok"


Given = tuple[bytes, bytes] | None


async def _plain(server: Conversation, initial: str | None) -> Given:
    """Read user and password of AUTH PLAIN (RFC 4616); None: the reply is given."""
    answer = await _answer(server, "", initial)
    if answer is None:
        return None
    pieces = answer.split(b"\x00")
    if len(pieces) != 3:
        await server.push("501 5.5.2 Expected user and password.")
        return None
    return pieces[1], pieces[2]


async def _login(server: Conversation, initial: str | None) -> Given:
    """Read user and password of AUTH LOGIN; None: the reply is given."""
    user = await _answer(server, "Username:", initial)
    password = None if user is None else await _answer(server, "Password:", None)
    if user is None or password is None:
        return None
    return user, password


async def _answer(
    server: Conversation, challenge: str, initial: str | None
) -> bytes | None:
    if initial is None:
        answer = await server.challenge_auth(challenge)
        return None if answer is MISSING else answer
    try:
        # A lone = is an empty answer (RFC 4954, 4).
        return b"" if initial == "=" else b64decode(initial.encode(), validate=True)
    except (Base64Error, ValueError):
        await server.push("501 5.5.2 That is not base64.")
        return None
