"""What an installation is refused to start with."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error

#: 32 characters of anything but a word are beyond guessing.
MIN_SECRET_LENGTH = 32


def check_secret(**_: Any) -> list[CheckMessage]:
    """Refuse a short JWT_SECRET: whoever guesses it can sign sessions and links."""
    if settings.IS_EMBEDDED or len(settings.SECRET_KEY) >= MIN_SECRET_LENGTH:
        return []
    return [
        Error(
            f"JWT_SECRET has fewer than {MIN_SECRET_LENGTH} characters.",
            hint="Make one with: openssl rand -hex 32. It signs sessions, password "
            "resets and unsubscribe links; the former one may stay in "
            "JWT_SECRET_FALLBACKS, so that links in mails keep working.",
            id="plunk.E001",
        )
    ]
