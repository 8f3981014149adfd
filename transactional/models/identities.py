from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from plunk.ids import new_id
from plunk.projects.models import Project


class Domain(models.Model):
    """A domain a project may send from, once SES has seen its DKIM records."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="domains", db_index=False
    )
    name = models.CharField(max_length=253, help_text="Lower case, as IDNA A-labels.")
    dkim_tokens = models.JSONField(default=list, blank=True)
    status = models.CharField(
        max_length=20, blank=True, default="", db_default="", help_text="SES's word."
    )
    proof = models.CharField(
        max_length=64,
        blank=True,
        default="",
        db_default="",
        help_text="A TXT record the project must publish; empty: none is needed.",
    )
    proven_at = models.DateTimeField(null=True, blank=True)
    records = models.JSONField(
        default=dict, blank=True, help_text="What DNS said of each record last."
    )
    verified_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when mail may be sent from it."
    )
    failing_since = models.DateTimeField(
        null=True, blank=True, help_text="Since when a verified domain's proof is gone."
    )
    checks = models.PositiveIntegerField(
        default=0,
        db_default=0,
        help_text="Checks since something changed: the backoff.",
    )
    next_check_at = models.DateTimeField(null=True, blank=True, db_default=Now())
    checked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "name"], name="domain_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["next_check_at"], name="domain_check_due"),
            models.Index(fields=["name"], name="domain_by_name"),
        ]

    def __str__(self) -> str:
        return self.name


class SenderAddress(models.Model):
    """An address a project's mail can come from, with its name, to choose from."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="senders", db_index=False
    )
    email = models.EmailField()
    name = models.CharField(max_length=100, blank=True)
    reply_to = models.EmailField(blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["project", "email"], name="sender_address_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>" if self.name else self.email
