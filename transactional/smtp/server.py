"""The SMTP server: a loop that talks to clients, and threads that ask the database."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError, Thread
from typing import TypeVar

from django.db import close_old_connections, connections

from transactional.smtp.certificates import Certificates
from transactional.smtp.conversations import Conversation
from transactional.smtp.guarding import Guard
from transactional.smtp.options import Options

T = TypeVar("T")

logger = logging.getLogger(__name__)

#: How long sessions in the middle of a mail may take when the server is stopped.
STOP_SECONDS = 20.0
_HANDSHAKE_SECONDS = 15.0
_BACKLOG = 200


class PortTaken(Exception):
    """A port cannot be listened on; the message says which and why."""


class Server:
    """Both doors of one installation: TLS from the start, and STARTTLS."""

    def __init__(self, options: Options, certificates: Certificates) -> None:
        self.options = options
        self.certificates = certificates
        self.guard = Guard(
            connections=options.max_connections,
            per_address=options.max_connections_per_address,
        )
        self.is_closing = False
        self.held = 0
        self.secure_port = self.submission_port = 0
        self._conversations: set[Conversation] = set()
        self._pool = ThreadPoolExecutor(options.threads, thread_name_prefix="smtp")
        self._doors: list[asyncio.Server] = []

    # -- what conversations ask for ---------------------------------------------------
    async def run(self, work: Callable[[], T]) -> T:
        """Return what `work` returns in a thread that may ask the database."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, _with_database, work)

    def joined(self, conversation: Conversation) -> None:
        self._conversations.add(conversation)

    def left(self, conversation: Conversation) -> None:
        self._conversations.discard(conversation)

    # -- the life of a server ---------------------------------------------------------
    async def open(self) -> None:
        """Listen; raises PortTaken, with nothing opened, where that is not possible."""
        loop = asyncio.get_running_loop()
        options, context = self.options, self.certificates.context
        secure = _listen(options.host, options.secure_port)
        try:
            submission = _listen(options.host, options.submission_port)
        except PortTaken:
            secure.close()
            raise
        self.secure_port = secure.getsockname()[1]
        self.submission_port = submission.getsockname()[1]
        self._doors = [
            await loop.create_server(
                lambda: Conversation(self, context=None, loop=loop),
                sock=secure,
                ssl=context,
                ssl_handshake_timeout=_HANDSHAKE_SECONDS,
                backlog=_BACKLOG,
            ),
            await loop.create_server(
                lambda: Conversation(self, context=context, loop=loop),
                sock=submission,
                backlog=_BACKLOG,
            ),
        ]

    async def serve(self, until: asyncio.Event) -> None:
        """Serve until told to stop; then finish the mails that are on their way."""
        renewal = asyncio.create_task(self._renew_certificate())
        try:
            await until.wait()
        finally:
            renewal.cancel()
            await self._close()

    async def _close(self) -> None:
        self.is_closing = True
        for door in self._doors:
            door.close()
        for conversation in list(self._conversations):
            if not conversation.is_busy:
                conversation.dismiss()
        deadline = asyncio.get_running_loop().time() + STOP_SECONDS
        while self._conversations and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.05)
        for conversation in list(self._conversations):
            conversation.abort()
        await asyncio.to_thread(self._close_pool)

    def _close_pool(self) -> None:
        """End the threads, each with its own connection to the database."""
        barrier = Barrier(self.options.threads)
        for _ in range(self.options.threads):
            self._pool.submit(_close_connections, barrier)
        self._pool.shutdown(wait=True)

    async def _renew_certificate(self) -> None:
        while True:
            await asyncio.sleep(self.options.refresh_seconds)
            try:
                await asyncio.to_thread(self.certificates.refresh)
            except Exception:
                # The next look may find it mended; what is served goes on.
                logger.exception("the certificate's files cannot be looked at")


class Running:
    """A server in a thread of its own."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._loop = asyncio.new_event_loop()
        self._until = asyncio.Event()
        self._thread = Thread(target=self._serve, name="smtp", daemon=True)

    def start(self) -> None:
        """Listen, then serve in the background; raises PortTaken."""
        self._loop.run_until_complete(self.server.open())
        self._thread.start()

    def stop(self) -> None:
        """Finish the mails on their way, then return."""
        with suppress(RuntimeError):
            # The loop has ended by itself.
            self._loop.call_soon_threadsafe(self._until.set)
        self._thread.join()

    def _serve(self) -> None:
        try:
            self._loop.run_until_complete(self.server.serve(self._until))
        finally:
            self._loop.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(f"port {port} is taken by another program") from error
        if error.errno == errno.EACCES:
            raise PortTaken(f"port {port} is not for ordinary users") from error
        raise PortTaken(f"{host} port {port}: {error.strerror or error}") from error
    return listening


def _with_database(work: Callable[[], T]) -> T:
    """Do `work` with a connection that lives; what broke is made anew next time."""
    close_old_connections()
    try:
        return work()
    finally:
        close_old_connections()


def _close_connections(barrier: Barrier) -> None:
    """Close this thread's connections, once every thread is at it."""
    with suppress(BrokenBarrierError):
        barrier.wait(timeout=STOP_SECONDS)
    connections.close_all()
