from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from contacts.models import Contact, Job, Segment, Topic
from plunk.ids import new_id
from plunk.projects.models import Project, User
from transactional.models import Content, MailKind, Style


class AudienceType(models.TextChoices):
    ALL = "ALL", "Everyone"
    SEGMENT = "SEGMENT", "A segment"
    FILTERED = "FILTERED", "Contacts that match a filter"
    RECIPIENTS = "RECIPIENTS", "Contacts chosen one by one"


class CampaignState(models.TextChoices):
    """Where a campaign is; docs/campaigns.md draws the transitions."""

    DRAFT = "DRAFT", "Draft"
    SCHEDULED = "SCHEDULED", "Scheduled"
    SENDING = "SENDING", "Sending"
    PAUSED = "PAUSED", "Paused"
    SENT = "SENT", "Sent"
    CANCELLED = "CANCELLED", "Cancelled"


#: States in which mails may still be on their way.
RUNNING = (CampaignState.SENDING, CampaignState.PAUSED)
#: States in which what is to be sent may change.
EDITABLE = (CampaignState.DRAFT, CampaignState.SCHEDULED)


class Campaign(models.Model):
    """One mail to many contacts: to whom, from whom, when; `Variant` is what it says.

    The audience is a rule until the campaign is launched; a run freezes it into mails
    (`transactional.models.Email`) whose `origin_id` is the campaign's and whose `run`
    is the run's number.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="campaigns", db_index=False
    )
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=500, blank=True, default="")
    kind = models.CharField(
        max_length=13, choices=MailKind.choices, default=MailKind.MARKETING
    )
    from_email = models.CharField(max_length=254, blank=True, default="")
    from_name = models.CharField(max_length=100, blank=True, default="")
    reply_to = models.CharField(max_length=254, blank=True, default="")
    tracks = models.BooleanField(
        null=True,
        blank=True,
        help_text="Whether opens and clicks are counted; empty: as the project says.",
    )

    audience_type = models.CharField(
        max_length=10, choices=AudienceType.choices, default=AudienceType.ALL
    )
    segment = models.ForeignKey(
        Segment, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    condition = models.JSONField(
        null=True, blank=True, help_text="The filter tree of a filtered audience."
    )
    topic = models.ForeignKey(
        Topic, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    excluded_segments = models.ManyToManyField(Segment, related_name="+", blank=True)
    audience_words = models.CharField(
        max_length=1000,
        blank=True,
        default="",
        help_text="The audience in words, as it was when the campaign was launched.",
    )
    audience_count = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="Of the rule, when it was last counted."
    )
    audience_counted_at = models.DateTimeField(null=True, blank=True)

    state = models.CharField(
        max_length=9, choices=CampaignState.choices, default=CampaignState.DRAFT
    )
    scheduled_at = models.DateTimeField(null=True, blank=True)
    schedule_zone = models.CharField(
        max_length=64,
        blank=True,
        default="",
        help_text="The IANA zone in whose words the time was given.",
    )
    deadline_at = models.DateTimeField(
        null=True, blank=True, help_text="By when the last mail should have left."
    )
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    revert_pending = models.BooleanField(
        default=False,
        help_text="Cancelled before any mail left: becomes a draft once none is left.",
    )
    archived_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(
        default=1, help_text="Counts changes, so that two editors notice each other."
    )

    #: Mails a second, lately, and what they were reckoned from.
    rate = models.FloatField(default=0)
    sampled_at = models.DateTimeField(null=True, blank=True)
    sampled_sent = models.PositiveBigIntegerField(default=0)
    moved_at = models.DateTimeField(
        null=True, blank=True, help_text="When a mail of it was last seen to leave."
    )

    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", "-created_at", "-id"], name="campaign_new"),
            models.Index(
                fields=["project", "-updated_at", "-id"], name="campaign_changed"
            ),
            models.Index(
                fields=["scheduled_at"],
                condition=Q(state="SCHEDULED"),
                name="campaign_due",
            ),
            models.Index(
                fields=["state"],
                condition=Q(state__in=["SENDING", "PAUSED"]) | Q(revert_pending=True),
                name="campaign_running",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Variant(models.Model):
    """What a campaign says. One for now; several are for finding out which is better.

    `run` is the run whose mails say it; a run without variants of its own says what the
    first one said. `content` is what was frozen at the launch.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    campaign = models.ForeignKey(
        Campaign, on_delete=models.CASCADE, related_name="variants", db_index=False
    )
    run = models.PositiveSmallIntegerField(default=1)
    position = models.PositiveSmallIntegerField(default=0)
    subject = models.CharField(max_length=998, blank=True, default="")
    preheader = models.CharField(max_length=200, blank=True, default="")
    body = models.TextField(blank=True, default="")
    style = models.CharField(max_length=5, choices=Style.choices, default=Style.PLUNK)
    content = models.ForeignKey(
        Content,
        on_delete=models.SET_NULL,
        related_name="+",
        null=True,
        blank=True,
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["campaign", "run", "position"], name="variant_once"
            )
        ]

    def __str__(self) -> str:
        return self.subject


class Recipient(models.Model):
    """A contact chosen for a campaign whose audience is RECIPIENTS."""

    campaign = models.ForeignKey(
        Campaign, on_delete=models.CASCADE, related_name="recipients", db_index=False
    )
    contact = models.ForeignKey(
        Contact, on_delete=models.CASCADE, related_name="+", db_index=True
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["campaign", "contact"], name="campaign_recipient_once"
            )
        ]

    def __str__(self) -> str:
        return str(self.contact_id)


class RunKind(models.TextChoices):
    FIRST = "FIRST", "To the audience"
    RETRY = "RETRY", "Again to those whose mail failed"
    REMINDER = "REMINDER", "Again to those who did not open"


class RunState(models.TextChoices):
    FREEZING = "FREEZING", "Writing down who gets it"
    SENDING = "SENDING", "Sending"
    DONE = "DONE", "Done"
    CANCELLED = "CANCELLED", "Cancelled"


class Run(models.Model):
    """One time that a campaign goes out: whom it was frozen for, and how that went.

    `frozen_for` is the moment of the launch: who came later is not meant, and windows
    of filters end then.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    campaign = models.ForeignKey(
        Campaign, on_delete=models.CASCADE, related_name="runs", db_index=False
    )
    number = models.PositiveSmallIntegerField(default=1)
    kind = models.CharField(
        max_length=8, choices=RunKind.choices, default=RunKind.FIRST
    )
    state = models.CharField(
        max_length=9, choices=RunState.choices, default=RunState.FREEZING
    )
    job = models.ForeignKey(
        Job, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    from_email = models.CharField(max_length=254)
    from_name = models.CharField(max_length=200, blank=True, default="")
    reply_to = models.CharField(max_length=254, blank=True, default="")
    frozen_for = models.DateTimeField(db_default=Now())
    #: How many contacts were looked at, taken and left out, by reason.
    figures = models.JSONField(default=dict)
    user = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    frozen_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["campaign", "number"], name="run_once"),
            models.UniqueConstraint(
                fields=["campaign"],
                condition=Q(state__in=["FREEZING", "SENDING"]),
                name="run_one_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.number} ({self.state})"
