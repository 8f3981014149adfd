"""Take mail by SMTP: a process of its own, beside web and worker."""

from __future__ import annotations

import asyncio
import logging
import signal
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from plunk.draining import announce_stop
from transactional.smtp.certificates import CertificateError, Certificates
from transactional.smtp.options import certificate_source, from_settings
from transactional.smtp.server import PortTaken, Server

logger = logging.getLogger(__name__)

_AGAIN_SECONDS = 10.0


class Command(BaseCommand):
    help = "Take mail by SMTP, with TLS from the start and with STARTTLS."
    requires_system_checks: tuple[str, ...] = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--patient",
            action="store_true",
            help="Wait for a port that is taken instead of ending.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.SMTP_ENABLED:
            raise CommandError("SMTP_ENABLED is off.")
        try:
            asyncio.run(_serve(is_patient=options["patient"]))
        except (PortTaken, CertificateError) as error:
            raise CommandError(f"SMTP: {error}.") from error


async def _serve(*, is_patient: bool) -> None:
    until = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, until.set)
    server = Server(from_settings(), Certificates(certificate_source()))
    while not await _opened(server, is_patient=is_patient):
        try:
            await asyncio.wait_for(until.wait(), _AGAIN_SECONDS)
        except TimeoutError:
            continue
        return
    logger.info(
        "taking mail by SMTP",
        extra={"secure": server.secure_port, "submission": server.submission_port},
    )
    await server.serve(until)
    await asyncio.to_thread(announce_stop)


async def _opened(server: Server, *, is_patient: bool) -> bool:
    try:
        await server.open()
    except PortTaken as error:
        if not is_patient:
            raise
        logger.error("no mail is taken by SMTP", extra={"error": str(error)})  # noqa: TRY400
        return False
    return True
