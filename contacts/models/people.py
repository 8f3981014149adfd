from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Cast, Length, Now
from django.db.models.lookups import LessThanOrEqual

from contacts.models.consent import Door
from plunk.ids import new_id
from plunk.projects.models import Project

#: The characters of a contact's data, as JSON the way the database writes it: each mail
#: to the contact reads them all.
MAX_DATA_LENGTH = 256 * 1024
DATA_CONSTRAINT = "contact_data_bounded"


class Contact(models.Model):
    """A person a project writes to: one per project and address."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="contacts", db_index=False
    )
    email = models.CharField(
        max_length=254, help_text="As contacts.addresses.normalise() writes it."
    )
    subscribed = models.BooleanField(default=True, db_default=True)
    #: Through which door `subscribed` got its value, and when; the ledger has the rest.
    consent_source = models.CharField(
        max_length=12, choices=Door.choices, blank=True, db_default=""
    )
    consent_at = models.DateTimeField(db_default=Now())
    confirmed_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When the person proved to read this address's mail and agreed.",
    )
    snoozed_until = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Unsubscribed only until then.",
    )
    import_id = models.UUIDField(
        null=True, blank=True, help_text="The import that made this contact."
    )
    data = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["project", "email"], name="contact_email_once"
            ),
            # Here and not in a form: data grows by one statement, request by request.
            models.CheckConstraint(
                condition=LessThanOrEqual(
                    Length(Cast("data", models.TextField())), MAX_DATA_LENGTH
                ),
                name=DATA_CONSTRAINT,
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["project", "-created_at", "-id"], name="contact_new"),
            # A few among a million, who are nowhere near the newest.
            models.Index(
                fields=["project", "-created_at", "-id"],
                condition=models.Q(subscribed=False),
                name="contact_unsubscribed",
            ),
            # Whose membership of a segment may have changed; and the list by last
            # change, with the id because an import changes thousands at one moment.
            models.Index(
                fields=["project", "updated_at", "id"], name="contact_changed"
            ),
            models.Index(
                fields=["snoozed_until"],
                condition=models.Q(snoozed_until__isnull=False),
                name="contact_snoozed",
            ),
        ]

    def __str__(self) -> str:
        return self.email


class SuppressionReason(models.TextChoices):
    BOUNCE = "BOUNCE", "Permanent bounce"
    COMPLAINT = "COMPLAINT", "Complaint"
    MANUAL = "MANUAL", "By hand"


#: Begins what is left of a suppressed address once its contact was erased: a keyed hash
#: (`contacts.suppressions`), which no address can look like.
ERASED_PREFIX = "erased:"


class Suppression(models.Model):
    """An address that a project must not mail, whatever the kind of mail."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="suppressions", db_index=False
    )
    email = models.CharField(max_length=254)
    reason = models.CharField(max_length=9, choices=SuppressionReason.choices)
    source = models.CharField(
        max_length=200,
        blank=True,
        help_text="What told us, such as an SES feedback id.",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["project", "email"], name="suppression_once"
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["project", "-created_at", "-id"], name="suppression_new"
            ),
            # Nearly always empty, which is what each claim of mails looks at.
            models.Index(
                fields=["project"],
                condition=models.Q(email__startswith=ERASED_PREFIX),
                name="suppression_erased",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email} ({self.reason})"


class Erasure(models.Model):
    """An address that was erased, and is still to be looked for where no index leads.

    Its own row goes with that look, some minutes later.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="erasures"
    )
    contact_id = models.UUIDField()
    email = models.CharField(max_length=254)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["created_at"], name="erasure_oldest"),
        ]

    def __str__(self) -> str:
        return str(self.contact_id)
