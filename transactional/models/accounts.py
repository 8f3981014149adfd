from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now


class SendingAccount(models.Model):
    """The SES account's quota and what is left of it: one row for the installation."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    max_rate = models.FloatField(help_text="Mails a second that SES allows.")
    rate = models.FloatField(help_text="Mails a second that we use now.")
    tokens = models.FloatField(default=0, help_text="Mails that may go at once.")
    refilled_at = models.DateTimeField(db_default=Now())
    throttled_at = models.DateTimeField(null=True, blank=True)
    max_24_hours = models.FloatField(null=True, blank=True)
    sent_24_hours = models.FloatField(default=0)
    quota_checked_at = models.DateTimeField(null=True, blank=True)
    storage = models.CharField(
        max_length=200,
        blank=True,
        db_default="",
        help_text="The database that last sent; see transactional.fence.",
    )

    def __str__(self) -> str:
        return f"{self.rate:g} of {self.max_rate:g} a second"


class HoldScope(models.TextChoices):
    ACCOUNT = "ACCOUNT", "The whole installation"
    DOMAIN = "DOMAIN", "One sending domain"


class Hold(models.Model):
    """Why mail waits, and when one of it may find out whether it still has to."""

    scope = models.CharField(max_length=7, choices=HoldScope.choices)
    key = models.CharField(
        max_length=253, blank=True, help_text="The sending domain, or empty."
    )
    reason = models.CharField(max_length=60)
    detail = models.CharField(max_length=500, blank=True)
    since = models.DateTimeField(db_default=Now())
    probe_at = models.DateTimeField(
        null=True, blank=True, help_text="Empty: only an operator releases it."
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["scope", "key"], name="hold_once")
        ]

    def __str__(self) -> str:
        return f"{self.reason} {self.key}".strip()


class AccountList(models.Model):
    """How far we are with SES's account-level suppression list: one row.

    A pass reads what changed since the one before it, page by page.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    read_until = models.DateTimeField(
        null=True, blank=True, help_text="When the last finished pass began."
    )
    pass_began_at = models.DateTimeField(
        null=True, blank=True, help_text="Empty between passes."
    )
    next_token = models.TextField(blank=True, help_text="Of the pass's next page.")
    told_until = models.UUIDField(
        null=True, blank=True, help_text="The last suppression that SES was told."
    )

    def __str__(self) -> str:
        return f"read until {self.read_until}"


class AccountRelease(models.Model):
    """An address to be taken off SES's account-level suppression list."""

    email = models.CharField(max_length=254, primary_key=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self) -> str:
        return self.email
