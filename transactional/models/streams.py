from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from contacts.models import Topic
from plunk.projects.models import Project


class StreamState(models.TextChoices):
    OPEN = "OPEN", "Its mails go out"
    PAUSED = "PAUSED", "Its mails wait"
    #: What is still queued is withdrawn by the sweep.
    CANCELLED = "CANCELLED", "Its mails are withdrawn"
    DONE = "DONE", "No mail of it is owed"


class Stream(models.Model):
    """Bulk mail of one origin, such as a campaign, that takes turns with others'.

    Its key is the `origin_id` of its mails. A claim locks the row for sharing and takes
    mails of open streams alone: once somebody has paused or cancelled one, no further
    mail of it is begun.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="streams", db_index=False
    )
    state = models.CharField(
        max_length=9, choices=StreamState.choices, default=StreamState.OPEN
    )
    from_domain = models.CharField(
        max_length=253,
        help_text="Of the sender's address: a held one waits as a whole.",
    )
    topic = models.ForeignKey(
        Topic,
        on_delete=models.SET_NULL,
        related_name="+",
        null=True,
        blank=True,
        help_text="Who has left it is not written to.",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["state"],
                condition=Q(state__in=["OPEN", "PAUSED", "CANCELLED"]),
                name="stream_active",
            )
        ]

    def __str__(self) -> str:
        return f"{self.pk} ({self.state})"


#: What a tally counts: each mail of an origin once in one of the states, and once in
#: each of the deeds that apply to it.
TALLIED_STATES = (
    *("queued", "sending", "in_doubt", "failed", "skipped", "suppressed"),
    "cancelled",
)
TALLIED_DEEDS = (
    "mails",
    *("sent", "delivered", "bounced", "complained", "opened", "clicked"),
    #: Opened or clicked by machines alone.
    *("machine_opened", "machine_clicked"),
    "possible_duplicates",
)
#: Not of the mails themselves: noted by who learns of it.
TALLIED_BESIDE = ("unsubscribed",)
TALLIED = (*TALLIED_STATES, *TALLIED_DEEDS, *TALLIED_BESIDE)


class EmailTally(models.Model):
    """A change of what became of a campaign's mails; all of them together are it.

    On PostgreSQL, triggers on the mails write them, in the transaction that changes the
    mails and without waiting for anybody else's; `transactional.tallies` adds them up
    and folds them together. Elsewhere only `TALLIED_BESIDE` is in them.
    """

    #: No foreign key: mails may be noted whose origin is a floor above.
    origin_id = models.UUIDField()
    run = models.PositiveSmallIntegerField()
    mails = models.BigIntegerField(db_default=0)
    queued = models.BigIntegerField(db_default=0)
    sending = models.BigIntegerField(db_default=0)
    in_doubt = models.BigIntegerField(db_default=0)
    failed = models.BigIntegerField(db_default=0)
    skipped = models.BigIntegerField(db_default=0)
    suppressed = models.BigIntegerField(db_default=0)
    cancelled = models.BigIntegerField(db_default=0)
    sent = models.BigIntegerField(db_default=0)
    delivered = models.BigIntegerField(db_default=0)
    bounced = models.BigIntegerField(db_default=0)
    complained = models.BigIntegerField(db_default=0)
    opened = models.BigIntegerField(db_default=0)
    clicked = models.BigIntegerField(db_default=0)
    machine_opened = models.BigIntegerField(db_default=0)
    machine_clicked = models.BigIntegerField(db_default=0)
    possible_duplicates = models.BigIntegerField(db_default=0)
    unsubscribed = models.BigIntegerField(db_default=0)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["origin_id", "run"], name="email_tally_of_origin")
        ]

    def __str__(self) -> str:
        return f"{self.mails:+} of {self.origin_id}"
