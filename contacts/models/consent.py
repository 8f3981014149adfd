from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from plunk.ids import new_id
from plunk.projects.models import Project, User


class Door(models.TextChoices):
    """Through which door consent was given or taken back."""

    API = "API", "API"
    TRACK = "TRACK", "Tracked event"
    SEND = "SEND", "Sent mail"
    DASHBOARD = "DASHBOARD", "Dashboard"
    PAGE = "PAGE", "The contact's own page"
    ONE_CLICK = "ONE_CLICK", "One click in the mail program"
    IMPORT = "IMPORT", "Import"
    CAMPAIGN = "CAMPAIGN", "Campaign"
    WORKFLOW = "WORKFLOW", "Workflow"
    FEEDBACK = "FEEDBACK", "Bounce or complaint"
    SNOOZE = "SNOOZE", "End of a snooze"
    COMMAND = "COMMAND", "Command line"
    CLOCK = "CLOCK", "Time that went by"


class Topic(models.Model):
    """A named kind of mail that a contact can leave without leaving all of it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="topics", db_index=False
    )
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=300, blank=True)
    is_opt_out = models.BooleanField(
        default=True,
        help_text="Whether subscribed contacts get it until they leave it; "
        "otherwise only those who joined.",
    )
    position = models.PositiveSmallIntegerField(default=0)
    archived_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "name"], name="topic_name_once")
        ]

    def __str__(self) -> str:
        return self.name


class TopicChoice(models.Model):
    """That a contact joined or left a topic; without one the topic's rule holds."""

    topic = models.ForeignKey(
        Topic, on_delete=models.CASCADE, related_name="choices", db_index=False
    )
    contact = models.ForeignKey(
        "contacts.Contact",
        on_delete=models.CASCADE,
        related_name="topic_choices",
        db_index=False,
    )
    is_joined = models.BooleanField()
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["contact", "topic"], name="topic_choice_once"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["topic", "is_joined"], name="topic_choice_of_topic"),
            models.Index(fields=["topic", "changed_at"], name="topic_choice_changed"),
        ]

    def __str__(self) -> str:
        return f"{self.topic_id}: {self.contact_id}"


class Confirmation(models.Model):
    """A contact whom we have asked to confirm, and who has not yet (double opt-in)."""

    contact = models.OneToOneField(
        "contacts.Contact",
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="confirmation",
    )
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    asked_at = models.DateTimeField(db_default=Now())
    remind_at = models.DateTimeField(
        null=True, blank=True, help_text="Empty once the reminder has gone."
    )
    expires_at = models.DateTimeField()
    mailed_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When the latest mail was queued; empty while one is owed.",
    )

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["project"],
                condition=Q(mailed_at__isnull=True),
                name="confirmation_owed",
            ),
            models.Index(
                fields=["remind_at"],
                condition=Q(remind_at__isnull=False),
                name="confirmation_to_remind",
            ),
            models.Index(fields=["expires_at"], name="confirmation_expiry"),
        ]

    def __str__(self) -> str:
        return f"{self.contact_id} until {self.expires_at}"


class ChangeKind(models.TextChoices):
    """What an entry of the consent ledger says."""

    SUBSCRIBED = "SUBSCRIBED", "Subscribed"
    UNSUBSCRIBED = "UNSUBSCRIBED", "Unsubscribed"
    ASKED = "ASKED", "Asked to confirm"
    REMINDED = "REMINDED", "Reminded to confirm"
    CONFIRMED = "CONFIRMED", "Confirmed"
    EXPIRED = "EXPIRED", "Did not confirm in time"
    SNOOZED = "SNOOZED", "Snoozed"
    TOPIC_JOINED = "TOPIC_JOINED", "Joined a topic"
    TOPIC_LEFT = "TOPIC_LEFT", "Left a topic"
    SUPPRESSED = "SUPPRESSED", "Suppressed"
    RELEASED = "RELEASED", "Suppression removed"
    IMPORTED = "IMPORTED", "Import with a stated reason"


class ConsentChange(models.Model):
    """One entry of the consent ledger: who changed what, when, through which door.

    Only ever inserted. Goes with its contact when that is erased; an entry without a
    contact is about many of them at once, such as an import.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="consent_changes"
    )
    contact = models.ForeignKey(
        "contacts.Contact",
        on_delete=models.CASCADE,
        related_name="consent_changes",
        null=True,
        blank=True,
        db_index=False,
    )
    kind = models.CharField(max_length=12, choices=ChangeKind.choices)
    door = models.CharField(max_length=12, choices=Door.choices)
    topic = models.ForeignKey(
        Topic,
        on_delete=models.SET_NULL,
        related_name="+",
        null=True,
        blank=True,
        db_index=False,
    )
    user = models.ForeignKey(
        User,
        on_delete=models.SET_NULL,
        related_name="+",
        null=True,
        blank=True,
        db_index=False,
        help_text="The member who did it, if one did.",
    )
    email_id = models.UUIDField(
        null=True, blank=True, help_text="The mail whose link was used."
    )
    origin_id = models.UUIDField(
        null=True, blank=True, help_text="The job, such as an import, that did it."
    )
    reason = models.CharField(max_length=300, blank=True)
    text = models.TextField(
        blank=True, help_text="What the person read when they agreed or left."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["contact", "-created_at", "-id"], name="consent_of_contact"
            ),
            # Suppressions that end leave no other trace for those who keep segments.
            models.Index(
                fields=["project", "created_at"],
                condition=Q(kind__in=["SUPPRESSED", "RELEASED"]),
                name="consent_to_suppression",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.contact_id}"
