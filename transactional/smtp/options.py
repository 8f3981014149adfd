"""How the SMTP server is run: from the settings, or for a test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from transactional.smtp.certificates import Source


@dataclass(frozen=True, slots=True)
class Options:
    host: str = "127.0.0.1"
    #: 0: any that is free.
    secure_port: int = 0
    submission_port: int = 0
    domain: str = "localhost"
    max_recipients: int = 5
    #: A mail in bytes, as it comes; attachments and text have limits of their own.
    max_bytes: int = 20 * 1024 * 1024
    #: All mails together that are being received or accepted.
    max_held: int = 200 * 1024 * 1024
    max_connections: int = 500
    max_connections_per_address: int = 100
    #: Silence after which a client is sent away: one that has logged in, one that has
    #: not; and the time in which a mail has to come.
    idle_seconds: float = 300.0
    stranger_seconds: float = 60.0
    data_seconds: float = 600.0
    #: How long a wrong password has to wait for its answer.
    failure_seconds: float = 1.0
    #: Threads that ask the database.
    threads: int = 8
    #: How often the certificate's files are looked at.
    refresh_seconds: float = 5.0


def from_settings() -> Options:
    """Return what the environment says."""
    return Options(
        host=settings.SMTP_HOST,
        secure_port=settings.SMTP_PORT_SECURE,
        submission_port=settings.SMTP_PORT_SUBMISSION,
        domain=settings.SMTP_DOMAIN,
        max_recipients=settings.SMTP_MAX_RECIPIENTS,
        # Base64 takes a third more, and the text comes on top.
        max_bytes=2 * settings.MAX_ATTACHMENT_SIZE_MB * 1024 * 1024,
        max_connections=settings.SMTP_MAX_CONNECTIONS,
        max_connections_per_address=settings.SMTP_MAX_CONNECTIONS_PER_ADDRESS,
        threads=settings.SMTP_THREADS,
    )


def certificate_source() -> Source:
    """Return where the environment says that certificates are."""
    folder, acme = settings.CERT_PATH, settings.ACME_JSON_PATH
    return Source(
        domain=settings.SMTP_DOMAIN,
        folder=Path(folder) if folder else None,
        acme_json=Path(acme) if acme else None,
        own_folder=settings.DATA_DIR / "smtp",
    )
