from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from automations.models.events import Event
from contacts.models import Segment
from plunk.ids import new_id
from plunk.projects.models import Project, User
from transactional.models import Template


class WorkflowKind(models.TextChoices):
    WORKFLOW = "WORKFLOW", "Workflow"
    #: What the classic generation calls an action: events, a delay, one mail.
    ACTION = "ACTION", "Action"


class TriggerType(models.TextChoices):
    """What begins runs; `docs/automations.md` says what each needs to be told."""

    EVENT = "EVENT", "An event"
    EVENTS = "EVENTS", "Several events"
    SEGMENT_ENTRY = "SEGMENT_ENTRY", "Entering a segment"
    SEGMENT_EXIT = "SEGMENT_EXIT", "Leaving a segment"
    SCHEDULE = "SCHEDULE", "A schedule"
    MANUAL = "MANUAL", "By hand or by the API"


class Moves(models.TextChoices):
    """Which way a contact passes the edge of a segment."""

    ENTRY = "ENTRY", "In"
    EXIT = "EXIT", "Out"


class WorkflowQuerySet(models.QuerySet["Workflow"]):
    def existing(self) -> WorkflowQuerySet:
        """Leave out the deleted ones, whose runs are still being removed."""
        return self.filter(deleted_at=None)


class Workflow(models.Model):
    """An automation as its people edit it; runs follow versions, which never change.

    `draft` is the definition (`automations.definitions`) as it stands in the editor,
    `live` the version that new runs follow. A deleted one is nobody's any more, and
    stays until its runs are gone.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="workflows", db_index=False
    )
    kind = models.CharField(
        max_length=8, choices=WorkflowKind.choices, db_default=WorkflowKind.WORKFLOW
    )
    name = models.CharField(max_length=200)
    description = models.CharField(max_length=1000, blank=True, db_default="")
    enabled = models.BooleanField(db_default=False)
    allow_reentry = models.BooleanField(db_default=False)
    draft = models.JSONField()
    revision = models.PositiveIntegerField(
        db_default=1, help_text="Counts changes of the draft."
    )
    live = models.ForeignKey(
        "WorkflowVersion",
        # Goes with the workflow, in the same statement.
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="+",
        null=True,
        blank=True,
        db_index=False,
    )
    next_at = models.DateTimeField(
        null=True, blank=True, help_text="When its schedule begins runs next."
    )
    deleted_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now())

    objects = WorkflowQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["project", "-created_at", "-id"], name="workflow_newest"
            ),
            models.Index(
                fields=["next_at"],
                condition=Q(next_at__isnull=False, enabled=True),
                name="workflow_scheduled",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class WorkflowVersion(models.Model):
    """A definition as it was published; never changed, so that runs can rely on it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workflow = models.ForeignKey(
        Workflow, on_delete=models.CASCADE, related_name="versions", db_index=False
    )
    number = models.PositiveIntegerField()
    definition = models.JSONField()
    published_by = models.ForeignKey(
        User,
        on_delete=models.SET_NULL,
        related_name="+",
        null=True,
        blank=True,
        db_index=False,
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workflow", "number"], name="workflow_version_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.workflow_id}, version {self.number}"


class Listener(models.Model):
    """An enabled workflow whose live version begins at an event or a segment's edge."""

    workflow = models.ForeignKey(
        Workflow, on_delete=models.CASCADE, related_name="listeners", db_index=False
    )
    event = models.ForeignKey(
        Event,
        on_delete=models.CASCADE,
        related_name="listeners",
        null=True,
        blank=True,
        db_index=False,
    )
    segment = models.ForeignKey(
        Segment,
        on_delete=models.CASCADE,
        related_name="+",
        null=True,
        blank=True,
        db_index=False,
    )
    moves = models.CharField(
        max_length=5, choices=Moves.choices, blank=True, db_default=""
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["event", "workflow"],
                condition=Q(event__isnull=False),
                name="listener_of_event",
            ),
            models.UniqueConstraint(
                fields=["segment", "moves", "workflow"],
                condition=Q(segment__isnull=False),
                name="listener_of_segment",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["workflow"], name="listener_of_workflow")
        ]

    def __str__(self) -> str:
        return f"{self.workflow_id} hears {self.event_id or self.segment_id}"


class StepTemplate(models.Model):
    """A template that the draft of a workflow, or its live version, sends."""

    workflow = models.ForeignKey(
        Workflow, on_delete=models.CASCADE, related_name="templates", db_index=False
    )
    template = models.ForeignKey(
        Template, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    step_id = models.UUIDField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["template", "workflow", "step_id"], name="step_template_once"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["workflow"], name="step_template_of_workflow")
        ]

    def __str__(self) -> str:
        return f"{self.step_id} sends {self.template_id}"
