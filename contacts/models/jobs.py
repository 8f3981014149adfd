from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from plunk.ids import new_id
from plunk.projects.models import Project, User


class JobKind(models.TextChoices):
    IMPORT = "IMPORT", "Import"
    SUBSCRIBE = "SUBSCRIBE", "Subscribe"
    UNSUBSCRIBE = "UNSUBSCRIBE", "Unsubscribe"
    DELETE = "DELETE", "Delete"
    DROP_FIELD = "DROP_FIELD", "Remove a field"
    ADD = "ADD", "Add to a segment"
    #: Of campaigns, a floor above: who gets one, and what they would read.
    FREEZE = "FREEZE", "Launch a campaign"
    PREFLIGHT = "PREFLIGHT", "Check a campaign"
    #: Of automations, a floor above: all that was recorded of an event, who begins, and
    #: what is done to all who are in a workflow.
    DROP_EVENT = "DROP_EVENT", "Delete an event"
    ENROL = "ENROL", "Begin a workflow"
    CANCEL_RUNS = "CANCEL_RUNS", "Cancel everybody in a workflow"
    RESUME_RUNS = "RESUME_RUNS", "Resume everybody parked in a workflow"
    MOVE_RUNS = "MOVE_RUNS", "Move people to a newer version"
    DROP_FLOW = "DROP_FLOW", "Delete a workflow"


class JobState(models.TextChoices):
    """`DRAFT` is an import whose columns nobody has assigned yet."""

    DRAFT = "DRAFT", "Not started"
    WAITING = "WAITING", "Waiting"
    ACTIVE = "ACTIVE", "Working"
    COMPLETED = "COMPLETED", "Done"
    FAILED = "FAILED", "Failed"
    CANCELLED = "CANCELLED", "Cancelled"


class Job(models.Model):
    """Work on many contacts, done chunk by chunk.

    Each chunk is one transaction that changes the contacts, the figures and the
    position together: a worker that dies takes nothing with it, and the next one goes
    on at the position. `attempt` counts claims and guards every write, as it does for
    an Email.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="contact_jobs", db_index=False
    )
    kind = models.CharField(max_length=11, choices=JobKind.choices)
    state = models.CharField(
        max_length=9, choices=JobState.choices, default=JobState.WAITING
    )
    user = models.ForeignKey(
        User,
        on_delete=models.SET_NULL,
        related_name="+",
        null=True,
        blank=True,
        help_text="The member who asked for it; empty for a key or a command.",
    )
    parameters = models.JSONField(
        default=dict, blank=True, help_text="What is to be done; never changes."
    )
    position = models.JSONField(
        default=dict, blank=True, help_text="Where the next chunk begins."
    )
    total = models.BigIntegerField(
        null=True, blank=True, help_text="Of what `done` counts; empty: not known yet."
    )
    done = models.BigIntegerField(default=0)
    counts = models.JSONField(
        default=dict, blank=True, help_text="Figures by name, of finished chunks."
    )
    errors = models.JSONField(
        default=list, blank=True, help_text="The first hundred things that went wrong."
    )
    failed_reason = models.CharField(max_length=500, blank=True)
    attempt = models.PositiveIntegerField(default=0)
    failures = models.PositiveSmallIntegerField(
        default=0, help_text="Times in a row that the next chunk broke off."
    )
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", "-created_at", "-id"], name="job_new"),
            models.Index(
                fields=["created_at"],
                condition=Q(state__in=["WAITING", "ACTIVE"]),
                name="job_unfinished",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} ({self.state})"


class ImportPiece(models.Model):
    """A piece of an uploaded file, as UTF-8 whatever it came in: every host has it."""

    job = models.ForeignKey(
        Job, on_delete=models.CASCADE, related_name="pieces", db_index=False
    )
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job", "number"], name="import_piece_once")
        ]

    def __str__(self) -> str:
        return f"{self.job_id} #{self.number}"


class RejectedRow(models.Model):
    """A row of a file that was not imported, and why."""

    job = models.ForeignKey(
        Job, on_delete=models.CASCADE, related_name="rejected", db_index=False
    )
    number = models.PositiveBigIntegerField(help_text="The row, the header being 1.")
    reason = models.CharField(max_length=300)
    email = models.CharField(
        max_length=254, blank=True, help_text="The address, as far as it was one."
    )
    cells = models.JSONField(help_text="The row as it came.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job", "number"], name="rejected_row_once")
        ]

    def __str__(self) -> str:
        return f"{self.job_id} row {self.number}"


class ImportSeen(models.Model):
    """An address of a file that an import has met, to know it when it comes again.

    `key` is the contact's id, or for a dry run the MD5 of an address nobody has yet.
    Kept until the job ends. Without constraints to other tables: a row for each row.
    """

    job = models.ForeignKey(
        Job,
        on_delete=models.CASCADE,
        related_name="seen",
        db_index=False,
        db_constraint=False,
    )
    key = models.UUIDField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job", "key"], name="import_seen_once")
        ]

    def __str__(self) -> str:
        return f"{self.job_id}: {self.key}"
