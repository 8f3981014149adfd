from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from contacts.models import Contact
from plunk.ids import new_id
from plunk.projects.models import Project
from transactional.models import Template


class Tells(models.TextChoices):
    """What became of a mail, for the events that tell of one template or campaign."""

    DELIVERED = "delivered", "Delivered"
    OPENED = "opened", "Opened"


class EventQuerySet(models.QuerySet["Event"]):
    def existing(self) -> EventQuerySet:
        """Leave out the deleted ones, whose occurrences are still being removed."""
        return self.filter(deleted_at=None)


class Event(models.Model):
    """The definition of an event: its name within a project.

    `counted` occurrences lie before the day `counted_until`, and `EventDay` has them by
    day; what came since is counted when somebody asks (`automations.events.stats`). A
    deleted one gives its name away and stays until its occurrences are gone.
    """

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
    tells = models.CharField(
        max_length=9,
        choices=Tells.choices,
        blank=True,
        db_default="",
        help_text="What it tells of those mails.",
    )
    is_heard = models.BooleanField(
        db_default=False,
        help_text="Whether a workflow waits for it: each occurrence then arrives.",
    )
    counted = models.PositiveBigIntegerField(
        db_default=0, help_text="Occurrences on the days that are counted."
    )
    counted_until = models.DateField(
        null=True, blank=True, help_text="The first day (UTC) not counted yet."
    )
    deleted_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now())

    objects = EventQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "name"], name="event_name_once"),
            models.UniqueConstraint(
                fields=["template", "tells"],
                condition=Q(template__isnull=False),
                name="event_of_template",
            ),
            models.UniqueConstraint(
                fields=["campaign_id", "tells"],
                condition=Q(campaign_id__isnull=False),
                name="event_of_campaign",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["counted_until", "id"], name="event_counted")
        ]

    def __str__(self) -> str:
        return self.name


class Occurrence(models.Model):
    """One time an event happened, mostly to a contact, with what came along."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="occurrences", db_index=False
    )
    event = models.ForeignKey(
        Event, on_delete=models.CASCADE, related_name="occurrences", db_index=False
    )
    contact = models.ForeignKey(
        Contact,
        on_delete=models.CASCADE,
        related_name="occurrences",
        null=True,
        blank=True,
        db_index=False,
        help_text="Empty for what happened to nobody in particular.",
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
