from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now


class SimulatedMessage(models.Model):
    """A mail the simulator accepted, as it would have left."""

    message_id = models.CharField(max_length=100, primary_key=True)
    project_id = models.UUIDField(
        null=True, blank=True, help_text="Of the sender's tag; account mail has none."
    )
    sender = models.CharField(max_length=320)
    recipients = models.JSONField()
    subject = models.CharField(max_length=998, blank=True)
    tags = models.JSONField(default=dict)
    configuration_set = models.CharField(max_length=64, blank=True, db_default="")
    raw = models.BinaryField()
    outcome = models.CharField(
        max_length=20, help_text="The last event the simulator reported for it."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["project_id", "-created_at", "-message_id"],
                name="simulated_new",
            )
        ]

    def __str__(self) -> str:
        return self.subject


class SimulatedIdentity(models.Model):
    """A domain or address that was added to the simulated account."""

    name = models.CharField(max_length=320, primary_key=True)
    mail_from_domain = models.CharField(max_length=253, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self) -> str:
        return self.name

    @property
    def is_domain(self) -> bool:
        return "@" not in self.name


class SimulatedSuppression(models.Model):
    """An address on the account-level suppression list; mail to it leaves all the same.

    Who is suppressed where is the sender's business here: the list is only kept.
    """

    email = models.CharField(max_length=320, primary_key=True)
    reason = models.CharField(max_length=9)
    updated_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.email} ({self.reason})"


class PendingFeedback(models.Model):
    """A notification that the receiver has not taken yet.

    It needs no message row: old messages are forgotten, feedback is not.
    """

    message_id = models.CharField(max_length=100, help_text="Of the mail it is about.")
    kind = models.CharField(max_length=20)
    envelope = models.JSONField(help_text="What SNS posts, still without a signature.")
    due_at = models.DateTimeField(
        null=True, db_default=Now(), help_text="Empty: given up."
    )
    tries = models.PositiveSmallIntegerField(db_default=0)
    claim = models.CharField(max_length=32, blank=True, db_default="")

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["due_at", "id"], name="pending_feedback_due"),
            models.Index(fields=["claim"], name="pending_feedback_claim"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.message_id}"
