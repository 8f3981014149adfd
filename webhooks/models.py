from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class Notification(models.Model):
    """What SNS posted to us, stored once, applied when its turn comes."""

    message_id = models.CharField(
        max_length=100, primary_key=True, help_text="SNS's MessageId."
    )
    topic_arn = models.CharField(max_length=256)
    type = models.CharField(max_length=40)
    message = models.TextField(help_text="The signed Message, as it came.")
    received_at = models.DateTimeField(db_default=Now(), editable=False)
    applied_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(db_default=Now())
    attempts = models.PositiveSmallIntegerField(db_default=0)
    outcome = models.CharField(max_length=200, blank=True, db_default="")

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["due_at"],
                condition=Q(applied_at__isnull=True),
                name="notification_due",
            ),
            models.Index(
                fields=["applied_at"],
                condition=Q(applied_at__isnull=False),
                name="notification_applied",
            ),
        ]

    def __str__(self) -> str:
        return self.message_id
