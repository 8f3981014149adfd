"""A client's session: aiosmtpd's, with what a server for strangers needs beside it.

Overridden is where aiosmtpd is too trusting: the reading of addresses and of a mail's
lines, the time-outs, the replies of commands that we do not offer, and its log, which
names everybody.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast

from aiosmtpd.smtp import SMTP, Envelope

from transactional.smtp import accepting
from transactional.smtp.clerks import Clerk
from transactional.smtp.guarding import place_of
from transactional.smtp.houses import END_OF_MAIL, Held, House
from transactional.smtp.refusals import CLOSING, OUT_OF_ORDER, line, reply_to

logger = logging.getLogger(__name__)
# What passes is logged by ourselves, without addresses and keys.
logging.getLogger("mail.log").setLevel(logging.CRITICAL + 1)

_PATH = re.compile(r"<([^<>\s]*)>(?:\s+(\S.*))?")
_COMMAND_OCTETS = 1_000
#: How long a client may take to read our last words.
_PARTING_SECONDS = 5.0


class Conversation(SMTP):
    """One connection of a client, from the greeting to the end."""

    def __init__(
        self, house: House, *, context: Any, loop: asyncio.AbstractEventLoop
    ) -> None:
        """`context` is for STARTTLS; None where TLS has begun before the greeting."""
        self.house = house
        self.place: str | None = None
        self.key: str | None = None
        self.failures = 0
        #: Whether it is in the middle of a mail, which a stop waits for.
        self.is_busy = False
        super().__init__(
            Clerk(house),
            data_size_limit=house.options.max_bytes,
            # Not offered; but an address beyond ASCII shall hear what is wrong.
            enable_SMTPUTF8=True,
            hostname=house.options.domain,
            ident="ESMTP",
            tls_context=context,
            require_starttls=context is not None,
            timeout=house.options.idle_seconds,
            auth_require_tls=context is not None,
            loop=loop,
        )
        # The class's own is shared, and grows with every EHLO.
        self.command_size_limits = defaultdict(lambda: _COMMAND_OCTETS)

    @property
    def mail(self) -> Envelope:
        """The mail that is being said: aiosmtpd has one from the first moment."""
        return cast("Envelope", self.envelope)

    # -- coming and going -------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        is_first = self._original_transport is None
        super().connection_made(transport)
        if not is_first:
            return
        place = place_of(transport.get_extra_info("peername"))
        refusal = self.house.guard.enter(place)
        if refusal:
            if self._handler_coroutine is not None:
                self._handler_coroutine.cancel()
            self.part_with(line("421 4.7.0", refusal))
            return
        self.place = place
        self.house.joined(self)

    def connection_lost(self, error: Exception | None) -> None:
        if self.place is not None:
            self.house.guard.leave(self.place)
            self.place = None
        self.house.left(self)
        super().connection_lost(error)

    def dismiss(self) -> None:
        """Say goodbye to a client that is not in the middle of a mail."""
        self.part_with(CLOSING)

    def part_with(self, words: str) -> None:
        """Say a last word and hang up."""
        transport = cast("asyncio.Transport | None", self.transport)
        if transport is None or transport.is_closing():
            return
        transport.write(f"{words}\r\n".encode())
        transport.close()
        # One that does not read would keep us for ever.
        self.loop.call_later(_PARTING_SECONDS, transport.abort)

    def abort(self) -> None:
        """Hang up without a word."""
        transport = cast("asyncio.Transport | None", self.transport)
        if transport is not None:
            transport.abort()

    def _timeout_cb(self) -> None:
        self.part_with("421 4.4.2 You were silent for too long.")

    def _reset_timeout(self, duration: float | None = None) -> None:
        if duration is None and self.key is None:
            duration = self.house.options.stranger_seconds
        super()._reset_timeout(duration)

    async def _handle_client(self) -> None:
        try:
            await super()._handle_client()
        except (ConnectionError, asyncio.IncompleteReadError):
            # Gone in the middle of a sentence: nothing is left to be said.
            logger.debug("a client hung up")

    async def handle_exception(self, error: Exception) -> str:
        if isinstance(error, ValueError | asyncio.LimitOverrunError):
            return "500 5.5.2 That cannot be read."
        logger.error("a session of SMTP failed", exc_info=error)
        return OUT_OF_ORDER

    # -- commands ---------------------------------------------------------------------
    async def check_auth_needed(self, caller_method: str) -> bool:
        if self.key is not None:
            return False
        await self.push("530 5.7.0 Log in first.")
        return True

    async def smtp_AUTH(self, arg: str | None) -> None:
        if self.mail.mail_from:
            await self.push("503 5.5.1 Not in the middle of a mail.")
            return
        mechanism, space, rest = (arg or "").partition(" ")
        # aiosmtpd knows its mechanisms in capitals only (RFC 4422: any case).
        await super().smtp_AUTH(f"{mechanism.upper()}{space}{rest}" or None)

    async def smtp_VRFY(self, arg: str | None) -> None:
        await self.push("502 5.5.1 Not here.")

    async def smtp_EXPN(self, arg: str | None) -> None:
        await self.push("502 5.5.1 Not here.")

    async def smtp_HELP(self, arg: str | None) -> None:
        await self.push("214 2.0.0 Log in as plunk with a secret key of your project.")

    async def smtp_DATA(self, arg: str | None) -> None:
        if await self.check_helo_needed() or await self.check_auth_needed("DATA"):
            return
        if not self.mail.rcpt_tos:
            await self.push("503 5.5.1 Say to whom first (RCPT).")
            return
        if arg:
            await self.push("501 5.5.4 Syntax: DATA")
            return
        self.is_busy = True
        try:
            await self.push(await self._receive())
        finally:
            self.is_busy = False
        if self.house.is_closing:
            self.dismiss()

    async def _receive(self) -> str:
        """Read a mail and accept it; return the reply."""
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        # All of it has this time, however it trickles; and the database its own.
        self._reset_timeout(self.house.options.data_seconds)
        mail, held = self.mail, Held(self.house)
        try:
            refusal = await self._collect(held)
            if refusal:
                return refusal
            key, raw = self.key or "", held.take()
            return await self.house.run(
                lambda: accepting.receive(key, mail.rcpt_tos, raw)
            )
        except ConnectionError:
            raise
        except Exception as error:  # noqa: BLE001 - the last door
            return reply_to(error)
        finally:
            held.release()
            self.envelope = self._create_envelope()
            if self.transport is not None:
                self._reset_timeout()

    async def _collect(self, held: Held) -> str:
        """Read up to the end of the mail; return what is wrong with its size."""
        # The mail may be empty: then the line break of DATA is the first of its end.
        buffer: bytearray = self._reader._buffer  # type: ignore[attr-defined]  # noqa: SLF001
        buffer[:0] = b"\r\n"
        refusal, is_over = "", False
        while not is_over:
            self._acknowledge_at_once()
            try:
                piece = await self._reader.readuntil(END_OF_MAIL)
                is_over = True
            except asyncio.LimitOverrunError as overrun:
                piece = await self._reader.readexactly(overrun.consumed)
            refusal = refusal or held.add(piece)
            if refusal:
                held.release()
        return refusal

    def _acknowledge_at_once(self) -> None:
        """Ask the kernel not to wait with its next acknowledgement, where it can be
        asked: a client's last packet waits for it (Nagle), 40 ms a mail.
        """
        option = getattr(socket, "TCP_QUICKACK", None)
        connection: Any = self.transport and self.transport.get_extra_info("socket")
        if option is not None and connection is not None:
            with suppress(OSError):
                connection.setsockopt(socket.IPPROTO_TCP, option, 1)

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        """Return an address between < and >, and what follows; None: there is none.

        An empty one is returned as `<>`: what it means depends on the command.
        """
        match = _PATH.fullmatch(arg.strip()) if arg else None
        if match is None:
            return None, None
        return match[1] or "<>", match[2] or ""

    def _getparams(self, params: Sequence[str]) -> dict[str, str | bool] | None:
        found: dict[str, str | bool] | None = super()._getparams(
            [it for it in params if not it.startswith("AUTH=")]
        )
        return found
