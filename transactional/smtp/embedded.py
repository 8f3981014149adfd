"""The SMTP server as a thread of the one process of an embedded installation."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.conf import settings

from transactional.smtp.certificates import CertificateError, Certificates
from transactional.smtp.options import certificate_source, from_settings
from transactional.smtp.server import PortTaken, Running, Server

logger = logging.getLogger(__name__)


def start() -> Callable[[], None] | None:
    """Start it, and return what stops it; None where a port is taken.

    Mail by SMTP is one door of several: the others open without it.
    """
    if not settings.SMTP_ENABLED:
        return None
    try:
        running = Running(Server(from_settings(), Certificates(certificate_source())))
        running.start()
    except (PortTaken, CertificateError, OSError) as error:
        logger.warning("no mail is taken by SMTP", extra={"error": str(error)})
        return None
    return running.stop
