from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from campaigns.models.campaigns import Campaign
from contacts.models import Job
from plunk.ids import new_id
from plunk.projects.models import User


class EventKind(models.TextChoices):
    """What somebody, or the clock, did with a campaign."""

    CREATED = "CREATED", "Created"
    SCHEDULED = "SCHEDULED", "Scheduled"
    UNSCHEDULED = "UNSCHEDULED", "Taken off the schedule"
    LAUNCHED = "LAUNCHED", "Launched"
    FROZEN = "FROZEN", "Everybody written down"
    PAUSED = "PAUSED", "Paused"
    RESUMED = "RESUMED", "Resumed"
    CANCELLED = "CANCELLED", "Cancelled"
    REVERTED = "REVERTED", "A draft again"
    FINISHED = "FINISHED", "Finished"
    FAILED = "FAILED", "Could not be launched"
    ARCHIVED = "ARCHIVED", "Archived"
    UNARCHIVED = "UNARCHIVED", "Taken out of the archive"


class CampaignEvent(models.Model):
    """One entry of a campaign's history."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    campaign = models.ForeignKey(
        Campaign, on_delete=models.CASCADE, related_name="events", db_index=False
    )
    kind = models.CharField(max_length=11, choices=EventKind.choices)
    user = models.ForeignKey(
        User,
        on_delete=models.SET_NULL,
        related_name="+",
        null=True,
        blank=True,
        help_text="The member who did it; empty for a key, a command or the clock.",
    )
    detail = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["campaign", "-created_at", "-id"], name="campaign_event_new"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.campaign_id}"


class Preflight(models.Model):
    """What would become of a campaign if it went out now, asked of its whole audience.

    `fingerprint` says what was looked at: a campaign that has another one by now was
    changed since.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    campaign = models.OneToOneField(
        Campaign, on_delete=models.CASCADE, related_name="preflight"
    )
    job = models.ForeignKey(
        Job, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    fingerprint = models.CharField(max_length=64)
    #: Who would get it and who not, by reason; sizes.
    figures = models.JSONField(default=dict)
    #: Variables that are missing, links that are broken, what cannot be rendered.
    findings = models.JSONField(default=list)
    #: A few real recipients whose mail is worth a look, and why.
    samples = models.JSONField(default=list)
    started_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"preflight of {self.campaign_id}"


class Report(models.Model):
    """Results that take a look at every mail: over time, by provider, by link.

    Made again in the background while something happens; `due_at` is when.
    """

    campaign = models.OneToOneField(
        Campaign, on_delete=models.CASCADE, primary_key=True, related_name="report"
    )
    data = models.JSONField(default=dict)
    made_at = models.DateTimeField(null=True, blank=True)
    took_seconds = models.FloatField(default=0)
    due_at = models.DateTimeField(null=True, blank=True)
    attempt = models.PositiveIntegerField(default=0)
    lease_expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["due_at"], name="report_due")]

    def __str__(self) -> str:
        return f"report on {self.campaign_id}"
