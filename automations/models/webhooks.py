from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from plunk.ids import new_id
from plunk.projects.models import Project


class SigningSecret(models.Model):
    """What webhooks of a project are signed with; an older one for a day beside it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(
        Project,
        on_delete=models.CASCADE,
        related_name="signing_secrets",
        db_index=True,
    )
    secret = models.CharField(max_length=100)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["project"],
                condition=Q(expires_at__isnull=True),
                name="signing_secret_current",
            )
        ]

    def __str__(self) -> str:
        return f"signing secret of {self.project_id}"


class WebhookEndpoint(models.Model):
    """Where webhooks of a project go, and how it has answered lately.

    `url` is what all calls of a step have in common: its address up to the first value
    that is filled in. So there are as many as people wrote, and not one for each
    contact; and two hooks on one server of many customers fail apart.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="endpoints", db_index=False
    )
    url = models.CharField(max_length=300)
    failing_since = models.DateTimeField(
        null=True, blank=True, help_text="When it first failed after it last answered."
    )
    rests_until = models.DateTimeField(
        null=True, blank=True, help_text="Not called before, as it asked for."
    )
    disabled_at = models.DateTimeField(null=True, blank=True)
    disabled_reason = models.CharField(max_length=200, blank=True, db_default="")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["project", "url"], name="webhook_endpoint_once"
            )
        ]

    def __str__(self) -> str:
        return self.url


class CallState(models.TextChoices):
    PENDING = "PENDING", "Waiting"
    CALLING = "CALLING", "Being called"
    DELIVERED = "DELIVERED", "Delivered"
    FAILED = "FAILED", "Given up"


class WebhookCall(models.Model):
    """A request that a step owes to somebody else's server, until it was taken.

    `id` is the id the server sees (`webhook-id`): the same at each attempt, so that it
    can tell a repetition.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="webhook_calls", db_index=False
    )
    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.CASCADE, related_name="calls", db_index=False
    )
    #: The visit of a run that owes it.
    visit_id = models.UUIDField(null=True, blank=True)
    workflow_id = models.UUIDField(null=True, blank=True)
    contact_id = models.UUIDField(null=True, blank=True)
    method = models.CharField(max_length=6)
    url = models.CharField(max_length=2000)
    headers = models.JSONField(null=True, blank=True)
    body = models.TextField(blank=True, db_default="")
    state = models.CharField(
        max_length=9, choices=CallState.choices, db_default=CallState.PENDING
    )
    attempt = models.PositiveIntegerField(db_default=0, help_text="Of all so far.")
    tries = models.PositiveSmallIntegerField(
        db_default=0, help_text="Attempts since it was queued, or last replayed."
    )
    due_at = models.DateTimeField(db_default=Now())
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    status = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="What the server answered last."
    )
    error = models.CharField(max_length=500, blank=True, db_default="")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["visit_id"],
                condition=Q(visit_id__isnull=False),
                name="webhook_call_of_visit",
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["due_at", "id"],
                condition=Q(state="PENDING"),
                name="webhook_call_due",
            ),
            # From one endpoint to the next, and within each by time.
            models.Index(
                fields=["endpoint", "due_at", "id"],
                condition=Q(state="PENDING"),
                name="webhook_call_next",
            ),
            models.Index(
                fields=["lease_expires_at"],
                condition=Q(state="CALLING"),
                name="webhook_call_leased",
            ),
            models.Index(
                fields=["project", "-created_at", "-id"], name="webhook_call_newest"
            ),
            models.Index(
                fields=["project", "-created_at", "-id"],
                condition=Q(state="FAILED"),
                name="webhook_call_failed",
            ),
            models.Index(
                fields=["project", "-created_at", "-id"],
                condition=Q(state__in=["PENDING", "CALLING"]),
                name="webhook_call_waiting",
            ),
            models.Index(
                fields=["endpoint", "id"],
                condition=Q(state="FAILED"),
                name="webhook_call_lost",
            ),
            models.Index(
                fields=["endpoint", "-created_at", "-id"],
                name="webhook_call_of_endpoint",
            ),
            models.Index(fields=["contact_id"], name="webhook_call_of_contact"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.url} ({self.state})"


class WebhookAttempt(models.Model):
    """One time a server was called, and what it said."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    call = models.ForeignKey(
        WebhookCall, on_delete=models.CASCADE, related_name="attempts", db_index=False
    )
    number = models.PositiveIntegerField()
    at = models.DateTimeField(db_default=Now())
    milliseconds = models.PositiveIntegerField(default=0)
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    response = models.TextField(blank=True, default="")
    error = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["call", "number"], name="webhook_attempt_once"
            )
        ]

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.call_id}"
