from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from plunk.projects.models import Project


class IdempotencyKey(models.Model):
    """A request that was answered, kept so that its repetition gets the same answer.

    The row is written in the transaction that does the work: a repetition finds either
    the whole of it or nothing.
    """

    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="idempotency_keys"
    )
    key = models.CharField(max_length=255)
    request = models.CharField(max_length=200, help_text="Method and path.")
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of the request.")
    status_code = models.PositiveSmallIntegerField(default=200)
    response = models.TextField(blank=True)
    status = models.PositiveSmallIntegerField(default=200, db_default=200)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["project", "key"], name="idempotency_key_once"
            )
        ]

    def __str__(self) -> str:
        return self.key


class Heartbeat(models.Model):
    """When a kind of process was last alive, by the database's clock."""

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.name
