from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from contacts.models import Contact
from plunk.ids import new_id
from plunk.projects.models import Project
from transactional.models import Template


class Event(models.Model):
    """The definition of an event: its name within a project."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="events", db_index=False
    )
    name = models.CharField(max_length=255)
    template = models.ForeignKey(
        Template,
        on_delete=models.CASCADE,
        related_name="+",
        null=True,
        blank=True,
        db_index=False,
        help_text="The template whose mails this event tells of.",
    )
    campaign_id = models.UUIDField(
        null=True, blank=True, help_text="The campaign whose mails this event tells of."
    )
    is_heard = models.BooleanField(
        db_default=False,
        help_text="Whether a workflow waits for it: each occurrence then arrives.",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "name"], name="event_name_once")
        ]

    def __str__(self) -> str:
        return self.name


class Occurrence(models.Model):
    """One time an event happened to a contact, with what came along."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="occurrences", db_index=False
    )
    event = models.ForeignKey(
        Event, on_delete=models.CASCADE, related_name="occurrences", db_index=False
    )
    contact = models.ForeignKey(
        Contact, on_delete=models.CASCADE, related_name="occurrences", db_index=False
    )
    data = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["project", "-created_at", "-id"], name="occurrence_new"
            ),
            models.Index(
                fields=["contact", "-created_at", "-id"], name="occurrence_of_contact"
            ),
            # With the contact, so that segments need not look at the rows themselves.
            models.Index(
                fields=["event", "-created_at", "contact"], name="occurrence_by_event"
            ),
            # Each contact's together: counted without sorting millions of them.
            models.Index(
                fields=["event", "contact", "created_at"], name="occurrence_times"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} of {self.contact_id}"


class EventDay(models.Model):
    """How often an event happened on a day (UTC) that is over, counted once."""

    event = models.ForeignKey(
        Event, on_delete=models.CASCADE, related_name="days", db_index=False
    )
    day = models.DateField()
    occurrences = models.PositiveBigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event", "day"], name="event_day_once")
        ]

    def __str__(self) -> str:
        return f"{self.event_id} on {self.day}"
