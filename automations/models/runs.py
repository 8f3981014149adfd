from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from automations.models.events import Event, Occurrence
from automations.models.workflows import Workflow, WorkflowVersion
from contacts.models import Contact
from plunk.ids import new_id
from plunk.projects.models import Project


class RunState(models.TextChoices):
    """Where a run is; a failed one is parked at its step and can be resumed."""

    RUNNING = "RUNNING", "Running"
    WAITING = "WAITING", "Waiting"
    COMPLETED = "COMPLETED", "Completed"
    EXITED = "EXITED", "Exited"
    FAILED = "FAILED", "Failed"
    CANCELLED = "CANCELLED", "Cancelled"


#: States in which a run goes on by itself.
ACTIVE = (RunState.RUNNING, RunState.WAITING)


class Run(models.Model):
    """One contact on its way through one version of a workflow.

    `due_at` is when the engine looks at it next; a run that only an event can move has
    none. Everything the engine needs to go on stands in this row.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(
        Project,
        on_delete=models.CASCADE,
        # The contact's constraint says as much, and there are millions of runs.
        db_constraint=False,
        related_name="runs",
        db_index=False,
    )
    workflow = models.ForeignKey(
        Workflow, on_delete=models.CASCADE, related_name="runs", db_index=False
    )
    version = models.ForeignKey(
        WorkflowVersion, on_delete=models.CASCADE, related_name="runs", db_index=False
    )
    contact = models.ForeignKey(
        Contact, on_delete=models.CASCADE, related_name="runs", db_index=False
    )
    entry_id = models.UUIDField(
        help_text="What began it: an occurrence, a moment of a schedule, a request."
    )
    is_only = models.BooleanField(
        db_default=False, help_text="No other may begin for this contact, ever."
    )
    state = models.CharField(
        max_length=9, choices=RunState.choices, db_default=RunState.RUNNING
    )
    step_id = models.UUIDField(null=True, blank=True)
    arrived_at = models.DateTimeField(
        db_default=Now(), help_text="When it came to the step it is at."
    )
    due_at = models.DateTimeField(null=True, blank=True)
    until_at = models.DateTimeField(
        null=True, blank=True, help_text="When the step it waits at gives up waiting."
    )
    awaited = models.ForeignKey(
        Event,
        on_delete=models.SET_NULL,
        related_name="+",
        null=True,
        blank=True,
        db_index=False,
        help_text="The event it waits for.",
    )
    steps = models.PositiveIntegerField(db_default=0, help_text="Steps it has taken.")
    context = models.JSONField(null=True, blank=True)
    failures = models.PositiveSmallIntegerField(db_default=0)
    error = models.CharField(max_length=500, blank=True, db_default="")
    exit_reason = models.CharField(max_length=200, blank=True, db_default="")
    started_at = models.DateTimeField(db_default=Now(), editable=False)
    completed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workflow", "contact", "entry_id"], name="run_entry_once"
            ),
            models.UniqueConstraint(
                fields=["workflow", "contact"],
                condition=Q(is_only=True),
                name="run_only_one",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["due_at", "id"],
                condition=Q(state__in=["RUNNING", "WAITING"], due_at__isnull=False),
                name="run_due",
            ),
            models.Index(
                fields=["awaited", "contact"],
                condition=Q(state="WAITING", awaited__isnull=False),
                name="run_awaiting",
            ),
            models.Index(
                fields=["workflow", "-started_at", "-id"], name="run_of_workflow"
            ),
            models.Index(
                fields=["workflow", "state", "-started_at", "-id"],
                name="run_of_workflow_state",
            ),
            models.Index(fields=["version", "state", "step_id"], name="run_of_version"),
            # Who is at a step, newest first: among a million, nobody sorts them.
            models.Index(
                fields=["workflow", "step_id", "-started_at", "-id"],
                condition=Q(state__in=["RUNNING", "WAITING", "FAILED"]),
                name="run_at_step",
            ),
            models.Index(
                fields=["contact", "-started_at", "-id"], name="run_of_contact"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.contact_id} in {self.workflow_id} ({self.state})"


class VisitState(models.TextChoices):
    """What became of one step of a run."""

    WAITING = "WAITING", "Waiting"
    COMPLETED = "COMPLETED", "Completed"
    SKIPPED = "SKIPPED", "Skipped"
    FAILED = "FAILED", "Failed"


class Visit(models.Model):
    """A step that a run took: what was decided there, on which values, and why.

    `id` is also the `origin_id` of the mail that the step owes, and the id under which
    its webhook is called.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    run = models.ForeignKey(
        Run, on_delete=models.CASCADE, related_name="visits", db_index=False
    )
    number = models.PositiveIntegerField(help_text="1 for the first step of the run.")
    step_id = models.UUIDField()
    state = models.CharField(max_length=9, choices=VisitState.choices)
    outcome = models.CharField(
        max_length=100, blank=True, db_default="", help_text="The branch it left by."
    )
    seen = models.JSONField(
        null=True, blank=True, help_text="The values it was decided on."
    )
    output = models.JSONField(null=True, blank=True)
    error = models.CharField(max_length=500, blank=True, db_default="")
    started_at = models.DateTimeField()
    until_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "number"], name="visit_once")
        ]

    def __str__(self) -> str:
        return f"step {self.number} of {self.run_id} ({self.state})"


class StepTally(models.Model):
    """A note of how many runs passed a step by an outcome; notes are folded."""

    workflow = models.ForeignKey(
        Workflow, on_delete=models.CASCADE, related_name="tallies", db_index=False
    )
    step_id = models.UUIDField()
    outcome = models.CharField(max_length=100, blank=True, db_default="")
    passed = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["workflow", "step_id", "outcome"], name="step_tally_of_workflow"
            )
        ]

    def __str__(self) -> str:
        return f"{self.passed} passed {self.step_id}"


class Arrival(models.Model):
    """An occurrence that somebody waits for, until the engine has dealt with it.

    Written with the occurrence, in its transaction: the engine's inbox.
    """

    id = models.BigAutoField(primary_key=True)
    occurrence = models.ForeignKey(
        Occurrence,
        # Of one that was erased meanwhile the engine finds nothing, and lets it go.
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="+",
        db_index=False,
    )
    #: The workflow whose own mail this event tells of; it does not begin it again.
    cause_id = models.UUIDField(null=True, blank=True)
    due_at = models.DateTimeField(db_default=Now())
    failures = models.PositiveSmallIntegerField(db_default=0)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["due_at", "id"], name="arrival_due")]

    def __str__(self) -> str:
        return f"arrival of {self.occurrence_id}"
