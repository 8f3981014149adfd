from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from contacts.models import Contact
from plunk.ids import new_id
from plunk.projects.models import Project


class MailKind(models.TextChoices):
    """What a mail is, which decides about consent, footer and unsubscribe header."""

    TRANSACTIONAL = "TRANSACTIONAL", "Transactional"
    MARKETING = "MARKETING", "Marketing"
    HEADLESS = "HEADLESS", "Marketing without footer"

    @property
    def needs_consent(self) -> bool:
        return self is not MailKind.TRANSACTIONAL


class Domain(models.Model):
    """A domain a project may send from, once SES has seen its DKIM records."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="domains", db_index=False
    )
    name = models.CharField(max_length=253, help_text="Lower case, as IDNA A-labels.")
    dkim_tokens = models.JSONField(default=list, blank=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "name"], name="domain_once")
        ]

    def __str__(self) -> str:
        return self.name


class Template(models.Model):
    """A reusable mail with variables."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="templates"
    )
    name = models.CharField(max_length=100)
    subject = models.CharField(max_length=998)
    body = models.TextField()
    kind = models.CharField(
        max_length=13, choices=MailKind.choices, default=MailKind.MARKETING
    )
    from_email = models.EmailField(blank=True)
    from_name = models.CharField(max_length=100, blank=True)
    reply_to = models.EmailField(blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.name


class Content(models.Model):
    """Subject, body and attachments, kept once however many mails carry them.

    The key is 128 bits of the SHA-256 of all of it and the project
    (`transactional.contents.content_id`), so that a second insert is a no-op.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="contents"
    )
    subject = models.TextField()
    body = models.TextField()
    has_attachments = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self) -> str:
        return self.subject[:80]


class Attachment(models.Model):
    """A file of a content, in the order in which the sender gave it."""

    content = models.ForeignKey(
        Content, on_delete=models.CASCADE, related_name="attachments", db_index=False
    )
    position = models.PositiveSmallIntegerField()
    filename = models.CharField(max_length=255)
    content_type = models.CharField(max_length=255)
    content_ref = models.CharField(
        max_length=255, blank=True, help_text="Content-ID of an inline part."
    )
    is_inline = models.BooleanField(default=False)
    data = models.BinaryField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["content", "position"], name="attachment_once"
            )
        ]

    def __str__(self) -> str:
        return self.filename


class Source(models.TextChoices):
    """Which door a mail came in by."""

    API = "API", "API"
    SMTP = "SMTP", "SMTP"
    CAMPAIGN = "CAMPAIGN", "Campaign"
    WORKFLOW = "WORKFLOW", "Workflow"
    CONSENT = "CONSENT", "Confirmation of an address"


class Lane(models.IntegerChoices):
    """Who goes first when the quota is short."""

    TRANSACTIONAL = 1
    WORKFLOW = 5
    CAMPAIGN = 10


class LooseContent(models.Model):
    """A content that may have lost its last mail; `transactional.erasing` looks."""

    content = models.OneToOneField(
        Content, on_delete=models.CASCADE, primary_key=True, related_name="loose"
    )

    def __str__(self) -> str:
        return str(self.content_id)


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
        Project, on_delete=models.CASCADE, related_name="emails", db_index=False
    )
    contact = models.ForeignKey(
        Contact, on_delete=models.CASCADE, related_name="emails", db_index=False
    )
    content = models.ForeignKey(
        Content, on_delete=models.PROTECT, related_name="emails", db_index=False
    )
    template = models.ForeignKey(
        Template,
        on_delete=models.SET_NULL,
        related_name="emails",
        null=True,
        blank=True,
        db_index=False,
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
    to_email = models.CharField(max_length=254)
    to_name = models.CharField(max_length=200, blank=True, db_default="")
    from_email = models.CharField(max_length=254)
    from_name = models.CharField(max_length=200, blank=True, db_default="")
    reply_to = models.CharField(max_length=254, blank=True, db_default="")
    headers = models.JSONField(null=True, blank=True)
    variables = models.JSONField(
        null=True, blank=True, help_text="What was filled in beside the contact's data."
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

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["source", "origin_id", "contact"],
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
            models.Index(
                fields=["lane", "due_at", "id"],
                condition=Q(state="QUEUED"),
                name="email_due",
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


class SendingAccount(models.Model):
    """The SES account's quota and what is left of it: one row for the installation."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    max_rate = models.FloatField(help_text="Mails a second that SES allows.")
    rate = models.FloatField(help_text="Mails a second that we use now.")
    tokens = models.FloatField(default=0, help_text="Mails that may go at once.")
    refilled_at = models.DateTimeField(db_default=Now())
    throttled_at = models.DateTimeField(null=True, blank=True)
    max_24_hours = models.FloatField(null=True, blank=True)
    sent_24_hours = models.FloatField(default=0)
    quota_checked_at = models.DateTimeField(null=True, blank=True)
    storage = models.CharField(
        max_length=200,
        blank=True,
        db_default="",
        help_text="The database that last sent; see transactional.fence.",
    )

    def __str__(self) -> str:
        return f"{self.rate:g} of {self.max_rate:g} a second"


class HoldScope(models.TextChoices):
    ACCOUNT = "ACCOUNT", "The whole installation"
    DOMAIN = "DOMAIN", "One sending domain"


class Hold(models.Model):
    """Why mail waits, and when one of it may find out whether it still has to."""

    scope = models.CharField(max_length=7, choices=HoldScope.choices)
    key = models.CharField(
        max_length=253, blank=True, help_text="The sending domain, or empty."
    )
    reason = models.CharField(max_length=60)
    detail = models.CharField(max_length=500, blank=True)
    since = models.DateTimeField(db_default=Now())
    probe_at = models.DateTimeField(
        null=True, blank=True, help_text="Empty: only an operator releases it."
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["scope", "key"], name="hold_once")
        ]

    def __str__(self) -> str:
        return f"{self.reason} {self.key}".strip()


class AccountList(models.Model):
    """How far we are with SES's account-level suppression list: one row.

    A pass reads what changed since the one before it, page by page.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    read_until = models.DateTimeField(
        null=True, blank=True, help_text="When the last finished pass began."
    )
    pass_began_at = models.DateTimeField(
        null=True, blank=True, help_text="Empty between passes."
    )
    next_token = models.TextField(blank=True, help_text="Of the pass's next page.")
    told_until = models.UUIDField(
        null=True, blank=True, help_text="The last suppression that SES was told."
    )

    def __str__(self) -> str:
        return f"read until {self.read_until}"


class AccountRelease(models.Model):
    """An address to be taken off SES's account-level suppression list."""

    email = models.CharField(max_length=254, primary_key=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self) -> str:
        return self.email
