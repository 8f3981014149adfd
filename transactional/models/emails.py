from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from contacts.models import Contact
from plunk.ids import new_id
from plunk.projects.models import Project
from transactional.models.contents import CompiledContent, Content
from transactional.models.kinds import MailKind
from transactional.models.templates import Template


class Source(models.TextChoices):
    """Which door a mail came in by."""

    API = "API", "API"
    SMTP = "SMTP", "SMTP"
    CAMPAIGN = "CAMPAIGN", "Campaign"
    WORKFLOW = "WORKFLOW", "Workflow"
    CONSENT = "CONSENT", "Confirmation of an address"
    TEST = "TEST", "Test"


class Lane(models.IntegerChoices):
    """Who goes first when the quota is short."""

    TRANSACTIONAL = 1
    WORKFLOW = 5
    CAMPAIGN = 10


class EmailState(models.TextChoices):
    """Where a mail is on its way; docs/delivery.md draws the transitions."""

    QUEUED = "QUEUED", "Queued"
    SENDING = "SENDING", "Sending"
    IN_DOUBT = "IN_DOUBT", "In doubt"
    SENT = "SENT", "Sent"
    DELIVERED = "DELIVERED", "Delivered"
    BOUNCED = "BOUNCED", "Bounced"
    COMPLAINED = "COMPLAINED", "Complained"
    FAILED = "FAILED", "Failed"
    SKIPPED = "SKIPPED", "Skipped"
    SUPPRESSED = "SUPPRESSED", "Suppressed"
    CANCELLED = "CANCELLED", "Cancelled"


#: States in which we still owe something; every other one is an end.
UNFINISHED = (EmailState.QUEUED, EmailState.SENDING, EmailState.IN_DOUBT)


class Email(models.Model):
    """One mail to one recipient: the outbox and the ledger of what became of it.

    `attempt` counts claims. A claim and everything that follows from it name the
    attempt, so that a worker that comes back late changes nothing. All times are the
    database's.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(
        Project,
        on_delete=models.CASCADE,
        # The contact's constraint says as much, and a campaign has a million mails.
        db_constraint=False,
        related_name="emails",
        db_index=False,
    )
    contact = models.ForeignKey(
        Contact, on_delete=models.CASCADE, related_name="emails", db_index=False
    )
    content = models.ForeignKey(
        Content, on_delete=models.PROTECT, related_name="emails", db_index=False
    )
    compiled = models.ForeignKey(
        CompiledContent,
        # Both go with the content, which no mail outlives: nothing is left to check.
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="emails",
        null=True,
        blank=True,
        db_index=False,
    )
    template = models.ForeignKey(
        Template,
        # Templates are marked as deleted and stay.
        on_delete=models.PROTECT,
        related_name="emails",
        null=True,
        blank=True,
        db_index=False,
    )
    template_version = models.PositiveIntegerField(
        null=True, blank=True, help_text="The number of the template's version."
    )
    kind = models.CharField(
        max_length=13, choices=MailKind.choices, db_default=MailKind.TRANSACTIONAL
    )
    source = models.CharField(
        max_length=8, choices=Source.choices, db_default=Source.API
    )
    origin_id = models.UUIDField(
        null=True, blank=True, help_text="The campaign or run that owes this mail."
    )
    run = models.PositiveSmallIntegerField(
        db_default=1, help_text="Which time the origin writes to the contact."
    )
    to_email = models.CharField(max_length=254)
    to_name = models.CharField(max_length=200, blank=True, db_default="")
    from_email = models.CharField(max_length=254)
    from_name = models.CharField(max_length=200, blank=True, db_default="")
    reply_to = models.CharField(max_length=254, blank=True, db_default="")
    headers = models.JSONField(null=True, blank=True)
    variables = models.JSONField(
        null=True, blank=True, help_text="What came with the mail, to be filled in."
    )
    filled_in = models.JSONField(
        null=True,
        blank=True,
        help_text="What of the contact's data, and of the moment, was filled in.",
    )
    tracks = models.BooleanField(
        null=True,
        blank=True,
        help_text="Whether opens and clicks are counted; empty: as the project says.",
    )
    digest = models.BinaryField(
        max_length=32,
        null=True,
        blank=True,
        help_text="SHA-256 of the message as SES was given it.",
    )

    state = models.CharField(
        max_length=10, choices=EmailState.choices, db_default=EmailState.QUEUED
    )
    lane = models.PositiveSmallIntegerField(
        choices=Lane.choices, db_default=Lane.TRANSACTIONAL
    )
    due_at = models.DateTimeField(
        db_default=Now(), help_text="When a queued mail may go, or a doubt is settled."
    )
    attempt = models.PositiveIntegerField(db_default=0)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(
        db_default=0, help_text="Attempts that SES refused for the moment."
    )
    doubts = models.PositiveSmallIntegerField(
        db_default=0, help_text="Attempts whose answer was lost."
    )
    possible_duplicates = models.PositiveSmallIntegerField(
        db_default=0, help_text="Times it was sent again without knowing for certain."
    )
    error_code = models.CharField(max_length=60, blank=True, db_default="")
    error = models.CharField(max_length=500, blank=True, db_default="")
    message_id = models.CharField(  # noqa: DJ001 - unique where there is one
        max_length=100, null=True, blank=True, help_text="SES's MessageId."
    )

    created_at = models.DateTimeField(db_default=Now(), editable=False)
    sent_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    bounced_at = models.DateTimeField(null=True, blank=True)
    complained_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(null=True, blank=True)
    clicked_at = models.DateTimeField(null=True, blank=True)
    opens = models.PositiveIntegerField(db_default=0)
    clicks = models.PositiveIntegerField(db_default=0)
    machine_opens = models.PositiveIntegerField(
        db_default=0, help_text="By scanners and privacy proxies, not by a person."
    )
    machine_clicks = models.PositiveIntegerField(db_default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["origin_id", "contact", "run"],
                condition=Q(origin_id__isnull=False),
                name="email_origin_once",
            ),
            models.UniqueConstraint(
                fields=["message_id"],
                condition=Q(message_id__isnull=False),
                name="email_message_id_once",
            ),
        ]
        indexes: ClassVar = [
            # Of bulk mail, streams say what is due.
            models.Index(
                fields=["lane", "due_at", "id"],
                condition=Q(state="QUEUED", lane__lt=Lane.CAMPAIGN),
                name="email_due",
            ),
            models.Index(
                fields=["origin_id", "state", "id"],
                condition=Q(origin_id__isnull=False),
                name="email_of_origin",
            ),
            # Who of an origin's many recipients opened or clicked, and who got another
            # run: of few mails, and written to by none that is on its way.
            *(
                models.Index(
                    fields=["origin_id", "state", "id"],
                    condition=Q(
                        ("origin_id__isnull", False), (f"{did}_at__isnull", False)
                    ),
                    name=f"email_of_origin_{did}",
                )
                for did in ("opened", "clicked")
            ),
            models.Index(
                fields=["origin_id", "run", "state", "id"],
                condition=Q(origin_id__isnull=False, run__gt=1),
                name="email_of_later_run",
            ),
            models.Index(
                fields=["due_at"],
                condition=Q(state="QUEUED", doubts__gt=0),
                name="email_suspect",
            ),
            models.Index(
                fields=["lease_expires_at"],
                condition=Q(state="SENDING"),
                name="email_leased",
            ),
            models.Index(
                fields=["due_at"], condition=Q(state="IN_DOUBT"), name="email_doubtful"
            ),
            models.Index(fields=["project", "-created_at", "-id"], name="email_new"),
            models.Index(
                fields=["contact", "-created_at", "-id"], name="email_of_contact"
            ),
            models.Index(
                fields=["template"],
                condition=Q(template__isnull=False),
                name="email_of_template",
            ),
            # Who opened, clicked and so on, and when: for segments. Only what happened
            # is in them, so that a mail on its way writes to none.
            *(
                models.Index(
                    fields=["project", f"{did}_at", "contact"],
                    condition=Q((f"{did}_at__isnull", False)),
                    name=f"email_{did}",
                )
                for did in ("opened", "clicked", "bounced", "complained")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.to_email} ({self.state})"


class EmailEventKind(models.TextChoices):
    """What happened to a mail, in SES's words where SES said it."""

    SEND = "SEND", "Accepted by SES"
    DELIVERY = "DELIVERY", "Delivered"
    DELIVERY_DELAY = "DELIVERY_DELAY", "Delayed"
    BOUNCE = "BOUNCE", "Bounced"
    COMPLAINT = "COMPLAINT", "Complaint"
    OPEN = "OPEN", "Opened"
    CLICK = "CLICK", "Clicked"
    REJECT = "REJECT", "Rejected by SES"
    RENDERING_FAILURE = "RENDERING_FAILURE", "Rendering failed"
    SUBSCRIPTION = "SUBSCRIPTION", "Subscription changed"
    RETRY = "RETRY", "Will be tried again"
    FAILURE = "FAILURE", "Failed"
    DOUBT = "DOUBT", "Answer lost"
    RESEND = "RESEND", "Sent again after doubt"


class EmailEvent(models.Model):
    """One entry of a mail's history beside the times on the mail itself."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="email_events", db_index=False
    )
    email = models.ForeignKey(
        Email, on_delete=models.CASCADE, related_name="events", db_index=False
    )
    kind = models.CharField(max_length=17, choices=EmailEventKind.choices)
    attempt = models.PositiveIntegerField(default=0)
    at = models.DateTimeField(
        help_text="When it happened, by the clock of who said it."
    )
    detail = models.JSONField(null=True, blank=True)
    key = models.CharField(
        max_length=64,
        help_text="Names this event among the mail's, so that it is applied once.",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["email", "key"], name="email_event_once")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["project", "-created_at", "-id"], name="email_event_new"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.email_id}"
