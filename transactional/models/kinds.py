from __future__ import annotations

from django.db import models


class MailKind(models.TextChoices):
    """What a mail is, which decides about consent, footer and unsubscribe header."""

    TRANSACTIONAL = "TRANSACTIONAL", "Transactional"
    MARKETING = "MARKETING", "Marketing"
    HEADLESS = "HEADLESS", "Marketing without footer"

    @property
    def needs_consent(self) -> bool:
        return self is not MailKind.TRANSACTIONAL


class Style(models.TextChoices):
    """Who makes a body into a document that mail programs can show."""

    #: We do: the body is a text with blocks, and gets our design.
    PLUNK = "PLUNK", "Plunk design"
    #: The author has: nothing changes but variables, footer and links.
    HTML = "HTML", "Own HTML"
